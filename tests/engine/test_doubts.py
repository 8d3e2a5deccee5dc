"""Doubts on their way: from a revision that shows a lost node to the collector of the host that it was on."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from gateway.engine.reconciler import Reconciler
from gateway.engine.supervisor import SupervisedSource
from gateway.model.conditions import SECOND, ConditionKind, SettleTimes
from gateway.model.entities import EntityState
from gateway.model.errors import StoreUnavailable
from gateway.model.events import Event
from gateway.model.observations import Coverage, Observation, Report, ScopeFailure, Whole
from gateway.support.clock import SystemClock
from gateway.topology.doubts import WAIT
from tests.engine.store import MemoryStore
from tests.topology.house import House
from tests.topology.layers import Cluster, Fleet, hypervisor


@dataclass
class Silent:
    """A collector that takes no doubts, and reads nothing."""

    interval_s: float = 10.0

    async def run(self, report: Callable[[Report], Awaitable[None]]) -> None:
        await asyncio.Event().wait()

    async def probe(self) -> str:
        return ""


@dataclass
class Doubting(Silent):
    """One that takes them."""

    doubted: list[str] = field(default_factory=list)

    def doubt(self, scope: str) -> None:
        self.doubted.append(scope)


class Desk(House):
    """What the sources of `tests.topology.layers` see is handed to a reconciler, as seen `late_s` ago."""

    def __init__(self, reconciler: Reconciler, clock: SystemClock) -> None:
        super().__init__()
        self._reconciler, self._clock = reconciler, clock
        self.late_s = 60

    def see(
        self,
        at_s: float,
        entities: Any,
        relations: Any = (),
        conditions: Any = (),
        evidence: Any = (),
        *,
        source: str = "lab",
        covers: Coverage = Whole(),  # noqa: B008 - frozen
        **_: Any,
    ) -> list[Event]:
        seen = (tuple(entities), tuple(relations), tuple(conditions), tuple(evidence))
        at = self._clock.now() - self.late_s * SECOND
        return list(self._reconciler.apply(Observation(source, at, covers, *seen)))


class Stage:
    """Node n1 is the VM m1 on h1 of the source `fleet`, which a collector reads that is supervised."""

    def __init__(self, collector: Silent) -> None:
        self.clock, self.store = SystemClock(), MemoryStore()
        self.tasks: list[asyncio.Task[None]] = []
        self.reconciler = Reconciler(self.store, SettleTimes(), self.clock.now)
        desk = self.desk = Desk(self.reconciler, self.clock)
        fleet = self.fleet = Fleet(desk, vms=("m1", "m2"))
        self.cluster = Cluster(desk, ("n1", "n2"), machines={"n1": "m1", "n2": "m2"})
        self.supervised = SupervisedSource("fleet", "fleet", collector, self.reconciler, self.clock, SettleTimes())
        fleet.run("m1", "h1")
        fleet.run("m2", "h2")
        fleet.read(0)
        self.cluster.read(0)
        desk.late_s = 0

    def shows(self, node: str, state: EntityState) -> None:
        self.cluster.states[node] = state
        self.cluster.read(0)

    def stop(self) -> None:
        self.tasks[0].cancel()

    async def supervise(self, *acts: Callable[[], None]) -> None:
        """Do this while the collector runs; each once everything that follows from the one before is done."""
        tasks = self.tasks = [asyncio.create_task(self.supervised.run()), asyncio.create_task(self.reconciler.run())]
        for act in acts:
            await asyncio.sleep(0.1)
            act()
        await asyncio.sleep(0.1)
        assert not any(task.done() and not task.cancelled() for task in tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.reconciler.close()


def test_the_collector_of_the_host_of_a_lost_node_is_told_once():
    collector = Doubting()
    stage = Stage(collector)
    unclean = [lambda: stage.shows("n1", EntityState.UNCLEAN)] * 3
    asyncio.run(stage.supervise(*unclean, lambda: stage.shows("n2", EntityState.OFFLINE)))
    assert collector.doubted == ["h1", "h2"]


def test_nobody_is_told_in_a_revision_that_the_store_refuses_before_it_is_committed():
    collector = Doubting()
    stage = Stage(collector)

    def refused() -> None:
        stage.store.refuse = 1
        with pytest.raises(StoreUnavailable):
            stage.shows("n1", EntityState.UNCLEAN)

    def nobody_was_told() -> None:
        assert collector.doubted == []
        stage.reconciler.flush()

    asyncio.run(stage.supervise(refused, nobody_was_told))
    assert collector.doubted == ["h1"]


def test_a_collector_that_takes_no_doubts_is_left_alone():
    stage = Stage(Silent())
    asyncio.run(stage.supervise(lambda: stage.shows("n1", EntityState.UNCLEAN)))
    assert stage.reconciler.snapshot.doubts == {}


def test_a_source_that_was_stopped_is_not_told_any_more():
    collector = Doubting()
    stage = Stage(collector)
    asyncio.run(stage.supervise(stage.stop, lambda: stage.shows("n1", EntityState.UNCLEAN)))
    assert collector.doubted == []


def test_the_time_to_find_out_begins_when_the_view_is_taken_in_however_long_its_read_took():
    stage = Stage(Silent())
    stage.reconciler.pass_doubts("fleet", lambda scope: None)
    stage.desk.late_s = 30
    stage.shows("n1", EntityState.UNCLEAN)
    (doubt,) = stage.reconciler.snapshot.doubts.values()
    assert stage.reconciler.next_due() == doubt.begun + WAIT
    assert doubt.begun > stage.clock.now() - SECOND


def test_a_read_that_is_handed_over_late_does_not_end_a_doubt_that_it_knew_nothing_of():
    stage = Stage(Silent())
    stage.reconciler.pass_doubts("fleet", lambda scope: None)
    began = stage.clock.now()
    stage.shows("n1", EntityState.UNCLEAN)
    stage.cluster.run("web", "n2")
    stage.cluster.read(0)
    entities, relations = stage.fleet._view("h1")
    stage.reconciler.apply(Observation("fleet", began, Whole("h1"), tuple(entities), tuple(relations)))
    assert list(stage.reconciler.snapshot.doubts)
    failure = ScopeFailure("fleet", stage.clock.now(), "h1", "no answer", hypervisor("h1"))
    (loss, *_) = stage.reconciler.fail(failure)
    assert loss.condition is ConditionKind.HOST_LOST
