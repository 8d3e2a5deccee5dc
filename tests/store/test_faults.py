"""Disk full, locked, read-only, server gone: clear errors, nothing lost, and the same changes go through later."""

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from gateway.model.changes import Changes
from gateway.model.errors import StoreUnavailable
from gateway.model.ports import EventFilter
from gateway.store import connections
from gateway.store.database import open_database
from gateway.store.faults import shown
from tests.lab.postgres import PostgresServer
from tests.store.estate import SECOND, T0, A, B, contents, first_revision, move, placed_on, record

MANY = Changes(
    2, T0 + SECOND, 3000, 1, {index: (None, record(index, reason="x" * 500)) for index in range(100, 2100)}
)  # fmt: skip


def test_disk_full_is_told_and_the_same_changes_go_through_later(sqlite_url: str):
    database = open_database(sqlite_url)
    database.repository.commit(first_revision())
    before = contents(database.repository.load())
    with database.connections.write() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages + 5}")
    for _ in range(3):
        with pytest.raises(StoreUnavailable, match=r"topology.db: the disk is full. Free space there"):
            database.repository.commit(MANY)
        assert contents(database.repository.load()) == before
    with database.connections.write() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count=1000000")
    database.repository.commit(MANY)
    assert len(database.repository.load().entities) == 2004
    database.close()


SCRIPT = """
import os, sys
from gateway.model.errors import StoreUnavailable
from gateway.store.database import open_database
from tests.store.estate import first_revision, contents
from tests.store.test_faults import MANY
folder = sys.argv[1]
database = open_database(f"sqlite:///{folder}/topology.db")
database.repository.commit(first_revision())
before = contents(database.repository.load())
with open(f"{folder}/ballast", "wb") as ballast:
    ballast.write(b"x" * (os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize - 300_000))
try:
    database.repository.commit(MANY)
except StoreUnavailable as error:
    print("told:", error)
assert contents(database.repository.load()) == before
os.unlink(f"{folder}/ballast")
database.repository.commit(MANY)
database.close()
print(len(open_database(f"sqlite:///{folder}/topology.db", upgrade=False).repository.load().entities))
"""


@pytest.mark.lab
def test_a_file_system_that_is_really_full(tmp_path: Path):
    if os.geteuid() != 0:
        pytest.skip("needs root: a small file system is mounted in a namespace of its own")
    script = tmp_path / "fill.py"
    script.write_text(SCRIPT)
    mounted = f"mount -t tmpfs -o size=16m none {tmp_path}/disk && exec {sys.executable} {script} {tmp_path}/disk"
    (tmp_path / "disk").mkdir()
    root = Path(__file__).parents[2]
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", mounted],
        capture_output=True, text=True, cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told, entities = done.stdout.splitlines()
    assert told.startswith("told: database sqlite:///")
    assert entities == "2004"


def test_a_file_that_another_program_keeps_locked(sqlite_url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(connections, "BUSY_MS", 100)
    database = open_database(sqlite_url)
    with closing(sqlite3.connect(make_url(sqlite_url).database or "", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="another process holds the write lock"):
            database.repository.commit(first_revision())
        assert database.repository.load().revision == 0  # readers do not wait
        other.execute("ROLLBACK")
    database.repository.commit(first_revision())
    assert database.repository.load().revision == 1
    database.close()


def test_a_damaged_file_names_the_remedy(sqlite_url: str, tmp_path: Path):
    database = open_database(sqlite_url)
    database.repository.commit(MANY)
    database.close()
    file = tmp_path / "topology.db"
    content = bytearray(file.read_bytes())
    content[8192:-4096] = b"\xff" * (len(content) - 8192 - 4096)
    file.write_bytes(content)
    with pytest.raises(Exception, match=r"damaged.*gateway db restore FILE"):
        open_database(sqlite_url).repository.load()


def test_a_server_that_goes_away_and_comes_back(postgresql_server: PostgresServer):
    with postgresql_server.fresh_database() as url:
        database = open_database(url)
        database.repository.commit(first_revision())
        before = contents(database.repository.load())
        postgresql_server.stop(signal.SIGQUIT)
        changes = move(2, T0 + SECOND, placed_on(A), placed_on(B, T0 + SECOND))
        try:
            for _ in range(2):
                with pytest.raises(StoreUnavailable, match=r"cannot be reached|broke the connection"):
                    database.repository.commit(changes)
                with pytest.raises(StoreUnavailable):
                    database.history.events(EventFilter())
        finally:
            postgresql_server.start()
        assert contents(database.repository.load()) == before
        (event,) = database.repository.commit(changes)
        assert database.history.events(EventFilter()) == (event,)
        database.close()


def test_passwords_are_never_shown():
    url = "postgresql://gw:hunter2@127.0.0.1:1/topology?sslpassword=hunter2"
    with pytest.raises(StoreUnavailable) as raised:
        open_database(url)
    assert "hunter2" not in str(raised.value)
    assert "127.0.0.1" in str(raised.value)
    assert "hunter2" not in shown(make_url(url))


def test_values_of_a_statement_that_failed_are_not_shown(database_url: str):
    database = open_database(database_url)
    secret = database.administration.create_token("a", "read", T0)
    with pytest.raises(Exception, match="named 'a' already") as raised:
        database.administration.create_token("a", "read", T0)
    assert secret not in str(raised.value)
    bad = Changes(1, T0, 11, 1, placements={10: (None, placed_on(A, source="s3cret"))})
    with pytest.raises(Exception, match=r"(?i)foreign key") as raised:
        database.repository.commit(bad)
    assert "s3cret" not in str(raised.value)
    database.close()
