"""A worker: one thread for the blocking calls of one connection, with a deadline for each call."""

import asyncio
import logging
import queue
import threading
import time
import traceback
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import Any, ParamSpec, TypeVar

from gateway.model.errors import SourceError, SourceUnavailable
from gateway.support.threads import show_name

logger = logging.getLogger(__name__)

CLOSE_S = 3.0
"""How long the end of a source waits for connections that are being closed."""
P = ParamSpec("P")
T = TypeVar("T")
_LOOK_S = 0.1
"""How often a job that takes its time is looked at: so much later than its deadline a call may be found overdue."""


class Overdue(SourceUnavailable):
    """A call did not come back in time. `what`: on what, as the job named it."""

    def __init__(self, what: str, seconds: float) -> None:
        super().__init__(f"no answer within {seconds:g} s ({what})")
        self.what = what


class Abandoned(Exception):
    """Raised in the thread of a worker that nobody waits for any more, to end its job."""


class Calls:
    """What a job makes its blocking calls through: each has a name and a deadline. Between them there is none."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._current: tuple[str, float, float] | None = None
        self._abandoned = False

    def __call__(self, what: str, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """
        Make one call.

        Raises:
            Abandoned: nobody waits for it any more.
        """
        return self.within(self._timeout_s, what, call, *args, **kwargs)

    def within(self, timeout_s: float, what: str, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Make one call with a deadline of its own."""
        self._check()
        self._current = what, time.monotonic() + timeout_s, timeout_s
        try:
            return call(*args, **kwargs)
        finally:
            self._current = None
            self._check()

    def abandon(self) -> None:
        """No further call; the job ends when the present one comes back."""
        self._abandoned = True

    def overdue(self) -> Overdue | None:
        """The present call, when it is over its time."""
        current = self._current
        if current is None or current[1] > time.monotonic():
            return None
        return Overdue(current[0], current[2])

    def _check(self) -> None:
        if self._abandoned:
            raise Abandoned


Job = Callable[[Calls], T]


class Worker:
    """
    One thread and its queue, made in the loop that waits for it. The thread does not keep the process alive.

    `run` gives up waiting when a call of the job is over its time; the worker is of no use then and has to be retired.
    """

    def __init__(self, name: str, timeout_s: float) -> None:
        self.ended = asyncio.Event()
        """Set when its thread has ended."""
        self._calls = Calls(timeout_s)
        self._given_up: SourceError | None = None
        self._loop = asyncio.get_running_loop()
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    async def run(self, job: Job[T]) -> T:
        """
        What `job` returns, or raises.

        Raises:
            Overdue: one of its calls did not come back in time.
            SourceError: it was given up meanwhile.
        """
        future: asyncio.Future[T] = self._loop.create_future()
        self._jobs.put(partial(_settle, self._loop, future, self._calls, job))
        try:
            while not future.done():
                await asyncio.wait([future], timeout=_LOOK_S)
                error = None if future.done() else self._given_up or self._calls.overdue()
                if error is not None:
                    raise error
        finally:
            future.cancel()  # does nothing to one that is done
        try:
            return future.result()
        finally:
            del future  # it holds the error, which holds this frame

    def give_up(self, error: SourceError) -> None:
        """Whoever waits for a job, now or later, gets this error soon. It has to be retired then."""
        self._given_up = error

    def retire(self, last: Callable[[], None] = lambda: None) -> None:
        """No more jobs: when the present call is back `last` is done, and the thread ends. Does not wait."""
        self._calls.abandon()
        self._jobs.put(last)
        self._jobs.put(None)

    async def join(self) -> None:
        """Wait until its thread has ended."""
        await self.ended.wait()
        self._thread.join()  # that was the last thing it did

    def _work(self) -> None:
        show_name()
        while (job := self._jobs.get()) is not None:
            job()
            del job  # what it holds must not outlive it while the thread waits
        _hand_over(self._loop, self.ended.set)


async def join_all(workers: Iterable[Worker], timeout_s: float) -> int:
    """Wait for the threads of retired workers; returns how many still hang then."""
    workers = tuple(workers)
    with suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            for worker in workers:
                await worker.join()
    return sum(not worker.ended.is_set() for worker in workers)


def _settle(loop: asyncio.AbstractEventLoop, future: asyncio.Future[T], calls: Calls, job: Job[T]) -> None:
    """Do a job, and hand what comes of it to the loop that waits, if there is one still."""
    try:
        result = job(calls)
    except Abandoned:
        return
    except BaseException as error:  # whoever waits for the job gets it, as if it had called it itself
        _let_go(error)
        _hand_over(loop, _fail, future, error)
    else:
        _hand_over(loop, _succeed, future, result)


def _let_go(error: BaseException) -> None:
    """
    An error keeps what the job held when it was raised, and whoever waits for it keeps the error.

    libvirt's objects among that would keep a connection that is closed, until the garbage collector comes by. What is
    no error of a source is a mistake: where it was made stays known.
    """
    one: BaseException | None = error
    while one is not None:
        traceback.clear_frames(one.__traceback__)
        if isinstance(error, SourceError):
            one.__traceback__ = None
        one = one.__cause__ or one.__context__


def _hand_over(loop: asyncio.AbstractEventLoop, how: Callable[..., None], *args: Any) -> None:
    try:
        loop.call_soon_threadsafe(how, *args)
    except RuntimeError:
        logger.debug("a job ended after its loop")


def _succeed(future: asyncio.Future[T], result: T) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[T], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
