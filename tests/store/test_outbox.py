"""What waits for each receiver."""

import pytest

from gateway.model.changes import Changes
from gateway.store.database import Database, open_database
from tests.store.estate import SECOND, T0, first_revision, moved


@pytest.fixture
def database(database_url: str):
    found = open_database(database_url)
    found.repository.receivers = ("nms", "noc")
    found.repository.commit(first_revision())
    found.repository.commit(Changes(2, T0, 11, 1, events=tuple(moved(T0, n) for n in range(3))))
    yield found
    found.close()


def waiting(database: Database, receiver: str = "nms", now: int = T0) -> list[int]:
    return [item.event.seq for item in database.outbox.due(receiver, now, 10)]


def test_the_order_of_the_log_is_kept_behind_one_that_failed(database: Database):
    first = database.outbox.due("nms", T0, 1)[0]
    assert first.attempts == 0
    database.outbox.failed(first.id, T0, T0 + 10 * SECOND, "timeout")
    assert waiting(database) == []
    assert waiting(database, "noc") == [1, 2, 3]
    assert waiting(database, now=T0 + 10 * SECOND) == [1, 2, 3]
    assert database.outbox.due("nms", T0 + 10 * SECOND, 1)[0].attempts == 1


def test_what_is_delivered_or_given_up_waits_no_more(database: Database):
    one, two, _ = (item.id for item in database.outbox.due("nms", T0, 10))
    database.outbox.delivered((), T0)
    database.outbox.delivered((one,), T0)
    database.outbox.given_up(two, T0, "too old")
    assert waiting(database) == [3]
    assert waiting(database, "noc") == [1, 2, 3]


def test_what_waits_for_a_receiver_that_was_removed_is_given_up(database: Database):
    assert database.outbox.abandon_all_but(("noc",)) == 3
    assert waiting(database) == []
    assert waiting(database, "noc") == [1, 2, 3]
