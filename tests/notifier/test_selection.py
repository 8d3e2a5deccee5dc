"""Who is told of what: kinds, severities, labels and sites."""

from dataclasses import replace

import pytest

from gateway.model.conditions import ConditionKind, Severity
from gateway.model.entities import EntityKind
from gateway.model.events import RELOCATIONS, Event, EventKind
from gateway.model.relations import RelationKind
from gateway.notifier.selection import Selection
from gateway.topology.traits import traits_of, with_traits
from tests.topology.estate import T0, Estate, three_hosts, uuid


@pytest.fixture
def estate() -> Estate:
    """Three hosts in hq, and one in another site; vip has labels."""
    made = three_hosts()
    made.add(EntityKind.SITE, "branch", "facts")
    made.add(EntityKind.PHYSICAL_HOST, "delta", "facts")
    made.claim(RelationKind.PART_OF, "physical_host:delta", "site:branch")
    made.change("ha_resource:vip", attributes={"team": "web", "tier": 1})
    return made


def event(estate: Estate, name: str, **changes) -> Event:
    given = {"kind": EventKind.RELOCATION, "entity": estate.snapshot().ref(estate.index(name)), "source": "c1"}
    return Event(id=uuid(1), at=T0, **{**given, **changes})


def test_without_conditions_everything_is_told(estate):
    assert Selection().takes(event(estate, "ha_resource:vip"), estate.snapshot())


def test_only_the_kinds_that_are_wanted(estate):
    wanted = Selection(kinds=frozenset({EventKind.FAILURE_RAISED}))
    assert wanted.takes(event(estate, "vm:vm1", kind=EventKind.FAILURE_RAISED), estate.snapshot())
    assert not wanted.takes(event(estate, "vm:vm1"), estate.snapshot())


def test_alarms_below_the_severity_are_left_out_with_their_ends_and_relocations_are_not(estate):
    wanted, snapshot = Selection(least=Severity.MAJOR), estate.snapshot()
    for kind in (EventKind.FINDING_RAISED, EventKind.FINDING_CLEARED):
        told = [wanted.takes(event(estate, "vm:vm1", kind=kind, severity=each), snapshot) for each in Severity]
        assert told == [True, True, True, True, False, False]  # cleared, indeterminate, critical, major, minor, warning
    for kind in RELOCATIONS:
        assert wanted.takes(event(estate, "vm:vm1", kind=kind, severity=Severity.WARNING), snapshot)
    stayed = event(estate, "vm:vm1", kind=EventKind.MIGRATION_FAILED, severity=Severity.WARNING)
    assert not wanted.takes(stayed, snapshot)


def test_labels_are_those_of_the_entity_or_of_a_host_of_the_event(estate):
    snapshot = estate.snapshot()
    assert Selection(labels={"team": "web", "tier": "1"}).takes(event(estate, "ha_resource:vip"), snapshot)
    assert not Selection(labels={"team": "db"}).takes(event(estate, "ha_resource:vip"), snapshot)
    estate.change("ha_node:n2", attributes={"team": "db"})
    snapshot = estate.snapshot()
    there = event(estate, "ha_resource:vip", new_host=snapshot.ref(estate.index("ha_node:n2")))
    assert Selection(labels={"team": "db"}).takes(there, snapshot)


def test_what_clears_an_alarm_goes_to_whom_it_was_raised_though_it_ended_on_another_host(estate):
    estate.change("ha_node:n2", attributes={"team": "db"})
    snapshot = estate.snapshot()
    host = snapshot.ref(estate.index("ha_node:n2"))
    wanted = Selection(labels={"team": "db"})
    raised = event(estate, "vm:vm1", kind=EventKind.FAILURE_RAISED, condition=ConditionKind.CRASHED, old_host=host)
    cleared = replace(raised, kind=EventKind.FAILURE_CLEARED, old_host=None)
    assert wanted.takes(raised, snapshot) == wanted.takes(cleared, snapshot)


def test_a_planned_window_is_told_in_each_site_that_it_names(estate):
    snapshot = estate.snapshot()
    named = tuple(snapshot.ref(estate.index(name)) for name in ("physical_host:alpha", "physical_host:delta"))
    window = event(estate, "physical_host:alpha", kind=EventKind.WINDOW_STARTED, members=named)
    assert Selection(sites=frozenset({"branch"}), least=Severity.CRITICAL).takes(window, snapshot)
    assert not Selection(sites=frozenset({"elsewhere"})).takes(window, snapshot)


def test_a_site_is_found_through_all_layers(estate):
    snapshot = estate.snapshot()
    assert traits_of(event(estate, "ha_resource:vip"), snapshot).sites == ("hq",)
    assert Selection(sites=frozenset({"hq"})).takes(event(estate, "ha_resource:vip"), snapshot)
    assert not Selection(sites=frozenset({"branch"})).takes(event(estate, "ha_resource:vip"), snapshot)
    delta = snapshot.ref(estate.index("physical_host:delta"))
    assert Selection(sites=frozenset({"branch"})).takes(event(estate, "ha_resource:vip", old_host=delta), snapshot)


def failed(estate: Estate, name: str) -> tuple[Event, Event]:
    """A failure as it is raised in a revision, and its end."""
    plain = event(estate, name, kind=EventKind.FAILURE_RAISED, condition=ConditionKind.CRASHED)
    (raised,) = with_traits([plain], estate.snapshot())
    return raised, replace(plain, kind=EventKind.FAILURE_CLEARED, ends=raised.id)


def test_an_end_goes_to_whom_the_beginning_was_for_though_the_thing_lost_its_label(estate):
    raised, cleared = failed(estate, "ha_resource:vip")
    estate.change("ha_resource:vip", attributes={})
    web, now = Selection(labels={"team": "web"}), estate.snapshot()
    assert web.takes(raised, now)
    assert web.takes(cleared, now, raised)
    assert not web.takes(cleared, now)  # an older row does not say whose end it is


def test_an_end_is_told_at_the_site_where_it_began_and_at_no_other(estate):
    raised, cleared = failed(estate, "vm:vm1")
    estate.add(EntityKind.HYPERVISOR, "delta", "kvm", "kvm")
    estate.place("hypervisor:delta", "physical_host:delta")
    estate.unplace("vm:vm1")
    estate.place("vm:vm1", "hypervisor:delta")
    now = estate.snapshot()
    told = [Selection(sites=frozenset({site})).takes(cleared, now, raised) for site in ("hq", "branch")]
    assert told == [True, False]
