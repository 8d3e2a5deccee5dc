"""Live migrations, failed ones, two hosts at once: what topology tells of what two hosts show."""

import pytest

from gateway.model.entities import EntityKind, EntityState
from gateway.model.relations import Arrival, Phase, RelationKind
from tests.collectors.libvirt.given import (
    ARRIVING,
    BOOTED,
    CANCELED,
    CRASHED,
    HANDED_OVER,
    LEFT,
    MIGRATED,
    OFF,
    SHUT_DOWN,
    VM1,
    Lab,
    conditions,
    domain,
    told,
)
from tests.topology.house import vm


def on_h1() -> Lab:
    """vm1 runs on h1, h2 is empty."""
    lab = Lab()
    lab.read(0, "h1", domain(BOOTED))
    lab.read(0, "h2")
    return lab


def under_way(lab: Lab, at_s: float = 10.0) -> None:
    """vm1 is being migrated from h1 to h2."""
    lab.event(at_s, "h2", "LIFECYCLE", "STARTED", "MIGRATED")
    assert lab.reread(at_s, "h2", domain(ARRIVING)) == []
    assert lab.reread(at_s, "h1", domain(BOOTED, migrating_out=True)) == []


def presence(lab: Lab, host: str) -> tuple[Phase, Arrival] | None:
    for relation in lab.last[host].relations:
        if relation.kind is RelationKind.RUNS_ON and relation.upper == vm(VM1):
            return relation.phase, relation.arrival
    return None


def test_a_live_migration_is_told_once_and_live():
    lab = on_h1()
    under_way(lab)
    assert lab.place() == "h1"
    lab.reread(11, "h1", domain(HANDED_OVER))
    lab.event(12, "h2", "LIFECYCLE", "RESUMED", "MIGRATED")
    events = lab.reread(12, "h2", domain(MIGRATED))
    lab.event(12.3, "h1", "LIFECYCLE", "STOPPED", "MIGRATED")
    events += lab.reread(12.3, "h1", domain(LEFT))
    assert told(events) == [("relocation", "vm1", "h1", "h2")]
    assert (events[0].live, events[0].cause.value) == (True, "live_migration")
    assert lab.read(60, "h1", domain(LEFT)) == lab.read(60, "h2", domain(MIGRATED)) == lab.wait(600) == []


@pytest.mark.parametrize("origin", [(LEFT,), ()], ids=["defined at its origin", "undefined at its origin"])
@pytest.mark.parametrize("first", ["h1", "h2"])
def test_a_migration_that_is_seen_by_whole_reads_only_is_live_too(origin, first):
    lab = on_h1()
    reads = {"h1": lambda: lab.read(60, "h1", *map(domain, origin)), "h2": lambda: lab.read(60, "h2", domain(MIGRATED))}
    second = "h2" if first == "h1" else "h1"
    events = reads[first]() + reads[second]()
    assert told(events) == [("relocation", "vm1", "h1", "h2")]
    assert events[0].live


def test_in_flight_is_not_split_brain_however_long_it_takes():
    lab = on_h1()
    under_way(lab)
    for minute in range(1, 30):
        at_s = 10 + 60 * minute
        assert lab.read(at_s, "h1", domain(BOOTED, migrating_out=True)) == []
        assert lab.read(at_s, "h2", domain(ARRIVING)) == []
    assert presence(lab, "h2") == (Phase.TRANSITIONAL, Arrival.RESTART)


def test_what_came_live_stays_so_when_its_state_says_something_else():
    lab = on_h1()
    lab.read(60, "h2", domain(MIGRATED))
    lab.read(61, "h2", domain((3, 1)))
    lab.read(62, "h2", domain((1, 5)))  # running (unpaused)
    assert presence(lab, "h2") == (Phase.STABLE, Arrival.LIVE)
    lab.event(63, "h2", "LIFECYCLE", "STOPPED", "SHUTDOWN")
    lab.read(63, "h2", domain(SHUT_DOWN))
    lab.event(64, "h2", "LIFECYCLE", "STARTED", "BOOTED")
    lab.read(64, "h2", domain(BOOTED, instance=2))
    assert presence(lab, "h2") == (Phase.STABLE, Arrival.RESTART)


def test_a_paused_domain_arrives_live_when_the_new_host_says_that_it_is_paused():
    lab = on_h1()
    lab.reread(5, "h1", domain((3, 1)))
    under_way(lab)
    lab.event(11, "h2", "LIFECYCLE", "SUSPENDED", "PAUSED")
    events = lab.reread(11, "h2", domain((3, 1)))
    events += lab.reread(11.2, "h1", domain(LEFT))
    assert told(events) == [("relocation", "vm1", "h1", "h2")]
    assert events[0].live


@pytest.mark.parametrize("first", ["h1", "h2"])
def test_a_failed_migration_is_told_once_whichever_host_shows_it_first(first):
    lab = on_h1()
    under_way(lab)
    lab.event(18, "h2", "LIFECYCLE", "STOPPED", "FAILED")
    events = []
    for host in (first, "h2" if first == "h1" else "h1"):
        events += lab.reread(18, host, *([domain(BOOTED)] if host == "h1" else []))
    assert told(events) == [("migration_failed", "vm1")]
    assert events[0].old_host.name == "h1"
    assert lab.read(60, "h1", domain(BOOTED)) == lab.read(60, "h2") == lab.wait(900) == []


FAILED_EARLY = [("migration_failed", "vm1")]


@pytest.mark.parametrize("first", ["h1", "h2"])
def test_a_migration_that_fails_before_its_origin_was_seen_to_migrate_is_told(first):
    """Its port is blocked, say: of all this only the destination tells."""
    lab = on_h1()
    lab.event(10, "h2", "LIFECYCLE", "STARTED", "MIGRATED")
    lab.reread(10, "h2", domain(ARRIVING))
    assert lab.reread(10.2, "h1", domain(BOOTED)) == []
    lab.event(11, "h2", "LIFECYCLE", "STOPPED", "FAILED")
    events = []
    for host in (first, "h2" if first == "h1" else "h1"):
        events += lab.reread(11, host, *([domain(BOOTED)] if host == "h1" else []))
    assert told(events) == FAILED_EARLY
    assert events[0].old_host.name == "h1"
    assert lab.read(60, "h1", domain(BOOTED)) == lab.read(60, "h2") == lab.wait(900) == []


def test_a_failed_migration_is_told_once_though_its_destination_says_so_later():
    lab = on_h1()
    under_way(lab)
    assert told(lab.reread(18, "h1", domain(BOOTED))) == FAILED_EARLY
    lab.event(19, "h2", "LIFECYCLE", "STOPPED", "FAILED")
    assert lab.reread(19, "h1", domain(BOOTED)) + lab.reread(19, "h2") + lab.wait(900) == []


def test_a_copy_that_is_gone_without_a_word_was_a_failed_migration():
    lab = on_h1()
    lab.event(10, "h2", "LIFECYCLE", "STARTED", "MIGRATED")
    lab.reread(10, "h2", domain(ARRIVING))
    lab.reread(10.2, "h1", domain(BOOTED))
    lab.restart()
    assert lab.read(60, "h2") == lab.reread(60, "h1", domain(BOOTED)) == []
    assert lab.memory("h1").abandoned == [VM1]  # it is read again at once
    assert told(lab.reread(60.1, "h1", domain(BOOTED))) == FAILED_EARLY
    assert lab.memory("h1").abandoned == []


def test_a_migration_that_failed_before_its_origin_was_read_at_all_is_told():
    lab = on_h1()
    lab.event(10, "h2", "LIFECYCLE", "STARTED", "MIGRATED")
    lab.event(10.1, "h2", "LIFECYCLE", "STOPPED", "FAILED")
    one = domain(BOOTED)  # readers give the same record again
    assert lab.reread(10.2, "h2") + lab.reread(10.2, "h1", one) == []
    assert told(lab.reread(10.3, "h1", one)) == FAILED_EARLY


def test_a_host_that_never_told_what_became_of_its_copy_keeps_nothing_open():
    lab = on_h1()
    lab.event(10, "h2", "LIFECYCLE", "STARTED", "MIGRATED")
    lab.reread(10, "h1", domain(BOOTED))
    assert presence(lab, "h1") == (Phase.TRANSITIONAL, Arrival.RESTART)
    assert lab.read(700, "h1", domain(BOOTED)) == lab.wait(900) == []
    assert presence(lab, "h1") == (Phase.STABLE, Arrival.RESTART)


def test_what_ended_after_it_arrived_is_no_failed_migration():
    lab = on_h1()
    lab.event(10, "h2", "LIFECYCLE", "STARTED", "MIGRATED")
    lab.reread(10, "h2", domain(ARRIVING))
    lab.event(11, "h2", "LIFECYCLE", "RESUMED", "MIGRATED")
    lab.event(11.1, "h2", "LIFECYCLE", "STOPPED", "DESTROYED")
    lab.reread(11.2, "h2")
    lab.reread(11.2, "h1", domain(BOOTED))
    assert lab.last["h1"].evidence == ()


def test_a_migration_that_is_cancelled_at_the_last_moment_is_a_failed_one():
    lab = on_h1()
    under_way(lab)
    lab.reread(11, "h1", domain(HANDED_OVER))
    lab.event(12, "h1", "LIFECYCLE", "RESUMED", "MIGRATED")
    events = lab.reread(12, "h1", domain(CANCELED)) + lab.reread(12, "h2")
    assert told(events) == [("migration_failed", "vm1")]
    assert presence(lab, "h1") == (Phase.STABLE, Arrival.RESTART)


def test_the_arriving_copy_is_none_that_leaves_and_no_judgement_of_the_domain():
    lab = on_h1()
    for at_s in (1, 2.5, 4):
        lab.event(at_s, "h1", "WATCHDOG", "2")
    lab.reread(5, "h1", domain(BOOTED))
    assert told(lab.wait(16)) == [("finding_raised", "vm1", "degraded")]
    lab.event(20, "h2", "LIFECYCLE", "STARTED", "MIGRATED")
    assert lab.reread(20, "h2", domain(ARRIVING)) == []
    (copy,) = [entity for entity in lab.last["h2"].entities if entity.key == vm(VM1)]
    assert (copy.state, copy.reason) == (EntityState.MIGRATING, "arriving")
    assert lab.last["h2"].judged == frozenset()
    lab.event(21, "h2", "LIFECYCLE", "RESUMED", "MIGRATED")
    lab.reread(21, "h2", domain(MIGRATED))
    assert lab.last["h2"].evidence == ()


def test_a_copy_that_never_ran_is_not_missed_when_it_ends():
    lab = Lab()
    lab.read(0, "h2")
    lab.event(1, "h2", "LIFECYCLE", "STARTED", "MIGRATED")
    lab.reread(1, "h2", domain(ARRIVING))
    lab.event(5, "h2", "LIFECYCLE", "STOPPED", "FAILED")
    lab.reread(5, "h2")
    assert lab.read(60, "h2") == lab.wait(900) == []
    assert lab.last["h2"].conditions == ()


def test_what_came_live_and_was_paused_before_it_was_read_came_live():
    lab = Lab()
    lab.read(0, "h2", domain(BOOTED, instance=1))
    lab.event(5, "h2", "LIFECYCLE", "STARTED", "MIGRATED")
    lab.event(6, "h2", "LIFECYCLE", "RESUMED", "MIGRATED")
    lab.event(6, "h2", "LIFECYCLE", "SUSPENDED", "PAUSED")
    lab.reread(6, "h2", domain((3, 1), instance=2))
    assert presence(lab, "h2") == (Phase.STABLE, Arrival.LIVE)


def test_a_domain_that_is_paused_while_it_migrates_has_not_failed_to():
    lab = on_h1()
    under_way(lab)
    lab.reread(11, "h1", domain((3, 1)))
    assert lab.last["h1"].evidence == ()


def test_each_failed_migration_is_told():
    lab = on_h1()
    for number in range(3):
        at_s = 100.0 * (number + 1)
        under_way(lab, at_s)
        lab.event(at_s + 5, "h2", "LIFECYCLE", "STOPPED", "DESTROYED")
        events = lab.reread(at_s + 5, "h2") + lab.reread(at_s + 5, "h1", domain(BOOTED))
        assert told(events) == [("migration_failed", "vm1")]


def test_the_copy_that_ended_is_no_crash_though_its_host_says_crashed():
    """A definition that stayed on h2 reads `shut off (crashed)` after a migration to it was cancelled."""
    lab = Lab()
    lab.read(0, "h1", domain(BOOTED))
    lab.read(0, "h2", domain(LEFT))
    under_way(lab)
    lab.event(18, "h2", "LIFECYCLE", "STOPPED", "FAILED")
    events = lab.reread(18, "h2", domain(CRASHED)) + lab.reread(18, "h1", domain(BOOTED))
    events += lab.read(60, "h2", domain(CRASHED)) + lab.read(60, "h1", domain(BOOTED)) + lab.wait(900)
    assert told(events) == [("migration_failed", "vm1")]


def test_a_save_that_fails_is_no_failed_migration():
    lab = on_h1()
    lab.reread(10, "h1", domain((3, 3)))
    lab.event(11, "h1", "MIGRATION_ITERATION", "1")
    assert lab.reread(12, "h1", domain((1, 7))) == []
    assert lab.last["h1"].evidence == ()


def test_post_copy_is_told_when_the_origin_has_let_go():
    lab = on_h1()
    under_way(lab)
    lab.reread(11, "h1", domain((3, 12)))
    assert lab.reread(12, "h2", domain((1, 10))) == []
    assert presence(lab, "h2") == (Phase.STABLE, Arrival.LIVE)
    assert told(lab.reread(20, "h1", domain(LEFT))) == [("relocation", "vm1", "h1", "h2")]


def test_a_definition_that_stayed_behind_has_no_word():
    lab = on_h1()
    under_way(lab)
    lab.reread(12, "h2", domain(MIGRATED))
    lab.reread(12.3, "h1", domain(LEFT))
    lab.read(60, "h2", domain((5, 1)))
    for at_s in (61, 121):
        lab.read(at_s, "h1", domain(LEFT))
        assert lab.last["h1"].conditions == ()
        assert lab.shown().state is EntityState.STOPPED
        assert lab.shown().reason == "shut off (shutdown)"


def test_a_definition_that_stayed_behind_speaks_when_the_other_host_forgot_the_domain():
    lab = on_h1()
    lab.read(10, "h2", domain(MIGRATED, persistent=False))
    lab.read(10, "h1", domain(LEFT))
    lab.event(20, "h2", "LIFECYCLE", "STOPPED", "DESTROYED")
    lab.reread(20, "h2")
    lab.read(60, "h1", domain(LEFT))
    assert lab.shown().reason == "shut off (migrated)"
    assert lab.wait(900) == []


def test_a_crash_on_the_new_host_is_not_ended_by_the_definition_on_the_old_one():
    lab = on_h1()
    lab.read(10, "h2", domain(MIGRATED))
    lab.read(10, "h1", domain(LEFT))
    lab.event(20, "h2", "LIFECYCLE", "STOPPED", "FAILED")
    lab.read(20, "h2", domain(CRASHED))
    lab.event(22, "h1", "METADATA_CHANGE", "1", "")
    lab.reread(22, "h1", domain(LEFT))
    assert told(lab.wait(40)) == [("failure_raised", "vm1", "crashed")]
    assert lab.read(61, "h1", domain(LEFT)) == []
    lab.event(70, "h1", "LIFECYCLE", "STARTED", "BOOTED")
    events = lab.reread(70, "h1", domain(BOOTED, instance=2))
    assert sorted(told(events)) == [("failure_cleared", "vm1", "crashed"), ("relocation", "vm1", "h2", "h1")]
    assert not next(event for event in events if event.kind == "relocation").live


def test_active_on_two_hosts_is_a_conflict():
    lab = on_h1()
    events = lab.read(10, "h2", domain(BOOTED))
    for at_s in (12, 14, 16, 18, 20):
        events += lab.read(at_s, "h1", domain(BOOTED)) + lab.read(at_s, "h2", domain(BOOTED))
    assert told(events + lab.wait(30)) == [("conflict_raised", "vm1", "placementConflict")]
    events = lab.reread(40, "h2", domain((5, 2)))
    assert told(events) == [("conflict_cleared", "vm1", "placementConflict")]


def test_a_host_that_comes_back_with_its_old_definition_does_not_take_the_domain_back():
    """h1 crashed; somebody started vm1 on h2; h1 boots and shows `shut off (unknown)`."""
    lab = on_h1()
    events = lab.read(30, "h2", domain(BOOTED))
    lab.read(90, "h2", domain(BOOTED))
    events += lab.read(100, "h1", domain(OFF)) + lab.read(160, "h1", domain(OFF)) + lab.wait(900)
    assert [event for event in told(events) if event[0] != "conflict_raised"][-1] == ("relocation", "vm1", "h1", "h2")
    assert conditions(lab.last["h1"], None) == []
    assert lab.last["h1"].entities[0].key.kind is EntityKind.HYPERVISOR
