"""Faults of the database: what a driver's error means, said so that a person can act. Never shows a password."""

import sqlite3

from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from gateway.model.errors import SchemaMismatch, StoreError, StoreUnavailable

_NO_SQLITE = "SQLITE_NOTADB"
_REMEDIES = {
    "SQLITE_FULL": "the disk is full. Free space there; the same change is tried again",
    "SQLITE_BUSY": "another process holds the write lock. Stop other programs that write to this file",
    "SQLITE_LOCKED": "another process holds the write lock. Stop other programs that write to this file",
    "SQLITE_READONLY": "it is read-only. Give this user write access to the file and its folder",
    "SQLITE_CANTOPEN": "it cannot be opened. Check that the folder exists and that this user may write to it",
    "SQLITE_PERM": "access is denied. Give this user read and write access to the file and its folder",
    "SQLITE_AUTH": "access is denied. Give this user read and write access to the file and its folder",
    "SQLITE_IOERR": "reading or writing it failed. Check the disk, its free space and the system log",
}
_POSTGRESQL_REMEDIES = {
    "53": "the server has no room or no connections left. Free space there, or raise its limits",
    "25": "the server takes no changes (a standby, or read-only). Connect to the primary",
    "28": "the server refused the login. Check user and password in the URL",
    "3D": "the server has no such database. Create it (`createdb`), or correct the URL",
    "42": "this user may not do that there. Grant it all rights on the database's schema",
    "57": "the server is shutting down or starting. The same change is tried again",
    "58": "the server could not read or write its files. Check its disk and its log",
}
_UNREACHABLE = "the server cannot be reached or broke the connection. Check that it runs and that the URL is right"


def shown(url: URL) -> str:
    """The URL as it may be shown: passwords are hidden, also those in the query."""
    secrets = {name: "***" for name in url.query if "pass" in name.lower()}
    return url.update_query_dict(secrets).render_as_string(hide_password=True)


def translate(error: SQLAlchemyError, url: URL) -> StoreError:
    """The store's error for a driver's error: StoreUnavailable when the same transaction may succeed later."""
    where = f"database {shown(url)}"
    if isinstance(error, PoolTimeout):
        return StoreUnavailable(f"{where}: all connections are in use and none came free in time; try again")
    if not isinstance(error, DBAPIError):
        return StoreError(f"{where}: {_first_line(error)}")
    cause = error.orig
    if isinstance(cause, sqlite3.Error):
        return _of_sqlite(cause, where)
    return _of_postgresql(error, where)


def _of_sqlite(cause: sqlite3.Error, where: str) -> StoreError:
    name = getattr(cause, "sqlite_errorname", "") or ""
    said = _first_line(cause)
    if name.startswith(_NO_SQLITE):
        return SchemaMismatch(f"{where}: this file is no SQLite database. Correct the path, or move the file away")
    if name.startswith("SQLITE_CORRUPT"):
        return StoreError(f"{where}: it is damaged ({said}). Restore a backup: `gateway db restore FILE --force`")
    for begin, remedy in _REMEDIES.items():
        if name.startswith(begin):
            return StoreUnavailable(f"{where}: {remedy} ({said})")
    if isinstance(cause, sqlite3.OperationalError):
        return StoreUnavailable(f"{where}: {said}")
    return StoreError(f"{where}: {said}")


def _of_postgresql(error: DBAPIError, where: str) -> StoreError:
    state = getattr(error.orig, "sqlstate", None) or ""
    said = _first_line(error.orig or error)
    if error.connection_invalidated or not state or state.startswith("08"):
        return StoreUnavailable(f"{where}: {_UNREACHABLE} ({said})")
    remedy = _POSTGRESQL_REMEDIES.get(state[:2])
    if state == "40001" or isinstance(error, OperationalError | InterfaceError | InternalError):
        return StoreUnavailable(f"{where}: {remedy or 'it could not do that now'} ({said})")
    if remedy is not None and state == "42501":
        return StoreUnavailable(f"{where}: {remedy} ({said})")
    return StoreError(f"{where}: {said}")


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
