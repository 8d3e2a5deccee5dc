"""What one relocation costs in an estate of 100,000 VMs against one of 1,000: the change counts, not the estate."""

from __future__ import annotations

import gc
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import pytest

from gateway.collectors.simulated.view import observe
from gateway.collectors.simulated.vm_deeds import live_migration
from gateway.model.changes import Changes
from gateway.model.events import Cause, EventKind
from gateway.model.snapshot import Snapshot
from gateway.publishers.snmp.render import Renderer
from tests.benchmarks.estates import SOURCE, LoadedEstate
from tests.benchmarks.goal import report

RELOCATIONS = 200
GOAL = 2.0
SHELVES = ("records", "entities", "claims", "dependents", "placements", "alarms", "entity_alarms")


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one relocation. Times: CPU seconds of this thread."""

    observation_s: float
    segments_s: float
    rows: tuple[tuple[str, int], ...]
    shards: tuple[tuple[str, int], ...]

    @property
    def total_s(self) -> float:
        return self.observation_s + self.segments_s


class Bench:
    """Moves VMs of one estate and reads the segments that it changed again."""

    def __init__(self, estate: LoadedEstate) -> None:
        self.estate = estate
        self.renderer = Renderer()
        self.renderer.use(estate.reconciler.snapshot)
        for table in self.renderer.tables:
            for column in table.columns:
                for number in range(column.count):
                    column.refresh(number)

    def relocate(self, number: int) -> Cost:
        """
        One VM goes live to the next host but one, whose rows are in another shard at any size.

        Measured is what says so: the last two reads of the migration (the VM on the new host, the VM gone from the
        old one), each with its transaction, and all SNMP columns of the shards that differ afterwards.
        """
        world = self.estate.simulation.world
        vm = world.vms[number]
        siblings = world.estate.hosts_of(world.estate.block_of(vm.home))
        target = vm.home + 2 if vm.home + 2 in siblings else vm.home - 2
        course = live_migration(world, vm, target, Cause.LIVE_MIGRATION)
        for look in next(course).looks:
            self.estate.see(look)
        before = self.estate.reconciler.snapshot
        self._read_again(self._touched(before))
        self.estate.repository.commits.clear()
        observations = [observe(world, look, SOURCE, self.estate.clock.now()) for look in next(course).looks]
        started = time.thread_time()
        events = [event for one in observations for event in self.estate.reconciler.apply(one)]
        observed = time.thread_time()
        assert [event.kind for event in events] == [EventKind.RELOCATION]
        touched = self._touched(before)
        reading = time.thread_time()
        self._read_again(touched)
        ended = time.thread_time()
        return Cost(observed - started, ended - reading, rows(self.estate.repository.commits), counted(touched))

    def _read_again(self, touched: set[tuple[str, int]]) -> None:
        self.renderer.use(self.estate.reconciler.snapshot)
        numbers = sorted({number for _, number in touched})
        for table in self.renderer.tables:
            for column in table.columns:
                for number in numbers:
                    if number < column.count:
                        column.refresh(number)

    def _touched(self, before: Snapshot) -> set[tuple[str, int]]:
        """(shelf, shard number) that are other objects in the snapshot now."""
        after = self.estate.reconciler.snapshot
        pairs = {name: (getattr(before, name).shards, getattr(after, name).shards) for name in SHELVES}
        return {
            (name, number)
            for name, (old, new) in pairs.items()
            for number, shard in enumerate(new)
            if number >= len(old) or old[number] is not shard
        }


def rows(commits: list[Changes]) -> tuple[tuple[str, int], ...]:
    """How many rows the transactions wrote, by what they are."""
    found: Counter[str] = Counter()
    for changes in commits:
        for name in ("records", "claims", "placements", "alarms", "sources", "links", "events", "amended"):
            found[name] += len(getattr(changes, name))
    return tuple(sorted(found.items()))


def counted(touched: set[tuple[str, int]]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(Counter(name for name, _ in touched).items()))


def measure(folder: Path, hosts: int) -> list[Cost]:
    estate = LoadedEstate(folder, hosts)
    try:
        bench = Bench(estate)
        vms = len(estate.simulation.world.vms)
        chosen = [10 + number * ((vms - 10) // (RELOCATIONS + 20)) for number in range(RELOCATIONS + 20)]
        gc.collect()
        return [bench.relocate(vm) for vm in chosen][20:]
    finally:
        estate.close()


@pytest.mark.benchmark
@pytest.mark.timeout(900)
def test_a_relocation_among_100_000_vms_costs_at_most_twice_one_among_1_000(tmp_path: Path) -> None:
    costs = {}
    for hosts in (20, 2000):
        folder = tmp_path / str(hosts)
        folder.mkdir()
        costs[hosts * 50] = measure(folder, hosts)
    for vms, found in costs.items():
        observed, read, total = (
            median(part(cost) for cost in found) * 1e6
            for part in (lambda cost: cost.observation_s, lambda cost: cost.segments_s, lambda cost: cost.total_s)
        )
        print(f"\n{vms:7,} VMs: {total:.0f} us CPU (two observations {observed:.0f}, SNMP segments {read:.0f})")
        print(f"    rows {dict(found[0].rows)}, shards {dict(found[0].shards)}")
    small, large = (median(cost.total_s for cost in costs[vms]) for vms in (1_000, 100_000))
    report("one relocation, CPU at 100,000 VMs against 1,000", large / small, GOAL, "x")
    assert {cost.rows for cost in costs[1_000]} == {cost.rows for cost in costs[100_000]}
    assert {cost.shards for cost in costs[1_000]} == {cost.shards for cost in costs[100_000]}
