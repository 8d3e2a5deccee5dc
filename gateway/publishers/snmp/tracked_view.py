"""Tracked view: the questions of topology (where, impact) asked of one snapshot, noting the shards looked at."""

from collections.abc import Iterator, Mapping
from typing import Protocol

from gateway.model.entities import EntityKind
from gateway.model.rows import Alarm, Claim, Entity, Placement, Record, Source
from gateway.model.windows import Window


class TrackedRows(Protocol):
    """What the renderer's lookup gives: rows of the snapshot in use, each access noted."""

    def entity(self, index: int) -> Entity | None: ...
    def record(self, index: int) -> Record | None: ...
    def claims(self, record: int) -> tuple[Claim, ...]: ...
    def dependents(self, record: int) -> tuple[int, ...]: ...
    def placement(self, entity: int) -> Placement | None: ...
    def raised(self, entity: int) -> tuple[Alarm, ...]: ...
    def is_silent(self, record: Record) -> bool: ...
    def stale_sources(self) -> Mapping[str, Source]: ...


class TrackedView:
    """
    A `model.ports.TopologyView` without time and without search, whose sources are those that are stale.

    Ages and blind spots are not asked for here: they change without a revision, and cost a look at everything.
    """

    revision = 0
    at = 0
    when = "now"

    def __init__(self, rows: TrackedRows) -> None:
        self._rows = rows

    @property
    def sources(self) -> Mapping[str, Source]:
        return self._rows.stale_sources()

    def entity(self, index: int) -> Entity | None:
        return self._rows.entity(index)

    def record(self, index: int) -> Record | None:
        return self._rows.record(index)

    def named(self, name: str) -> tuple[Entity, ...]:
        return ()

    def with_id(self, entity_id: str) -> Entity | None:
        return None

    def all_entities(self, after: int = 0, kind: EntityKind | None = None) -> Iterator[Entity]:
        return iter(())

    def claims_of(self, entity: Entity) -> tuple[Claim, ...]:
        if len(entity.records) == 1:
            return self._rows.claims(entity.records[0])
        return tuple(claim for record in entity.records for claim in self._rows.claims(record))

    def claims_on(self, entity: Entity) -> tuple[Claim, ...]:
        mine = set(entity.records)
        uppers = {upper for record in entity.records for upper in self._rows.dependents(record)}
        return tuple(c for upper in sorted(uppers) for c in self._rows.claims(upper) if c.lower in mine)

    def placement(self, entity: Entity) -> Placement | None:
        return self._rows.placement(entity.index)

    def alarms_of(self, entity: Entity) -> tuple[Alarm, ...]:
        return self._rows.raised(entity.index)

    def active_alarms(self) -> Iterator[Alarm]:
        return iter(())

    def seen_at(self, record: Record) -> int | None:
        return None

    def is_silent(self, record: Record) -> bool:
        return self._rows.is_silent(record)

    def open_windows(self) -> Iterator[Window]:
        return iter(())
