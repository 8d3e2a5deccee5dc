"""One gateway in front of a database leads, and only that one writes."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from gateway.model.errors import LeaseLost
from gateway.store.database import Database, connect, open_database
from gateway.store.lease import Held

NOW = 1_700_000_000_000_000


@pytest.fixture
def one(database_url: str) -> Iterator[Database]:
    found = open_database(database_url, now=lambda: NOW)
    yield found
    found.close()


@pytest.fixture
def other(one: Database, database_url: str) -> Iterator[Database]:
    found = open_database(database_url, now=lambda: NOW + 1)
    yield found
    found.close()


def test_of_two_who_saw_it_free_one_gets_it(one: Database, other: Database):
    free = one.lease.look()
    assert (free, other.lease.look()) == (Held(), Held())
    assert (one.lease.take("a", free), other.lease.take("b", free)) == (True, False)
    assert other.lease.look() == Held("a", 1, 0, NOW)


def test_a_sign_of_life_keeps_it(one: Database, other: Database):
    one.lease.take("a", one.lease.look())
    seen = other.lease.look()
    one.lease.renew()
    assert not other.lease.take("b", seen)
    assert other.lease.look() == Held("a", 1, 1, NOW)


def test_who_was_thought_dead_writes_no_more(one: Database, other: Database):
    one.lease.take("a", one.lease.look())
    one.administration.same_configuration("of a")
    assert other.lease.take("b", other.lease.look())
    for write in (one.lease.renew, one.lease.release, lambda: one.administration.same_configuration("of a again")):
        with pytest.raises(LeaseLost, match=r"b has taken over \(epoch 2; this one led in epoch 1\)"):
            write()
    assert other.administration.same_configuration("of a")
    assert other.lease.look() == Held("b", 2, 0, NOW + 1)


def test_what_the_guard_refuses_leaves_nothing_behind(one: Database, other: Database):
    one.lease.take("a", one.lease.look())
    other.lease.take("b", other.lease.look())
    with pytest.raises(LeaseLost), one.connections.write() as connection:
        connection.execute(text("DELETE FROM meta"))
    assert other.administration.next_engine_boots() == 1


def test_given_back_it_is_free_at_once(one: Database, other: Database):
    one.lease.take("a", one.lease.look())
    one.lease.release()
    assert other.lease.look().holder == ""
    assert other.lease.take("b", other.lease.look())
    assert other.lease.epoch == 2


def test_who_leads_and_who_only_asks_may_both_write(one: Database, other: Database):
    """A command beside the gateway (a token, a backup) seeks no lease."""
    one.lease.take("a", one.lease.look())
    other.administration.create_token("by hand", "read", NOW)
    assert [token.name for token in one.administration.tokens()] == ["by hand"]


def test_a_leader_in_the_middle_of_a_transaction_is_alive(postgresql_url: str):
    """PostgreSQL: a load of a large estate is one transaction, and no sign of life comes meanwhile."""
    one, other = open_database(postgresql_url), open_database(postgresql_url)
    try:
        one.lease.take("a", one.lease.look())
        seen = other.lease.look()
        with one.connections.write():
            assert not other.lease.take("b", seen)
        assert other.lease.take("b", seen)
    finally:
        one.close()
        other.close()


def test_a_server_ends_the_transaction_of_a_leader_without_power(postgresql_url: str):
    database = open_database(postgresql_url)
    try:
        with database.connections.write() as connection:
            assert connection.execute(text("SHOW idle_in_transaction_session_timeout")).scalar() == "1min"
    finally:
        database.close()


def test_a_backup_says_nothing_of_who_leads(one: Database, tmp_path: Path):
    one.lease.take("a", one.lease.look())
    one.backup(tmp_path / "backup.db")
    target = open_database(f"sqlite:///{tmp_path / 'new.db'}")
    try:
        target.restore(tmp_path / "backup.db")
        assert target.lease.look() == Held(epoch=1)
    finally:
        target.close()


def test_who_leads_when_a_backup_is_restored_writes_nothing_over_it(one: Database, other: Database, tmp_path: Path):
    one.backup(tmp_path / "backup.db")
    one.lease.take("a", one.lease.look())
    one.administration.same_configuration("of a")
    other.restore(tmp_path / "backup.db", force=True)
    with pytest.raises(LeaseLost, match="a restored backup has replaced all"):
        one.administration.same_configuration("of a again")
    assert other.lease.take("b", other.lease.look())


def test_a_schema_of_before_leases_is_known_as_such(sqlite_url: str):
    empty = connect(sqlite_url)
    try:
        assert not empty.lease.known()
        empty.upgrade()
        assert empty.lease.known()
    finally:
        empty.close()
