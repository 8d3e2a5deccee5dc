"""
Replacement: a backup in place of a database that cannot be opened any more (damaged, or of a newer version).

The file is set aside, never deleted, and only when the backup is restored completely beside it.
"""

import os
import secrets
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.engine import URL

from gateway.model.errors import StoreError, StoreUnavailable
from gateway.store import tables
from gateway.store.connections import Connections
from gateway.store.database import Database, open_database
from gateway.support.clock import SystemClock

_KEPT = ("next_index", "next_alarm", "engine_id", "engine_boots")
"""Of the old `meta`, when it can be read: no index is given twice, and snmpEngineBoots never goes back."""
_BESIDE = ("", "-wal", "-shm", "-journal")


def replace_database(url: str, file: Path, *, now: int | None = None) -> Path | None:
    """
    Restore a backup whatever the database holds, also when it cannot be opened.

    Returns:
        Where the file went that could not be opened; None when the backup replaced its contents.

    Raises:
        StoreUnavailable: it cannot be reached, or is in use.
        StoreError: the backup cannot be restored, or the database is not ours, or only its server can replace it.
    """
    at = SystemClock().now() if now is None else now
    try:
        database = open_database(url, now=lambda: at)
    except StoreUnavailable:
        raise
    except StoreError as error:
        return _beside(url, file, at, error)
    try:
        database.restore(file, force=True)
    except StoreUnavailable:
        raise
    except StoreError as error:
        if database.connections.file is None:
            raise
        database.close()
        return _beside(url, file, at, error)
    finally:
        database.close()
    return None


def _beside(url: str, file: Path, at: int, error: StoreError) -> Path:
    """Restore into a new file, then let it take the place of the old one."""
    connections = Connections(url, create=False)
    old = connections.file
    connections.close()
    if old is None:
        raise StoreError(
            f"{error} A PostgreSQL database is not set aside: rename or drop it on its server and create an empty "
            f"one (`dropdb`, `createdb`), then `gateway db restore FILE`."
        ) from error
    kept = _salvaged(old, error)
    new = old.with_name(f".{old.name}.{secrets.token_hex(4)}.part")
    try:
        database = open_database(URL.create("sqlite", database=str(new)).render_as_string(), now=lambda: at)
        try:
            _seed(database, kept)
            database.restore(file, force=True)
        finally:
            database.close()
        with closing(sqlite3.connect(new)) as whole:
            whole.execute("PRAGMA journal_mode=DELETE")
        return _swapped(old, new, at)
    finally:
        for suffix in _BESIDE:
            new.with_name(new.name + suffix).unlink(missing_ok=True)


def _salvaged(old: Path, error: StoreError) -> dict[str, str]:
    """What can still be read of the old `meta`. A database of something else is left alone."""
    try:
        with closing(sqlite3.connect(f"{old.absolute().as_uri()}?mode=ro", uri=True)) as reading:
            names = {name for (name,) in reading.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if names and not names & {"alembic_version", "meta", "record"}:
                raise error
            found = dict(reading.execute("SELECT key, value FROM meta")) if "meta" in names else {}
    except sqlite3.Error:
        return {}
    return {key: value for key, value in found.items() if isinstance(value, str) and _is_kept(key, value)}


def _is_kept(key: str, value: str) -> bool:
    name = key.partition(":")[0]  # of an engine the instance may follow
    return name == "engine_id" or (name in _KEPT and value.isascii() and value.isdigit() and len(value) <= 10)


def _seed(database: Database, kept: dict[str, str]) -> None:
    with database.connections.write() as connection:
        there = set(connection.execute(select(tables.meta.c.key)).scalars())
        for key, value in kept.items():
            if key in there:
                connection.execute(tables.meta.update().where(tables.meta.c.key == key).values(value=value))
            else:
                connection.execute(tables.meta.insert().values(key=key, value=value))


def _swapped(old: Path, new: Path, at: int) -> Path:
    """The old file and its logs get another name, the new one theirs. Returns the old file's name."""
    moment = datetime.fromtimestamp(at / 1_000_000, UTC).strftime("%Y%m%dT%H%M%S%fZ")
    aside = old.with_name(f"{old.name}.set-aside-{moment}")
    try:
        for suffix in _BESIDE:
            part = old.with_name(old.name + suffix)
            if part.exists():
                os.replace(part, aside.with_name(aside.name + suffix))
        os.replace(new, old)
    except OSError as error:
        raise StoreError(
            f"{old} cannot be set aside as {aside.name}: {error.strerror}. Give this user access to the folder."
        ) from error
    return aside
