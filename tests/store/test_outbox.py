"""Where each receiver stands in the log, what it missed, and what was asked for again."""

import pytest
from sqlalchemy import create_engine, text

from gateway.model.changes import Changes
from gateway.model.ports import Marks, Progress
from gateway.store.database import Database, open_database
from tests.store.estate import SECOND, T0, first_revision, moved


@pytest.fixture
def database(database_url: str):
    found = open_database(database_url)
    for receiver in ("nms", "noc"):
        found.outbox.begin(receiver)
    found.repository.commit(first_revision())
    events = tuple(moved(T0 + n * SECOND, n, notify=n != 1) for n in range(4))
    found.repository.commit(Changes(2, T0, 11, 1, events=events))
    yield found
    found.close()


def numbers(events) -> list[int]:
    return [event.seq for event in events]


def test_a_new_receiver_begins_at_the_end_of_the_log_and_a_known_one_where_it_was(database: Database):
    assert database.outbox.begin("late").position == 4
    assert database.outbox.begin("nms").position == 0
    stands = Progress("nms", 3, 1, 2, 0, 1, T0, "timeout")
    database.outbox.mark(Marks((stands,)))
    assert database.outbox.begin("nms") == stands
    assert database.outbox.begin("noc") == Progress("noc")


def test_what_is_told_waits_in_the_order_of_the_log(database: Database):
    assert numbers(database.outbox.after(0, 10)) == [1, 3, 4]
    assert numbers(database.outbox.after(1, 1)) == [3]
    assert database.outbox.after(4, 10) == ()


def test_what_was_given_up_is_sent_again_only_when_asked_for(database: Database):
    missed = (("nms", 1, T0, "timeout"), ("nms", 3, T0, "timeout"))
    database.outbox.mark(Marks((Progress("nms", 4),), missed))
    assert database.outbox.wanted("nms", 10) == ()
    assert database.outbox.replay("noc", T0) == 0
    assert database.outbox.replay("nms", T0) == 2
    assert numbers(each.event for each in database.outbox.wanted("nms", 10)) == [1, 3]
    database.outbox.mark(Marks((), (("nms", 3, T0 + SECOND, "again"),), (("nms", 1),)))
    assert database.outbox.wanted("nms", 10) == ()
    (left,) = database.outbox.missed("nms", 10)
    assert (left.event.seq, left.at, left.error, left.wanted) == (3, T0 + SECOND, "again", False)


def test_with_a_time_everything_that_was_told_since_then_and_is_past_is_sent_again(database: Database):
    database.outbox.mark(Marks((Progress("nms", 3),), (("nms", 1, T0, "timeout"),)))
    assert database.outbox.replay("nms", T0, since=T0 + SECOND) == 1
    assert numbers(each.event for each in database.outbox.wanted("nms", 10)) == [3]  # 2 is not told, 4 comes by itself
    assert database.outbox.replay("nms", T0, since=T0) == 2
    assert database.outbox.replay("nms", T0, since=T0) == 2


def test_a_receiver_that_was_removed_is_forgotten_and_nothing_is_written_of_it(database: Database):
    assert database.outbox.forget_all_but(("noc",)) == 3
    database.outbox.mark(Marks((Progress("nms", 4),), (("nms", 3, T0, "timeout"),)))
    assert [each.receiver for each in database.administration.deliveries()] == ["noc"]
    assert database.outbox.missed("nms", 10) == ()
    assert database.outbox.begin("nms").position == 4


def test_an_older_database_goes_on_where_each_receiver_was(database_url: str):
    made = open_database(database_url)
    made.repository.commit(first_revision())
    made.repository.commit(Changes(2, T0, 11, 1, events=tuple(moved(T0, n) for n in range(4))))
    made.close()
    engine = create_engine(database_url.replace("postgresql://", "postgresql+psycopg://"))
    false = "FALSE" if engine.dialect.name == "postgresql" else "0"
    true = "TRUE" if engine.dialect.name == "postgresql" else "1"
    columns = "receiver, event, created_at, attempts, next_at, delivered_at, given_up, error"
    rows = [
        ("nms", 1, "5", false), ("nms", 2, "NULL", true), ("nms", 3, "NULL", false), ("nms", 4, "NULL", false),
        ("noc", 1, "5", false), ("noc", 2, "6", false),
    ]  # fmt: skip
    with engine.begin() as connection:
        for table in ("missed", "receiver", "receiver_settings", "planned_window", "lease"):
            connection.execute(text(f"DROP TABLE {table}"))
        for column in ("placement DROP COLUMN moved_since", "placement DROP COLUMN storage_from",
                       "placement DROP COLUMN storage_left", "alarm DROP COLUMN planned"):  # fmt: skip
            connection.execute(text(f"ALTER TABLE {column}"))
        connection.execute(text(
            "CREATE TABLE outbox (id INTEGER PRIMARY KEY, receiver VARCHAR, event BIGINT, created_at BIGINT, "
            "attempts INTEGER, next_at BIGINT, delivered_at BIGINT, given_up BOOLEAN, error TEXT)"
        ))  # fmt: skip
        for number, (receiver, event, delivered, given_up) in enumerate(rows):
            values = f"'{receiver}', {event}, 1, 0, 0, {delivered}, {given_up}, 'x'"
            connection.execute(text(f"INSERT INTO outbox (id, {columns}) VALUES ({number}, {values})"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    engine.dispose()
    database = open_database(database_url)
    assert database.outbox.begin("nms") == Progress("nms", 2, 0, 1, 0, 1, 5, "")
    assert database.outbox.begin("noc") == Progress("noc", 2, 0, 2, 0, 0, 6, "")
    assert [(each.event.seq, each.wanted) for each in database.outbox.missed("nms", 9)] == [(2, False)]
    database.close()


def test_what_is_ahead_of_a_receiver_is_counted_with_the_end_of_the_log(database: Database):
    assert database.outbox.ahead(0) == (3, 4)
    assert database.outbox.ahead(3) == (1, 4)
    assert database.outbox.ahead(4) == (0, 4)


def test_what_all_receivers_missed_is_counted_and_the_newest_of_it_shown(database: Database):
    missed = (
        ("nms", 1, T0, "timeout"),
        ("nms", 3, T0, "timeout"),
        ("noc", 3, T0, "refused"),
        ("noc", 4, T0, "refused"),
    )
    database.outbox.mark(Marks((Progress("nms", 4), Progress("noc", 4)), missed))
    database.outbox.replay("noc", T0)
    found = database.outbox.given_up(3)
    assert found.counts == {"nms": (2, 0), "noc": (0, 2)}
    assert [(each.receiver, each.event.seq, each.wanted) for each in found.newest] == [
        ("noc", 3, True),
        ("nms", 3, False),
        ("noc", 4, True),
    ]
    database.outbox.forget_all_but(["nms"])
    assert database.outbox.given_up(3).counts == {"nms": (2, 0)}
