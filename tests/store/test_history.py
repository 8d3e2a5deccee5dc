"""The past, as it was and as it was known."""

import random
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import select

from gateway.model.changes import Changes
from gateway.model.entities import Alias, EntityKind, KeyNamespace
from gateway.model.events import EventKind
from gateway.model.observations import Observation, ObservedEntity, ObservedRelation, Whole
from gateway.model.ports import EventFilter
from gateway.model.relations import Arrival, Phase, RelationKind
from gateway.model.rows import Record
from gateway.model.snapshot import Snapshot, native_key
from gateway.store import tables
from gateway.store.database import Database, open_database
from gateway.store.past import PastView
from gateway.topology.impact import impact
from gateway.topology.revise import observe
from gateway.topology.spread import Effect
from tests.store.estate import (
    HOSTS,
    SECOND,
    SETTLE,
    T0,
    VMS,
    WEB,
    A,
    B,
    C,
    Estate,
    first_revision,
    move,
    moved,
    placed_on,
    record,
)

MINUTE = 60 * SECOND


@pytest.fixture
def database(database_url: str):
    found = open_database(database_url)
    yield found
    found.close()


def host_at(database: Database, at: int, known_at: int | None = None) -> tuple[int, bool] | None:
    view = database.history.at(at, known_at)
    web = view.entity(WEB.index)
    place = view.placement(web) if web is not None else None
    return (place.host, place.open) if place is not None else None


def test_a_vm_is_found_where_it_was(database: Database):
    database.repository.commit(first_revision())
    database.repository.commit(move(2, T0 + MINUTE, placed_on(A), placed_on(B, T0 + MINUTE)))
    there = placed_on(B, T0 + MINUTE)
    stopped = replace(there, open=False, left_at=T0 + 2 * MINUTE)
    database.repository.commit(Changes(3, T0 + 2 * MINUTE, 11, 1, placements={10: (there, stopped)}))
    back = placed_on(C, T0 + 4 * MINUTE)
    database.repository.commit(Changes(4, T0 + 4 * MINUTE, 11, 1, placements={10: (stopped, back)}))
    assert host_at(database, T0 - 1) is None
    assert host_at(database, T0) == (A.index, True)
    assert host_at(database, T0 + MINUTE - 1) == (A.index, True)
    assert host_at(database, T0 + MINUTE) == (B.index, True)
    assert host_at(database, T0 + 3 * MINUTE) == (B.index, False)
    assert host_at(database, T0 + 5 * MINUTE) == (C.index, True)
    assert [interval.host for interval in database.history.placements(10)] == [3, 2, 1]
    assert [interval.host for interval in database.history.placements(10, limit=1)] == [3]


def test_what_was_learned_later_is_not_known_before(database: Database):
    database.repository.commit(first_revision())
    # At minute 10 we learn that it has been on B since minute 1, and left A then.
    learned = T0 + 10 * MINUTE
    left = placed_on(A, left_at=T0 + MINUTE)
    database.repository.commit(move(2, learned, left, placed_on(B, T0 + MINUTE)))
    assert host_at(database, T0 + 5 * MINUTE) == (B.index, True)
    assert host_at(database, T0 + 5 * MINUTE, known_at=T0 + 9 * MINUTE) == (A.index, True)
    assert host_at(database, T0 + 5 * MINUTE, known_at=learned) == (B.index, True)
    assert host_at(database, T0 + 5 * MINUTE, known_at=T0 - 1) is None


def told_by(relation: ObservedRelation | None, at: int) -> Observation:
    """What a fleet of two hosts says of its one VM."""
    hosts = tuple(ObservedEntity(host, host.native) for host in HOSTS[:2])
    claims = (relation,) if relation is not None else ()
    return Observation("fleet", at, Whole(""), (*hosts, ObservedEntity(VMS[0], "web")), claims)


def test_a_live_move_leaves_no_hole_and_a_stop_ends_when_it_is_seen(database: Database):
    def on(host: int, phase: Phase = Phase.STABLE) -> ObservedRelation:
        return ObservedRelation(RelationKind.RUNS_ON, VMS[0], HOSTS[host], "", phase, Arrival.LIVE)

    seen = [on(0), on(0), on(0, Phase.TRANSITIONAL), on(1), on(0), None, None, on(1)]
    ids = Estate(1).ids
    snapshot = Snapshot()
    for number, relation in enumerate(seen):
        snapshot, changes = observe(snapshot, told_by(relation, T0 + number * MINUTE), SETTLE, ids)
        if not changes.empty:
            database.repository.commit(changes)
    web, first, second = (snapshot.natives.get(native_key("fleet", key)) or 0 for key in (VMS[0], *HOSTS[:2]))
    intervals = [(i.host, i.since, i.until) for i in reversed(database.history.placements(web))]
    ends = [(T0 + begin * MINUTE, T0 + end * MINUTE) for begin, end in ((0, 3), (3, 4), (4, 5))]
    assert intervals == [
        (first, *ends[0]),
        (second, *ends[1]),
        (first, *ends[2]),
        (second, T0 + 7 * MINUTE, None),
    ]


@pytest.mark.parametrize("seed", range(4))
def test_intervals_of_one_entity_never_overlap_and_hold_whenever_the_snapshot_was_placed(database: Database, seed: int):
    estate = Estate(seed)
    placed: list[tuple[int, int, int]] = []
    brought: set[tuple[int, int]] = set()  # a merge brings a place where the entity is not any more
    for changes in estate.revisions(120):
        database.repository.commit(changes)
        brought |= {(e, changes.at) for e, (_, p) in changes.placements.items() if p is not None and not p.open}
        placed += [(estate.snapshot.at, e, p.host) for e, p in estate.snapshot.placements.rows() if p.open]
    by_entity: dict[int, list[Any]] = {}
    with database.connections.read() as connection:
        for row in connection.execute(select(tables.placement).order_by(tables.placement.c.id)).mappings():
            by_entity.setdefault(row["entity"], []).append(row)
    for rows in by_entity.values():
        for before, after in pairwise(rows):
            assert before["valid_to"] is not None
            assert before["valid_from"] <= before["valid_to"] <= after["valid_from"]
            assert before["valid_from"] < before["valid_to"] or (before["entity"], before["valid_from"]) in brought
    for at, entity, host in placed:
        holds = [r for r in by_entity[entity] if r["valid_from"] <= at < (r["valid_to"] or at + 1)]
        assert [row["host"] for row in holds] == [host]


def test_a_view_keeps_its_answers_while_the_gateway_goes_on(database: Database):
    database.repository.commit(first_revision())
    view = database.history.at(T0 + 9 * MINUTE)
    database.repository.commit(move(2, T0 + MINUTE, placed_on(A), placed_on(B, T0 + MINUTE)))
    web = view.entity(WEB.index)
    assert web is not None
    assert [claim.lower for claim in view.claims_of(web)] == [A.index]
    place = view.placement(web)
    assert place is not None
    assert (place.host, view.revision) == (A.index, 1)


def test_relations_are_found_from_both_ends_at_a_past_time(database: Database):
    database.repository.commit(first_revision())
    database.repository.commit(move(2, T0 + MINUTE, placed_on(A), placed_on(B, T0 + MINUTE)))
    for at, host, other in ((T0, A, B), (T0 + MINUTE, B, A)):
        view = database.history.at(at)
        here, there = view.entity(host.index), view.entity(other.index)
        assert here is not None
        assert there is not None
        assert [claim.upper for claim in view.claims_on(here)] == [WEB.index]
        assert view.claims_on(there) == ()
        assert view.seen_at(WEB) == (at if at == T0 + MINUTE else None)


def test_names_of_the_time_find_the_entity_and_ids_always_do(database: Database):
    old = replace(WEB, name="Überweb", aliases=(Alias(KeyNamespace.MAC, "02:00:00:00:00:01"),))
    database.repository.commit(Changes(1, T0, 11, 1, {1: (None, A), 10: (None, old)}))
    new = replace(old, name="web", aliases=())
    database.repository.commit(Changes(2, T0 + MINUTE, 11, 1, {10: (old, new)}))
    database.repository.commit(Changes(3, T0 + 2 * MINUTE, 11, 1, {10: (new, replace(new, gone=True))}))
    first, second, third = (database.history.at(T0 + minutes * MINUTE) for minutes in (0, 1, 2))
    assert [(e.index, e.name, e.aliases) for e in first.named("überWEB")] == [(10, "Überweb", old.aliases)]
    assert first.named("web") == ()
    assert [(e.name, e.aliases) for e in second.named("web")] == [("web", ())]
    assert third.named("web") == ()
    assert third.with_id(WEB.id.upper()) is None
    assert first.with_id(WEB.id.upper()) == first.entity(10)
    gone = third.record(10)
    assert gone is not None
    assert (gone.gone, gone.name) == (True, "web")
    assert first.record(10) == old
    assert first.record(99) is None


def test_merged_records_are_one_entity_with_the_identity_of_the_oldest(database: Database):
    twin = record(20, name="declared web", entity=10, attributes={"contact": "ops", "vcpus": 9})
    database.repository.commit(Changes(1, T0, 21, 1, {1: (None, A), 10: (None, WEB), 20: (None, twin)}))
    view = database.history.at(T0)
    merged = view.entity(20)
    assert merged is not None
    assert (merged.index, merged.id, merged.records) == (10, WEB.id, (10, 20))
    assert merged.attributes == {"vcpus": 2, "contact": "ops"}
    assert [entity.index for entity in view.all_entities()] == [1, 10]
    assert [entity.index for entity in view.all_entities(after=1, kind=EntityKind.VM)] == [10]
    assert list(view.all_entities(kind=EntityKind.RACK)) == []


def test_what_was_on_a_host_that_was_merged_later_is_lost_with_it(database: Database):
    database.repository.commit(first_revision())
    database.repository.commit(move(2, T0 + MINUTE, placed_on(A), placed_on(B, T0 + MINUTE)))
    # At minute 2, B proves to be what A is: from now on A's record shows both.
    there = placed_on(B, T0 + MINUTE)
    joined = Changes(
        3, T0 + 2 * MINUTE, 11, 1, {2: (B, replace(B, entity=1))}, placements={10: (there, replace(there, host=1))}
    )
    database.repository.commit(joined)
    for minute in (1, 2):
        view = database.history.at(T0 + minute * MINUTE)
        host = view.entity(B.index)
        assert host is not None
        assert host_at(database, T0 + minute * MINUTE) == (host.index, True)
        assert [(one.entity.index, one.effect) for one in impact(view, [host], view.at).affected] == [(10, Effect.LOST)]


def test_large_estates_are_listed_page_by_page(tmp_path):
    database = open_database(f"sqlite:///{tmp_path / 'topology.db'}")
    many = {index: (None, record(index)) for index in range(1, 1202)}
    database.repository.commit(Changes(1, T0, 1202, 1, many))
    listed = [entity.index for entity in database.history.at(T0).all_entities(after=3)]
    assert listed == list(range(4, 1202))
    database.close()


def answers(view: Snapshot | PastView, index: int) -> object:
    entity = view.entity(index)
    if entity is None:
        return None
    place = view.placement(entity)
    return (
        entity,
        view.claims_of(entity),
        view.claims_on(entity),
        (place.host, place.role, place.since, place.open or place.left_at) if place is not None else None,
        [alarm.key for alarm in view.alarms_of(entity)],
        [found.index for found in view.named(entity.name)],
    )


@pytest.mark.parametrize("seed", range(3))
def test_the_present_is_answered_as_the_snapshot_does_at_every_revision(database: Database, seed: int):
    estate = Estate(seed)
    seen: list[Snapshot] = []
    for changes in estate.revisions(40):
        database.repository.commit(changes)
        seen.append(estate.snapshot)
    # Which records are one has no history.
    merged = {row.index for s in seen for _, row in s.records.rows() if row.entity != row.index}
    merged |= {row.entity for s in seen for _, row in s.records.rows() if row.entity != row.index}
    for snapshot in random.Random(seed).sample(seen, 8):
        view = database.history.at(snapshot.at, known_at=snapshot.at)
        assert view.revision == snapshot.revision
        for index in range(1, snapshot.next_index):
            if index not in merged:
                assert answers(view, index) == answers(snapshot, index)


def test_alarms_of_a_past_time(database: Database):
    from tests.store.test_repository import alarm

    database.repository.commit(first_revision())
    raised = alarm(1, raised_at=T0 + MINUTE, event_id="e")
    database.repository.commit(Changes(2, T0 + MINUTE, 11, 2, alarms={1: (None, raised)}))
    database.repository.commit(Changes(3, T0 + 2 * MINUTE, 11, 2, alarms={1: (raised, None)}))
    by_minute = [[a.key for a in database.history.at(T0 + m * MINUTE).active_alarms()] for m in range(3)]
    assert by_minute == [[], ["crashed:x"], []]
    view = database.history.at(T0 + 3 * MINUTE, known_at=T0 + MINUTE)
    web = view.entity(10)
    assert web is not None
    assert view.alarms_of(web) == (raised,)


def test_the_log_is_filtered_and_paged(database: Database):
    database.repository.commit(first_revision())
    events = database.repository.commit(
        Changes(
            2,
            T0 + MINUTE,
            11,
            1,
            events=tuple(
                moved(
                    T0 + n * SECOND,
                    n,
                    notify=n % 2 == 0,
                    vm=WEB if n < 4 else A,
                    kind=EventKind.RELOCATION if n else EventKind.FAILURE_RAISED,
                )
                for n in range(6)
            ),
        )
    )
    asked = database.history.events

    def numbers(wanted: EventFilter) -> list[int]:
        return [event.seq for event in asked(wanted)]

    assert numbers(EventFilter()) == [1, 2, 3, 4, 5, 6]
    assert numbers(EventFilter(after=2, limit=2)) == [3, 4]
    assert numbers(EventFilter(before=5, newest_first=True, limit=2)) == [4, 3]
    assert numbers(EventFilter(since=T0 + SECOND, until=T0 + 3 * SECOND)) == [2, 3]
    assert numbers(EventFilter(kinds=frozenset({EventKind.FAILURE_RAISED}))) == [1]
    assert numbers(EventFilter(entity=WEB.index)) == [1, 2, 3, 4]
    assert numbers(EventFilter(told_only=True)) == [1, 3, 5]
    assert database.history.event(events[2].id) == events[2]
    assert database.history.event("nothing") is None


def test_the_log_of_an_entity_holds_what_happened_to_its_merged_records(database: Database):
    twin: Record = record(20, entity=10)
    database.repository.commit(Changes(1, T0, 21, 1, {r.index: (None, r) for r in (A, B, WEB, twin)}))
    database.repository.commit(Changes(2, T0, 21, 1, events=(moved(T0, 1, vm=twin), moved(T0, 2))))
    assert len(database.history.events(EventFilter(entity=10))) == 2
