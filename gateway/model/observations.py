"""Observations: what a collector saw, and what it covers. Frozen; the only way into the topology."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from gateway.model.conditions import ConditionKind
from gateway.model.entities import (
    Alias,
    EntityState,
    NativeKey,
    Value,
)
from gateway.model.relations import Arrival, Phase, RelationKind


@dataclass(frozen=True, slots=True)
class Whole:
    """The scope was read completely: what is missing from it is gone."""

    scope: str = ""


@dataclass(frozen=True, slots=True)
class Objects:
    """Just these were read again, each completely: one of them that is missing is gone."""

    keys: frozenset[NativeKey]
    scope: str = ""


@dataclass(frozen=True, slots=True)
class Glimpse:
    """
    Complete for nothing: a view that may be wrong (a partition without quorum).

    What was unknown until now is added, its placements as last known; nothing else changes and nothing is gone.
    """

    scope: str = ""


Coverage = Whole | Objects | Glimpse


@dataclass(frozen=True, slots=True)
class ObservedEntity:
    """One record of one source."""

    key: NativeKey
    name: str
    subtype: str = ""
    state: EntityState = EntityState.UNKNOWN
    reason: str = ""
    aliases: tuple[Alias, ...] = ()
    attributes: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ObservedRelation:
    """
    `upper` depends on `lower`. Both are keys of the same source; an end that no observation has named yet
    is kept until it is (a relation into another scope may arrive before the entity).
    """

    kind: RelationKind
    upper: NativeKey
    lower: NativeKey
    role: str = ""
    phase: Phase = Phase.STABLE
    arrival: Arrival = Arrival.UNKNOWN
    attributes: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ObservedCondition:
    """
    A state that becomes an alarm when it holds longer than its settle time.

    `holding=False`: still so, but its settle clock does not run now (the manager is busy repairing).
    """

    kind: ConditionKind
    entity: NativeKey
    detail: str = ""
    text: str = ""
    remedy: str = ""
    holding: bool = True


class EvidenceKind(StrEnum):
    """Facts that explain why something moved."""

    HOST_LOST = "host_lost"
    """The host is unclean, offline or was fenced."""
    FAILED_ON = "failed_on"
    """The entity had a failure on the host."""
    HOST_DRAINED = "host_drained"
    """The host is in standby, maintenance or shutting down, as a person asked."""
    REQUESTED = "requested"
    """A person asked for the entity to be on `host` (or, `away`, not to be there)."""
    MIGRATION_FAILED = "migration_failed"
    """A live migration away from `host` failed."""
    STORAGE_COPIED = "storage_copied"
    """A move away from `host` took the entity's disks along: what it has elsewhere is a copy of them."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """
    One fact of a view that may explain a move.

    `identity` tells two occurrences apart (a failure's call id, a fence event's completion time). `at` is the
    source's own time in microseconds UTC, None when it gives none. `entity` None: holds for all on the host.
    """

    kind: EvidenceKind
    host: str
    entity: NativeKey | None = None
    identity: str = ""
    at: int | None = None
    away: bool = False
    text: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Link:
    """
    A person's word that two records are one thing (`same`), or are not, whatever their keys say.

    Ends are written `SOURCE/KIND/NATIVE`, as `gateway where --json` shows them.
    """

    left: str
    right: str
    same: bool


@dataclass(frozen=True, slots=True)
class Observation:
    """
    What one read of a source says, and what it covers.

    `at`: microseconds UTC, the gateway's clock when the read began. `judged`: the kinds of conditions for
    which this read is complete within its coverage (one of them that is not listed has ended).
    """

    source: str
    at: int
    covers: Coverage
    entities: tuple[ObservedEntity, ...] = ()
    relations: tuple[ObservedRelation, ...] = ()
    conditions: tuple[ObservedCondition, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    judged: frozenset[ConditionKind] = frozenset()
    links: tuple[Link, ...] | None = None
    """All links that the source declares; None: it says nothing of links."""


@dataclass(frozen=True, slots=True)
class ScopeFailure:
    """
    One scope of a source could not be read; the others go on. Nothing of it is gone; it is stale when that lasts.

    Report it at each attempt that fails. `at`: microseconds UTC. `entity`: what stands for the scope (the hypervisor of
    a host), when that is known; it need not have been observed yet.
    """

    source: str
    at: int
    scope: str
    error: str
    entity: NativeKey | None = None


Report = Observation | ScopeFailure
"""What a collector hands to the engine."""
