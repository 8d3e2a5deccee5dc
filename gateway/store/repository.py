"""The repository: loads the last topology and commits revisions, one transaction each (port `Repository`)."""

from collections.abc import Callable

from sqlalchemy import Connection, select

from gateway.model.changes import Changes
from gateway.model.errors import StoreError, StoreUnavailable
from gateway.model.events import Event
from gateway.model.snapshot import Snapshot
from gateway.store import encoding, loading, tables
from gateway.store.connections import Connections
from gateway.store.statements import Statements
from gateway.store.writing import write, write_events


class TopologyRepository:
    """The topology database as its only writer sees it. Blocking; one thread calls it."""

    def __init__(self, connections: Connections, now: Callable[[], int]) -> None:
        """`now`: microseconds UTC, for the time of the commit itself."""
        self._connections = connections
        self._now = now
        self._statements: Statements | None = None
        self._revision: int | None = None
        self._next: tuple[int, int] | None = None

    def load(self) -> Snapshot:
        """The last committed topology, complete (placements of stopped entities and settling alarms too)."""
        with self._connections.read() as connection:
            snapshot = loading.load(connection)
        self._revision = snapshot.revision
        self._next = (snapshot.next_index, snapshot.next_alarm)
        return snapshot

    def commit(self, changes: Changes) -> tuple[Event, ...]:
        """
        One transaction: topology, log, revision. Returns the events with `seq`.

        When the connection breaks while the transaction ends, nobody knows whether it was committed. Then the
        database is asked. When it does not answer, commit the same changes again: they are taken once.

        Raises:
            StoreUnavailable: nothing was written that we know of; the same changes may be committed again.
            StoreError: another writer has written this or a later revision.
        """
        ended = False
        try:
            with self._connections.write() as connection:
                if self._statements is None:
                    self._statements = Statements(connection.dialect)
                if not self._advance(connection, self._statements, changes):
                    return _events_of(connection, changes.revision)
                write(connection, self._statements, changes)
                events = write_events(connection, self._statements, changes)
                ended = True
        except StoreUnavailable:
            if not ended or not self._is_committed(changes):
                raise
        self._revision = changes.revision
        self._next = (changes.next_index, changes.next_alarm)
        return events

    def _is_committed(self, changes: Changes) -> bool:
        """Ask whether these changes are in the database though their commit failed."""
        try:
            with self._connections.read() as connection:
                return _revision_time(connection, changes.revision) == changes.at and _same(connection, changes)
        except StoreUnavailable:
            return False

    def forget(self) -> None:
        """The database was replaced by a backup: read its revision anew."""
        self._revision = self._next = None

    def _advance(self, connection: Connection, statements: Statements, changes: Changes) -> bool:
        """Take the revision's number; False when exactly these changes are committed already."""
        if self._revision is None:
            self._revision = int(loading.meta_values(connection)["revision"])
        wanted = {"k_value": str(self._revision), "value": str(changes.revision)}
        if changes.revision <= self._revision or statements.revision_advance.run(connection, [wanted]) != 1:
            return self._is_repeated(connection, changes)
        if self._next != (changes.next_index, changes.next_alarm):
            counters = {"next_index": changes.next_index, "next_alarm": changes.next_alarm}
            rows = [{"k_key": key, "value": str(value)} for key, value in counters.items()]
            statements.meta_update.run(connection, rows)
        row = {"number": changes.revision, "at": changes.at, "committed_at": self._now()}
        statements.revision_insert.run(connection, [row])
        return True

    def _is_repeated(self, connection: Connection, changes: Changes) -> bool:
        """False when exactly these changes are committed already; anything else is an error."""
        stored = int(loading.meta_values(connection)["revision"])
        stored_at = _revision_time(connection, stored)
        if stored == changes.revision and stored_at == changes.at and _same(connection, changes):
            self._revision, self._next = stored, None
            return False
        raise StoreError(
            f"revision {changes.revision} cannot be committed: the database is at revision {stored} already. "
            f"Another gateway writes to this database; stop one of them, then start this one again."
        )


def _events_of(connection: Connection, revision: int) -> tuple[Event, ...]:
    wanted = select(tables.event).where(tables.event.c.revision == revision).order_by(tables.event.c.seq)
    return tuple(encoding.to_event(row) for row in connection.execute(wanted).mappings())


def _revision_time(connection: Connection, number: int) -> int | None:
    return connection.execute(select(tables.revision.c.at).where(tables.revision.c.number == number)).scalar()


def _same(connection: Connection, changes: Changes) -> bool:
    """The stored revision has the events and new records of these changes: ids are made once, by chance."""
    logged = {event.id for event in _events_of(connection, changes.revision)}
    if logged != {event.id for event in changes.events}:
        return False
    new = {index: record.id for index, (before, record) in changes.records.items() if before is None}
    if not new:
        return True
    record = tables.record
    stored = select(record.c.index, record.c.id).where(record.c.index.between(min(new), max(new)))
    found = {index: identity for index, identity in connection.execute(stored)}  # noqa: C416 - rows are no pairs
    return all(found.get(index) == identity for index, identity in new.items())
