"""Delivery: in order, at least once, no receiver waits for another, nothing is lost on the way."""

import asyncio
import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.model.changes import Changes
from gateway.model.errors import DeliveryError, StoreUnavailable
from gateway.model.events import Event, EventKind
from gateway.model.notices import Notice, NoticeKind
from gateway.model.ports import Delivery, GivenUp, Marks, Progress
from gateway.model.snapshot import Snapshot
from gateway.notifier.dispatcher import Dispatcher
from gateway.notifier.line import BROKEN_AFTER
from gateway.notifier.selection import Selection
from gateway.notifier.terms import Terms
from gateway.store.database import Database, open_database
from gateway.support.backoff import Backoff
from gateway.support.clock import FakeClock, SystemClock
from tests.store.estate import SECOND, T0, first_revision, moved

QUICK = Backoff(first_s=0.01, longest_s=0.02)


class Topology:
    snapshot = Snapshot()


class Receiver:
    """A sink that keeps what it got, and fails as long as it is told to."""

    def __init__(self, name: str, error: Exception | None = None, delay_s: float = 0.0) -> None:
        self.name = name
        self.error = error
        self.delay_s = delay_s
        self.got: list[int] = []
        self.told: list[Notice] = []
        self.tries = 0
        self.unseen: frozenset[object] = frozenset()

    def takes(self, kind: object) -> bool:
        return kind not in self.unseen

    async def deliver(self, event: Event, snapshot: Snapshot) -> None:
        self.tries += 1
        await asyncio.sleep(self.delay_s)
        if self.error is not None:
            raise self.error
        self.got.append(event.seq)

    async def tell(self, notice: Notice) -> None:
        if self.error is not None:
            raise self.error
        self.told.append(notice)

    async def close(self) -> None:
        pass


class Log:
    """Commits events into a database, as the engine does."""

    def __init__(self, url: str, *receivers: str) -> None:
        self.database: Database = open_database(url)
        for receiver in receivers:
            self.database.outbox.begin(receiver)
        self.database.repository.commit(first_revision())
        self.revision = 1

    def write(self, number: int, **more: object) -> None:
        self.revision += 1
        base = self.revision * 1000
        events = tuple(moved(T0, base + n, **more) for n in range(number))
        self.database.repository.commit(Changes(self.revision, T0 + self.revision, 11, 1, events=events))

    def delivery(self, receiver: str) -> Delivery:
        return next(d for d in self.database.administration.deliveries() if d.receiver == receiver)

    def waiting(self, receiver: str) -> int:
        return self.delivery(receiver).pending


class House:
    """A dispatcher with these receivers, on the same terms."""

    def __init__(self, outbox, receivers, clock=None, *, idle_s: float = 5.0, **terms) -> None:
        self._outbox, self._receivers, self._idle_s = outbox, receivers, idle_s
        self._clock = clock or FakeClock(T0)
        self._terms = Terms(**{"patience": QUICK, "give_up_after_s": 3600.0, **terms})

    async def run(self) -> None:
        self.dispatcher = Dispatcher(self._outbox, Topology(), self._clock, idle_s=self._idle_s)
        writing = asyncio.create_task(self.dispatcher.run())
        try:
            async with asyncio.TaskGroup() as tasks:
                for receiver in self._receivers:
                    tasks.create_task(self.dispatcher.serve(receiver, self._terms))
        finally:
            writing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await writing
            self.dispatcher.close()

    @property
    def counts(self):
        return self.dispatcher.counts

    def wake(self) -> None:
        self.dispatcher.wake()


@contextlib.asynccontextmanager
async def running(house: House):
    task = asyncio.create_task(house.run())
    await asyncio.sleep(0)
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def until(condition: Callable[[], bool], timeout_s: float = 10.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - what it waits for happens in threads, too
            await asyncio.sleep(0.005)


def dispatcher(log: Log, *receivers: Receiver, clock: FakeClock | SystemClock | None = None, **options) -> House:
    return House(log.database.outbox, receivers, clock, **options)


@pytest.fixture
def log(database_url: str):
    made = Log(database_url, "nms", "noc")
    yield made
    made.database.close()


async def test_what_waited_before_the_start_and_what_comes_later_is_delivered_in_order(log: Log):
    nms, noc = Receiver("nms"), Receiver("noc")
    log.write(30)
    house = dispatcher(log, nms, noc, idle_s=60)
    async with running(house):
        await until(lambda: len(nms.got) == len(noc.got) == 30)
        log.write(120)
        house.wake()
        await until(lambda: len(nms.got) == len(noc.got) == 150)
        await until(lambda: log.waiting("nms") == 0)
    assert nms.got == noc.got == list(range(1, 151))
    assert house.counts["nms"].delivered == 150


async def test_a_commit_in_another_thread_wakes_it(log: Log):
    nms = Receiver("nms")
    house = dispatcher(log, nms, idle_s=60)

    def commit() -> None:
        log.write(1)
        house.wake()

    async with running(house):
        await asyncio.sleep(0.2)
        threading.Thread(target=commit).start()
        await until(lambda: nms.got == [1], 5)


async def test_a_receiver_that_is_down_delays_no_other_and_gets_everything_in_order_when_it_is_back(
    log: Log, caplog: pytest.LogCaptureFixture
):
    down, up = Receiver("nms", DeliveryError("no route to host")), Receiver("noc")
    log.write(10)
    with caplog.at_level(logging.INFO):
        house = dispatcher(log, down, up)
        async with running(house):
            await until(lambda: len(up.got) == 10 and down.tries > 5)
            assert down.got == []
            down.error = None
            await until(lambda: len(down.got) == 10)
            await until(lambda: log.waiting("nms") == 0)
    assert down.got == list(range(1, 11))
    said = [record.getMessage() for record in caplog.records if "receiver nms" in record.getMessage()]
    assert len(said) == 2, said
    assert "no route to host" in said[0]
    assert "is back" in said[1]
    assert house.counts["nms"].failed >= 5


async def test_a_slow_receiver_delays_no_other_and_is_marked_as_it_goes(log: Log):
    slow, quick = Receiver("nms", delay_s=0.15), Receiver("noc")
    log.write(10)
    async with running(dispatcher(log, slow, quick)):
        await until(lambda: len(quick.got) == 10)
        assert len(slow.got) < 3
        await until(lambda: len(slow.got) == 4)
        assert log.waiting("nms") <= 10 - 3


async def test_a_receiver_that_never_answers_counts_as_failed(log: Log):
    silent = Receiver("nms", delay_s=3600)
    log.write(1)
    async with running(dispatcher(log, silent, deliver_timeout_s=0.05)):
        await until(lambda: silent.tries >= 3)
    (found, _) = log.database.administration.deliveries()
    assert "no answer within 0.05 s" in found.last_error


async def test_after_the_time_to_give_up_there_is_one_error_and_the_queue_goes_on(
    log: Log, caplog: pytest.LogCaptureFixture
):
    clock = FakeClock(T0 + 2 * 3600 * SECOND)
    down = Receiver("nms", DeliveryError("no route to host"))
    log.write(5)
    house = dispatcher(log, down, clock=clock)
    with caplog.at_level(logging.INFO):
        async with running(house):
            await until(lambda: house.counts["nms"].given_up == 5)
            await until(lambda: log.waiting("nms") == 0)
    errors = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert len(errors) == 1
    assert "given up" in errors[0]
    assert down.tries == 1  # the others are too old to keep younger ones waiting
    assert (log.delivery("nms").missed, log.delivery("nms").failed) == (5, 5)


async def test_a_notification_that_the_sink_cannot_handle_does_not_stop_the_others(
    log: Log, caplog: pytest.LogCaptureFixture
):
    class Clumsy(Receiver):
        async def deliver(self, event: Event, snapshot: Snapshot) -> None:
            self.tries += 1
            if event.seq == 2:
                raise KeyError("host")
            self.got.append(event.seq)

    clumsy = Clumsy("nms")
    log.write(3)
    async with running(dispatcher(log, clumsy)):
        await until(lambda: clumsy.got == [1, 3])
    assert clumsy.tries == 2 + BROKEN_AFTER
    assert any(record.exc_info for record in caplog.records)


async def test_stopping_marks_what_was_sent(log: Log):
    nms = Receiver("nms", delay_s=0.03)
    log.write(50)
    async with running(dispatcher(log, nms)):
        await until(lambda: len(nms.got) >= 4)
    assert log.waiting("nms") == 50 - len(nms.got)
    again = Receiver("nms")
    async with running(dispatcher(log, again)):
        await until(lambda: len(nms.got) + len(again.got) == 50)
    assert nms.got + again.got == list(range(1, 51))


async def test_pauses_do_not_outlive_a_restart(log: Log):
    down = Receiver("nms", DeliveryError("no route to host"))
    log.write(1)
    async with running(dispatcher(log, down, patience=Backoff(first_s=300, longest_s=300))):
        await until(lambda: down.tries == 1)
        await asyncio.sleep(0.1)
    again = Receiver("nms")
    async with running(dispatcher(log, again)):
        await until(lambda: again.got == [1], 2)


class ShakyOutbox:
    """An outbox whose database fails from time to time."""

    def __init__(self, outbox, failures: int) -> None:
        self._outbox = outbox
        self._failures = failures

    def _maybe(self) -> None:
        if self._failures:
            self._failures -= 1
            raise StoreUnavailable("database: the disk is full")

    def begin(self, receiver: str) -> Progress:
        return self._outbox.begin(receiver)

    def after(self, position: int, limit: int) -> tuple[Event, ...]:
        self._maybe()
        return self._outbox.after(position, limit)

    def wanted(self, receiver: str, limit: int) -> tuple[Event, ...]:
        return self._outbox.wanted(receiver, limit)

    def ahead(self, position: int) -> tuple[int, int]:
        return self._outbox.ahead(position)

    def given_up(self, limit: int) -> GivenUp:
        return self._outbox.given_up(limit)

    def mark(self, marks: Marks) -> None:
        self._maybe()
        self._outbox.mark(marks)


async def test_a_database_that_refuses_for_a_while_makes_nothing_be_sent_twice(
    log: Log, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("gateway.notifier.ledger.STORE_PATIENCE", QUICK)
    nms = Receiver("nms")
    log.write(3)
    shaky = ShakyOutbox(log.database.outbox, 4)
    house = House(shaky, [nms])
    async with running(house):
        await until(lambda: log.waiting("nms") == 0)
        log.write(3)
        shaky._failures = 3
        house.wake()
        await until(lambda: len(nms.got) == 6 and log.waiting("nms") == 0)
    assert nms.got == [1, 2, 3, 4, 5, 6]


async def test_commits_and_marks_never_collide(log: Log, caplog: pytest.LogCaptureFixture):
    nms, noc = Receiver("nms"), Receiver("noc")
    house = dispatcher(log, nms, noc)

    def commits() -> None:
        for _ in range(100):
            log.write(2)
            house.wake()

    async with running(house):
        await asyncio.to_thread(commits)
        await until(lambda: log.waiting("nms") == log.waiting("noc") == 0, 30)
    assert nms.got == noc.got == list(range(1, 201))
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


SENDER = """
import asyncio, os, sys
from gateway.model.snapshot import Snapshot
from gateway.notifier.dispatcher import Dispatcher
from gateway.notifier.terms import Terms
from gateway.store.database import open_database
from gateway.support.clock import FakeClock
from tests.store.estate import T0

class Topology:
    snapshot = Snapshot()

class Out:
    name = "nms"
    def takes(self, kind): return True
    async def deliver(self, event, snapshot):
        await asyncio.sleep(0.001)
        os.write(1, f"{event.seq} {event.id}\\n".encode())  # at once: no half line when it is killed
    async def close(self): pass

database = open_database(sys.argv[1])

async def main():
    house = Dispatcher(database.outbox, Topology(), FakeClock(T0))
    await asyncio.gather(house.run(), house.serve(Out(), Terms()))

asyncio.run(main())
"""


def test_killed_at_any_moment_every_notification_arrives_at_least_once(log: Log, database_url: str, tmp_path: Path):
    log.write(400)
    root = Path(__file__).parents[2]
    said = tmp_path / "said"
    received: list[str] = []
    kills = 0
    for attempt in range(20):
        with said.open("wb") as errors:
            sender = subprocess.Popen(
                [sys.executable, "-c", SENDER, database_url],
                stdout=subprocess.PIPE, stderr=errors, text=True, cwd=root, env={**os.environ, "PYTHONPATH": str(root)},
            )  # fmt: skip
        assert sender.stdout is not None
        received.append(sender.stdout.readline().strip())
        if attempt < 4:
            time.sleep(0.02 + attempt * 0.03)
            kills += 1
        else:
            while log.waiting("nms") and sender.poll() is None:
                time.sleep(0.05)
        sender.send_signal(signal.SIGKILL)
        received += sender.stdout.read().splitlines()
        assert sender.wait(10) == -signal.SIGKILL, f"the sender ended by itself and said:\n{said.read_text()}"
        if log.waiting("nms") == 0:
            break
    assert kills == 4
    numbers = [int(line.split()[0]) for line in received if line]
    assert sorted(set(numbers)) == list(range(1, 401))
    # Twice only what was sent and not marked yet: at most the window per kill, and with the same id.
    assert len(numbers) - 400 <= kills * 25
    ids = {line.split()[0]: line for line in received if line}
    assert [line for line in received if line and ids[line.split()[0]] != line] == []


async def test_after_so_many_tries_it_is_given_up_and_the_next_is_tried(log: Log):
    down = Receiver("nms", DeliveryError("no route to host"))
    log.write(2)
    async with running(dispatcher(log, down, give_up_attempts=3)):
        await until(lambda: log.delivery("nms").missed == 2)
    assert down.tries == 6
    assert log.delivery("nms").last_error == "no route to host"


async def test_what_was_given_up_is_sent_again_when_somebody_asks(log: Log):
    nms = Receiver("nms", DeliveryError("no route to host"))
    log.write(3)
    house = dispatcher(log, nms, give_up_attempts=1, idle_s=60)
    async with running(house):
        await until(lambda: log.delivery("nms").missed == 3)
        nms.error = None
        log.write(1)
        assert log.database.outbox.replay("nms", T0) == 3
        house.wake()
        await until(lambda: log.delivery("nms").missed == log.delivery("nms").replaying == 0 and len(nms.got) == 4)
    assert sorted(nms.got) == [1, 2, 3, 4]
    assert log.delivery("nms").delivered == 4


async def test_a_storm_of_one_cause_becomes_a_summary_and_what_it_held_is_not_done_before(log: Log):
    clock, nms = FakeClock(T0), Receiver("nms")
    log.write(30, caused_by="the root")
    log.write(1)
    house = dispatcher(log, nms, clock=clock, idle_s=0.05)
    async with running(house):
        await until(lambda: len(nms.got) == 21)
        assert nms.got == [*range(1, 21), 31]
        await until(lambda: log.delivery("nms").position == 20)
        clock.advance(11)
        await until(lambda: log.delivery("nms").position == 31)
    assert [(told.count, told.first, told.last, told.caused_by) for told in nms.told] == [(10, 21, 30, "the root")]
    assert (log.delivery("nms").delivered, log.delivery("nms").summarised) == (21, 10)


async def test_what_a_summary_stands_for_is_not_lost_when_the_summary_is_given_up(log: Log):
    clock, nms = FakeClock(T0), Receiver("nms")
    log.write(25, caused_by="the root")
    async with running(dispatcher(log, nms, clock=clock, idle_s=0.05, give_up_attempts=1)):
        await until(lambda: len(nms.got) == 20)
        nms.error = DeliveryError("no route to host")
        clock.advance(11)
        await until(lambda: log.delivery("nms").missed == 5)
    assert log.waiting("nms") == 0


async def test_what_is_not_for_a_receiver_is_passed_over(log: Log):
    nms = Receiver("nms")
    log.write(2)
    log.write(1, kind=EventKind.FAILURE_RAISED)
    house = dispatcher(log, nms, selection=Selection(kinds=frozenset({EventKind.FAILURE_RAISED})))
    async with running(house):
        await until(lambda: log.waiting("nms") == 0)
    assert nms.got == [3]
    assert (house.counts["nms"].left_out, log.delivery("nms").delivered) == (2, 1)


async def test_what_the_view_of_a_receiver_leaves_out_counts_as_filtered_and_not_as_delivered(log: Log):
    nms = Receiver("nms")
    nms.unseen = frozenset({EventKind.RELOCATION})
    log.write(2)
    log.write(1, kind=EventKind.FAILURE_RAISED)
    house = dispatcher(log, nms)
    async with running(house):
        await until(lambda: log.delivery("nms").position == 3)
        assert log.database.outbox.replay("nms", T0, since=0) == 3
        house.wake()
        await until(lambda: log.delivery("nms").missed == log.delivery("nms").replaying == 0 and len(nms.got) == 2)
    assert nms.got == [3, 3]
    assert (house.counts["nms"].left_out, house.counts["nms"].sent) == (4, 2)
    assert log.delivery("nms").delivered == 2


async def test_a_summary_that_the_view_leaves_out_is_filtered_and_the_log_goes_on(log: Log):
    clock, nms = FakeClock(T0), Receiver("nms")
    nms.unseen = frozenset({NoticeKind.SUMMARY})
    log.write(25, caused_by="the root")
    house = dispatcher(log, nms, clock=clock, idle_s=0.05)
    async with running(house):
        await until(lambda: len(nms.got) == 20)
        clock.advance(11)
        await until(lambda: log.delivery("nms").position == 25)
    assert (nms.told, house.counts["nms"].left_out, log.delivery("nms").missed) == ([], 5, 0)
