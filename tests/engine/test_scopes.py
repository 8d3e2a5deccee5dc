"""A collector of several hosts, supervised: hosts that fail are told, a source of which none answers is stale."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from gateway.engine.reconciler import Reconciler
from gateway.engine.supervisor import SupervisedSource
from gateway.model.conditions import SECOND, SettleTimes
from gateway.model.events import Event
from gateway.model.observations import Observation, Report, ScopeFailure, Whole
from gateway.model.rows import SourceState
from gateway.support.clock import SystemClock
from tests.engine.store import MemoryStore
from tests.topology.house import entity, on, vm
from tests.topology.layers import hypervisor

SETTLE = SettleTimes(stale_disconnect=SECOND // 4)


@dataclass
class Fleet:
    """A collector of three hosts, each with a VM; those in `dead` fail."""

    clock: SystemClock
    interval_s: float = 10.0
    dead: set[str] = field(default_factory=set)

    async def run(self, report: Callable[[Report], Awaitable[None]]) -> None:
        while True:
            for host in ("h1", "h2", "h3"):
                await report(self._dead(host) if host in self.dead else self._read(host))
            await asyncio.sleep(0.03)

    def _dead(self, host: str) -> ScopeFailure:
        return ScopeFailure("fleet", self.clock.now(), host, "connection refused", hypervisor(host))

    def _read(self, host: str) -> Observation:
        guest = vm(f"{host}-guest")
        seen = (entity(hypervisor(host), "qemu"), entity(guest, "kvm"))
        return Observation("fleet", self.clock.now(), Whole(host), seen, (on(guest, hypervisor(host)),))

    async def probe(self) -> str:
        return "a fleet"


class Stage:
    """The fleet, supervised, on a store in memory that may have been used before."""

    def __init__(self, store: MemoryStore | None = None) -> None:
        self.clock, self.store = SystemClock(), store or MemoryStore()
        self.reconciler = Reconciler(self.store, SETTLE, self.clock.now)
        self.reconciler.load()
        self.fleet = Fleet(self.clock)

    async def play(self, *acts: tuple[str, float], refuse: int = 0) -> None:
        """`acts`: which hosts are dead, for how many seconds; `refuse`: how many commits fail when they die."""
        source = SupervisedSource("fleet", "libvirt", self.fleet, self.reconciler, self.clock, SETTLE)
        tasks = [asyncio.create_task(source.run()), asyncio.create_task(self.reconciler.run())]
        for dead, seconds in acts:
            self.fleet.dead = set(dead.split())
            await asyncio.sleep(seconds)
            assert not any(task.done() for task in tasks)
            if dead:
                self.store.refuse, refuse = self.store.refuse + refuse, 0
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.reconciler.close()

    def told(self) -> list[tuple[str, str]]:
        return [(event.kind.value, event.entity.name) for event in self.log(notify=True)]

    def log(self, *, notify: bool) -> list[Event]:
        return [event for event in self.store.log if event.notify is notify]

    @property
    def state(self) -> SourceState:
        return self.reconciler.snapshot.sources["fleet"].state


def test_a_host_that_fails_is_told_and_the_source_goes_on(caplog):
    stage = Stage()
    with caplog.at_level(logging.INFO):
        asyncio.run(stage.play(("", 0.5), ("h2", 1.5), ("", 2.0)))
    assert stage.told() == [("stale_raised", "h2"), ("stale_cleared", "h2")]
    assert stage.state is SourceState.OK
    assert caplog.text.count("source fleet: scope h2: failed") == 1
    assert caplog.text.count("source fleet: scope h2: is back") == 1
    assert caplog.text.count("(sourceStale: h2)") == 2  # raised and cleared: whatever stands for it, the part is named


def test_reads_of_a_part_that_fail_are_counted():
    stage = Stage()
    asyncio.run(stage.play(("", 0.3), ("h2", 0.5)))
    row = stage.reconciler.snapshot.sources["fleet"]
    assert row.state is SourceState.OK
    assert row.failures >= 2


def test_a_host_that_fails_for_a_moment_is_not_told():
    stage = Stage()
    asyncio.run(stage.play(("", 0.2), ("h2", 0.1), ("", 0.6)))
    assert stage.told() == []


def test_a_source_of_which_no_host_answers_is_stale_and_told_once():
    stage = Stage()
    asyncio.run(stage.play(("", 0.3), ("h1 h2 h3", 1.2)))
    assert stage.told() == [("stale_raised", "fleet")]
    assert stage.state is SourceState.STALE
    assert sorted(event.entity.name for event in stage.log(notify=False)) == ["h1", "h2", "h3"]
    back = Stage(stage.store)
    asyncio.run(back.play(("", 0.4)))
    assert back.told() == [("stale_raised", "fleet"), ("stale_cleared", "fleet")]
    assert back.state is SourceState.OK
    assert not list(back.reconciler.snapshot.active_alarms())


def test_the_host_that_stays_dead_is_told_though_the_gateway_was_restarted():
    stage = Stage()
    asyncio.run(stage.play(("", 0.3), ("h1 h2 h3", 1.2)))
    back = Stage(stage.store)
    asyncio.run(back.play(("h3", 1.5)))
    assert back.told() == [("stale_raised", "fleet"), ("stale_cleared", "fleet"), ("stale_raised", "h3")]


def test_a_silence_that_was_told_is_not_told_again_after_a_restart():
    stage = Stage()
    asyncio.run(stage.play(("", 0.3), ("h2", 0.8)))
    back = Stage(stage.store)
    asyncio.run(back.play(("h2", 0.8), ("", 0.3)))
    assert back.told() == [("stale_raised", "h2"), ("stale_cleared", "h2")]


def test_a_store_that_refuses_what_fails_hears_of_it_with_the_next_attempt():
    stage = Stage()
    asyncio.run(stage.play(("", 0.3), ("h1 h2 h3", 0.0), ("h1 h2 h3", 1.2), refuse=2))
    assert stage.told() == [("stale_raised", "fleet")]
