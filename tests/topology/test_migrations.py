"""A live migration, its two hosts read at any moments: never a conflict, told once, as soon as it is certain."""

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.model.conditions import SECOND, SettleTimes
from gateway.model.events import Event, EventKind
from gateway.model.observations import Observation, ScopeFailure, Whole
from gateway.model.relations import Arrival, Phase
from gateway.model.rows import Source, SourceState
from gateway.topology.revise import observe, register_source, scope_failed
from tests.topology.house import T0, House, entity, on, told, vm
from tests.topology.layers import hypervisor

GUEST = vm("guest")
MOVED = [("relocation", "guest", "a", "b")]


@dataclass(frozen=True)
class Migration:
    """
    Seconds: B shows the incoming copy at 10, the running guest `copied` later; A shows it no more `left` after that.

    `leaves`: how A shows it meanwhile. `died`: A cannot be read from then on (None: it lives).
    """

    copied: float
    left: float
    leaves: Phase
    died: float | None

    @property
    def runs_at(self) -> float:
        return 10 + self.copied

    @property
    def gone_at(self) -> float:
        return self.runs_at + self.left

    def phase(self, host: str, at: float) -> Phase | None:
        if host == "a":
            return None if at >= self.gone_at else self.leaves if at >= 10 else Phase.STABLE
        return None if at < 10 else Phase.STABLE if at >= self.runs_at else Phase.TRANSITIONAL


class Hosts(House):
    """A fleet of a and b, read every 60 s."""

    def __init__(self) -> None:
        super().__init__()
        row = Source(0, "", "fleet", "libvirt", SourceState.OK, 60 * SECOND)
        self.snapshot, _ = register_source(self.snapshot, row, T0, self._ids.__next__)

    def read(self, migration: Migration, host: str, at: float, taken_at: float) -> None:
        """What the host shows `at`, taken in a little later."""
        self.wait(taken_at)
        phase = migration.phase(host, at)
        if host == "a" and migration.died is not None and at >= migration.died:
            failure = ScopeFailure("fleet", T0 + round(taken_at * SECOND), "a", "no answer", hypervisor("a"))
            made = scope_failed(self.snapshot, failure, self.settle_times, self._ids.__next__)
        else:
            arrival = Arrival.LIVE if host == "b" else Arrival.UNKNOWN
            relations = (on(GUEST, hypervisor(host), phase, "", arrival),) if phase is not None else ()
            seen = (entity(hypervisor(host), "qemu"), *((entity(GUEST, "kvm"),) if phase is not None else ()))
            seen_at = max(T0 + round(at * SECOND), self.snapshot.at)
            view = Observation("fleet", seen_at, Whole(host), seen, relations)
            made = observe(self.snapshot, view, self.settle_times, self._ids.__next__)
        self.snapshot = made[0]
        self.events.extend(made[1].events)


SECONDS = st.integers(0, 400).map(lambda tenths: tenths / 10)
MIGRATIONS = st.builds(
    Migration,
    st.sampled_from([0.2, 1.0, 5.0]),
    st.sampled_from([0.3, 1.0, 2.0]),
    st.sampled_from([Phase.STABLE, Phase.TRANSITIONAL]),
    st.none() | st.sampled_from([9.0, 10.5, 12.0, 16.5]),
)
READS = st.lists(st.tuples(st.sampled_from("ab"), SECONDS, st.sampled_from([0.0, 0.1, 0.9])), max_size=14)


def play(migration: Migration, reads: list[tuple[str, float, float]], period: float = 5.0) -> Hosts:
    """These reads, and those that the collector makes anyway: one each `period` from 8 s on, until 60 s."""
    regular = [(host, 8 + period * n, 0.05) for n in range(int(52 / period)) for host in "ba"]
    house = Hosts()
    for host in "ab":
        house.read(migration, host, 0, 0)
    last: dict[str, float] = {}
    for host, at, late in sorted([*reads, *regular], key=lambda read: read[1] + read[2]):
        if at >= last.get(host, 0):  # the reads of one host are made one after the other
            last[host] = at
            house.read(migration, host, at, at + late)
    house.wait(100)
    return house


@given(MIGRATIONS, READS)
@settings(max_examples=150, deadline=None)
def test_whenever_the_hosts_are_read_it_is_told_once_and_is_no_conflict(migration, reads):
    house = play(migration, reads)
    kinds = [event.kind for event in house.events]
    assert EventKind.CONFLICT_RAISED not in kinds
    moves = [event for event in house.events if event.kind is EventKind.RELOCATION]
    assert told(moves) == MOVED
    assert moves[0].live
    if migration.died is None:
        assert kinds == [EventKind.RELOCATION]
        assert moves[0].at <= T0 + round((migration.gone_at + 5.2) * SECOND)


@given(MIGRATIONS, READS, READS)
@settings(max_examples=60, deadline=None)
def test_any_order_of_reads_tells_the_same(migration, some, others):
    def said(house: Hosts) -> list[tuple[str, str, str | None, str | None]]:
        return sorted(told(event for event in house.events if event.kind is not EventKind.FINDING_RAISED))

    assert said(play(migration, some)) == said(play(migration, others))


@pytest.mark.parametrize("leaves", [Phase.STABLE, Phase.TRANSITIONAL])
def test_the_move_is_told_with_the_first_read_that_shows_it_gone(leaves):
    migration, house = Migration(1.0, 0.3, leaves, None), Hosts()
    for host, at in (("a", 0.0), ("b", 0.0), ("b", 10.1), ("a", 10.5), ("b", 11.0), ("a", 11.2)):
        house.read(migration, host, at, at)
    assert house.events == []
    house.read(migration, "a", 11.4, 11.4)
    (event,) = house.events
    assert (told([event]), event.at) == (MOVED, T0 + round(11.4 * SECOND))


def test_the_move_is_told_when_the_host_that_died_in_between_is_silent():
    migration, house = Migration(1.0, 0.3, Phase.STABLE, 10.5), Hosts()
    for host, at in (("a", 0.0), ("b", 0.0), ("b", 10.1), ("a", 10.5), ("b", 11.0), ("a", 20.0)):
        house.read(migration, host, at, at)
    assert house.events == []
    silent, moved = house.wait(26)
    assert told([silent, moved]) == [("stale_raised", "a", None, None), *MOVED]
    assert moved.at == T0 + round(25.5 * SECOND)


def conflict(*reads: tuple[str, float]) -> list[Event]:
    house = Hosts()
    stays = Migration(0.0, 1e9, Phase.STABLE, None)
    for host, at in (("a", 0.0), ("b", 0.0), *reads):
        house.read(stays, host, at, at)
    house.wait(reads[-1][1] + 5)
    return house.events


def test_two_hosts_that_go_on_saying_so_are_a_conflict_within_seconds():
    (event,) = conflict(("b", 10.0), ("a", 10.3), ("b", 15.0), ("a", 15.0))
    assert (event.kind, event.at) == (EventKind.CONFLICT_RAISED, T0 + round(17.5 * SECOND))


def test_what_the_old_host_said_in_the_moment_of_arrival_confirms_nothing():
    assert conflict(("b", 10.0), ("a", 10.3), ("b", 15.0)) == []


def test_the_settle_time_of_a_conflict_is_longer_than_a_migration_shows_two():
    assert SettleTimes().placement_conflict // 2 > 2 * SECOND
