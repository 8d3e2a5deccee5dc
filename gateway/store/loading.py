"""Loading: the last committed topology, complete, from one read transaction."""

from collections.abc import Iterator

from sqlalchemy import Connection, Select, and_, func, or_, select

from gateway.model.conditions import Category
from gateway.model.entities import Alias
from gateway.model.events import RELOCATIONS, Event
from gateway.model.observations import Link
from gateway.model.rows import Record
from gateway.model.snapshot import Snapshot, scope_key
from gateway.model.windows import WINDOW_KEPT, Window
from gateway.store import encoding
from gateway.store.tables import (
    alarm,
    alias,
    claim,
    declared_link,
    event,
    freshness,
    meta,
    placement,
    planned_window,
    record,
    record_state,
    revision,
    source,
)
from gateway.topology.assemble import assemble

RECORD_COLUMNS = (
    *record.c,
    *(record_state.c[name] for name in ("name", "subtype", "state", "reason", "state_since", "attributes")),
)
"""What `encoding.to_record` reads of a record and one of its states."""
RECENT_US = 15 * 60 * 1_000_000
RECENT = 1_000
_MOVES = sorted(kind.value for kind in RELOCATIONS)


def load(connection: Connection) -> Snapshot:
    """The snapshot of the last revision; `pending` groups and `evidence` are the reconciler's to derive."""
    values = meta_values(connection)
    number = int(values["revision"])
    at = connection.execute(select(revision.c.at).where(revision.c.number == number)).scalar()
    return assemble(
        records=_records(connection),
        claims=[encoding.to_claim(row) for row in _rows(connection, select(claim).where(claim.c.valid_to.is_(None)))],
        placements=[
            encoding.to_placement(row) for row in _rows(connection, select(placement).where(placement.c.current))
        ],
        alarms=[encoding.to_alarm(row) for row in _rows(connection, select(alarm).where(alarm.c.cleared_at.is_(None)))],
        sources=[encoding.to_source(row) for row in _rows(connection, select(source))],
        freshness={scope_key(row.source, row.scope): row.at for row in connection.execute(select(freshness))},
        links=_links(connection),
        windows=_windows(connection, at or 0),
        next_window=(connection.execute(select(func.max(planned_window.c.index))).scalar() or 0) + 1,
        recent=_recent(connection, at or 0),
        roots=_roots(connection, at or 0),
        revision=number,
        at=at or 0,
        next_index=int(values["next_index"]),
        next_alarm=int(values["next_alarm"]),
    )


def meta_values(connection: Connection) -> dict[str, str]:
    """The table `meta`."""
    return {row.key: row.value for row in connection.execute(select(meta))}


def _records(connection: Connection) -> Iterator[Record]:
    aliases = _aliases(connection)
    current = select(*RECORD_COLUMNS).join(record_state, record_state.c.record == record.c.index)
    for row in _rows(connection, current.where(record_state.c.current)):
        yield encoding.to_record(row, tuple(aliases.get(row["index"], ())))


def _aliases(connection: Connection) -> dict[int, list[Alias]]:
    found: dict[int, list[Alias]] = {}
    wanted = select(alias.c.record, alias.c.namespace, alias.c.value).where(alias.c.valid_to.is_(None))
    for row in _rows(connection, wanted.order_by(alias.c.id)):
        found.setdefault(row["record"], []).append(encoding.to_alias(row))
    return found


def _links(connection: Connection) -> dict[str, tuple[Link, ...]]:
    found: dict[str, list[Link]] = {}
    for row in connection.execute(select(declared_link).order_by(declared_link.c.source, declared_link.c.position)):
        found.setdefault(row.source, []).append(Link(row.left, row.right, row.same))
    return {source_name: tuple(links) for source_name, links in found.items()}


def _windows(connection: Connection, at: int) -> list[Window]:
    """Planned windows that have not ended, and those that ended so lately that what happened in them may be told."""
    ended_at, begun = planned_window.c.ended_at, planned_window.c.begun_at > 0
    kept = or_(ended_at == 0, and_(ended_at > at - WINDOW_KEPT, begun))
    return [encoding.to_window(row) for row in _rows(connection, select(planned_window).where(kept))]


def _recent(connection: Connection, at: int) -> list[Event]:
    """The last relocations that were told: their cause may still be amended."""
    wanted = select(event).where(event.c.at >= at - RECENT_US, event.c.told, event.c.kind.in_(_MOVES))
    rows = _rows(connection, wanted.order_by(event.c.seq.desc()).limit(RECENT))
    return [encoding.to_event(row) for row in rows][::-1]


def _roots(connection: Connection, at: int) -> dict[int, tuple[str, int]]:
    """Failures that ended lately: what moves away from there still follows from them."""
    ended = (alarm.c.cleared_at >= at - RECENT_US, alarm.c.raised_at > 0, alarm.c.category == Category.FAILURE.value)
    rows = _rows(connection, select(alarm).where(*ended).order_by(alarm.c.cleared_at, alarm.c.index))
    return {row["entity"]: (row["caused_by"] or row["event_id"], row["cleared_at"]) for row in rows}


def _rows(connection: Connection, wanted: Select[tuple[object, ...]]) -> Iterator[encoding.Found]:
    return iter(connection.execute(wanted).mappings())
