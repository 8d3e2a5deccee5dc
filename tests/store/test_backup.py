"""Backup and restore keep identity, also from one product to the other."""

import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, select, text

from gateway.model.changes import Changes
from gateway.model.errors import SchemaMismatch, StoreError
from gateway.model.ports import EventFilter
from gateway.store import tables
from gateway.store.database import Database, open_database
from gateway.store.replacement import replace_database
from tests.store.estate import SECOND, T0, Estate, contents, moved, record

HOUR = 3600 * SECOND


@pytest.fixture(params=["sqlite", "postgresql", "memory"])
def source_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "memory":
        return "sqlite://"
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'source.db'}"
    return str(request.getfixturevalue("postgresql_url"))


@pytest.fixture(params=["sqlite", "postgresql"])
def target_url(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'target.db'}"
        return
    with request.getfixturevalue("postgresql_server").fresh_database() as url:
        yield url


def filled(url: str, now: int = T0) -> tuple[Database, Estate]:
    database = open_database(url, now=lambda: now)
    database.outbox.begin("nms")
    estate = Estate(3)
    for changes in estate.revisions(30):
        database.repository.commit(changes)
    return database, estate


def everything(database: Database) -> dict[str, list[dict[str, Any]]]:
    with database.connections.read() as connection:
        return {
            table.name: [dict(row) for row in connection.execute(select(table).order_by(*table.primary_key)).mappings()]
            for table in tables.metadata.sorted_tables
            if table.name not in ("meta", "lease")  # compared by themselves
        }


def test_a_restored_database_holds_the_same_and_goes_on(source_url: str, target_url: str, tmp_path: Path):
    source, estate = filled(source_url)
    secret = source.administration.create_token("console", "read", T0)
    source.administration.engine_id(lambda: b"\x80\x00")
    boots = source.administration.next_engine_boots()
    source.administration.engine_id(lambda: b"\x80\x01", "gw1")
    boots_of_one = source.administration.next_engine_boots("gw1")
    source.backup(tmp_path / "backup.db")

    target = open_database(target_url, now=lambda: T0 + HOUR)
    target.restore(tmp_path / "backup.db")
    assert everything(target) == everything(source)
    assert contents(target.repository.load()) == contents(estate.snapshot)
    assert target.administration.authenticate(secret, T0) is not None
    assert target.administration.engine_id(lambda: b"other") == b"\x80\x00"
    # Above everything the source may have used in the hour since the backup was made.
    assert target.administration.next_engine_boots() > boots + 3600
    assert target.administration.engine_id(lambda: b"other", "gw1") == b"\x80\x01"
    assert target.administration.next_engine_boots("gw1") > boots_of_one + 3600

    last = max((event.seq for event in source.history.events(EventFilter(limit=10_000))), default=0)
    for changes in estate.revisions(10):
        events = target.repository.commit(changes)
        assert all(event.seq > last for event in events)
    assert contents(target.repository.load()) == contents(estate.snapshot)
    source.close()
    target.close()


def test_numbers_of_events_that_were_deleted_are_not_given_again(source_url: str, target_url: str, tmp_path: Path):
    source, estate = filled(source_url)
    last = max(event.seq for event in source.history.events(EventFilter(limit=10_000)))
    with source.connections.write() as connection:
        connection.execute(tables.event.delete())
    source.backup(tmp_path / "backup.db")
    target = open_database(target_url)
    target.restore(tmp_path / "backup.db")
    now = estate.now + SECOND
    changes = Changes(31, now, 1000, 100, {999: (None, record(999))}, events=(moved(now, 1),))
    assert target.repository.commit(changes)[0].seq == last + 1
    source.close()
    target.close()


def test_a_database_that_holds_something_is_replaced_only_by_force(database_url: str, tmp_path: Path):
    database, estate = filled(database_url)
    database.administration.engine_id(lambda: b"\x80\x00")
    database.backup(tmp_path / "backup.db")
    now = estate.now + SECOND
    after = Changes(31, now, 1000, 100, {999: (None, record(999))})
    database.repository.commit(after)
    for _ in range(5):
        boots = database.administration.next_engine_boots()
    before = everything(database)
    with pytest.raises(StoreError, match="not empty"):
        database.restore(tmp_path / "backup.db")
    assert everything(database) == before
    database.restore(tmp_path / "backup.db", force=True)
    loaded = database.repository.load()
    assert loaded.revision == 30
    assert loaded.next_index == 1000  # 999 was seen by consoles
    assert database.administration.next_engine_boots() > boots
    database.close()


def test_a_backup_of_a_newer_version_is_refused(database_url: str, tmp_path: Path):
    database, _ = filled("sqlite://")
    file = tmp_path / "backup.db"
    database.backup(file)
    engine = create_engine(f"sqlite:///{file}")
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    target = open_database(database_url)
    with pytest.raises(SchemaMismatch, match=r"backup.db: .*newer version"):
        target.restore(file)
    assert target.repository.load().revision == 0
    target.close()


def test_what_is_no_backup_is_refused(database_url: str, tmp_path: Path):
    target = open_database(database_url)
    (tmp_path / "notes").write_text("no database" * 1000)
    (tmp_path / "empty").touch()
    for name, message in (
        ("missing", "no such file"),
        ("notes", "notes: it is no SQLite file, so it is no backup. Name a file that"),
        ("empty", "no topology"),
    ):
        with pytest.raises(StoreError, match=message):
            target.restore(tmp_path / name)
    assert target.repository.load().revision == 0
    target.close()


def test_a_backup_is_one_private_file_made_while_the_gateway_goes_on(database_url: str, tmp_path: Path):
    database, estate = filled(database_url)
    folder = tmp_path / "backups"
    folder.mkdir()
    database.backup(folder / "backup.db")
    (file,) = folder.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    for changes in estate.revisions(5):
        database.repository.commit(changes)
    database.backup(folder / "backup.db")
    copy = open_database(f"sqlite:///{file}", upgrade=False)
    assert contents(copy.repository.load()) == contents(estate.snapshot)
    copy.close()
    database.close()


def test_a_backup_that_cannot_be_written_leaves_the_last_one(database_url: str, tmp_path: Path):
    database, _ = filled(database_url)
    with pytest.raises(StoreError, match="no file can be made there"):
        database.backup(tmp_path / "missing" / "backup.db")
    with pytest.raises(StoreError, match=rf"There is no such folder: make it \(mkdir -p {tmp_path}/missing\)"):
        database.backup(tmp_path / "missing" / "backup.db")
    database.close()


def test_a_database_is_never_replaced_by_its_own_backup(tmp_path: Path):
    database, _ = filled(f"sqlite:///{tmp_path}/topology.db")
    (tmp_path / "link.db").symlink_to(tmp_path / "topology.db")
    for name in ("topology.db", "link.db"):
        with pytest.raises(StoreError, match="this is the database itself"):
            database.backup(tmp_path / name)
    database.close()


# -- in place of what cannot be opened ---------------------------------------------------------------------------


def backed_up(url: str, folder: Path) -> tuple[Path, dict[str, list[dict[str, Any]]], Estate]:
    database, estate = filled(url)
    database.backup(folder / "backup.db")
    rows = everything(database)
    database.close()
    return folder / "backup.db", rows, estate


def damage(file: Path) -> None:
    """A head that can still be read, and nothing but noise behind it."""
    octets = file.read_bytes()
    file.write_bytes(octets[:8192] + b"\xa5" * (len(octets) - 8192))


def make_newer(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.execute("UPDATE meta SET value = '777' WHERE key = 'next_index'")
        connection.execute("DROP TABLE alarm")


def overwrite(file: Path) -> None:
    file.write_bytes(b"no database any more\n" * 1000)


@pytest.mark.parametrize("spoil", [damage, make_newer, overwrite])
def test_a_database_that_cannot_be_opened_is_set_aside(tmp_path: Path, spoil: Any):
    file = tmp_path / "topology.db"
    url = f"sqlite:///{file}"
    copy, rows, _ = backed_up(url, tmp_path)
    spoil(file)
    spoilt = file.read_bytes()
    aside = replace_database(url, copy, now=T0)
    assert aside is not None
    assert aside.name == "topology.db.set-aside-20231114T221320000000Z"
    assert aside.read_bytes() == spoilt
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    database = open_database(url)
    assert everything(database) == rows
    if spoil is make_newer:
        assert database.repository.load().next_index == 777  # no index is given twice
    database.close()
    assert not list(tmp_path.glob(".topology*"))


def test_nothing_is_set_aside_for_a_backup_that_is_none(tmp_path: Path):
    file = tmp_path / "topology.db"
    backed_up(f"sqlite:///{file}", tmp_path)
    make_newer(file)
    spoilt = file.read_bytes()
    (tmp_path / "none.db").write_bytes(b"no backup" * 100)
    with pytest.raises(StoreError, match=r"none\.db"):
        replace_database(f"sqlite:///{file}", tmp_path / "none.db")
    assert file.read_bytes() == spoilt
    assert not list(tmp_path.glob("*set-aside*"))


def test_a_database_of_something_else_is_never_set_aside(tmp_path: Path):
    copy, _, _ = backed_up(f"sqlite:///{tmp_path / 'topology.db'}", tmp_path)
    other = tmp_path / "shop.db"
    with closing(sqlite3.connect(other)) as connection, connection:
        connection.execute("CREATE TABLE customers (id INTEGER)")
    with pytest.raises(SchemaMismatch, match="something else"):
        replace_database(f"sqlite:///{other}", copy)
    assert not list(tmp_path.glob("*set-aside*"))


def test_a_newer_postgresql_database_is_refused_with_what_to_do(postgresql_url: str, tmp_path: Path):
    copy, _, _ = backed_up(postgresql_url, tmp_path)
    engine = create_engine(postgresql_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match=r"newer version.*createdb"):
        replace_database(postgresql_url, copy)
    engine.dispose()
