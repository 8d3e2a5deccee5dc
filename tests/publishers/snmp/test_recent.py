"""topoRecentTable: the last events, found by a console that missed their notifications."""

from __future__ import annotations

from dataclasses import replace

from gateway.model.conditions import ConditionKind
from gateway.model.entities import EntityKind, EntityRef
from gateway.model.events import Cause, Event, EventKind
from gateway.publishers.snmp.recent import KEPT, RecentEvents
from gateway.schema.snmp.notifications import LOGGED_OBJECTS, notification_of, varbinds_of
from gateway.schema.snmp.recent import RECENT_TABLE
from gateway.wire.values import Integer, ObjectIdentifier
from tests.publishers.snmp import estate, running
from tests.publishers.snmp.asking import Asker

COLUMNS = {column.name: RECENT_TABLE.column_oid(column) for column in RECENT_TABLE.columns}


def ref(index: int) -> EntityRef:
    return EntityRef(index, estate.uuid(index), EntityKind.VM, f"vm-{index}", "fleet", f"vm-{index}")


def relocation(seq: int) -> Event:
    return Event(
        id=estate.uuid(5_000_000 + seq),
        at=estate.T0 + seq,
        kind=EventKind.RELOCATION,
        entity=ref(20 + seq % 9),
        source="fleet",
        old_host=ref(1),
        new_host=ref(2),
        cause=Cause.FAILOVER,
        seq=seq,
    )


def numbers(asker: Asker) -> list[int]:
    return [varbind.oid[-1] for varbind in asker.walk(COLUMNS["topoRecentId"])]


def test_an_event_has_the_values_of_its_notification():
    publisher = running.make(running.Holder(estate.snapshot(30)))
    asker = Asker(publisher)
    event = relocation(70)
    publisher.remember([event])
    assert asker.get((*COLUMNS["topoRecentNotification"], 70)).value == ObjectIdentifier(
        notification_of(event.kind).oid
    )
    told = dict(zip(notification_of(event.kind).objects, varbinds_of(event), strict=True))
    for wanted, varbind in ((each, told[each]) for each in told if each in LOGGED_OBJECTS):
        column = COLUMNS[wanted.name.replace("topoEvent", "topoRecent")]
        assert asker.get((*column, 70)).value == varbind.value


def test_an_event_that_is_about_no_alarm_has_no_condition_and_no_category():
    publisher = running.make(running.Holder(estate.snapshot(30)))
    asker = Asker(publisher)
    stale = replace(relocation(71), kind=EventKind.STALE_RAISED, condition=ConditionKind.SOURCE_STALE)
    publisher.remember([relocation(70), stale])
    said = [
        asker.get((*COLUMNS[f"topoRecent{name}"], seq)).value for seq in (70, 71) for name in ("Condition", "Category")
    ]
    assert said == [Integer(17), Integer(5), Integer(11), Integer(4)]


def test_new_events_are_seen_at_once_also_without_a_new_snapshot():
    publisher = running.make(running.Holder(estate.snapshot(30)))
    asker = Asker(publisher)
    assert numbers(asker) == []
    publisher.remember([relocation(1), relocation(2)])
    assert numbers(asker) == [1, 2]
    publisher.remember([relocation(3)])
    assert numbers(asker) == [1, 2, 3]


def test_the_oldest_leave_and_a_walk_finds_the_others_however_great_their_numbers():
    publisher = running.make(running.Holder(estate.snapshot(30)))
    asker = Asker(publisher)
    first = 10_000_000
    publisher.remember(relocation(first + number) for number in range(KEPT))
    publisher.remember([relocation(first + 2_000), relocation(first + 3_000)])
    assert numbers(asker) == [*range(first + 2, first + KEPT), first + 2_000, first + 3_000]


def test_shards_without_a_new_event_stay_the_same_objects():
    before = RecentEvents().with_these(relocation(number) for number in range(1, 200))
    after = before.with_these([relocation(200)])
    assert [number for number in range(len(after)) if after[number] is not before[number]] == [200 >> 6]


def test_what_is_not_committed_yet_has_no_number_and_is_not_shown():
    assert len(RecentEvents().with_these([relocation(0)])) == 0
