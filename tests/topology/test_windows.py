"""Planned windows: told once at their time, and what happens in one to what it covers is planned."""

from collections.abc import Iterable

import pytest

from gateway.model.conditions import SECOND, ConditionKind
from gateway.model.entities import EntityKind, EntityState, NativeKey
from gateway.model.errors import UnknownWindow, WindowError
from gateway.model.events import Cause, Event, EventKind
from gateway.model.observations import Evidence, EvidenceKind, ObservedCondition, ObservedRelation
from gateway.model.relations import RelationKind
from gateway.model.windows import Window, WindowState, WindowWish
from gateway.topology.coverage import covered_by, covers
from gateway.topology.revise import settle_due
from gateway.topology.windows import close, declare
from tests.topology.estate import three_hosts
from tests.topology.house import T0, House, entity, node, on, part_of, resource, vm
from tests.topology.test_relocations import MEMBERS, A, B, group
from tests.topology.test_storage import H1 as FIRST
from tests.topology.test_storage import HERE, NAS, SAN, begun, disk, running

HOUR = 3600
RACK = NativeKey(EntityKind.RACK, "r1")
H1, H2, H3 = (NativeKey(EntityKind.HYPERVISOR, name) for name in ("h1", "h2", "h3"))
POOL = NativeKey(EntityKind.STORAGE_POOL, "pool")
WEB, DB = vm("web"), vm("db")


class Site(House):
    """Hosts h1 and h2 in a rack, h3 elsewhere; web and db on h1; db has its disk in the pool."""

    def __init__(self) -> None:
        super().__init__()
        self.at(0)

    def at(  # type: ignore[no-untyped-def]
        self,
        at_s: float,
        web=H1,
        db=H1,
        conditions: Iterable[ObservedCondition] = (),
        evidence: Iterable[Evidence] = (),
    ) -> list[Event]:
        """See everything, with web and db on these hosts (None: stopped)."""
        hosts = [entity(host, "kvm") for host in (H1, H2, H3)]
        machines = [
            entity(key, "kvm", EntityState.RUNNING if host else EntityState.STOPPED)
            for key, host in ((WEB, web), (DB, db))
        ]
        relations = [on(key, host) for key, host in ((WEB, web), (DB, db)) if host]
        relations += [part_of(H1, RACK), part_of(H2, RACK), ObservedRelation(RelationKind.USES_STORAGE, DB, POOL)]
        seen = (*hosts, *machines, entity(RACK, ""), entity(POOL, "nfs"))
        return self.see(at_s, seen, relations, conditions, evidence)

    def open(
        self, *named: NativeKey, now: float = 10, start: float = 0, end: float = HOUR, name: str = "work"
    ) -> Window:
        """Declare a window on these."""
        indexes = tuple(self.get(key).index for key in named)
        wish = WindowWish(name, indexes, T0 + round(start * SECOND), T0 + round(end * SECOND), "ticket 7", "alice")
        self.wait(now)
        self.snapshot, changes, window = declare(self.snapshot, wish, T0 + round(now * SECOND), lambda: next(self._ids))
        self.events.extend(changes.events)
        return window

    def close(self, window: Window, now: float) -> list[Event]:
        self.wait(now)
        self.snapshot, changes, _ = close(
            self.snapshot, window.index, T0 + round(now * SECOND), lambda: next(self._ids)
        )
        self.events.extend(changes.events)
        return list(changes.events)

    def windows(self) -> list[tuple[EventKind, bool]]:
        """Starts and ends in the log, and whether they were told."""
        return [(event.kind, event.notify) for event in self.events if event.kind.startswith("window_")]


def crashed(key: NativeKey) -> ObservedCondition:
    return ObservedCondition(ConditionKind.CRASHED, key, text=f"{key.native} crashed")


STARTED, ENDED = (EventKind.WINDOW_STARTED, True), (EventKind.WINDOW_ENDED, True)


# -- their time ------------------------------------------------------------------------------------------------


def test_a_window_that_begins_now_is_told_at_once_and_its_end_when_it_is_due():
    site = Site()
    site.open(H1)
    site.wait(HOUR - 1)
    assert site.windows() == [STARTED]
    site.wait(HOUR)
    assert site.windows() == [STARTED, ENDED]
    assert list(site.snapshot.open_windows()) == []


def test_start_and_end_have_one_key_and_the_end_names_the_start_as_its_cause():
    site = Site()
    window = site.open(H1)
    site.wait(HOUR)
    start, end = (event for event in site.events if event.kind.startswith("window_"))
    assert start.alarm_key == end.alarm_key == window.key
    assert end.caused_by == start.id
    assert start.entity.name == "h1"
    assert start.window is not None
    assert start.window.ends_at == window.ends_at
    assert "until 2023-11-14T23:13:20Z" in start.text
    assert "h1 and 2 things that depend on that" in start.text


def test_a_window_for_later_waits_until_its_start():
    site = Site()
    site.open(H1, start=600)
    assert site.at(300, web=H2)[0].planned is False
    assert site.windows() == []
    assert [window.state for window in site.snapshot.open_windows()] == [WindowState.SCHEDULED]
    site.wait(600)
    assert site.windows() == [STARTED]


def test_a_window_that_is_closed_early_ends_at_once_and_only_once():
    site = Site()
    window = site.open(H1)
    (event,) = site.close(window, 60)
    assert "before its time" in event.text
    site.wait(2 * HOUR)
    assert site.windows() == [STARTED, ENDED]
    with pytest.raises(UnknownWindow, match="number 1, or it is over"):
        site.close(window, 2 * HOUR)


def test_a_window_that_is_called_off_before_its_start_is_never_told():
    site = Site()
    assert site.close(site.open(H1, start=600), 60) == []
    site.wait(2 * HOUR)
    assert site.windows() == []


def test_a_window_that_passed_while_nobody_looked_is_in_the_log_only():
    site = Site()
    site.open(H1, start=600, end=1200)
    site.snapshot, changes = settle_due(
        site.snapshot, T0 + 2 * HOUR * SECOND, site.settle_times, lambda: next(site._ids)
    )
    assert [(event.kind, event.notify) for event in changes.events] == [
        (EventKind.WINDOW_STARTED, False),
        (EventKind.WINDOW_ENDED, False),
    ]
    assert list(site.snapshot.open_windows()) == []


def test_numbers_of_windows_are_never_used_again():
    site = Site()
    first = site.open(H1)
    site.close(first, 20)
    assert site.open(H1, now=30).index == first.index + 1


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({"end": 5}, "has passed"),
        ({"start": 7200, "end": 3600}, "is not after its start"),
        ({"end": 400 * 24 * HOUR}, "lasts a year at the most"),
        ({"name": " "}, "needs a name"),
    ],
)
def test_what_cannot_be_a_window_is_refused_and_says_why(wish: dict[str, float], said: str):
    with pytest.raises(WindowError, match=said):
        Site().open(H1, **wish)  # type: ignore[arg-type]


# -- what they cover -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("named", "covered"), [(H1, "web db"), (RACK, "web db"), (POOL, "db"), (WEB, "web"), (H2, "")])
def test_a_window_covers_what_it_names_and_what_depends_on_that(named: NativeKey, covered: str):
    site = Site()
    site.open(named)
    machines = [each for key in (WEB, DB) for each in [site.get(key)] if covered_by(site.snapshot, each)]
    assert [machine.name for machine in machines] == covered.split()


def test_what_is_counted_at_the_start_is_what_is_covered():
    estate = three_hosts()
    snapshot = estate.snapshot(revision=1)
    for entity_named in ("site:hq", "rack:r1", "physical_host:alpha", "ha_cluster:c1", "ha_node:n2", "volume:lun1"):
        wish = WindowWish("work", (estate.index(entity_named),), snapshot.at, snapshot.at + HOUR * SECOND)
        after, changes, window = declare(snapshot, wish, snapshot.at, lambda: "id")
        covered = [each for each in after.all_entities() if covered_by(after, each)]
        listed = [each for each in covered if each.name != "batch"]  # stopped: no claim leads from a host to it
        assert listed == covers(after, window)
        assert f"and {len(listed) - 1} thing" in changes.events[0].text


def test_a_scheduled_window_covers_nothing_yet():
    site = Site()
    site.open(H1, start=600)
    assert covered_by(site.snapshot, site.get(WEB)) == []


def test_what_leaves_a_covered_host_is_planned_whatever_the_cause():
    site = Site()
    window = site.open(H1)
    lost = Evidence(EvidenceKind.HOST_LOST, "h1", text="h1 was fenced")
    (move,) = site.at(60, web=H2, evidence=[lost])
    assert (move.cause, move.planned) == (Cause.FAILOVER, True)
    assert move.window is not None
    assert (move.window.index, move.window.name) == (window.index, "work")
    assert site.snapshot.windows.get(window.index).relocations == 1  # type: ignore[union-attr]


def test_what_returns_to_a_covered_host_is_planned_and_what_fails_over_to_it_is_not():
    site = Site()
    site.open(H1)
    site.at(60, web=H2, db=H3)
    lost = Evidence(EvidenceKind.HOST_LOST, "h3", text="h3 was fenced")
    back, failed_over = sorted(site.at(120, web=H1, db=H1, evidence=[lost]), key=lambda event: event.entity.name)[::-1]
    assert (back.entity.name, back.planned) == ("web", True)
    assert (failed_over.entity.name, failed_over.cause, failed_over.planned) == ("db", Cause.FAILOVER, False)


def test_what_moves_elsewhere_is_not_planned_by_it():
    site = Site()
    site.at(5, web=H2)
    site.open(H1)
    (move,) = site.at(60, web=H3)
    assert move.planned is False
    assert move.window is None


def test_after_the_end_nothing_is_planned_by_it():
    site = Site()
    site.open(H1)
    site.wait(HOUR)
    (move,) = site.at(HOUR + 60, web=H2)
    assert move.planned is False
    assert move.window is None


def test_a_cause_that_is_known_later_leaves_a_move_planned():
    site = Site()
    site.open(H1)
    (move,) = site.at(60, web=H2)
    site.at(70, web=H2, evidence=[Evidence(EvidenceKind.HOST_LOST, "h1", text="h1 was fenced")])
    (better,) = site.amended
    assert (better.id, better.cause, better.planned, better.window) == (move.id, Cause.FAILOVER, True, move.window)


def test_of_overlapping_windows_the_first_is_named_and_the_last_to_end_still_covers():
    site = Site()
    site.open(H1, end=600, name="first")
    site.open(RACK, now=20, end=1200, name="second")
    (move,) = site.at(60, web=H3)
    assert move.window is not None
    assert move.window.name == "first"
    *_, move = site.at(660, db=H3, web=H3)
    assert move.window is not None
    assert move.window.name == "second"


# -- failures --------------------------------------------------------------------------------------------------


def raised(events: Iterable[Event]) -> list[Event]:
    return [event for event in events if event.kind is EventKind.FAILURE_RAISED]


def test_a_failure_of_what_is_covered_is_raised_and_told_and_says_that_it_is_planned():
    site = Site()
    site.open(H1)
    site.at(60, conditions=[crashed(WEB)])
    (failure,) = raised(site.wait(120))
    assert failure.notify
    assert failure.planned
    assert failure.window is not None
    (alarm,) = site.snapshot.active_alarms()
    assert alarm.planned
    (cleared,) = site.at(180)
    assert cleared.kind is EventKind.FAILURE_CLEARED
    assert cleared.planned


def test_a_failure_from_before_the_window_is_not_planned():
    site = Site()
    site.at(2, conditions=[crashed(WEB)])
    site.wait(30)
    site.open(H1, now=30)
    assert not next(site.snapshot.active_alarms()).planned


def test_a_failure_that_stands_at_the_end_is_counted_there_not_told_again_and_not_planned_any_more():
    site = Site()
    site.open(H1)
    site.at(60, conditions=[crashed(WEB)])
    events = site.wait(HOUR)
    assert len(raised(events)) == 1
    assert "0 relocations and 1 failure in it; failures of what it covers that stand: 1 (web)" in events[-1].text
    (alarm,) = site.snapshot.active_alarms()
    assert not alarm.planned


def test_what_follows_elsewhere_from_a_planned_failure_is_planned_too():
    site, agent, far = Site(), resource("web-r"), node("n9")
    managed = ObservedRelation(RelationKind.MANAGED_BY, WEB, agent)
    seen = [entity(H1, "kvm"), entity(WEB, "kvm"), entity(agent, state=EntityState.BLOCKED), entity(far, "node")]
    placed = [on(WEB, H1), on(agent, far), managed]
    dead = crashed(WEB)
    exhausted = ObservedCondition(ConditionKind.EXHAUSTED, agent, text="web-r has failed too often")
    site.see(5, seen, placed)
    site.open(H1)
    site.see(60, seen, placed, [dead])
    site.see(120, seen, placed, [dead, exhausted])
    first, second = raised(site.wait(240) and site.events)
    assert (first.entity.name, second.entity.name) == ("web", "web-r")
    assert second.caused_by == first.id
    assert second.planned
    assert second.window == first.window


def test_that_a_vm_is_active_on_two_hosts_is_never_planned():
    site = Site()
    site.open(RACK)
    hosts = [entity(host, "kvm") for host in (H1, H2, H3)]
    for at in (60, 63, 66, 70):
        site.see(at, [*hosts, entity(WEB, "kvm"), entity(RACK, "")], [on(WEB, H1), on(WEB, H2), part_of(H1, RACK)])
    conflicts = [event for event in site.events if event.kind is EventKind.CONFLICT_RAISED]
    assert [event.planned for event in conflicts] == [False]


# -- what is told later than it happens ------------------------------------------------------------------------


EXHAUSTED = ObservedCondition(ConditionKind.EXHAUSTED, WEB, text="web has failed too often")


def group_that_moves_at(at_s: float) -> Site:
    """Its first member is on another node then; the others do not follow, so that it is told 10 s later."""
    site = Site()
    site.see(1, *group(*(on(member, A) for member in MEMBERS)), source="cluster")
    site.see(at_s, *group(on(MEMBERS[0], B)), source="cluster")
    return site


def moved(events: Iterable[Event]) -> list[Event]:
    return [event for event in events if event.kind is EventKind.RELOCATION]


@pytest.mark.parametrize("closed_s", [None, 97])
def test_a_group_that_is_seen_to_move_in_a_window_and_told_after_its_end_is_planned(closed_s: float | None):
    site = Site()
    site.see(1, *group(*(on(member, A) for member in MEMBERS)), source="cluster")
    window = site.open(A, now=10, end=100)
    site.see(95, *group(on(MEMBERS[0], B)), source="cluster")
    if closed_s:
        site.close(window, closed_s)
    (event,) = moved(site.wait(130))
    assert event.at == T0 + 105 * SECOND
    assert (event.planned, event.window and event.window.index) == (True, window.index)


def test_a_group_that_is_seen_to_move_before_a_window_and_told_in_it_is_not_planned():
    site = group_that_moves_at(95)
    site.open(A, now=100, start=100, end=1000)
    (event,) = moved(site.wait(130))
    assert (event.planned, event.window) == (False, None)


def test_a_failure_that_begins_in_a_window_and_settles_after_its_end_is_planned_and_its_alarm_stands_unplanned():
    site = Site()
    window = site.open(H1, now=10, end=100)
    site.at(95, conditions=[EXHAUSTED])
    end, failure = site.wait(200)
    assert "stand: 0; that will be told, as planned, if they last: 1 (web)" in end.text
    assert (failure.at, failure.planned, failure.window) == (T0 + 110 * SECOND, True, end.window)
    assert failure.window is not None
    assert failure.window.index == window.index
    assert not next(site.snapshot.active_alarms()).planned


def test_a_failure_that_begins_before_a_window_and_settles_in_it_is_not_planned():
    site = Site()
    site.at(95, conditions=[EXHAUSTED])
    site.open(H1, now=100, start=100, end=1000)
    (failure,) = raised(site.wait(200))
    assert (failure.planned, failure.window) == (False, None)


def test_storage_that_changes_over_in_a_window_and_waits_for_other_disks_until_after_its_end_is_planned():
    fleet = begun(disk(SAN), disk(SAN, "vdb"))
    now = fleet.snapshot.at
    wish = WindowWish("new array", (fleet.get(SAN).index,), now, now + 15 * SECOND)
    fleet.snapshot, _, _ = declare(fleet.snapshot, wish, now, lambda: "window")
    fleet.show(70, FIRST, *running(FIRST, disk(NAS), disk(SAN, "vdb")), *HERE)
    end, event = fleet.wait(100)
    assert (end.kind, event.at, event.window) == (EventKind.WINDOW_ENDED, T0 + 80 * SECOND, end.window)


def test_what_held_on_without_its_root_is_told_after_the_end_of_the_window_as_not_planned():
    site, agent, far = Site(), resource("web-r"), node("n9")
    seen = [entity(H1, "kvm"), entity(WEB, "kvm"), entity(agent, state=EntityState.BLOCKED), entity(far, "node")]
    placed = [on(WEB, H1), on(agent, far), ObservedRelation(RelationKind.MANAGED_BY, WEB, agent)]
    dead, exhausted = crashed(WEB), ObservedCondition(ConditionKind.EXHAUSTED, agent, text="it has failed too often")
    site.see(5, seen, placed)
    site.open(H1, end=300)
    site.see(60, seen, placed, [dead])
    site.see(120, seen, placed, [dead, exhausted])
    site.see(295, seen, placed, [exhausted])
    (again,) = raised(site.wait(400))
    assert (again.entity.name, again.at, again.notify, again.planned) == ("web-r", T0 + 310 * SECOND, True, False)
