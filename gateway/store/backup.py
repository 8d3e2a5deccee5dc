"""
Backup and restore. A backup is a SQLite topology database in one file, whatever product it was made from.

It keeps identity: indexes, ids, the SNMP engine ID. A restored gateway has been started an unknown number of times
since the backup was made, but hardly more than once a second: snmpEngineBoots goes on from there by the seconds that
have passed, so that no SNMP manager takes its notifications for old ones (RFC 3414 3.2).
"""

import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import Connection, Table, func, select, text
from sqlalchemy.engine import URL

from gateway.model.errors import StoreError
from gateway.store import schema, tables
from gateway.store.administration import LARGEST_BOOTS
from gateway.store.connections import Connections
from gateway.store.lease import take_away

BATCH = 5_000
MADE_AT = "backup_at"
"""Key in `meta` of a backup: when it was made, microseconds UTC."""
_COUNTERS = ("next_index", "next_alarm")
_MAGIC = b"SQLite format 3\0"
"""How a SQLite file begins; an empty one is a database without tables (sqlite.org/fileformat2.html)."""
_NAME_ANOTHER = "Name a file that `gateway db backup FILE` wrote."
_NUMBERED = ("event", "missed", "record_state", "alias", "claim", "placement")
"""Tables whose ids the database counts; those of events are never used again."""


def backup(connections: Connections, file: Path, now: int) -> None:
    """
    Write a backup to `file` (mode 0600), complete or not at all; the gateway may go on running.

    Raises:
        StoreError: it could not be written, or `file` is the database itself.
    """
    if connections.file is not None and file.exists() and file.samefile(connections.file):
        raise StoreError(f"{file}: this is the database itself. Name another file for its backup.")
    with _written_whole(file) as part:
        if connections.file is not None:
            _copy_sqlite(connections.file, part)
            copy = Connections(_url(part))
        else:
            copy = Connections(_url(part))
            with copy.write() as target:
                schema.upgrade(target)
            with connections.read() as source, copy.write() as target:
                _empty(target)
                _copy(source, target)
        try:
            with copy.write() as target:
                _put(target, MADE_AT, str(now))
            with copy.read() as source:
                source.exec_driver_sql("PRAGMA quick_check")
        finally:
            copy.close()
        _alone(part)


def restore(connections: Connections, file: Path, now: int, *, force: bool = False) -> None:
    """
    Put the backup in place of what the database holds, in one transaction.

    Raises:
        StoreError: the database is not empty and `force` is not given, or the file is no backup.
        SchemaMismatch: the backup was written by a newer version.
    """
    if not file.is_file():
        raise StoreError(f"{file}: there is no such file. {_NAME_ANOTHER}")
    _check_is_sqlite(file)
    with _scratch(file.absolute().parent, file) as part:
        _copy_sqlite(file, part)
        copy = Connections(_url(part), create=False)
        try:
            _bring_up(copy, file)
            with copy.read() as source, connections.write() as target:
                _replace(source, target, now, force=force)
        finally:
            copy.close()


def _check_is_sqlite(file: Path) -> None:
    try:
        with file.open("rb") as opened:
            begins = opened.read(len(_MAGIC))
    except OSError as error:
        raise StoreError(f"{file}: it cannot be read: {error.strerror}. Give this user access.") from error
    if begins not in (b"", _MAGIC):
        raise StoreError(f"{file}: it is no SQLite file, so it is no backup. {_NAME_ANOTHER}")


def _bring_up(copy: Connections, file: Path) -> None:
    with copy.write() as connection:
        if schema.version(connection) is None:
            raise StoreError(f"{file}: it holds no topology. {_NAME_ANOTHER}")
        schema.upgrade(connection)


def _replace(source: Connection, target: Connection, now: int, *, force: bool) -> None:
    before = _meta(target)
    if not force and _holds_something(target):
        raise StoreError(
            "the database is not empty: restoring would replace what it holds. "
            "Make a backup of it first, then restore with --force."
        )
    _empty(target)
    _copy(source, target)
    take_away(target)
    after = _meta(target)
    for key in _COUNTERS:
        _put(target, key, str(max(int(before.get(key, 1)), int(after.get(key, 1)))))
    for key in after:
        if key.partition(":")[0] == "engine_boots":
            _put(target, key, str(_boots(key, before, after, now)))
    target.execute(tables.meta.delete().where(tables.meta.c.key == MADE_AT))


def _boots(key: str, before: dict[str, str], after: dict[str, str], now: int) -> int:
    """snmpEngineBoots of an engine that is above all that were used since the backup was made."""
    engine = key.replace("engine_boots", "engine_id", 1)
    passed_s = max(now - int(after.get(MADE_AT, now)), 0) // 1_000_000
    boots = int(after[key]) + passed_s
    if before.get(engine) == after.get(engine):
        boots = max(boots, int(before.get(key, 0)))
    return min(boots, LARGEST_BOOTS)


# -- rows ------------------------------------------------------------------------------------------------------


_COPIED = tuple(table for table in tables.metadata.sorted_tables if table is not tables.lease)
"""Who leads is said of a database at work, not of what it holds."""


def _empty(target: Connection) -> None:
    for table in reversed(_COPIED):
        target.execute(table.delete())


def _copy(source: Connection, target: Connection) -> None:
    """All rows of all tables, and where the database's own counting goes on."""
    for table in _COPIED:
        found = source.execution_options(yield_per=BATCH).execute(select(table))
        for rows in found.mappings().partitions():
            target.execute(table.insert(), [dict(row) for row in rows])
    for name in _NUMBERED:
        _count_on(target, tables.metadata.tables[name], _last_number(source, tables.metadata.tables[name]))


def _last_number(connection: Connection, table: Table) -> int:
    """The highest id that the table has ever given."""
    (key,) = table.primary_key.columns
    highest = connection.execute(select(func.max(key))).scalar() or 0
    if connection.dialect.name == "postgresql":
        sequence = text("SELECT last_value FROM pg_sequences WHERE format('%I.%I', schemaname, sequencename) = "
                        "pg_get_serial_sequence(:name, :key)")  # fmt: skip
        given = connection.execute(sequence, {"name": table.name, "key": key.name}).scalar()
    elif table.dialect_options["sqlite"]["autoincrement"]:
        counted = text("SELECT seq FROM sqlite_sequence WHERE name = :name")
        given = connection.execute(counted, {"name": table.name}).scalar()
    else:
        given = 0
    return max(highest, given or 0)


def _count_on(connection: Connection, table: Table, last: int) -> None:
    if last == 0:
        return
    (key,) = table.primary_key.columns
    if connection.dialect.name == "postgresql":
        going_on = text("SELECT setval(pg_get_serial_sequence(:name, :key), greatest(:last, "
                        "nextval(pg_get_serial_sequence(:name, :key))))")  # fmt: skip
        connection.execute(going_on, {"name": table.name, "key": key.name, "last": last})
    elif table.dialect_options["sqlite"]["autoincrement"]:
        parameters = {"name": table.name, "last": last}
        changed = connection.execute(
            text("UPDATE sqlite_sequence SET seq = max(seq, :last) WHERE name = :name"), parameters
        )
        if changed.rowcount == 0:
            connection.execute(text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :last)"), parameters)


def _holds_something(connection: Connection) -> bool:
    kept = (tables.record, tables.revision, tables.token, tables.event)
    return any(connection.execute(select(table).limit(1)).first() is not None for table in kept)


def _meta(connection: Connection) -> dict[str, str]:
    return {row.key: row.value for row in connection.execute(select(tables.meta))}


def _put(connection: Connection, key: str, value: str) -> None:
    connection.execute(tables.meta.delete().where(tables.meta.c.key == key))
    connection.execute(tables.meta.insert().values(key=key, value=value))


# -- files -----------------------------------------------------------------------------------------------------


def _url(file: Path) -> str:
    return URL.create("sqlite", database=str(file)).render_as_string()


def _copy_sqlite(source: Path, target: Path) -> None:
    """SQLite's online backup: a consistent copy, also while somebody writes."""
    try:
        reading = sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)
        with closing(reading), closing(sqlite3.connect(target)) as writing:
            reading.backup(writing)
    except sqlite3.Error as error:
        raise StoreError(
            f"{source} cannot be copied to {target.parent}: {error}. Check the disk and the file."
        ) from error


def _alone(file: Path) -> None:
    """Without a log beside it: the file is the whole database."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")


@contextmanager
def _scratch(folder: Path, about: Path) -> Iterator[Path]:
    """A file of our own beside the backup, gone at the end."""
    part = folder / f".{about.name}.{secrets.token_hex(4)}.part"
    try:
        try:
            os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        except OSError as error:
            remedy = f"Give this user access ({error.strerror})."
            if not folder.is_dir():
                remedy = f"There is no such folder: make it (mkdir -p {folder}), or name another."
            raise StoreError(f"{folder}: no file can be made there. {remedy}") from error
        yield part
    finally:
        for suffix in ("", "-wal", "-shm", "-journal"):
            part.with_name(part.name + suffix).unlink(missing_ok=True)


@contextmanager
def _written_whole(file: Path) -> Iterator[Path]:
    """A file that takes its name when it is complete and on the disk."""
    folder = file.absolute().parent
    with _scratch(folder, file) as part:
        yield part
        _sync(part)
        part.replace(file)
        _sync(folder)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
