"""
The past: a topology view that answers from the intervals, question by question, without loading the estate.

An interval holds at a time when `valid_from <= at < valid_to` (or it is open). What was known is told by revisions:
a view knows what was opened up to its revision, and takes an interval that was closed later for open. So a view that
was made keeps its answers while the gateway goes on. A source was as its manager's record says. What has no
history: which records were merged, when a scope was read, the figures of a source.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, and_, or_, select

from gateway.model.conditions import ConditionKind
from gateway.model.entities import Alias, EntityKind, EntityState, NativeKey
from gateway.model.rows import Alarm, Claim, Entity, Placement, Record, Source, SourceState
from gateway.model.snapshot import scope_key, silent_scope
from gateway.model.windows import Window
from gateway.store import encoding, tables
from gateway.store.connections import Connections
from gateway.store.loading import RECORD_COLUMNS
from gateway.topology.assemble import claim_order, merge_entity

PAGE = 500
CACHED = 5_000
_SOURCE_STATES = {
    EntityState.STARTING: SourceState.STARTING,
    EntityState.RUNNING: SourceState.OK,
    EntityState.DEGRADED: SourceState.FAILING,
    EntityState.FAILED: SourceState.STALE,
    EntityState.STOPPED: SourceState.DISABLED,
}
"""What the state of a source's manager, as the engine writes it, says of the source."""


class PastView:
    """The topology at `at` (microseconds UTC), as it was known at `revision` (port TopologyView). Blocking."""

    def __init__(
        self, connections: Connections, at: int, revision: int, known_at: int, read: Mapping[str, int] | None = None
    ) -> None:
        """`read`: when a running gateway last read each scope (by `scope_key`), as far as it is not committed yet."""
        self._read = read or {}
        self._connections = connections
        self._at = at
        self._revision = revision
        self._known_at = known_at
        self._entities: dict[int, Entity | None] = {}
        self._freshness: Mapping[str, int] | None = None
        self._silent: frozenset[str] | None = None
        self._sources: Mapping[str, Source] | None = None

    @property
    def revision(self) -> int:
        """The revision up to which this view knows."""
        return self._revision

    @property
    def at(self) -> int:
        return self._at

    @property
    def when(self) -> str:
        """The time it is of, in words for a message."""
        at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=self._at)
        return f"at {at.isoformat().replace('+00:00', 'Z')}"

    @property
    def sources(self) -> Mapping[str, Source]:
        """
        The sources that were there then, in the state of that time; kind and interval are those of now.

        `last_success` 0: not known. It is known only when nothing was read since.
        """
        if self._sources is None:
            now = [encoding.to_source(row) for row in self._rows(select(tables.source))]
            records = self._records(tables.record.c.index.in_([source.index for source in now]))
            managers = {record.index: record for record in records if not record.gone}
            self._sources = {
                source.name: self._source_then(source, managers[source.index])
                for source in now
                if source.index in managers
            }
        return self._sources

    def _source_then(self, now: Source, manager: Record) -> Source:
        last = max(
            [now.last_success, *(at for key, at in self._reads().items() if key.partition("\x00")[0] == now.name)]
        )
        return replace(
            now,
            state=_SOURCE_STATES.get(manager.state, SourceState.STARTING),
            last_success=last if last <= self._at else 0,
            failing_since=now.failing_since if now.failing_since <= self._at else 0,
            last_error=manager.reason,
        )

    # -- entities ----------------------------------------------------------------------------------------------

    def entity(self, index: int) -> Entity | None:
        """The entity with this index; for a merged record's index the entity that shows it."""
        if index not in self._entities:
            if len(self._entities) >= CACHED:
                self._entities.clear()
            found = self._merged(tables.record.c.entity == _shown_by(index))
            self._entities[index] = found[0] if found else None
        return self._entities[index]

    def record(self, index: int) -> Record | None:
        """What one source said of one thing; one that was gone as it last was."""
        mine = tables.record.c.index == index
        for found in self._records(mine):
            if not found.gone:
                return found
        state = tables.record_state
        known = and_(state.c.record == index, state.c.valid_from <= self._at, state.c.opened_rev <= self._revision)
        last = select(*RECORD_COLUMNS).join(state, state.c.record == tables.record.c.index).where(mine, known)
        rows = self._rows(last.order_by(state.c.id.desc()).limit(1))
        return encoding.to_record(rows[0], self._aliases([index]).get(index, ()), gone=True) if rows else None

    def named(self, name: str) -> tuple[Entity, ...]:
        """Entities with this name (any case), by index."""
        state = tables.record_state
        wanted = select(state.c.record).where(state.c.name_key == name.lower(), self._holds(state))
        found = [self.entity(row["record"]) for row in self._rows(wanted.order_by(state.c.record))]
        return tuple({entity.index: entity for entity in found if entity is not None}.values())

    def with_id(self, entity_id: str) -> Entity | None:
        """The entity that has, or whose record has, this id."""
        rows = self._rows(select(tables.record.c.index).where(tables.record.c.id == entity_id.lower()))
        return self.entity(rows[0]["index"]) if rows else None

    def all_entities(self, after: int = 0, kind: EntityKind | None = None) -> Iterator[Entity]:
        """Entities in index order, above `after`; read page by page."""
        of_entity = tables.record.c.entity
        while True:
            wanted = select(of_entity).distinct().where(of_entity > after)
            if kind is not None:
                wanted = wanted.where(tables.record.c.kind == kind.value)
            page = [row["entity"] for row in self._rows(wanted.order_by(of_entity).limit(PAGE))]
            if not page:
                return
            yield from self._merged(of_entity.in_(page))
            after = page[-1]

    # -- relations ---------------------------------------------------------------------------------------------

    def claims_of(self, entity: Entity) -> tuple[Claim, ...]:
        """What the entity depended on: the claims of all its records."""
        return self._claims(tables.claim.c.upper.in_(entity.records))

    def claims_on(self, entity: Entity) -> tuple[Claim, ...]:
        """What depended on the entity: the claims whose lower is one of its records."""
        return self._claims(tables.claim.c.lower.in_(entity.records))

    def placement(self, entity: Entity) -> Placement | None:
        """
        Where it was then; when it was stopped, where it last was (`open` False).

        `host`: the entity that shows the host now; it may have been merged with another since.
        """
        place, host = tables.placement, tables.record
        mine = and_(
            place.c.entity.in_(group_of(entity.index)),
            place.c.valid_from <= self._at,
            place.c.opened_rev <= self._revision,
        )
        wanted = select(place, self._holds(place).label("holds"), host.c.entity.label("host_entity"))
        wanted = wanted.join(host, host.c.index == place.c.host).where(mine)
        rows = self._rows(wanted.order_by(place.c.valid_from.desc(), place.c.id.desc()).limit(20))
        if not rows:
            return None
        row = next((row for row in rows if row["holds"]), rows[0])
        return Placement(
            entity=entity.index,
            host=row["host_entity"],
            role=row["role"],
            since=row["since"],
            source=row["source"],
            open=bool(row["holds"]),
            certain=row["certain"],
            left_at=0 if row["holds"] else row["left_at"] or row["valid_to"],
            live=row["live"],
        )

    # -- alarms and freshness ----------------------------------------------------------------------------------

    def alarms_of(self, entity: Entity) -> tuple[Alarm, ...]:
        """Alarms of the entity that were raised and not cleared."""
        return tuple(self._alarms(tables.alarm.c.entity.in_(group_of(entity.index))))

    def active_alarms(self) -> Iterator[Alarm]:
        """Alarms that were raised and not cleared, by index."""
        return iter(self._alarms())

    def seen_at(self, record: Record) -> int | None:
        """
        When the record's scope was last read; 0: never.

        Only the last read of all is kept: None when that came later than the time asked about.
        """
        last = self._reads().get(scope_key(record.source, record.scope), 0)
        return last if last <= self._at else None

    def is_silent(self, record: Record) -> bool:
        """True when an alarm said then that the record's scope did not answer."""
        if self._silent is None:
            kind = ConditionKind.SOURCE_STALE.value
            self._silent = frozenset(map(silent_scope, self._alarms(tables.alarm.c.condition == kind)))
        return scope_key(record.source, record.scope) in self._silent

    def open_windows(self) -> Iterator[Window]:
        """Planned windows that were declared and had not ended, by index; as far as each had come then."""
        window = tables.planned_window
        declared = window.c.declared_at <= min(self._at, self._known_at)
        wanted = select(window).where(declared, or_(window.c.ended_at == 0, window.c.ended_at > self._at))
        for row in self._rows(wanted.order_by(window.c.index)):
            found = encoding.to_window(row)
            yield replace(found, begun_at=found.begun_at if found.begun_at <= self._at else 0, ended_at=0)

    def _reads(self) -> Mapping[str, int]:
        """The last read of each scope of each source, by `scope_key`."""
        if self._freshness is None:
            rows = self._rows(select(tables.freshness))
            kept = {scope_key(row["source"], row["scope"]): row["at"] for row in rows}
            self._freshness = {key: max(at, self._read.get(key, 0)) for key, at in ({**self._read, **kept}).items()}
        return self._freshness

    def alarm_log(self, after: int, limit: int, *, active_only: bool) -> list[tuple[Alarm, int | None]]:
        """Alarms raised until then, above an index, with the time they were cleared (None: raised still)."""
        alarm = tables.alarm
        wanted = select(alarm, self._not_cleared().label("active")).where(self._raised(), alarm.c.index > after)
        if active_only:
            wanted = wanted.where(self._not_cleared())
        rows = self._rows(wanted.order_by(alarm.c.index).limit(limit))
        return [(encoding.to_alarm(row), None if row["active"] else row["cleared_at"]) for row in rows]

    # -- queries -----------------------------------------------------------------------------------------------

    def _rows(self, wanted: Select[Any]) -> list[encoding.Found]:
        with self._connections.read() as connection:
            return list(connection.execute(wanted).mappings())

    def _holds(self, table: Table) -> ColumnElement[bool]:
        """The interval held at the time, as far as the view knows."""
        return and_(
            table.c.opened_rev <= self._revision,
            table.c.valid_from <= self._at,
            or_(table.c.valid_to.is_(None), table.c.valid_to > self._at, table.c.closed_rev > self._revision),
        )

    def _records(self, condition: ColumnElement[bool]) -> list[Record]:
        """Records in the order of entity and index; one that was not there then is gone."""
        state = tables.record_state
        joined = tables.record.outerjoin(state, and_(state.c.record == tables.record.c.index, self._holds(state)))
        wanted = select(*RECORD_COLUMNS).select_from(joined).where(condition)
        rows = self._rows(wanted.order_by(tables.record.c.entity, tables.record.c.index))
        aliases = self._aliases([row["index"] for row in rows if row["name"] is not None])
        return [
            _absent(row)
            if row["name"] is None
            else encoding.to_record(row, tuple(aliases.get(row["index"], ())), gone=False)
            for row in rows
        ]

    def _aliases(self, records: list[int]) -> dict[int, tuple[Alias, ...]]:
        if not records:
            return {}
        alias = tables.alias
        wanted = (
            select(alias).where(alias.c.record.in_(records), self._holds(alias)).order_by(alias.c.record, alias.c.id)
        )
        by_record = groupby(self._rows(wanted), key=lambda row: row["record"])
        return {record: tuple(encoding.to_alias(row) for row in rows) for record, rows in by_record}

    def _merged(self, condition: ColumnElement[bool]) -> list[Entity]:
        by_entity = groupby(self._records(condition), key=lambda record: record.entity)
        merged = (merge_entity(list(group)) for _, group in by_entity)
        return [entity for entity in merged if entity is not None]

    def _claims(self, condition: ColumnElement[bool]) -> tuple[Claim, ...]:
        rows = self._rows(select(tables.claim).where(condition, self._holds(tables.claim)).order_by(tables.claim.c.id))
        claims = [encoding.to_claim(row) for row in rows]
        return tuple(sorted(claims, key=lambda claim: (claim.upper, claim_order(claim))))

    def _alarms(self, *conditions: ColumnElement[bool]) -> Iterable[Alarm]:
        alarm = tables.alarm
        wanted = select(alarm).where(*conditions, self._raised(), self._not_cleared())
        return [encoding.to_alarm(row) for row in self._rows(wanted.order_by(alarm.c.index))]

    def _raised(self) -> ColumnElement[bool]:
        alarm = tables.alarm
        return and_(
            alarm.c.raised_at > 0,
            alarm.c.raised_at <= min(self._at, self._known_at),
            alarm.c.opened_rev <= self._revision,
        )

    def _not_cleared(self) -> ColumnElement[bool]:
        alarm = tables.alarm
        return or_(alarm.c.cleared_at.is_(None), alarm.c.cleared_at > self._at, alarm.c.closed_rev > self._revision)


def _shown_by(index: int) -> Any:
    """The index of the entity that shows a record."""
    record = tables.record.alias("asked")
    return select(record.c.entity).where(record.c.index == index).scalar_subquery()


def group_of(index: int) -> Any:
    """Indexes of all records that are shown as one with this one."""
    return select(tables.record.c.index).where(tables.record.c.entity == _shown_by(index))


def _absent(row: encoding.Found) -> Record:
    """A record of which no state held: it gives its identity, and nothing else."""
    return Record(
        index=row["index"],
        id=row["id"],
        source=row["source"],
        scope=row["scope"],
        key=NativeKey(encoding.KINDS[row["kind"]], row["native"]),
        name="",
        subtype="",
        state=EntityState.UNKNOWN,
        reason="",
        aliases=(),
        attributes={},
        first_seen=row["first_seen"],
        state_since=0,
        gone=True,
        entity=row["entity"],
    )
