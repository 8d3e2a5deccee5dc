"""The database: opened, checked, migrated; the ports of the store hang on it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.model.errors import SchemaMismatch
from gateway.store import backup, schema
from gateway.store.administration import GatewayAdministration
from gateway.store.connections import Connections
from gateway.store.faults import shown
from gateway.store.history import TopologyHistory
from gateway.store.lease import LeaderLease
from gateway.store.outbox import NotificationOutbox
from gateway.store.repository import TopologyRepository
from gateway.support.clock import SystemClock


def open_database(url: str, *, upgrade: bool = True, now: Callable[[], int] | None = None) -> "Database":
    """
    Open a topology database: `sqlite:////FOLDER/topology.db`, `sqlite://` (in memory), `postgresql://...`.

    `upgrade`: make or migrate the schema first; without it a database that is missing, empty or older is refused.
    `now`: microseconds UTC (default: the system's clock).

    Raises:
        ConfigError: the URL cannot be used.
        StoreUnavailable: it cannot be reached or opened.
        SchemaMismatch: its schema is newer than this program, or not ours.
    """
    database = connect(url, now, create=upgrade)
    try:
        if upgrade or database.connections.in_memory:
            database.upgrade()
        else:
            database.check()
    except BaseException:
        database.close()
        raise
    return database


def connect(url: str, now: Callable[[], int] | None = None, *, create: bool = True) -> "Database":
    """Like `open_database`, whatever its schema is: for who must ask first whether another gateway leads."""
    return Database(Connections(url, create=create), now or SystemClock().now)


class Database:
    """An open topology database and its ports."""

    def __init__(self, connections: Connections, now: Callable[[], int]) -> None:
        self.connections = connections
        self.repository = TopologyRepository(connections, now)
        self.history = TopologyHistory(connections)
        self.administration = GatewayAdministration(connections)
        self.outbox = NotificationOutbox(connections)
        self.lease = LeaderLease(connections, now)
        self._now = now

    @property
    def url(self) -> str:
        """For people: passwords are hidden."""
        return shown(self.connections.url)

    def __repr__(self) -> str:
        return f"Database({self.url})"

    def check(self) -> None:
        """Refuse a schema that is not exactly this program's (SchemaMismatch says what to do)."""
        with self._named(), self.connections.read() as connection:
            schema.check(connection)

    def upgrade(self) -> None:
        """Make the schema, or bring it to this program's version; all of it or nothing."""
        with self._named(), self.connections.write() as connection:
            if self.connections.in_memory:
                schema.make(connection)
            else:
                schema.upgrade(connection)

    def backup(self, file: Path) -> None:
        """Write everything into one SQLite file, whatever product this database is; the gateway may go on."""
        backup.backup(self.connections, file, self._now())

    def restore(self, file: Path, *, force: bool = False) -> None:
        """Put a backup in place. Refuses a database that holds something already, unless `force`."""
        with self._named(file):
            backup.restore(self.connections, file, self._now(), force=force)
        self.repository.forget()

    def close(self) -> None:
        """Let go of all connections."""
        self.connections.close()

    @contextmanager
    def _named(self, file: Path | None = None) -> Iterator[None]:
        """Say which database is meant."""
        try:
            yield
        except SchemaMismatch as error:
            if str(error).startswith("database "):
                raise
            raise SchemaMismatch(f"database {file or self.url}: {error}") from error
