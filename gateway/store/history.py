"""History: the past, the event log and the alarm list (port `History`). Blocking."""

from typing import Any

from sqlalchemy import Select, and_, func, or_, select

from gateway.model.events import Event
from gateway.model.ports import CurrentTopology, EventFilter, Interval
from gateway.model.rows import Alarm
from gateway.store import encoding, tables
from gateway.store.connections import Connections
from gateway.store.past import PastView, group_of


class TopologyHistory:
    """Questions about the past and the log; each is answered from one revision."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._running: CurrentTopology | None = None

    def follow(self, topology: CurrentTopology) -> None:
        """Know also what a running gateway has read and not written yet: unchanged reads are written minutes later."""
        self._running = topology

    def at(self, at: int, known_at: int | None = None) -> PastView:
        """The topology at a past time (microseconds UTC); `known_at`: as it was known then."""
        wanted = select(func.max(tables.revision.c.number))
        if known_at is not None:
            wanted = wanted.where(tables.revision.c.at <= known_at)
        with self._connections.read() as connection:
            revision = connection.execute(wanted).scalar() or 0
        read = dict(self._running.snapshot.freshness.items()) if self._running is not None else {}
        return PastView(self._connections, at, revision, at if known_at is None else known_at, read)

    def begins_at(self) -> int | None:
        """The time of the first revision that is kept (microseconds UTC); None: there is none yet."""
        rows = self._rows(select(tables.revision.c.at).order_by(tables.revision.c.number).limit(1))
        return rows[0]["at"] if rows else None

    def placements(
        self, entity: int, limit: int = 100, *, at: int | None = None, before: tuple[int, int] | None = None
    ) -> tuple[Interval, ...]:
        """Where an entity was, newest first. `at`: as far as it had come then. `before`: `since` and `number`."""
        place = tables.placement
        wanted = select(place).where(place.c.entity.in_(group_of(entity)))
        if at is not None:
            wanted = wanted.where(place.c.valid_from <= at)
        if before is not None:
            since, number = before
            same = and_(place.c.valid_from == since, place.c.id < number)
            wanted = wanted.where(or_(place.c.valid_from < since, same))
        newest_first = wanted.order_by(place.c.valid_from.desc(), place.c.id.desc()).limit(limit)
        return tuple(_interval(row, at) for row in self._rows(newest_first))

    def events(self, wanted: EventFilter) -> tuple[Event, ...]:
        """Events of the log, in its order or newest first."""
        seq = tables.event.c.seq
        query = _filtered(wanted).order_by(seq.desc() if wanted.newest_first else seq).limit(wanted.limit)
        return tuple(encoding.to_event(row) for row in self._rows(query))

    def event(self, event_id: str) -> Event | None:
        rows = self._rows(select(tables.event).where(tables.event.c.id == event_id))
        return encoding.to_event(rows[0]) if rows else None

    def alarms(
        self,
        *,
        active_only: bool,
        after: int = 0,
        limit: int = 100,
        at: int | None = None,
        known_at: int | None = None,
    ) -> tuple[tuple[Alarm, int | None], ...]:
        """Raised alarms with the time they were cleared (None: active), by index; `at`: as they stood then."""
        if at is not None:
            return tuple(self.at(at, known_at).alarm_log(after, limit, active_only=active_only))
        alarm = tables.alarm
        wanted = select(alarm).where(alarm.c.raised_at > 0, alarm.c.index > after)
        if active_only:
            wanted = wanted.where(alarm.c.cleared_at.is_(None))
        rows = self._rows(wanted.order_by(alarm.c.index).limit(limit))
        return tuple((encoding.to_alarm(row), row["cleared_at"]) for row in rows)

    def _rows(self, wanted: Select[Any]) -> list[encoding.Found]:
        with self._connections.read() as connection:
            return list(connection.execute(wanted).mappings())


def _interval(row: encoding.Found, at: int | None) -> Interval:
    """One stay; one that ended after `at` was open then."""
    ended = row["valid_to"] is not None and (at is None or row["valid_to"] <= at)
    return Interval(
        number=row["id"],
        entity=row["entity"],
        host=row["host"],
        role=row["role"],
        since=row["valid_from"],
        until=row["valid_to"] if ended else None,
        learned_at=row["learned_at"],
        opened_rev=row["opened_rev"],
        closed_rev=row["closed_rev"] if ended else None,
    )


def _filtered(wanted: EventFilter) -> Select[Any]:
    event = tables.event
    query = select(event).where(event.c.seq > wanted.after)
    if wanted.before is not None:
        query = query.where(event.c.seq < wanted.before)
    if wanted.since is not None:
        query = query.where(event.c.at >= wanted.since)
    if wanted.until is not None:
        query = query.where(event.c.at < wanted.until)
    if wanted.kinds:
        query = query.where(event.c.kind.in_(sorted(kind.value for kind in wanted.kinds)))
    if wanted.entity is not None:
        query = query.where(or_(event.c.entity == wanted.entity, event.c.entity.in_(group_of(wanted.entity))))
    if wanted.told_only:
        query = query.where(event.c.told)
    return query
