"""Planned windows in the database: kept over a restart, shown at past times, deleted when they are old."""

from dataclasses import replace

import pytest

from gateway.model.changes import Changes
from gateway.model.conditions import SECOND
from gateway.model.windows import WINDOW_KEPT, Window, WindowState
from gateway.store.database import Database, open_database
from gateway.store.retention import prune

T0 = 1_700_000_000 * SECOND
HOUR = 3600 * SECOND
WINDOW = Window(1, "018bcfe5-6800-7000-8000-000000000001", "kernel", "CHG-1", (3, 1), T0, T0 + HOUR, "alice", T0)


@pytest.fixture
def database(database_url: str):  # type: ignore[no-untyped-def]
    opened = open_database(database_url, now=lambda: T0)
    yield opened
    opened.close()


def commit(database: Database, revision: int, at: int, *windows: Window) -> None:
    database.repository.commit(Changes(revision, at, 1, 1, windows={window.index: window for window in windows}))


def test_an_open_window_is_there_after_a_restart_and_due_as_before(database: Database, database_url: str):
    begun = replace(WINDOW, begun_at=T0, event_id="018bcfe5-6800-7000-8000-00000000000a", relocations=2, failures=1)
    commit(database, 1, T0, WINDOW)
    commit(database, 2, T0, begun, replace(WINDOW, index=2, id=begun.event_id, starts_at=T0 + 2 * HOUR))
    again = open_database(database_url)
    snapshot = again.repository.load()
    again.close()
    assert next(snapshot.open_windows()) == begun
    assert snapshot.pending == {"window:1": T0 + HOUR, "window:2": T0 + 2 * HOUR}
    assert snapshot.next_window == 3


def test_an_ended_window_is_loaded_no_more_and_its_number_stays_its_own(database: Database):
    commit(database, 1, T0, WINDOW)
    commit(database, 2, T0 + HOUR, replace(WINDOW, begun_at=T0, ended_at=T0 + HOUR))
    snapshot = database.repository.load()
    assert (list(snapshot.open_windows()), snapshot.next_window) == ([], 2)


def test_a_window_that_ended_lately_is_remembered_for_what_is_told_late(database: Database):
    ended = replace(WINDOW, begun_at=T0, ended_at=T0 + HOUR)
    called_off = replace(WINDOW, index=2, id="018bcfe5-6800-7000-8000-000000000002", ended_at=T0 + HOUR)
    commit(database, 1, T0 + HOUR, ended, called_off)
    assert database.repository.load().ended_windows == (ended,)
    commit(database, 2, T0 + HOUR + WINDOW_KEPT, replace(called_off, name="nothing"))
    assert database.repository.load().ended_windows == ()


def test_a_past_time_has_the_windows_as_they_were_then(database: Database):
    commit(database, 1, T0, replace(WINDOW, starts_at=T0 + 10))
    commit(database, 2, T0 + HOUR, replace(WINDOW, begun_at=T0 + 10, ended_at=T0 + HOUR))

    def states(at: int) -> list[WindowState]:
        return [window.state for window in database.history.at(at).open_windows()]

    assert states(T0 - 1) == []
    assert states(T0 + 5) == [WindowState.SCHEDULED]
    assert states(T0 + 20) == [WindowState.ACTIVE]
    assert states(T0 + HOUR) == []


def test_old_windows_are_deleted_but_for_the_last_and_those_that_are_open(database: Database):
    over = replace(WINDOW, begun_at=T0, ended_at=T0 + HOUR)
    ids = [f"018bcfe5-6800-7000-8000-00000000001{number}" for number in range(3)]
    second = replace(WINDOW, index=2, id=ids[1], ends_at=T0 + 1000 * HOUR)
    commit(database, 1, T0, over, second, replace(over, index=3, id=ids[2]))
    assert prune(database, T0 + 100 * HOUR, keep_us=HOUR).rows["planned_window"] == 1
    assert database.repository.load().next_window == 4
