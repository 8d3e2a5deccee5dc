"""The snapshot: the immutable topology of one revision."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from gateway.model.conditions import ConditionKind
from gateway.model.entities import EntityKind, EntityRef, NativeKey
from gateway.model.events import Event
from gateway.model.observations import Link, ObservedEntity, ObservedRelation
from gateway.model.rows import Alarm, Claim, Entity, Placement, Record, SeenEvidence, Source
from gateway.model.shelf import Buckets, Shelf
from gateway.model.windows import Window


def native_key(source: str, key: NativeKey) -> str:
    """Key of `Snapshot.natives`."""
    return f"{source}\x00{key.kind.value}\x00{key.native}"


def scope_key(source: str, scope: str) -> str:
    """Key of `Snapshot.scopes`."""
    return f"{source}\x00{scope}"


def silent_scope(alarm: Alarm) -> str:
    """The scope key of a scope that an alarm of silence is about; empty: of a whole source, or another alarm."""
    stale = alarm.condition is ConditionKind.SOURCE_STALE and alarm.detail
    return scope_key(alarm.source, alarm.detail) if stale else ""


@dataclass(frozen=True, slots=True)
class Taken:
    """A whole view of a scope that changed nothing, and the rows that it was about, as they were then."""

    entities: tuple[ObservedEntity, ...]
    relations: tuple[ObservedRelation, ...]
    scope: frozenset[int]
    """Records that the scope sees."""
    indexes: tuple[int, ...]
    """Of the records that the view describes, or says something of."""
    records: tuple[Record, ...]
    claims: tuple[tuple[Claim, ...], ...]


@dataclass(frozen=True, slots=True)
class Doubt:
    """A hypervisor that may be lost. Times: microseconds UTC."""

    begun: int
    asked: frozenset[tuple[str, str]]
    """The (source, scope) pairs that were asked to look."""
    waiting: Mapping[int, int]
    """Entities that left it and are not told yet -> until when they wait for it at the most."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """
    The topology of one revision. Everything a publisher answers about now comes from one of these.

    Shelves are keyed by the integer index (1..), which an entity keeps for ever. `claims` (by upper) and
    `dependents` (by lower) name *records*; `entities` and `placements` name merged entities.
    """

    revision: int = 0
    at: int = 0
    next_index: int = 1
    next_alarm: int = 1
    records: Shelf[Record] = field(default_factory=Shelf)
    entities: Shelf[Entity] = field(default_factory=Shelf)
    claims: Shelf[tuple[Claim, ...]] = field(default_factory=Shelf)
    dependents: Shelf[tuple[int, ...]] = field(default_factory=Shelf)
    placements: Shelf[Placement] = field(default_factory=Shelf)
    alarms: Shelf[Alarm] = field(default_factory=Shelf)
    alarm_keys: Buckets[int] = field(default_factory=Buckets)
    natives: Buckets[int] = field(default_factory=Buckets)
    names: Buckets[tuple[int, ...]] = field(default_factory=Buckets)
    ids: Buckets[int] = field(default_factory=Buckets)
    aliases: Buckets[tuple[int, ...]] = field(default_factory=Buckets)
    scopes: Buckets[frozenset[int]] = field(default_factory=Buckets)
    freshness: Buckets[int] = field(default_factory=Buckets)
    entity_alarms: Shelf[tuple[int, ...]] = field(default_factory=Shelf)
    sources: Mapping[str, Source] = field(default_factory=dict)
    pending: Mapping[str, int] = field(default_factory=dict)
    """
    What must be judged later -> due: `alarm:INDEX`, `group:INDEX`, `pair:INDEX`, `storage:INDEX`, `scopes:SOURCE`,
    `scope:INDEX` (an alarm's), `orphan:INDEX` (an alarm's, whose root has ended), `doubt:INDEX` (a hypervisor's: it may
    be lost), `window:INDEX` (a planned window's).
    """
    doubts: Mapping[int, Doubt] = field(default_factory=dict)
    """By hypervisor: those that may be lost, and whose sources were asked."""
    failing: Mapping[str, int] = field(default_factory=dict)
    """Scopes that cannot be read, by `scope_key`: index of the alarm of their silence, which settles or is raised."""
    resumed_at: int = 0
    """When this topology was taken up from the store; what was not read before that is not the scopes' silence."""
    lost_pools: Mapping[int, tuple[int, tuple[Claim, ...]]] = field(default_factory=dict)
    """Records of storage pools that are gone since a day at the most: since when, and what was claimed of each."""
    windows: Shelf[Window] = field(default_factory=Shelf)
    """Planned windows that have not ended, by their own index."""
    ended_windows: tuple[Window, ...] = ()
    """Those that ended within `WINDOW_KEPT`, by index: what happened in them may still be told."""
    next_window: int = 1
    links: Mapping[str, tuple[Link, ...]] = field(default_factory=dict)
    """By source: what people declared to be the same or apart."""
    recent: tuple[Event, ...] = ()
    """Relocations of the last minutes, whose cause later evidence may still amend."""
    roots: Mapping[int, tuple[str, int]] = field(default_factory=dict)
    """Entities whose failure ended lately: its event id, and when."""
    evidence: Mapping[str, Mapping[str, SeenEvidence]] = field(default_factory=dict)
    """By source: facts of its views that may explain a move, by kind, host, entity and identity."""
    taken: Buckets[Taken] = field(default_factory=Buckets)
    """By `scope_key`: the last whole view, where it changed nothing; another one that says the same changes nothing."""

    # -- the questions of model.ports.TopologyView ---------------------------------------------------------

    def entity(self, index: int) -> Entity | None:
        """The entity with this index; for a merged record's index the entity that shows it."""
        found = self.entities.get(index)
        if found is not None:
            return found
        record = self.records.get(index)
        return self.entities.get(record.entity) if record is not None else None

    def record(self, index: int) -> Record | None:
        """What one source says of one thing; claims name records."""
        return self.records.get(index)

    def named(self, name: str) -> tuple[Entity, ...]:
        """Entities with this name (any case), by index."""
        found = [self.entity(index) for index in self.names.get(name.lower()) or ()]
        return tuple({entity.index: entity for entity in found if entity is not None}.values())

    def with_id(self, entity_id: str) -> Entity | None:
        """The entity that has, or whose record has, this id."""
        index = self.ids.get(entity_id.lower())
        return self.entity(index) if index is not None else None

    def all_entities(self, after: int = 0, kind: EntityKind | None = None) -> Iterator[Entity]:
        """Entities in index order, above `after`."""
        for _, entity in self.entities.rows(after):
            if kind is None or entity.kind is kind:
                yield entity

    def claims_of(self, entity: Entity) -> tuple[Claim, ...]:
        """What the entity depends on: the claims of all its records."""
        if len(entity.records) == 1:
            return self.claims.get(entity.records[0]) or ()
        return tuple(claim for record in entity.records for claim in self.claims.get(record) or ())

    def claims_on(self, entity: Entity) -> tuple[Claim, ...]:
        """What depends on the entity: the claims whose lower is one of its records."""
        mine = set(entity.records)
        uppers = {upper for record in entity.records for upper in self.dependents.get(record) or ()}
        return tuple(c for upper in sorted(uppers) for c in self.claims.get(upper) or () if c.lower in mine)

    def placement(self, entity: Entity) -> Placement | None:
        """Our judgement of where it is (single-placement kinds only)."""
        return self.placements.get(entity.index)

    def alarms_of(self, entity: Entity) -> tuple[Alarm, ...]:
        """Raised alarms of the entity."""
        found = (self.alarms.get(index) for index in self.entity_alarms.get(entity.index) or ())
        return tuple(alarm for alarm in found if alarm is not None and alarm.raised)

    def active_alarms(self) -> Iterator[Alarm]:
        """Raised alarms by index."""
        return (alarm for _, alarm in self.alarms.rows() if alarm.raised)

    def open_windows(self) -> Iterator[Window]:
        """Planned windows that have not ended, by index."""
        return (window for _, window in self.windows.rows())

    @property
    def when(self) -> str:
        """The time it is of, in words for a message."""
        return f"at revision {self.revision}"

    def seen_at(self, record: Record) -> int:
        """When the record's scope was last read completely, or the record itself; 0 when never."""
        return self.freshness.get(scope_key(record.source, record.scope)) or 0

    def is_silent(self, record: Record) -> bool:
        """True when the record's scope has not answered for so long that its alarm is raised."""
        return bool(self.failing) and self._is_told(self.failing.get(scope_key(record.source, record.scope), 0))

    def silent_scopes(self) -> frozenset[str]:
        """Keys of the scopes whose alarm of silence is raised."""
        return frozenset(key for key, index in self.failing.items() if self._is_told(index))

    def _is_told(self, alarm: int) -> bool:
        found = self.alarms.get(alarm) if alarm else None
        return found is not None and found.raised

    def ref(self, index: int) -> EntityRef:
        """The entity as events name it. The index must be known."""
        entity = self.entity(index)
        record = self.records.get(entity.records[0] if entity is not None else index)
        if record is None:
            raise KeyError(index)
        name = entity.name if entity is not None else record.name
        return EntityRef(
            entity.index if entity is not None else record.index,
            entity.id if entity is not None else record.id,
            record.key.kind,
            name,
            record.source,
            record.key.native,
        )
