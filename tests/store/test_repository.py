"""Commits and what is read back: identity, intervals, alarms, log and outbox in one transaction."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from gateway.model.changes import Changes
from gateway.model.conditions import Category, ConditionKind, Severity
from gateway.model.entities import Alias, EntityKind, EntityState, KeyNamespace, NativeKey
from gateway.model.errors import StoreError, StoreUnavailable
from gateway.model.events import Cause
from gateway.model.ports import EventFilter
from gateway.model.rows import Alarm
from gateway.store import tables
from gateway.store.database import Database, open_database
from tests.store.estate import (
    SECOND,
    T0,
    WEB,
    A,
    B,
    Estate,
    contents,
    first_revision,
    move,
    moved,
    placed_on,
    recent_roots,
    record,
    runs_on,
)

LATER = T0 + 60 * SECOND


@pytest.fixture
def database(database_url: str):
    found = open_database(database_url)
    yield found
    found.close()


def rows(database: Database, table: Any, *conditions: Any) -> list[Any]:
    with database.connections.read() as connection:
        return list(connection.execute(select(table).where(*conditions)).all())


def alarm(index: int = 1, **changes: Any) -> Alarm:
    row = Alarm(
        index, "crashed:x", ConditionKind.CRASHED, Category.FAILURE, Severity.CRITICAL, WEB.index, "kvm", "", "", "",
        T0, T0 + 10 * SECOND,
    )  # fmt: skip
    return replace(row, **changes)


@pytest.mark.parametrize("seed", range(4))
def test_what_is_loaded_is_what_was_committed_whatever_happened(database_url: str, seed: int):
    database = open_database(database_url)
    estate = Estate(seed)
    for number, changes in enumerate(estate.revisions(60)):
        database.repository.commit(changes)
        if number % 6 == 0:
            loaded = database.repository.load()
            assert contents(loaded) == contents(estate.snapshot)
            assert recent_roots(loaded) >= recent_roots(estate.snapshot)
    database.close()
    reopened = open_database(database_url)
    assert contents(reopened.repository.load()) == contents(estate.snapshot)
    reopened.close()
    assert len(estate.snapshot.entities) > 10


def test_in_memory_nothing_else_happens():
    database = open_database("sqlite://")
    estate = Estate(7)
    for changes in estate.revisions(40):
        database.repository.commit(changes)
    assert contents(database.repository.load()) == contents(estate.snapshot)
    assert len(database.history.events(EventFilter(limit=1000))) > 0
    database.close()


def test_a_thing_that_comes_back_has_its_index_id_and_last_place(database: Database):
    database.repository.commit(first_revision())
    gone = replace(WEB, gone=True)
    stopped = placed_on(A, open=False, left_at=LATER)
    database.repository.commit(
        Changes(2, LATER, 11, 1, {10: (WEB, gone)}, ((runs_on(A), None),), {10: (placed_on(A), stopped)})
    )
    loaded = database.repository.load()
    assert loaded.entity(10) is None
    assert loaded.records.get(10) == gone
    assert loaded.placements.get(10) == stopped
    back = replace(WEB, name="web again")
    database.repository.commit(
        Changes(
            3,
            LATER + SECOND,
            11,
            1,
            {10: (gone, back)},
            ((None, runs_on(B)),),
            {10: (stopped, placed_on(B, LATER + SECOND))},
        )
    )
    loaded = database.repository.load()
    assert loaded.records.get(10) == back
    assert loaded.placements.get(10) == placed_on(B, LATER + SECOND)
    assert loaded.next_index == 11


def test_a_dropped_placement_does_not_come_back(database: Database):
    database.repository.commit(first_revision())
    database.repository.commit(Changes(2, LATER, 11, 1, placements={10: (placed_on(A), None)}))
    assert database.repository.load().placements.get(10) is None
    assert database.history.placements(10)[0].until == LATER


def test_a_state_that_does_not_change_keeps_its_interval(database: Database):
    database.repository.commit(first_revision())
    keys = (Alias(KeyNamespace.MAC, "02:00:00:00:00:01"), Alias(KeyNamespace.HOST_NAME, "web"))
    named = replace(WEB, aliases=keys, entity=1)
    database.repository.commit(Changes(2, LATER, 11, 1, {10: (WEB, named)}))
    assert len(rows(database, tables.record_state, tables.record_state.c.record == 10)) == 1
    paused = replace(named, state=EntityState.PAUSED, state_since=LATER)
    database.repository.commit(Changes(3, LATER, 11, 1, {10: (named, paused)}))
    states = rows(database, tables.record_state, tables.record_state.c.record == 10)
    assert sorted((row.state, row.valid_to, row.current) for row in states) == [
        ("paused", None, True),
        ("running", LATER, False),
    ]
    assert len(rows(database, tables.alias)) == 2
    assert database.repository.load().records.get(10) == paused


def test_keys_keep_the_order_of_their_source(database: Database):
    one, two, three = (Alias(KeyNamespace.MAC, f"02:00:00:00:00:0{n}") for n in (3, 1, 2))
    database.repository.commit(first_revision())
    before = WEB
    for revision, keys in enumerate([(one, two), (two, one), (two, three, one), (three,), ()], start=2):
        after = replace(before, aliases=keys)
        database.repository.commit(Changes(revision, LATER, 11, 1, {10: (before, after)}))
        assert database.repository.load().records.get(10) == after
        before = after


def test_a_move_closes_one_interval_and_opens_another_and_the_rest_changes_in_place(database: Database):
    database.repository.commit(first_revision())
    left = placed_on(A, left_at=LATER - SECOND)
    database.repository.commit(Changes(2, LATER, 11, 1, placements={10: (placed_on(A), left)}))
    assert len(rows(database, tables.placement)) == 1
    there = placed_on(B, LATER, moved_from=1, moved_at=LATER, live=True)
    database.repository.commit(move(3, LATER, left, there))
    new, old = database.history.placements(10)
    assert (new.host, new.since, new.until, new.opened_rev) == (2, LATER, None, 3)
    assert (old.host, old.since, old.until, old.closed_rev) == (1, T0, LATER, 3)
    assert database.repository.load().placements.get(10) == there


def test_an_interval_ends_when_the_next_begins(database: Database):
    database.repository.commit(first_revision())
    since = LATER - 20 * SECOND  # the source says so, a while after the fact
    database.repository.commit(move(2, LATER, placed_on(A), placed_on(B, since)))
    new, old = database.history.placements(10)
    assert (old.until, new.since, new.learned_at) == (since, since, LATER)
    promoted = placed_on(B, since, role="promoted")
    database.repository.commit(Changes(3, LATER + SECOND, 11, 1, placements={10: (placed_on(B, since), promoted)}))
    new, old = database.history.placements(10, limit=2)
    assert (old.role, old.until, new.role, new.since) == ("", LATER + SECOND, "promoted", LATER + SECOND)
    assert database.repository.load().placements.get(10) == promoted


def test_a_settling_alarm_that_ends_leaves_no_trace_and_a_raised_one_its_history(database: Database):
    repository = database.repository
    repository.commit(first_revision())
    repository.commit(Changes(2, LATER, 11, 2, alarms={1: (None, alarm())}))
    assert repository.load().pending == {"alarm:1": T0 + 10 * SECOND}
    repository.commit(Changes(3, LATER, 11, 2, alarms={1: (alarm(), None)}))
    assert rows(database, tables.alarm) == []
    settling = alarm(2)
    raised = alarm(2, raised_at=LATER, event_id="e", text="crashed")
    repository.commit(Changes(4, LATER, 11, 3, alarms={2: (None, settling)}))
    repository.commit(Changes(5, LATER, 11, 3, alarms={2: (settling, raised)}))
    assert database.history.alarms(active_only=True) == ((raised, None),)
    assert repository.load().alarms.get(2) == raised
    # It ends, and the same condition begins to settle again in the same revision.
    repository.commit(Changes(6, LATER + SECOND, 11, 4, alarms={2: (raised, None), 3: (None, alarm(3))}))
    assert database.history.alarms(active_only=False) == ((raised, LATER + SECOND),)
    loaded = repository.load()
    assert loaded.roots == {WEB.index: ("e", LATER + SECOND)}
    assert (loaded.alarm_keys.get("crashed:x"), loaded.next_alarm) == (3, 4)


def test_only_what_is_told_is_for_the_receivers(database: Database):
    database.repository.commit(first_revision())
    quiet = moved(LATER, 1, notify=False)
    told = moved(LATER, 2, members=(moved(0, 0).entity,), live=True, cause=Cause.FAILOVER, severity=Severity.MAJOR)
    events = database.repository.commit(Changes(2, LATER, 11, 1, events=(quiet, told)))
    assert [event.seq for event in events] == [1, 2]
    assert database.history.events(EventFilter()) == events
    assert [replace(event, seq=0) for event in events] == [quiet, told]
    assert database.outbox.after(0, 10) == events[1:]


def test_a_better_cause_amends_the_log_and_sends_nothing(database: Database):
    database.repository.commit(first_revision())
    (event,) = database.repository.commit(Changes(2, LATER, 11, 1, events=(moved(LATER, 1),)))
    better = replace(event, cause=Cause.EVACUATION, planned=True, seq=0)
    assert database.repository.commit(Changes(3, LATER, 11, 1, amended=(better,))) == ()
    assert database.history.events(EventFilter()) == (replace(better, seq=event.seq),)
    assert len(database.outbox.after(0, 10)) == 1


def test_repeating_a_commit_whose_answer_was_lost_writes_nothing_twice(database: Database, database_url: str):
    database.repository.commit(first_revision())
    changes = replace(
        move(2, LATER, placed_on(A), placed_on(B, LATER)), records={11: (None, record(11))}, next_index=12
    )
    other = open_database(database_url)
    other.repository.load()
    events = other.repository.commit(changes)  # got through, but this process did not hear of it
    assert database.repository.commit(changes) == events
    assert len(database.history.events(EventFilter())) == 1
    after = Changes(3, LATER, 13, 1, {12: (None, record(12))})
    database.repository.commit(after)
    assert database.repository.load().next_index == 13
    other.close()


def lose_the_answer(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next transaction is committed, and the connection breaks before the answer comes; reads fail, too."""
    real = database.connections.write
    silent = [True]

    @contextmanager
    def write() -> Iterator[Any]:
        with real() as connection:
            yield connection
        if silent:
            silent.clear()
            raise StoreUnavailable("the server broke the connection")

    @contextmanager
    def read() -> Iterator[Any]:
        raise StoreUnavailable("the server cannot be reached")
        yield

    monkeypatch.setattr(database.connections, "write", write)
    monkeypatch.setattr(database.connections, "read", read)


def test_a_commit_whose_answer_was_lost_is_found_out(database: Database, monkeypatch: pytest.MonkeyPatch):
    database.repository.commit(first_revision())
    changes = move(2, LATER, placed_on(A), placed_on(B, LATER))
    with monkeypatch.context() as broken:
        lose_the_answer(database, broken)
        with pytest.raises(StoreUnavailable):
            database.repository.commit(changes)
    events = database.repository.commit(changes)
    assert [event.id for event in events] == [changes.events[0].id]
    assert database.history.events(EventFilter()) == events
    database.repository.commit(replace(first_revision(LATER), revision=3, records={}, claims=(), placements={}))
    assert database.repository.load().revision == 3


def test_a_lost_answer_is_no_failure_when_the_database_can_be_asked(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    database.repository.commit(first_revision())
    changes = move(2, LATER, placed_on(A), placed_on(B, LATER))
    with monkeypatch.context() as broken:
        reading = database.connections.read
        lose_the_answer(database, broken)
        broken.setattr(database.connections, "read", reading)
        events = database.repository.commit(changes)
    assert database.history.events(EventFilter()) == events
    assert database.repository.load().revision == 2


def test_a_second_gateway_on_the_same_database_is_refused(database: Database, database_url: str):
    database.repository.commit(first_revision())
    other = open_database(database_url)
    other.repository.load()
    other.repository.commit(Changes(2, LATER, 12, 1, {11: (None, record(11))}))
    with pytest.raises(StoreError, match="Another gateway writes to this database"):
        database.repository.commit(move(2, LATER + SECOND, placed_on(A), placed_on(B, LATER)))
    assert database.history.events(EventFilter()) == ()
    other.close()


def test_one_read_sees_one_revision_while_another_is_committed(database: Database):
    database.repository.commit(first_revision())
    revision = select(tables.meta.c.value).where(tables.meta.c.key == "revision")
    hosts = select(tables.placement.c.host).where(tables.placement.c.valid_to.is_(None))
    with database.connections.read() as connection:
        before = connection.execute(revision).scalar_one()
        database.repository.commit(move(2, LATER, placed_on(A), placed_on(B, LATER)))
        assert connection.execute(hosts).scalars().all() == [A.index]
        assert connection.execute(revision).scalar_one() == before == "1"
    with database.connections.read() as connection:
        assert connection.execute(hosts).scalars().all() == [B.index]


def test_readers_cannot_write(database: Database):
    with pytest.raises(StoreError), database.connections.read() as connection:
        connection.execute(tables.meta.insert().values(key="x", value="y"))


def test_a_commit_that_fails_half_way_leaves_nothing(database: Database):
    database.repository.commit(first_revision())
    event = moved(LATER, 1)
    with pytest.raises(StoreError):
        database.repository.commit(
            Changes(2, LATER, 11, 1, placements={10: (placed_on(A), placed_on(B, LATER))}, events=(event, event))
        )
    assert database.history.events(EventFilter()) == ()
    assert database.repository.load().placements.get(10) == placed_on(A)
    assert database.repository.load().revision == 1
    database.repository.commit(move(2, LATER, placed_on(A), placed_on(B, LATER)))
    assert database.repository.load().revision == 2


def test_what_no_database_can_hold_is_replaced_in_every_text(database: Database):
    bad, good = "a\x00b\ud83dc", "a\ufffdb\ufffdc"
    pair = "\U0001f600"
    said = {"description": bad, "smiley": pair}
    odd = record(12, name=bad, reason=bad, attributes=said, key=NativeKey(EntityKind.VM, bad))
    event = replace(moved(LATER, 1, vm=odd), text=bad, evidence=(bad,))
    database.repository.commit(first_revision())
    database.repository.commit(Changes(2, LATER, 13, 1, {12: (None, odd)}, events=(event,)))
    database.repository.commit(
        Changes(3, LATER, 13, 1, {12: (odd, replace(odd, scope=bad, reason="", state_since=LATER))})
    )
    loaded = database.repository.load().records.get(12)
    assert loaded is not None
    assert (loaded.name, loaded.key.native, loaded.scope) == (good, good, good)
    assert loaded.attributes == {"description": good, "smiley": pair}
    (stored,) = database.history.events(EventFilter())
    assert (stored.text, stored.evidence, stored.entity.name) == (good, (good,), good)
