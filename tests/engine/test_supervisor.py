"""Supervised sources: what a collector does that fails, hangs, or comes back (design: architecture, rules 1 and 6)."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from gateway.engine.reconciler import Reconciler
from gateway.engine.supervisor import SupervisedSource
from gateway.model.conditions import SECOND, SettleTimes
from gateway.model.errors import SourceUnavailable
from gateway.model.events import EventKind
from gateway.model.observations import Report
from gateway.model.rows import SourceState
from gateway.support.backoff import Backoff
from gateway.support.clock import SystemClock
from tests.engine.store import MemoryStore
from tests.engine.test_reconciler import BLOCKED, A, view

SETTLE = SettleTimes(blocked=SECOND // 20, stale_disconnect=SECOND // 5)


@dataclass
class Script:
    """A collector that does what the test tells it: `answers`, `fails` or `hangs`."""

    clock: SystemClock
    interval_s: float = 0.1
    mood: str = "answers"
    runs: int = 0
    stopped: list[str] = field(default_factory=list)

    async def run(self, report: Callable[[Report], Awaitable[None]]) -> None:
        self.runs += 1
        try:
            while True:
                if self.mood == "fails":
                    raise SourceUnavailable("no route to host")
                if self.mood == "answers":
                    await report(view(self.clock.now(), A, BLOCKED))
                await asyncio.sleep(0.02)
        finally:
            self.stopped.append(self.mood)

    async def probe(self) -> str:
        return "a script"


class Stage:
    """One source, supervised, on a store in memory."""

    def __init__(self, interval_s: float = 0.1) -> None:
        self.clock, self.store = SystemClock(), MemoryStore()
        self.reconciler = Reconciler(self.store, SETTLE, self.clock.now)
        self.script = Script(self.clock, interval_s)

    async def play(self, *acts: tuple[str, float] | Callable[[], object]) -> None:
        source = SupervisedSource(
            "lab", "script", self.script, self.reconciler, self.clock, SETTLE, Backoff(0.02, 0.05)
        )
        tasks = [asyncio.create_task(source.run()), asyncio.create_task(self.reconciler.run())]
        for act in acts:
            if callable(act):
                act()
            else:
                self.script.mood, seconds = act
                await asyncio.sleep(seconds)
                assert not any(task.done() for task in tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.reconciler.close()
        assert len(asyncio.all_tasks()) == 1

    @property
    def state(self) -> SourceState:
        return self.reconciler.snapshot.sources["lab"].state

    def kinds(self) -> list[EventKind]:
        return [event.kind for event in self.store.log]


def test_a_source_that_fails_goes_stale_loses_nothing_and_is_logged_once(caplog):
    stage = Stage(interval_s=10)

    def stale() -> None:
        assert stage.state is SourceState.STALE
        assert [a.condition.value for a in stage.reconciler.snapshot.active_alarms()] == ["blocked", "sourceStale"]
        assert stage.reconciler.snapshot.named("web")
        assert "no route to host" in stage.reconciler.snapshot.sources["lab"].last_error

    with caplog.at_level(logging.INFO):
        asyncio.run(stage.play(("answers", 0.3), ("fails", 0.8), stale, ("answers", 0.3)))
    assert stage.state is SourceState.OK
    assert stage.kinds() == [EventKind.FAILURE_RAISED, EventKind.STALE_RAISED, EventKind.STALE_CLEARED]
    assert caplog.text.count("source lab: failed") == 1
    assert caplog.text.count("source lab: is back") == 1
    assert stage.script.runs > 3


def test_a_short_failure_is_no_staleness():
    stage = Stage(interval_s=10)
    asyncio.run(stage.play(("answers", 0.2), ("fails", 0.08), ("answers", 0.4)))
    assert stage.kinds() == [EventKind.FAILURE_RAISED]


def test_a_collector_that_hangs_is_stale_after_three_intervals_each_time():
    stage = Stage(interval_s=0.1)
    asyncio.run(stage.play(("answers", 0.2), ("hangs", 0.6), ("answers", 0.2), ("hangs", 0.6), ("answers", 0.2)))
    stale = [kind for kind in stage.kinds() if kind is not EventKind.FAILURE_RAISED]
    assert stale == [EventKind.STALE_RAISED, EventKind.STALE_CLEARED] * 2


def test_a_store_that_is_away_stops_no_source():
    stage = Stage(interval_s=10)

    def away() -> None:
        stage.store.refuse = 1_000_000

    def back() -> None:
        stage.store.refuse = 0

    asyncio.run(stage.play(("answers", 0.2), away, ("fails", 0.6), back, ("fails", 2.5), ("answers", 0.3)))
    assert stage.state is SourceState.OK
    assert stage.kinds() == [EventKind.FAILURE_RAISED, EventKind.STALE_RAISED, EventKind.STALE_CLEARED]


def test_a_source_that_fails_again_while_the_store_refuses_its_alarm_is_told_later():
    stage = Stage(interval_s=10)

    def away() -> None:
        stage.store.refuse, stage.store.slow_s = 1_000_000, 0.15  # longer than a failure takes to come again

    def back() -> None:
        stage.store.refuse, stage.store.slow_s = 0, 0.0

    asyncio.run(stage.play(("answers", 0.2), away, ("fails", 1.0), back, ("fails", 3.0), ("answers", 0.3)))
    assert stage.kinds() == [EventKind.FAILURE_RAISED, EventKind.STALE_RAISED, EventKind.STALE_CLEARED]


def test_a_store_that_is_away_at_the_start_delays_the_source_only(caplog):
    stage = Stage(interval_s=10)
    stage.store.refuse = 3
    asyncio.run(stage.play(("answers", 0.6)))
    assert stage.state is SourceState.OK
    assert caplog.text.count("its registration: failed") == 1


def test_a_slow_store_makes_a_source_neither_stale_nor_out_of_order():
    stage = Stage(interval_s=0.3)
    stage.store.slow_s = 0.05
    asyncio.run(stage.play(("answers", 1.0)))
    assert stage.kinds() == [EventKind.FAILURE_RAISED]
    revisions = [changes.revision for changes in stage.store.commits]
    assert revisions == list(range(1, len(revisions) + 1))


def test_a_source_taken_up_again_keeps_its_index_and_its_figures_begin_anew():
    stage = Stage(interval_s=10)
    asyncio.run(stage.play(("answers", 0.2)))
    index = stage.reconciler.snapshot.sources["lab"].index
    again = Stage(interval_s=10)
    again.store = stage.store
    again.reconciler = Reconciler(stage.store, SETTLE, again.clock.now)
    again.reconciler.load()
    asyncio.run(again.play(("answers", 0.2)))
    assert again.reconciler.snapshot.sources["lab"].index == index
    assert stage.kinds().count(EventKind.FAILURE_RAISED) == 1
