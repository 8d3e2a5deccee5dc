"""Rows: what the topology holds of each thing at one revision. Frozen; times are microseconds UTC."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from gateway.model.conditions import Category, ConditionKind, Severity
from gateway.model.entities import Alias, EntityKind, EntityState, NativeKey, Value
from gateway.model.observations import Evidence
from gateway.model.relations import Arrival, Phase, RelationKind


@dataclass(frozen=True, slots=True)
class Record:
    """What one source says of one thing. Keeps its index and id for ever, also while it is gone."""

    index: int
    id: str
    source: str
    scope: str
    key: NativeKey
    name: str
    subtype: str
    state: EntityState
    reason: str
    aliases: tuple[Alias, ...]
    attributes: Mapping[str, Value]
    first_seen: int
    state_since: int
    gone: bool = False
    entity: int = 0
    """Index of the merged entity that shows it: its own, or that of the oldest record it is the same as."""


@dataclass(frozen=True, slots=True)
class Entity:
    """One thing, merged from its records (usually one). `index` and `id` are those of the oldest record."""

    index: int
    id: str
    kind: EntityKind
    subtype: str
    name: str
    state: EntityState
    reason: str
    state_since: int
    first_seen: int
    sources: tuple[str, ...]
    records: tuple[int, ...]
    attributes: Mapping[str, Value] = field(default_factory=dict)
    aliases: tuple[Alias, ...] = ()


@dataclass(frozen=True, slots=True)
class Claim:
    """What a scope says of one relation; ends are record indexes. `confidence` in percent."""

    source: str
    kind: RelationKind
    upper: int
    lower: int
    role: str = ""
    phase: Phase = Phase.STABLE
    arrival: Arrival = Arrival.UNKNOWN
    since: int = 0
    confidence: int = 100
    attributes: Mapping[str, Value] = field(default_factory=dict)
    scope: str = ""
    """The scope of the source that says so; two scopes may claim two hosts."""


@dataclass(frozen=True, slots=True)
class Placement:
    """
    Our judgement: where an entity of a single-placement kind is, or was last.

    Ends are entity indexes. `open` False: it is stopped, `host` is where it last was stably. `certain` False: the
    host is not heard of, this is where it was last. `left_at`: when it was last seen stable on `host`, 0 while it
    still is. `moved_from` is not 0 while a move waits to be told (members of a group); `moved_since` and `moved_left`:
    since when it had been there, and when it was seen there last.
    """

    entity: int
    host: int
    role: str
    since: int
    source: str
    open: bool = True
    certain: bool = True
    left_at: int = 0
    moved_from: int = 0
    moved_at: int = 0
    moved_since: int = 0
    moved_left: int = 0
    live: bool = False
    storage_from: tuple[tuple[str, int], ...] = ()
    """(name of a disk, its pool) as they were when that was certain last, while it is not; empty when it is."""
    storage_left: int = 0
    """When they were seen there last."""


@dataclass(frozen=True, slots=True)
class SeenEvidence:
    """A fact that may explain a move, and when a view first and last said so."""

    evidence: Evidence
    first_seen: int
    last_seen: int


@dataclass(frozen=True, slots=True)
class Alarm:
    """A condition: settling (`raised_at` 0) or raised. Leaves the snapshot when it is cleared."""

    index: int
    key: str
    condition: ConditionKind
    category: Category
    severity: Severity
    entity: int
    source: str
    detail: str
    text: str
    remedy: str
    since: int
    due: int
    raised_at: int = 0
    event_id: str = ""
    caused_by: str = ""
    planned: bool = False
    """It was raised in a planned window that goes on."""

    @property
    def raised(self) -> bool:
        return self.raised_at != 0


class SourceState(StrEnum):
    """How a source is doing."""

    STARTING = "starting"
    OK = "ok"
    FAILING = "failing"
    STALE = "stale"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class Source:
    """A source and its freshness. `interval_us`: how often it is read at the least."""

    index: int
    id: str
    name: str
    kind: str
    state: SourceState
    interval_us: int
    last_success: int = 0
    failing_since: int = 0
    last_error: str = ""
    reads: int = 0
    failures: int = 0
    last_duration_us: int = 0
