"""Tokens, deliveries and the installation's identity."""

from pathlib import Path

import pytest

from gateway.model.changes import Changes
from gateway.model.errors import StoreError
from gateway.model.ports import Marks, Progress, Token
from gateway.store.administration import LARGEST_BOOTS
from gateway.store.database import Database, open_database
from tests.store.estate import SECOND, T0, first_revision, moved


@pytest.fixture
def database(database_url: str):
    found = open_database(database_url)
    yield found
    found.close()


def test_a_token_lets_in_until_it_expires_or_is_revoked(database: Database):
    admin = database.administration
    secret = admin.create_token("console", "read", T0, T0 + SECOND)
    assert secret.startswith("cgw_")
    assert len(secret) >= 46
    token = Token("console", "read", T0, T0 + SECOND)
    assert admin.authenticate(secret, T0) == token
    assert admin.authenticate(secret, T0 + SECOND) is None
    assert admin.authenticate(secret[:-1], T0) is None
    assert admin.authenticate("cgw_\ud800", T0) is None
    assert admin.tokens() == (token,)
    assert admin.revoke_token("console")
    assert not admin.revoke_token("console")
    assert admin.authenticate(secret, T0) is None


def test_names_are_unique_and_roles_are_known(database: Database):
    admin = database.administration
    admin.create_token("a", "ingest:cluster1", T0)
    with pytest.raises(StoreError, match="already"):
        admin.create_token("a", "read", T0)
    for role in ("root", "ingest:", "ingest", "read ", "ingest:a b", ""):
        with pytest.raises(StoreError, match="use read, admin, or ingest:SOURCE"):
            admin.create_token("b", role, T0)
    with pytest.raises(StoreError, match="1 to 255"):
        admin.create_token("x" * 256, "read", T0)
    assert [token.role for token in admin.tokens()] == ["ingest:cluster1"]


def test_no_secret_is_in_the_file(tmp_path: Path):
    database = open_database(f"sqlite:///{tmp_path / 'topology.db'}")
    secret = database.administration.create_token("console", "admin", T0)
    database.backup(tmp_path / "backup.db")
    for file in tmp_path.iterdir():
        content = file.read_bytes()
        assert secret.encode() not in content
        assert secret.removeprefix("cgw_").encode() not in content
    database.close()


def test_the_engine_id_is_made_once_and_boots_are_committed_before_they_are_told(database_url: str):
    boots = []
    for _ in range(3):
        database = open_database(database_url)
        assert database.administration.engine_id(lambda: b"\x80\x00\x01") == b"\x80\x00\x01"
        assert database.administration.engine_id(lambda: b"another") == b"\x80\x00\x01"
        boots.append(database.administration.next_engine_boots())
        other = open_database(database_url)
        with other.connections.read() as connection:
            stored = connection.exec_driver_sql("SELECT value FROM meta WHERE key = 'engine_boots'").scalar()
        assert stored == str(boots[-1])
        other.close()
        database.close()
    assert boots == [1, 2, 3]


def test_each_named_instance_has_an_engine_beside_that_of_the_installation(database: Database):
    admin = database.administration
    made = {name: admin.engine_id(lambda name=name: b"\x80" + name.encode(), name) for name in ("", "gw1", "gw2")}
    assert made == {"": b"\x80", "gw1": b"\x80gw1", "gw2": b"\x80gw2"}
    boots = [admin.next_engine_boots(name) for name in ("gw1", "gw1", "", "gw2", "gw1")]
    assert boots == [1, 2, 1, 1, 3]
    assert {name: admin.engine_id(lambda: b"another", name) for name in made} == made


def test_used_up_boots_need_a_new_engine_id(database: Database):
    admin = database.administration
    admin.engine_id(lambda: b"old")
    with database.connections.write() as connection:
        connection.exec_driver_sql("INSERT INTO meta (key, value) VALUES ('x', 'y')")
        connection.exec_driver_sql(f"UPDATE meta SET value = '{LARGEST_BOOTS - 1}' WHERE key = 'engine_boots'")
    assert admin.next_engine_boots() == LARGEST_BOOTS
    with pytest.raises(StoreError, match="a new SNMP engine ID is needed"):
        admin.next_engine_boots()
    assert admin.engine_id(lambda: b"new") == b"new"
    assert admin.next_engine_boots() == 1


def test_deliveries_are_counted_by_receiver(database: Database):
    for receiver in ("nms", "noc"):
        database.outbox.begin(receiver)
    database.repository.commit(first_revision())
    database.repository.commit(Changes(2, T0 + SECOND, 11, 1, events=tuple(moved(T0, n) for n in range(3))))
    stands = Progress("nms", 2, 0, 1, 0, 1, T0, "no route to host")
    database.outbox.mark(Marks((stands,), (("nms", 2, T0, "no route to host"),)))
    nms, noc = database.administration.deliveries()
    assert (nms.missed, nms.replaying, nms.delivered_at, nms.position) == (1, 0, T0, 2)
    assert (nms.receiver, nms.pending, nms.delivered, nms.failed) == ("nms", 1, 1, 1)
    assert (nms.oldest_pending_at, nms.last_error) == (T0, "no route to host")
    assert (noc.receiver, noc.pending, noc.delivered, noc.failed, noc.last_error) == ("noc", 3, 0, 0, "")
