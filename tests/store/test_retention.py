"""What retention deletes, and what it never does."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, select

from gateway.model.changes import Changes
from gateway.model.ports import EventFilter, Marks, Progress
from gateway.store import tables
from gateway.store.database import Database, open_database
from gateway.store.retention import prune
from tests.store.estate import SECOND, T0, WEB, A, B, Estate, contents, first_revision, move, placed_on
from tests.store.test_repository import alarm

DAY = 86_400 * SECOND


@pytest.fixture
def database(database_url: str):
    found = open_database(database_url)
    found.outbox.begin("nms")
    yield found
    found.close()


def count(database: Database, table: Any) -> int:
    with database.connections.read() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def moves(database: Database, number: int) -> None:
    """One move a day."""
    database.repository.commit(first_revision())
    here, there = placed_on(A), placed_on(B)
    for day in range(1, number + 1):
        there = replace(there, since=T0 + day * DAY)
        database.repository.commit(move(day + 1, T0 + day * DAY, here, there))
        here, there = there, here


def stand(database: Database, position: int, missed: tuple[int, ...] = ()) -> None:
    """The receiver is so far, and has missed these."""
    given_up = tuple(("nms", seq, T0, "x") for seq in missed)
    database.outbox.mark(Marks((Progress("nms", position),), given_up))


def test_old_intervals_events_and_revisions_go_and_the_rest_stays(database: Database):
    moves(database, 10)
    stand(database, 6)
    before = contents(database.repository.load())
    now = T0 + 10 * DAY
    pruned = prune(database, now, keep_us=3 * DAY, batch=2)
    assert contents(database.repository.load()) == before
    assert pruned.rows["placement"] == pruned.rows["claim"] == 6
    assert [event.at for event in database.history.events(EventFilter(limit=1))] == [T0 + 7 * DAY]
    assert len(database.outbox.after(6, 100)) == 4
    # What is left is answered as before.
    view = database.history.at(now - 2 * DAY)
    place = view.placement(view.entity(WEB.index))
    assert place is not None
    assert place.host == A.index
    assert count(database, tables.revision) < 11
    assert prune(database, now, keep_us=3 * DAY).total == 0


def test_open_intervals_are_never_deleted_however_old(database: Database):
    database.repository.commit(first_revision())
    before = contents(database.repository.load())
    assert prune(database, T0 + 10_000 * DAY, keep_us=DAY).total == 0
    assert contents(database.repository.load()) == before


@pytest.mark.parametrize("seed", range(2))
def test_the_last_place_and_state_of_what_is_stopped_or_gone_stay(database: Database, seed: int):
    estate = Estate(seed)
    for changes in estate.revisions(40):
        database.repository.commit(changes)
    stopped = [p for _, p in estate.snapshot.placements.rows() if not p.open]
    gone = [r for _, r in estate.snapshot.records.rows() if r.gone]
    assert stopped or gone
    pruned = prune(database, estate.now + 1000 * DAY, keep_us=DAY)
    assert pruned.rows["record_state"] > 0
    assert contents(database.repository.load()) == contents(estate.snapshot)
    for changes in estate.revisions(20):
        database.repository.commit(changes)
    assert contents(database.repository.load()) == contents(estate.snapshot)


def test_undelivered_notifications_and_their_events_stay(database: Database):
    moves(database, 3)
    prune(database, T0 + 1000 * DAY, keep_us=DAY)
    assert len(database.outbox.after(0, 10)) == 3
    stand(database, 2, missed=(1, 2))
    database.outbox.replay("nms", T0, since=T0 + 2 * DAY)
    assert prune(database, T0 + 1000 * DAY, keep_us=DAY).rows["missed"] == 1
    assert [event.seq for event in database.history.events(EventFilter())] == [2, 3]


def test_the_event_of_an_active_alarm_stays(database: Database):
    moves(database, 1)
    (event,) = database.outbox.after(0, 10)
    stand(database, 1)
    raised = alarm(1, raised_at=T0 + DAY, event_id=event.id)
    database.repository.commit(Changes(3, T0 + DAY, 11, 2, alarms={1: (None, raised)}))
    prune(database, T0 + 100 * DAY, keep_us=DAY)
    assert database.history.event(event.id) == event
    database.repository.commit(Changes(4, T0 + 2 * DAY, 11, 2, alarms={1: (raised, None)}))
    pruned = prune(database, T0 + 100 * DAY, keep_us=DAY)
    assert (pruned.rows["alarm"], pruned.rows["event"]) == (1, 1)
    assert database.history.event(event.id) is None
