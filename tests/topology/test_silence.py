"""A host of a fleet that does not answer: told when it lasts, and nothing derived from it (design: domain)."""

from dataclasses import fields, replace

import pytest

from gateway.model.conditions import SECOND, ConditionKind
from gateway.model.entities import EntityKind, EntityState, NativeKey
from gateway.model.events import Cause, Event, EventKind
from gateway.model.observations import ScopeFailure, Whole
from gateway.model.relations import Arrival, Phase, RelationKind
from gateway.model.rows import Alarm, Source, SourceState
from gateway.model.snapshot import Snapshot
from gateway.topology.ages import claim_is_stale, entity_is_stale
from gateway.topology.impact import impact
from gateway.topology.revise import register_source, resume, scope_failed, update_source
from gateway.topology.where import where
from tests.topology.histories import Stored, contents
from tests.topology.house import T0, House, told, vm
from tests.topology.layers import Fleet, hypervisor, uuid

REFUSED = "connection refused"
LETTERS = "abcdefghijklm"


class Estate(House):
    """A fleet of three hosts, read every 60 s, with two VMs on each; what a store would keep of it is kept."""

    def __init__(self, hosts: tuple[str, ...] = ("h1", "h2", "h3"), per_host: int = 2) -> None:
        super().__init__()
        self.fleet = Fleet(self, hosts=hosts, vms=tuple(f"{host}{n}" for host in hosts for n in LETTERS[:per_host]))
        row = Source(0, "", "fleet", "libvirt", SourceState.OK, 60 * SECOND)
        self.snapshot, _ = register_source(self.snapshot, row, T0, self.new_id)
        for name in self.fleet.vms:
            self.fleet.run(name, name[:2])
        self.fleet.read(0)
        assert self.events == []

    def new_id(self) -> str:
        return next(self._ids)

    def fails(self, at_s: float, host: str, error: str = REFUSED, entity: NativeKey | None = None) -> list[Event]:
        events = self.wait(at_s)
        failure = ScopeFailure("fleet", T0 + round(at_s * SECOND), host, error, entity or hypervisor(host))
        self.snapshot, changes = scope_failed(self.snapshot, failure, self.settle_times, self.new_id)
        self.events.extend(changes.events)
        return events + list(changes.events)

    def silent(self, host: str, at_s: float) -> list[Event]:
        """The host fails from then until that has been told."""
        return self.fails(at_s, host) + self.wait(at_s + 15)

    def restart(self, at_s: float) -> None:
        """What is only in memory is forgotten."""
        kept = {f.name: getattr(self.snapshot, f.name) for f in fields(Snapshot)}
        stored = Snapshot(**{**kept, "pending": {}, "evidence": {}, "failing": {}, "resumed_at": 0})
        alarms = [alarm for _, alarm in stored.alarms.rows()]
        loaded = replace(
            stored,
            pending={f"alarm:{a.index}": a.due for a in alarms if not a.raised},
            failing={f"fleet\x00{a.detail}": a.index for a in alarms if a.detail},
        )
        self.snapshot = resume(loaded, T0 + round(at_s * SECOND), self.settle_times, self.new_id)

    def stale(self) -> list[Alarm]:
        return [a for a in self.snapshot.active_alarms() if a.condition is ConditionKind.SOURCE_STALE]

    def update(self, at_s: float, state: SourceState, stale: str = "") -> list[Event]:
        row = replace(self.snapshot.sources["fleet"], state=state)
        at = T0 + round(at_s * SECOND)
        made = update_source(self.snapshot, row, EntityState.RUNNING, at, self.settle_times, self.new_id, stale)
        self.snapshot = made[0]
        self.events.extend(made[1].events)
        return list(made[1].events)


def raised(*names: str) -> list[tuple[str, str, None, None]]:
    return [("stale_raised", name, None, None) for name in names]


def cleared(*names: str) -> list[tuple[str, str, None, None]]:
    return [("stale_cleared", name, None, None) for name in names]


# -- when it is told ---------------------------------------------------------------------------------------------


def test_a_host_that_fails_for_fifteen_seconds_is_told_with_its_error_and_what_ran_there():
    estate = Estate()
    estate.fails(10, "h1")
    estate.fails(14, "h1", "no route to host")
    assert estate.wait(24.9) == []
    (event,) = estate.wait(25.1)
    assert told([event]) == raised("h1")
    assert event.entity.kind is EntityKind.HYPERVISOR
    assert event.text == ("h1 of source fleet has not answered for 15 s: no route to host; last known there: h1a, h1b")
    assert event.alarm_key == f"sourceStale:{event.entity.id}:h1"


def test_of_many_residents_ten_are_named_and_all_are_counted():
    estate = Estate(per_host=13)
    (event,) = estate.silent("h2", 10)
    assert event.text.count("h2") == 11
    assert event.text.endswith("and 3 more (13 in all)")


def test_flapping_below_fifteen_seconds_tells_nothing():
    estate = Estate()
    for at in range(10, 100, 14):
        estate.fails(at, "h1")
        estate.fails(at + 5, "h1")
        estate.fleet.read(at + 12)
    assert estate.wait(110) == []
    assert estate.events == []
    assert not estate.snapshot.failing


def test_however_often_it_fails_it_is_told_once_and_its_return_once():
    estate = Estate()
    for at in range(10, 50, 3):
        estate.fails(at, "h1", f"attempt at {at} failed")
    for host in ("h2", "h3"):
        estate.fleet.read(51, host)
    for _ in range(2):
        estate.fleet.read(52, "h1")
    assert told(estate.events) == [*raised("h1"), *cleared("h1")]
    assert estate.events[-1].text == "h1 of source fleet answers again after 42 s"
    assert estate.events[-1].remedy == ""
    assert not estate.snapshot.failing


def test_a_host_that_was_never_seen_is_told_of_the_source():
    estate = Estate()
    estate.fails(10, "h9")
    (event,) = estate.wait(25)
    assert (event.entity.kind, event.entity.name) == (EntityKind.MANAGER, "fleet")
    assert event.alarm_key.endswith(":h9")
    estate.fleet.hosts = ("h9",)
    assert told(estate.fleet.read(30)) == cleared("fleet")


def test_a_failure_that_names_no_entity_is_told_of_the_hypervisor_that_the_scope_showed():
    estate = Estate()
    failure = ScopeFailure("fleet", T0 + 10 * SECOND, "h2", REFUSED)
    estate.snapshot, _ = scope_failed(estate.snapshot, failure, estate.settle_times, estate.new_id)
    assert told(estate.wait(25)) == raised("h2")


def test_a_host_that_is_neither_read_nor_reported_is_told_after_three_intervals():
    estate = Estate()
    for at in (60, 120, 180):
        estate.fleet.read(at, "h1", "h2")
    assert told(estate.wait(182)) == raised("h3")
    assert told(estate.fleet.read(200, "h3")) == cleared("h3")
    estate.fleet.read(240, "h1", "h2")
    assert estate.wait(242) == []


def test_a_source_that_is_quiet_as_a_whole_is_left_to_its_supervision():
    estate = Estate()
    assert estate.wait(10_000) == []
    assert not estate.snapshot.pending
    for at in (10_000, 10_060, 10_120, 10_180):
        estate.fleet.read(at, "h1")
    assert told(estate.wait(10_182)) == raised("h2", "h3")


# -- what it means -----------------------------------------------------------------------------------------------


def test_a_host_that_left_the_configuration_takes_its_vms_and_alarms_with_it_and_is_not_waited_for():
    estate = Estate()
    estate.silent("h1", 30)
    assert estate.stale()
    estate.see(60, (), source="fleet", covers=Whole("h1"))
    assert estate.stale() == []
    assert not estate.snapshot.named("h1a")
    assert not estate.snapshot.named("h1")
    for at in range(70, 600, 40):
        estate.fleet.read(at, "h2", "h3")
    assert estate.stale() == []


def test_silence_ends_nothing_and_derives_nothing():
    estate = Estate()
    before = contents(estate.snapshot)
    estate.silent("h1", 10)
    after = contents(estate.snapshot)
    for name in ("records", "entities", "claims", "placements", "dependents", "scopes"):
        assert before[name] == after[name]
    assert [event.kind for event in estate.events] == [EventKind.STALE_RAISED]


def test_what_is_known_of_a_silent_host_is_stale_at_once_and_fresh_when_it_was_read():
    estate = Estate()
    now = T0 + 26 * SECOND

    def stale(name: str) -> tuple[bool, bool]:
        (found,) = estate.snapshot.named(name)
        (claim,) = [c for c in estate.snapshot.claims_of(found) if c.kind is RelationKind.RUNS_ON]
        return entity_is_stale(estate.snapshot, found, now, 3), claim_is_stale(estate.snapshot, claim, now, 3)

    estate.fails(10, "h1")
    assert stale("h1a") == (False, False)
    estate.wait(25)
    assert stale("h1a") == (True, True)
    assert stale("h2a") == (False, False)
    (found,) = estate.snapshot.named("h1a")
    assert where(estate.snapshot, found, now).below[0].stale
    (host,) = [e for e in estate.snapshot.named("h1") if e.kind is EntityKind.HYPERVISOR]
    assert {one.stale for one in impact(estate.snapshot, (host,), now).affected} == {True}
    estate.fleet.read(26, "h1")
    assert stale("h1a") == (False, False)


def test_a_vm_that_runs_elsewhere_has_failed_over_when_its_host_falls_silent_and_that_is_not_sure():
    estate = Estate()
    estate.fails(10, "h1")
    estate.fleet.run("h1a", "h2")
    assert estate.fleet.read(12, "h2") == []
    events = estate.wait(25)
    assert told(events) == [*raised("h1"), ("relocation", "h1a", "h1", "h2")]
    assert (events[1].cause, events[1].evidence) == (Cause.FAILOVER, ("old host unverified",))
    assert told(estate.wait(35)) == [("finding_raised", "h1a", None, None)]
    assert told(estate.fleet.read(40, "h1")) == [*cleared("h1"), ("finding_cleared", "h1a", None, None)]
    assert estate.wait(100) == []


def test_a_silent_host_that_comes_back_and_still_runs_it_is_a_conflict():
    estate = Estate()
    estate.fails(10, "h1")
    estate.fleet.where["h1a"]["h2"] = (Phase.STABLE, Arrival.RESTART)
    estate.fleet.read(12, "h2")
    estate.wait(30)
    estate.fleet.read(40, "h1")
    estate.fleet.read(43, "h1", "h2")
    assert told(estate.wait(46)) == [("conflict_raised", "h1a", None, None)]


def test_a_vm_that_is_back_from_a_host_that_fails_by_then_is_no_conflict():
    estate = Estate()
    estate.fails(10, "h1")
    estate.fleet.run("h1a", "h2")
    estate.fleet.read(12, "h2")
    estate.fails(14, "h2")
    estate.fleet.run("h1a", "h1")
    estate.fleet.read(18, "h1")
    assert estate.wait(24) == []
    estate.fleet.read(25, "h2")
    assert estate.wait(100) == []
    assert estate.events == []


def test_what_a_host_said_before_it_failed_counts_until_it_is_silent():
    estate = Estate()
    estate.fails(10, "h1")
    estate.fleet.run("h1a", "h2", arrival=Arrival.LIVE)
    estate.fleet.read(11, "h2")
    assert estate.wait(20) == []
    assert told(estate.fleet.read(21, "h1")) == [("relocation", "h1a", "h1", "h2")]
    assert estate.events[-1].cause is Cause.LIVE_MIGRATION


# -- restarts of the gateway -------------------------------------------------------------------------------------


def test_after_a_restart_a_silence_that_was_told_is_neither_told_again_nor_forgotten():
    estate = Estate()
    estate.silent("h1", 10)
    estate.restart(1000)
    assert estate.fails(1001, "h1") == []
    assert estate.wait(1100) == []
    assert len(estate.stale()) == 1
    assert told(estate.fleet.read(1101, "h1")) == cleared("h1")


def test_a_host_that_answers_after_the_restart_was_not_silent_while_the_gateway_was_away():
    estate = Estate()
    estate.fails(10, "h1")
    estate.restart(1000)
    assert estate.wait(1000.5) == []
    estate.fleet.read(1001)
    assert estate.wait(1100) == []
    assert estate.events == []


def test_a_host_that_goes_on_failing_after_the_restart_is_told():
    estate = Estate()
    estate.fails(10, "h1")
    estate.restart(1000)
    estate.fails(1001, "h1", "no route to host")
    estate.fleet.read(1002, "h2", "h3")
    assert told(estate.wait(1015)) == raised("h1")


def test_a_vm_that_moved_while_the_gateway_was_away_is_no_failover():
    estate = Estate()
    estate.restart(1000)
    estate.fleet.run("h1a", "h2", arrival=Arrival.LIVE)
    assert estate.fleet.read(1001, "h2") == []
    (event,) = estate.fleet.read(1002, "h1")
    assert (event.kind, event.cause) == (EventKind.RELOCATION, Cause.LIVE_MIGRATION)


# -- the whole source --------------------------------------------------------------------------------------------


def all_fail(estate: Estate, at_s: float) -> None:
    for offset, host in enumerate(estate.fleet.hosts):
        estate.fails(at_s + offset, host)


def test_when_no_host_answers_the_source_is_told_and_its_hosts_are_linked_to_it():
    estate = Estate()
    all_fail(estate, 10)
    events = estate.wait(30)
    assert told(events) == raised("fleet")
    assert "none of its 3 parts (h1, h2, h3) does: connection refused" in events[0].text
    assert [(e.entity.name, e.caused_by) for e in events[1:]] == [(host, events[0].id) for host in ("h1", "h2", "h3")]
    assert estate.update(40, SourceState.STALE, "source fleet has not answered for 28 s") == []
    assert len(estate.stale()) == 4


def test_when_one_host_answers_again_those_that_stay_silent_are_told_soon():
    estate = Estate()
    all_fail(estate, 10)
    estate.wait(30)
    assert told(estate.fleet.read(100, "h1")) == cleared("fleet")
    estate.update(100, SourceState.OK)
    assert told(estate.fleet.read(110, "h2")) == []
    (last, again) = estate.wait(140)
    assert told([last, again]) == raised("h3")
    assert (last.kind, last.notify) == (EventKind.STALE_CLEARED, False)
    assert "has not answered for 118 s" in again.text
    assert told(estate.fleet.read(150)) == cleared("h3")
    assert not estate.stale()


def test_those_that_stay_silent_are_told_though_the_gateway_was_restarted_meanwhile():
    estate = Estate()
    all_fail(estate, 10)
    estate.wait(30)
    estate.fleet.read(100, "h1", "h2")
    estate.restart(105)
    assert told(estate.wait(140)) == raised("h3")


def test_of_a_source_with_one_host_the_host_is_told_and_the_source_is_linked_to_it():
    estate = Estate(hosts=("h1",))
    (event,) = estate.silent("h1", 10)
    assert told([event]) == raised("h1")
    (linked,) = estate.update(26, SourceState.STALE, "source fleet has not answered for 15 s")
    assert (linked.notify, linked.caused_by) == (False, event.id)
    assert told(estate.fleet.read(30)) == cleared("h1")
    assert not estate.stale()


def test_nobody_waits_for_the_hosts_of_a_source_that_is_taken_out_of_the_configuration():
    estate = Estate()
    estate.silent("h1", 10)
    estate.fails(26, "h2")
    assert told(estate.update(30, SourceState.DISABLED)) == cleared("h1")
    assert not estate.snapshot.failing
    assert estate.wait(1000) == []


def test_what_a_store_keeps_of_failing_and_silent_scopes_is_what_is_known():
    estate = Estate()
    stored = Stored()
    estate2 = House()
    row = Source(0, "", "fleet", "libvirt", SourceState.OK, 60 * SECOND)
    estate2.snapshot, changes = register_source(estate2.snapshot, row, T0, estate.new_id)
    stored.commit(changes)
    for at, host in ((1, "h1"), (2, "h2"), (12, "h1"), (16, "h2")):
        failure = ScopeFailure("fleet", T0 + at * SECOND, host, REFUSED)
        estate2.snapshot, changes = scope_failed(estate2.snapshot, failure, estate.settle_times, estate.new_id)
        stored.commit(changes)
        assert contents(stored.load(estate2.snapshot)) == contents(estate2.snapshot)
    assert len(estate2.snapshot.failing) == 2


@pytest.mark.parametrize("shown", [EntityState.STOPPED, EntityState.CRASHED])
def test_a_registration_on_a_silent_host_says_nothing_of_what_runs_elsewhere(shown):
    estate = Estate()
    estate.fleet.run("h1a", "h2", arrival=Arrival.LIVE)
    estate.fleet.read(5)
    estate.silent("h1", 10)
    (found,) = estate.snapshot.named("h1a")
    assert not entity_is_stale(estate.snapshot, found, T0 + 30 * SECOND, 3)
    assert estate.snapshot.records.get(found.index).key == vm(uuid("h1a"))
