"""
Connections: one writer at a time, readers beside it.

A write transaction holds the one writer connection, under a lock (SQLite: BEGIN IMMEDIATE, so it never turns from
reader into writer half-way). A read transaction sees one revision, however many questions it asks (SQLite: BEGIN on
a WAL file; PostgreSQL: REPEATABLE READ, read only). In memory there is a single connection, which all share.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import QueuePool, StaticPool

from gateway.model.errors import ConfigError, StoreUnavailable
from gateway.store.faults import shown, translate

BUSY_MS = 10_000
"""How long a writer of another process may keep us waiting."""
READERS = 8
IDLE_MS = 60_000
"""How long the server keeps a transaction, with its locks, of a writer that says nothing: it has lost its power."""


class Connections:
    """The connections to one database."""

    def __init__(self, url: str, *, create: bool = True) -> None:
        """`create`: a SQLite file that is missing is made (mode 0600: it holds the hashes of the tokens)."""
        self.url = _parse(url)
        self.in_memory = self.sqlite and self.url.database in (None, "", ":memory:")
        self.guard: Callable[[Connection], None] | None = None
        """Called at the beginning of each write transaction; its error ends it."""
        self._lock = RLock()
        if self.sqlite and not self.in_memory:
            self._prepare_file(create)
        self._writer = self._engine("BEGIN IMMEDIATE", pool_size=1)
        self._reader = self._writer if self.in_memory else self._engine("BEGIN", pool_size=READERS, reader=True)

    @property
    def sqlite(self) -> bool:
        return self.url.get_backend_name() == "sqlite"

    @property
    def file(self) -> Path | None:
        """The SQLite file; None for PostgreSQL and in memory."""
        return Path(self.url.database or "") if self.sqlite and not self.in_memory else None

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """
        One write transaction: committed at the end, rolled back on any error.

        Raises:
            StoreUnavailable: the same transaction may succeed later.
        """
        with self._lock, self._translated(), self._writer.begin() as connection:
            if self.guard is not None:
                self.guard(connection)
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One read transaction: all its questions are answered from one revision."""
        if self.in_memory:
            with self._lock, self._translated(), self._reader.begin() as connection:
                yield connection
            return
        with self._translated(), self._reader.begin() as connection:
            yield connection

    def close(self) -> None:
        """Let go of all connections."""
        with self._lock:
            self._writer.dispose()
            self._reader.dispose()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            raise translate(error, self.url) from error

    def _prepare_file(self, create: bool) -> None:
        file = Path(self.url.database or "")
        if file.exists():
            return
        if not create:
            raise StoreUnavailable(f"database {shown(self.url)}: there is no such file. Has the gateway run before?")
        try:
            os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))
        except OSError as error:
            raise StoreUnavailable(
                f"database {shown(self.url)}: it cannot be made ({error.strerror}). "
                f"Check that the folder exists and that this user may write to it."
            ) from error

    def _engine(self, begin: str, *, pool_size: int, reader: bool = False) -> Engine:
        options: dict[str, Any] = {"hide_parameters": True}
        if self.in_memory:
            options |= {"poolclass": StaticPool, "connect_args": {"check_same_thread": False}}
        else:
            overflow = 0 if pool_size == 1 else pool_size
            options |= {"poolclass": QueuePool, "pool_size": pool_size, "max_overflow": overflow, "pool_timeout": 30}
        if self.sqlite:
            options.setdefault("connect_args", {"check_same_thread": False})
        else:
            # A bounded wait for a server that does not answer; libpq notices a dead peer within half a minute.
            options["connect_args"] = {
                "connect_timeout": 10, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3,
                "tcp_user_timeout": 30_000,
            }  # fmt: skip
            options["pool_pre_ping"] = reader
            if reader:
                options["isolation_level"] = "REPEATABLE READ"
        try:
            engine = create_engine(self.url, **options)
        except (ModuleNotFoundError, NoSuchModuleError) as error:
            raise ConfigError(_missing_driver(self.url)) from error
        if self.sqlite:
            _configure_sqlite(engine, begin, reader=reader, in_memory=self.in_memory)
        elif reader:
            _read_only_postgresql(engine)
        else:
            _bounded_postgresql(engine)
        return engine


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ConfigError(
            "the database URL cannot be understood. Write sqlite:////FOLDER/topology.db or "
            "postgresql://USER@HOST/DATABASE."
        ) from error
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise ConfigError(f"the database URL begins with {parsed.drivername}: use sqlite or postgresql.")
    return parsed


def _missing_driver(url: URL) -> str:
    if url.drivername == "postgresql+psycopg":
        return "PostgreSQL needs a library that is missing: pip install '.[postgresql]' in the gateway's folder"
    return f"the database URL names the driver {url.drivername}: use sqlite or postgresql."


def _configure_sqlite(engine: Engine, begin: str, *, reader: bool, in_memory: bool) -> None:
    """SQLAlchemy's recipe: the sqlite3 module begins no transactions of its own, we do."""
    pragmas = [f"PRAGMA busy_timeout={BUSY_MS}", "PRAGMA foreign_keys=ON"]
    if not in_memory:
        pragmas += ["PRAGMA synchronous=FULL"]
        pragmas += ["PRAGMA query_only=ON"] if reader else ["PRAGMA journal_mode=WAL"]

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(pragma)
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)


def _read_only_postgresql(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        connection.read_only = True


def _bounded_postgresql(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        connection.execute(f"SET idle_in_transaction_session_timeout = {IDLE_MS}")
        connection.commit()
