"""
The lease: of all gateways in front of one database one leads, and only that one writes.

Nobody compares clocks. The leader counts a beat up now and then; who wants to lead looks on, and takes the lease when
the beat has not moved for so many looks. Each change of hands raises the epoch, and every write
transaction of a leader looks for its epoch first: one that was away for too long (stopped, cut off) and comes back
finds another there and writes nothing more. Blocking.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, inspect, select, update

from gateway.model.errors import LeaseLost
from gateway.store import tables
from gateway.store.connections import Connections

LEADER = "leader"


@dataclass(frozen=True, slots=True)
class Held:
    """The lease as somebody saw it. `holder`: empty when nobody leads; `renewed_at`: microseconds UTC, for people."""

    holder: str = ""
    epoch: int = 0
    beat: int = 0
    renewed_at: int = 0


FREE = {"name": LEADER, **asdict(Held())}
"""Its row in a new database."""


class LeaderLease:
    """The lease of one database, seen from one gateway."""

    def __init__(self, connections: Connections, now: Callable[[], int]) -> None:
        """`now`: microseconds UTC."""
        self._connections = connections
        self._now = now
        self._held: Held | None = None

    def known(self) -> bool:
        """Whether the schema has leases: one of before them belongs to nobody who leads."""
        with self._connections.read() as connection:
            return inspect(connection).has_table(tables.lease.name)

    def look(self) -> Held:
        """Who holds it."""
        with self._connections.read() as connection:
            row = connection.execute(_LEADER).first()
        return Held(*row) if row is not None else Held()

    def take(self, holder: str, seen: Held) -> bool:
        """
        Take it from who was seen with it; False when it has moved since, or when its holder is in a transaction.

        All that this database's connections write from then on, they write as this leader.
        """
        taken = Held(holder, seen.epoch + 1, 0, self._now())
        with self._connections.write() as connection:
            row = connection.execute(_LEADER.with_for_update(skip_locked=True)).first()
            if row is None or Held(*row) != seen:
                return False
            _write(connection, taken)
        self._held = taken
        self._connections.guard = self._check
        return True

    def renew(self) -> None:
        """
        Give a sign of life.

        Raises:
            LeaseLost: another gateway has taken it.
        """
        self._put(holder=self._mine.holder)

    def release(self) -> None:
        """Give it back, so that the next one need not wait."""
        self._put(holder="")
        self._connections.guard = None

    @property
    def epoch(self) -> int:
        """Under which this gateway leads."""
        return self._mine.epoch

    @property
    def _mine(self) -> Held:
        assert self._held is not None, "the lease was never taken"
        return self._held

    def _put(self, holder: str) -> None:
        beaten = Held(holder, self._mine.epoch, self._mine.beat + 1, self._now())
        with self._connections.write() as connection:
            _write(connection, beaten)
        self._held = beaten

    def _check(self, connection: Connection) -> None:
        """Refuse a transaction of a leader that leads no more; its row is kept from others until the end of it."""
        keep = "" if self._connections.sqlite else " FOR SHARE"
        found = connection.exec_driver_sql(f"SELECT holder, epoch FROM lease WHERE name = '{LEADER}'{keep}").first()
        now = Held(*found) if found is not None else Held()
        if now.epoch != self._mine.epoch:
            by = f"{now.holder} has taken over" if now.holder else "a restored backup has replaced all"
            raise LeaseLost(f"{by} (epoch {now.epoch}; this one led in epoch {self._mine.epoch}): it writes no more")


_LEADER = select(*(tables.lease.c[name] for name in ("holder", "epoch", "beat", "renewed_at"))).where(
    tables.lease.c.name == LEADER
)


def take_away(connection: Connection) -> None:
    """Whoever leads writes no more: what it knows is not what is here now."""
    connection.execute(update(tables.lease).values(holder="", epoch=tables.lease.c.epoch + 1))


def _write(connection: Connection, held: Held) -> None:
    connection.execute(update(tables.lease).where(tables.lease.c.name == LEADER).values(asdict(held)))
