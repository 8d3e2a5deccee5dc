"""Models: the external form of everything the REST API answers. Times are RFC 3339 in UTC, ages are seconds."""

from datetime import datetime
from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from gateway.model.conditions import Category, ConditionKind
from gateway.model.entities import EntityKind, EntityState, KeyNamespace, Value
from gateway.model.events import Cause, EventKind
from gateway.model.relations import Arrival, Phase, RelationKind
from gateway.model.rows import SourceState
from gateway.model.verdicts import Colour, Verdict, VerdictReason
from gateway.topology.hops import HopState, WhereStatus
from gateway.topology.layers import Layer
from gateway.topology.spread import Effect

Item = TypeVar("Item")


class Model(BaseModel):
    """The answers' common ground: fields with defaults are always there."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True, use_attribute_docstrings=True)


class Ref(Model):
    """An entity, named in short."""

    index: int
    """Integer index, the same in SNMP; never changes, never used again."""
    id: str
    """UUIDv7; never changes."""
    kind: EntityKind
    name: str


class AliasModel(Model):
    """A key by which an entity is known beside its source's own id."""

    namespace: KeyNamespace
    value: str


class EntityModel(Ref):
    """One thing of the topology."""

    subtype: str
    """The source's own word."""
    state: EntityState
    reason: str
    state_since: datetime | None
    first_seen: datetime | None
    sources: list[str]
    records: list[str]
    """SOURCE/KIND/NATIVE of each record that it is merged from; declared links name them so."""
    aliases: list[AliasModel]
    attributes: dict[str, Value]
    seen_at: datetime | None
    """When a source last read it; null: never; of a past time: not kept, when it was read since."""
    age_s: float | None
    stale: bool
    """True when all its sources are stale, or have not read it for `settle.stale_intervals` of their intervals."""


class PlacementModel(Model):
    """Where an entity is by our judgement."""

    host: Ref | None
    role: str
    since: datetime | None
    open: bool
    """False: it is stopped, this is where it was last."""
    certain: bool
    """False: the host is not heard of, this is where it was last."""
    left_at: datetime | None
    source: str


class EntityDetail(EntityModel):
    """One thing with its placement and its raised alarms."""

    placement: PlacementModel | None
    alarms: list["AlarmModel"]
    windows: list["CoverModel"]
    """The planned windows that go on and cover it."""


class CoverModel(Model):
    """A planned window, named in short."""

    index: int
    name: str
    reason: str
    ends_at: datetime


class RelationModel(Model):
    """`upper` depends on `lower`, as a source says."""

    kind: RelationKind
    upper: Ref
    lower: Ref
    role: str
    phase: Phase
    arrival: Arrival
    since: datetime | None
    source: str
    scope: str
    confidence: int
    """Percent."""
    age_s: float | None
    stale: bool
    attributes: dict[str, Value]


class IntervalModel(Model):
    """One stay of an entity on a host."""

    host: Ref | None
    """None: an entity that is no longer known."""
    host_index: int
    role: str
    since: datetime
    until: datetime | None
    """None: it is still there."""
    learned_at: datetime
    opened_revision: int
    closed_revision: int | None


class EventRef(Ref):
    """An entity as an event names it; stays readable when the entity is long gone."""

    source: str
    native: str


class EventModel(Model):
    """One line of the event log."""

    seq: int
    """Number in the log; the id of the event stream."""
    id: str
    at: datetime
    kind: EventKind
    entity: EventRef
    source: str
    old_host: EventRef | None
    new_host: EventRef | None
    cause: Cause | None
    planned: bool
    """Somebody asked for it, or it happened in a planned window."""
    window: "WindowRefModel | None"
    """The planned window in which it happened, or whose start or end it is."""
    live: bool
    members: list[EventRef]
    carried: int
    caused_by: str | None
    """Id of the event that caused this one."""
    started_at: datetime | None
    evidence: list[str]
    alarm_key: str | None
    condition: ConditionKind | None
    severity: str | None
    """X.733 perceived severity."""
    text: str
    remedy: str
    told: bool
    """False: in the log only, sent to nobody."""


class WindowRefModel(Model):
    """A planned window as an event names it."""

    index: int
    name: str
    ends_at: datetime
    event_id: str
    """Of the event of its start."""


class AlarmModel(Model):
    """A failure, conflict, finding or stale source that is, or was, raised."""

    index: int
    key: str
    """CONDITION:ENTITY-ID[:DETAIL], the same in raise, clear, SNMP and here."""
    condition: ConditionKind
    category: Category
    severity: str
    entity: Ref | None
    entity_index: int
    source: str
    detail: str
    text: str
    remedy: str
    since: datetime | None
    raised_at: datetime | None
    cleared_at: datetime | None
    event_id: str
    caused_by: str | None
    planned: bool
    """It was raised in a planned window that goes on."""


class ScopeModel(Model):
    """One part of a source: a host of a fleet."""

    name: str
    last_read: datetime | None
    """null: never, or (of a past time) not kept."""
    age_s: float | None
    failing_since: datetime | None
    silent: bool
    """It has failed for so long that its alarm is raised."""
    error: str


class SourceModel(Model):
    """A source and how it is doing."""

    index: int
    id: str
    name: str
    kind: str
    state: SourceState
    interval_s: float
    """As it is configured now."""
    last_success: datetime | None
    """null: never; of a past time: not kept, when it was read since."""
    age_s: float | None
    failing_since: datetime | None
    """null: it does not fail; of a past time: not kept, when it answered since."""
    last_error: str
    reads: int | None
    """Since the gateway started; null of a past time: not kept, as `failures` and `last_duration_s`."""
    failures: int | None
    last_duration_s: float | None
    scopes: list[ScopeModel]
    """Its parts, when it has several; of a past time those that were silent then."""


class Page(Model, Generic[Item]):
    """One page of a list. `next`: give it as `cursor` for the next page; null on the last one."""

    items: list[Item]
    next: str | None
    revision: int
    at: datetime
    """The time that the answer is about."""


class HopModel(Model):
    """One step down the layers: what is above depends on `entity`."""

    relation: RelationKind
    entity: Ref
    entity_state: EntityState
    state: HopState
    role: str
    since: datetime | None
    until: datetime | None
    age_s: float | None
    stale: bool
    source: str
    confidence: int
    """Percent."""
    members: list[Ref]
    """Of a group: those members that take this step."""
    notes: list[str]
    below: list["HopModel"]
    storage: list["HopModel"]
    machines: list["HopModel"]
    """Of an HA resource (or a group's members): the VM that it is, and where its hypervisor says that is."""
    ends: str
    """Why nothing is known below; empty when something is."""


class WhereModel(Model):
    """Where an entity is, as a tree of hops."""

    entity: EntityModel
    status: WhereStatus
    said: str
    """The answer in one sentence."""
    reaches_hardware: bool
    """True when each branch is known down to a physical host."""
    hops: list[HopModel]
    storage: list[HopModel]
    machines: list[HopModel]
    """Of an HA resource (or a group's members): the VM that it is, and where its hypervisor says that is."""
    ends: str
    notes: list[str]
    alarms: list[AlarmModel]
    windows: list[CoverModel]
    """The planned windows that go on and cover it."""
    revision: int
    at: datetime


class StepModel(Model):
    """One step from an affected entity down to what is lost."""

    relation: RelationKind
    entity: Ref


class AffectedModel(Model):
    """One entity that the loss reaches."""

    entity: Ref
    layer: Layer
    effect: Effect
    """What happens at once."""
    reason: str
    verdict: Verdict
    """What becomes of it when what is lost is rebooted."""
    verdict_reason: VerdictReason
    destination: Ref | None
    """Where it then is; null when its manager chooses, when it does not move, or when nothing tells."""
    manager: Ref | None
    """The cluster that decides."""
    path: list[StepModel]
    parts_lost: int
    parts: int
    roles_lost: list[str]
    age_s: float | None
    stale: bool
    certain: bool
    """False: it rests on a last known placement, on a move under way, or on a quorum that may be kept."""


class CountModel(Model):
    """How many of one kind are affected."""

    kind: EntityKind
    lost: int
    degraded: int


class QuorumModel(Model):
    """The votes of an HA cluster that loses some of them."""

    cluster: Ref
    votes: int
    """As many as are expected, those of a quorum device among them."""
    lost: int
    """By this loss; nodes that are down already have none to lose."""
    remain: int
    majority: bool
    """
    True when enough votes remain: more than half of all, or one of the two of a cluster with two_node. False also where
    another rule may let it go on: `note` says so.
    """
    note: str
    """What else decides whether it goes on, or was counted; empty when nothing is."""


class ImpactModel(Model):
    """
    What is affected if `lost` are lost, and what becomes of it when they are rebooted.

    A manager is not asked what it would do: that it starts something, and where, follows from what its source tells.
    """

    lost: list[Ref]
    said: str
    colour: Colour
    """Green: nothing is disrupted; amber: what is disrupted comes back, or is not known to; red: something is lost."""
    outlook: str
    """The same in a line, with the number of each verdict."""
    affected: list[AffectedModel]
    """By layer, lost before degraded."""
    omitted: int
    """Affected entities beyond `limit`; `counts` has them."""
    counts: list[CountModel]
    quorums: list[QuorumModel]
    """Of each cluster that loses votes, those without a majority first."""
    blind_spots: list[str]
    windows: list[CoverModel]
    """The planned windows that go on and cover one of the lost."""
    stale: bool
    revision: int
    at: datetime


class Alive(Model):
    """The process answers."""

    alive: bool
    version: str


class Ready(Model):
    """Whether questions can be answered well."""

    ready: bool
    reasons: list[str]
    """Why it is not ready."""
    revision: int
    database: bool
    """True when the database answered within the last seconds."""
    sources: dict[SourceState, int] = Field(examples=[{"ok": 3, "stale": 1}])


class Accepted(Model):
    """A pushed document was taken: the source will be read."""

    source: str
    accepted: bool
