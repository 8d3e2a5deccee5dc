"""A worker: calls in a thread, each with a deadline, and a thread that hangs is left behind."""

import asyncio
import gc
import threading
import time
import weakref

import pytest

from gateway.collectors.libvirt.worker import Calls, Overdue, Worker
from gateway.model.errors import SourceUnavailable


async def ended(worker: Worker) -> None:
    async with asyncio.timeout(5):
        await worker.ended.wait()


async def test_jobs_are_done_in_one_thread_and_their_errors_come_back() -> None:
    worker = Worker("test", 5)
    threads = {await worker.run(lambda calls: calls("who", threading.get_ident)) for _ in range(3)}
    assert len(threads) == 1
    with pytest.raises(ZeroDivisionError):
        await worker.run(lambda calls: calls("division", lambda: 1 // 0))
    worker.retire(lambda: None)
    await ended(worker)


async def test_a_call_that_hangs_is_given_up_after_its_deadline_and_named() -> None:
    worker, go_on = Worker("test", 0.1), threading.Event()
    began = time.monotonic()
    with pytest.raises(Overdue, match=r"no answer within 0\.1 s \(pools\)") as error:
        await worker.run(lambda calls: calls("pools", go_on.wait))
    assert (error.value.what, time.monotonic() - began < 1) == ("pools", True)
    worker.retire(lambda: None)
    assert not worker.ended.is_set()
    go_on.set()
    await ended(worker)


async def test_the_deadline_of_each_call_counts_wherever_in_the_job_it_is() -> None:
    worker, go_on = Worker("test", 30), threading.Event()

    def job(calls: Calls) -> None:
        calls("first", time.sleep, 0.2)
        time.sleep(0.2)
        calls.within(0.1, "second", go_on.wait)

    began = time.monotonic()
    with pytest.raises(Overdue, match="second"):
        await worker.run(job)
    assert time.monotonic() - began < 2
    worker.retire(lambda: None)
    go_on.set()
    await ended(worker)


async def test_many_calls_may_take_longer_than_one_deadline() -> None:
    worker = Worker("test", 1.0)

    def job(calls: Calls) -> int:
        return sum(calls(str(number), lambda: time.sleep(0.1) or 1) for number in range(15))

    assert await worker.run(job) == 15
    worker.retire(lambda: None)


async def test_what_is_computed_between_calls_has_no_deadline() -> None:
    worker = Worker("test", 0.05)

    def job(calls: Calls) -> str:
        calls("first", lambda: None)
        time.sleep(0.2)
        return calls("second", lambda: "done")

    assert await worker.run(job) == "done"
    worker.retire(lambda: None)


async def test_a_job_left_behind_ends_at_its_next_call_and_the_last_word_is_done_then() -> None:
    worker, go_on = Worker("test", 0.1), threading.Event()
    done: list[str] = []

    def job(calls: Calls) -> None:
        calls("list", go_on.wait)
        done.append("went on")
        calls("next", done.append, "called")

    with pytest.raises(Overdue):
        await worker.run(job)
    worker.retire(lambda: done.append("closed"))
    go_on.set()
    await ended(worker)
    assert done == ["closed"]


async def test_one_that_nobody_waits_for_any_more_does_no_harm() -> None:
    worker, go_on = Worker("test", 5), threading.Event()
    task = asyncio.create_task(worker.run(lambda calls: calls("list", go_on.wait)))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    worker.retire(lambda: None)
    go_on.set()
    await ended(worker)


async def test_what_a_job_held_goes_when_it_fails_though_somebody_keeps_the_error() -> None:
    class Held:
        pass

    held: list[weakref.ref[Held]] = []

    def ask() -> None:
        mine = Held()
        held.append(weakref.ref(mine))
        raise OSError("gone")

    def job(_calls: Calls) -> None:
        mine = Held()
        held.append(weakref.ref(mine))
        try:
            ask()
        except OSError as error:
            raise SourceUnavailable("the host is gone") from error

    worker = Worker("test", 5)
    gc.disable()  # it would find them as well, some day
    try:
        with pytest.raises(SourceUnavailable, match="the host is gone") as error:
            await worker.run(job)
        assert error.value.__cause__ is not None
        assert [one() for one in held] == [None, None]
    finally:
        gc.enable()
    worker.retire(lambda: None)
    await ended(worker)
