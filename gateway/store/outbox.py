"""The outbox: the event log, and where each receiver stands in it (port `Outbox`). Blocking."""

from collections.abc import Iterable
from dataclasses import asdict

from sqlalchemy import Connection, and_, delete, func, insert, literal, select, update

from gateway.model.events import ALARMS, Event
from gateway.model.ports import GivenUp, Marks, Missed, Progress
from gateway.store import encoding, tables
from gateway.store.connections import Connections

_LAST = select(func.coalesce(func.max(tables.event.c.seq), 0))


OFFERED = tables.event.c.told | (
    (tables.event.c.caused_by != "") & tables.event.c.kind.in_(sorted(kind.value for kind in ALARMS))
)
"""What receivers are asked about: what is told, and `Event.has_root`."""


class NotificationOutbox:
    """
    Delivery state. There is no copy of what waits: the log has it, and a receiver's position says what of it is done.

    It shares the one writer connection, so it never collides with a commit.
    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def begin(self, receiver: str) -> Progress:
        """Where it stands; one that is new begins at the end of the log."""
        table = tables.receiver
        with self._connections.write() as connection:
            found = connection.execute(select(table).where(table.c.name == receiver)).mappings().first()
            if found is not None:
                return Progress(**{"receiver": receiver, **{k: v for k, v in found.items() if k != "name"}})
            fresh = Progress(receiver, connection.execute(_LAST).scalar_one())
            connection.execute(insert(table).values(_row(fresh)))
            return fresh

    def after(self, position: int, limit: int) -> tuple[Event, ...]:
        """Events above this number that are told, or that have a root, in the order of the log."""
        event = tables.event
        wanted = select(event).where(event.c.seq > position, OFFERED).order_by(event.c.seq).limit(limit)
        with self._connections.read() as connection:
            return tuple(encoding.to_event(row) for row in connection.execute(wanted).mappings())

    def ahead(self, position: int) -> tuple[int, int]:
        """(how many events `after` would give in all, number of the last event of the log)."""
        event = tables.event
        told = select(func.count()).where(event.c.seq > position, OFFERED)
        with self._connections.read() as connection:
            return connection.execute(told).scalar_one(), connection.execute(_LAST).scalar_one()

    def event(self, identity: str) -> Event | None:
        """The event with this id; None: it is not in the log any more."""
        event = tables.event
        with self._connections.read() as connection:
            row = connection.execute(select(event).where(event.c.id == identity)).mappings().first()
            return encoding.to_event(row) if row is not None else None

    def wanted(self, receiver: str, limit: int) -> tuple[Missed, ...]:
        """What was asked for again, in the order of the log."""
        return tuple(self._missed(receiver, limit, wanted=True))

    def missed(self, receiver: str, limit: int) -> tuple[Missed, ...]:
        """What was given up or is asked for again, in the order of the log."""
        return tuple(self._missed(receiver, limit, wanted=None))

    def given_up(self, limit: int) -> GivenUp:
        """What receivers missed, with the newest `limit` of it, in the order of the log."""
        missed = tables.missed
        number = select(missed.c.receiver, missed.c.wanted, func.count().label("number"))
        newest = _MISSED.order_by(missed.c.event.desc(), missed.c.receiver).limit(limit)
        with self._connections.read() as connection:
            counted = connection.execute(number.group_by(missed.c.receiver, missed.c.wanted)).all()
            rows = connection.execute(newest).mappings().all()
        counts: dict[str, tuple[int, int]] = {}
        for row in counted:
            left, again = counts.get(row.receiver, (0, 0))
            counts[row.receiver] = (left, row.number) if row.wanted else (row.number, again)
        return GivenUp(counts, tuple(map(_to_missed, reversed(rows))))

    def mark(self, marks: Marks) -> None:
        """Write down what became of notifications; of a receiver that is gone nothing is written."""
        table, missed = tables.receiver, tables.missed
        with self._connections.write() as connection:
            known = set(connection.execute(select(table.c.name)).scalars())
            for progress in marks.progress:
                values = {key: value for key, value in _row(progress).items() if key != "name"}
                connection.execute(update(table).where(table.c.name == progress.receiver).values(values))
            gone = [(receiver, seq) for receiver, seq, _, _ in marks.missed] + [*marks.replayed]
            for receiver, seq in gone:
                connection.execute(delete(missed).where(missed.c.receiver == receiver, missed.c.event == seq))
            rows = [
                {"receiver": receiver, "event": seq, "at": at, "error": error, "wanted": False}
                for receiver, seq, at, error in marks.missed
                if receiver in known
            ]
            if rows:
                connection.execute(insert(missed), rows)

    def replay(self, receiver: str, now: int, since: int | None = None) -> int:
        """
        Ask for what was given up once more, and with `since` (microseconds UTC) for all since then that the receiver is
        past, whether it is told of them or not; what still waits for it comes anyway. Returns how many wait for that.
        """
        missed, event, table = tables.missed, tables.event, tables.receiver
        with self._connections.write() as connection:
            position = connection.execute(select(table.c.position).where(table.c.name == receiver)).scalar() or 0
            again = update(missed).where(missed.c.receiver == receiver).values(wanted=True)
            if since is not None:
                again = again.where(missed.c.event.in_(select(event.c.seq).where(event.c.at >= since)))
                there = select(missed.c.event).where(missed.c.receiver == receiver)
                more = select(literal(receiver), event.c.seq, literal(now), literal(""), literal(True)).where(
                    OFFERED, event.c.at >= since, event.c.seq <= position, event.c.seq.not_in(there)
                )
                names = ["receiver", "event", "at", "error", "wanted"]
                connection.execute(insert(missed).from_select(names, more))
            connection.execute(again)
            return _waiting_again(connection, receiver)

    def forget_all_but(self, receivers: Iterable[str]) -> int:
        """Forget receivers that are no longer configured; returns how many notifications waited for them."""
        table, missed, event = tables.receiver, tables.missed, tables.event
        kept = tuple(receivers)
        with self._connections.write() as connection:
            pairs = select(func.count()).select_from(table.join(event, event.c.seq > table.c.position))
            waiting = connection.execute(pairs.where(table.c.name.not_in(kept), event.c.told)).scalar_one()
            connection.execute(delete(missed).where(missed.c.receiver.not_in(kept)))
            connection.execute(delete(table).where(table.c.name.not_in(kept)))
            return waiting

    def _missed(self, receiver: str, limit: int, *, wanted: bool | None) -> Iterable[Missed]:
        missed = tables.missed
        mine = missed.c.receiver == receiver
        if wanted is not None:
            mine = and_(mine, missed.c.wanted if wanted else ~missed.c.wanted)
        query = _MISSED.where(mine).order_by(missed.c.event).limit(limit)
        with self._connections.read() as connection:
            return map(_to_missed, connection.execute(query).mappings().all())


_MISSED = select(
    tables.missed.c.receiver,
    tables.missed.c.at.label("missed_at"),
    tables.missed.c.error,
    tables.missed.c.wanted,
    tables.event,
).join(tables.event, tables.event.c.seq == tables.missed.c.event)


def _to_missed(row: encoding.Found) -> Missed:
    return Missed(row["receiver"], encoding.to_event(row), row["missed_at"], row["error"], row["wanted"])


def _row(progress: Progress) -> encoding.Row:
    row = asdict(progress)
    return {"name": row.pop("receiver"), **row}


def _waiting_again(connection: Connection, receiver: str) -> int:
    missed = tables.missed
    mine = select(func.count()).where(missed.c.receiver == receiver, missed.c.wanted)
    return connection.execute(mine).scalar_one()
