"""
Supervised tasks: a loop that outlives its errors, and says once when they begin and once when they end.

Broad excepts are here, and in the loops where one item that fails must not end the others: a listener
(engine/reconciler.py), a notification (notifier/line.py), an HTTP request (publishers/rest/guard.py), a datagram
(publishers/snmp/datagrams.py, and publishers/snmp/server.py where there are no batches). Each logs the traceback.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, TypeVar

from gateway.support.backoff import Backoff

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")


async def side_by_side(asked: Iterable[Coroutine[Any, Any, Answer]], at_once: int) -> list[Answer]:
    """The answers in the order of the questions, of which at most so many are under way at once."""
    places = asyncio.Semaphore(at_once)

    async def one(question: Coroutine[Any, Any, Answer]) -> Answer:
        async with places:
            return await question

    return await asyncio.gather(*map(one, asked))


class Health:
    """Is it working? Logs the first failure and the recovery, and nothing in between."""

    def __init__(self, name: str, expected: tuple[type[Exception], ...] = ()) -> None:
        """`expected`: errors whose message is meant for a person; all others are logged with their traceback."""
        self.name = name
        self.failures = 0
        self._expected = expected

    @property
    def failing(self) -> bool:
        return self.failures > 0

    def failed(self, error: BaseException) -> None:
        """It failed (again)."""
        self.failures += 1
        if self.failures > 1:
            logger.debug("%s: failed again (%d): %s", self.name, self.failures, error)
        elif isinstance(error, self._expected):
            logger.warning("%s: failed, trying again: %s", self.name, error)
        else:
            logger.error("%s: failed, trying again: %r", self.name, error, exc_info=error)

    def succeeded(self) -> None:
        """It works (again)."""
        if self.failures:
            logger.warning("%s: is back after %d failures", self.name, self.failures)
        self.failures = 0


async def supervise(
    name: str,
    run: Callable[[], Awaitable[None]],
    *,
    backoff: Backoff = Backoff(),  # noqa: B008 - frozen
    expected: tuple[type[Exception], ...] = (),
    health: Health | None = None,
    steady_s: float = 30.0,
    on_failure: Callable[[Exception], Awaitable[None]] | None = None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """
    Call `run` until it returns or this task is cancelled; after an error again, after a pause.

    It counts as back when it returns, when it has run for `steady_s`, or when the caller says so through its own
    `health` (`health.succeeded()`), and the pauses begin small again then. `on_failure` gets each error and must
    not raise one.
    """
    health = health or Health(name, expected)
    while True:
        steady = asyncio.get_running_loop().call_later(steady_s, health.succeeded)
        try:
            await run()
            health.succeeded()
            return
        except Exception as error:
            health.failed(error)
            if on_failure is not None:
                await on_failure(error)
        finally:
            steady.cancel()
        await sleep(backoff.delay_s(health.failures))


async def attempt(name: str, run: Callable[[], Awaitable[None]]) -> bool:
    """Call `run` once; an error is logged with its traceback and ends nothing else. True when it went well."""
    try:
        await run()
    except Exception:
        logger.exception("%s: failed", name)
        return False
    return True
