"""A supervised task outlives its errors and says so once."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import pytest

from gateway.support.backoff import Backoff
from gateway.support.tasks import Health, attempt, side_by_side, supervise


class Away(Exception):
    """An error whose message is meant for a person."""


class Sleeper:
    def __init__(self) -> None:
        self.slept: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)


def failing(times: int, error: Exception) -> Callable[[], Awaitable[None]]:
    left = times

    async def run() -> None:
        nonlocal left
        left -= 1
        if left >= 0:
            raise error

    return run


async def test_it_says_once_that_it_fails_and_once_that_it_is_back(caplog: pytest.LogCaptureFixture) -> None:
    sleeper = Sleeper()
    with caplog.at_level(logging.INFO):
        await supervise("reader", failing(4, Away("no route")), expected=(Away,), sleep=sleeper)
    assert [r.getMessage() for r in caplog.records] == [
        "reader: failed, trying again: no route",
        "reader: is back after 4 failures",
    ]
    assert len(sleeper.slept) == 4


async def test_an_unexpected_error_is_logged_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    await supervise("reader", failing(1, ZeroDivisionError("oops")), expected=(Away,), sleep=Sleeper())
    assert caplog.records[0].exc_info is not None
    assert caplog.records[0].levelno == logging.ERROR


async def test_the_pauses_grow_to_the_longest() -> None:
    sleeper = Sleeper()
    await supervise("r", failing(5, Away()), backoff=Backoff(1, 5, 2, jitter=0), sleep=sleeper)
    assert sleeper.slept == [1, 2, 4, 5, 5]


async def test_a_success_that_the_caller_reports_makes_the_pauses_small_again() -> None:
    sleeper, health = Sleeper(), Health("r", (Away,))
    plan = iter([False, False, True, False])

    async def run() -> None:
        step = next(plan, None)
        if step is None:
            return
        if step:
            health.succeeded()
        raise Away

    await supervise("r", run, backoff=Backoff(1, 60, 2, jitter=0), health=health, sleep=sleeper)
    assert sleeper.slept == [1, 2, 1, 2]


async def test_cancelling_ends_it_at_once() -> None:
    task = asyncio.create_task(supervise("r", lambda: asyncio.sleep(60)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 1)


async def test_each_error_is_handed_to_the_owner() -> None:
    errors: list[str] = []

    async def note(error: Exception) -> None:
        errors.append(str(error))

    await supervise("r", failing(2, Away("x")), on_failure=note, sleep=Sleeper())
    assert errors == ["x", "x"]


@pytest.mark.parametrize(("chance", "expected"), [(0.0, 8.0), (0.5, 10.0), (0.999999, 12.0)])
def test_jitter_spreads_a_pause_around_its_length(chance: float, expected: float) -> None:
    assert Backoff(10, 60, 2, jitter=0.2).delay_s(1, lambda: chance) == pytest.approx(expected, rel=1e-4)


def test_many_failures_do_not_overflow() -> None:
    assert Backoff(1, 60, 2, jitter=0).delay_s(100_000) == 60


async def test_an_attempt_that_fails_is_logged_and_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    assert not await attempt("reload", failing(1, ZeroDivisionError("oops")))
    assert await attempt("reload", failing(0, Away()))
    assert [r.getMessage() for r in caplog.records] == ["reload: failed"]
    assert caplog.records[0].exc_info is not None


def test_a_wait_may_be_even_before_it_grows() -> None:
    waits = Backoff(2, 10, 2, jitter=0, steady=2)
    assert [waits.delay_s(attempt) for attempt in range(1, 8)] == [2, 2, 2, 4, 8, 10, 10]


async def test_questions_are_asked_side_by_side_but_not_too_many_and_answered_in_their_order():
    under_way, most = 0, 0

    async def question(number: int) -> int:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        for _ in range(10 - number):  # the last is done first
            await asyncio.sleep(0)
        under_way -= 1
        return number

    assert await side_by_side((question(number) for number in range(7)), 3) == list(range(7))
    assert (most, under_way) == (3, 0)
