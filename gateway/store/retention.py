"""Retention: old history is deleted in small steps; what is open, current or still to be told never is."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from sqlalchemy import ColumnElement, Table, and_, exists, or_, select

from gateway.store import tables
from gateway.store.database import Database

AT_MOST = 200_000
"""Rows of one table that one call looks for: the rest waits for the next call."""


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many rows of each table were deleted."""

    rows: dict[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return sum(self.rows.values())


def prune(database: Database, now: int, keep_us: int, batch: int = 500) -> Pruned:
    """
    Delete what ended more than `keep_us` microseconds before `now`.

    Closed intervals (never the last known state of a record or the last place of what is stopped), cleared alarms,
    notes of what was given up, events that nothing refers to, revisions likewise. `batch`: rows
    per transaction, so that a commit in between waits for milliseconds only.

    Raises:
        StoreUnavailable: what was deleted so far stays deleted.
    """
    cutoff = now - keep_us
    return Pruned({table.name: _delete(database, table, old, batch) for table, old in _old(cutoff)})


def _old(cutoff: int) -> Iterator[tuple[Table, ColumnElement[bool]]]:
    """What of each table is old, in the order in which it can be deleted."""
    for table in (tables.record_state, tables.placement):
        yield table, and_(table.c.valid_to < cutoff, ~table.c.current)
    for table in (tables.alias, tables.claim):
        yield table, table.c.valid_to < cutoff
    missed, event, alarm, receiver = tables.missed, tables.event, tables.alarm, tables.receiver
    yield missed, and_(missed.c.at < cutoff, ~missed.c.wanted)
    yield alarm, alarm.c.cleared_at < cutoff
    window, later = tables.planned_window, tables.planned_window.alias("later_window")
    # The highest number stays, so that it is not given to another.
    yield window, and_(window.c.ended_at.between(1, cutoff), exists().where(later.c.index > window.c.index))
    needed = or_(
        exists().where(missed.c.event == event.c.seq),
        and_(event.c.told, exists().where(receiver.c.position < event.c.seq)),
        exists().where(alarm.c.event_id == event.c.id, alarm.c.cleared_at.is_(None)),
    )
    yield event, and_(event.c.at < cutoff, ~needed)
    yield tables.revision, and_(tables.revision.c.at < cutoff, ~_referenced())


def _referenced() -> ColumnElement[bool]:
    """The revision is the last, or something was opened, closed or logged by it."""
    number = tables.revision.c.number
    later = tables.revision.alias("later")
    uses = [exists().where(tables.event.c.revision == number)]
    for table in (tables.record_state, tables.alias, tables.claim, tables.placement):
        uses += [exists().where(table.c.opened_rev == number), exists().where(table.c.closed_rev == number)]
    return or_(~exists().where(later.c.number > number), *uses)


def _delete(database: Database, table: Table, old: ColumnElement[bool], batch: int) -> int:
    (key,) = table.primary_key.columns
    with database.connections.read() as connection:
        found = iter(connection.execute(select(key).where(old).limit(AT_MOST)).scalars().all())
    deleted = 0
    while keys := list(islice(found, batch)):
        with database.connections.write() as connection:
            # The condition again: what changed since it was looked for stays.
            deleted += connection.execute(table.delete().where(key.in_(keys), old)).rowcount
    return deleted
