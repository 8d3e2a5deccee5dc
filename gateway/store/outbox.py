"""The outbox: what waits for each receiver, and how its delivery went (port `Outbox`). Blocking."""

from sqlalchemy import and_, not_, select, update

from gateway.model.ports import OutboxItem
from gateway.store import encoding, tables
from gateway.store.connections import Connections


class NotificationOutbox:
    """Delivery state. It shares the one writer connection, so it never collides with a commit."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def due(self, receiver: str, now: int, limit: int) -> tuple[OutboxItem, ...]:
        """
        What waits for the receiver, oldest first.

        The order of the log is kept: when the oldest waits for its next try, nothing behind it is due.
        """
        box = tables.outbox
        waiting = and_(box.c.receiver == receiver, box.c.delivered_at.is_(None), not_(box.c.given_up))
        wanted = select(box.c.id.label("item"), box.c.attempts, box.c.next_at, tables.event)
        joined = wanted.join(tables.event, tables.event.c.seq == box.c.event)
        with self._connections.read() as connection:
            rows = connection.execute(joined.where(waiting).order_by(box.c.id).limit(limit)).mappings().all()
        items: list[OutboxItem] = []
        for row in rows:
            if row["next_at"] > now:
                break
            items.append(OutboxItem(row["item"], receiver, encoding.to_event(row), row["attempts"]))
        return tuple(items)

    def delivered(self, ids: tuple[int, ...], now: int) -> None:
        """These have reached their receiver."""
        self._change(ids, delivered_at=now)

    def failed(self, item: int, now: int, retry_at: int, error: str) -> None:
        """A try failed; the next one is due at `retry_at`."""
        self._change((item,), attempts=tables.outbox.c.attempts + 1, next_at=retry_at, error=error)

    def given_up(self, item: int, now: int, error: str) -> None:
        """It will not be tried again."""
        self._change((item,), attempts=tables.outbox.c.attempts + 1, given_up=True, error=error)

    def abandon_all_but(self, receivers: tuple[str, ...]) -> int:
        """Give up what waits for receivers that are no longer configured; returns how many notifications."""
        box = tables.outbox
        orphaned = and_(box.c.receiver.not_in(receivers), box.c.delivered_at.is_(None), not_(box.c.given_up))
        gone = update(box).where(orphaned).values(given_up=True, error="the receiver is no longer configured")
        with self._connections.write() as connection:
            return connection.execute(gone).rowcount

    def _change(self, ids: tuple[int, ...], **values: object) -> None:
        if ids:
            with self._connections.write() as connection:
                connection.execute(update(tables.outbox).where(tables.outbox.c.id.in_(ids)).values(**values))
