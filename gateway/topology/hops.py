"""Hops: the answer to where something is, as steps down the layers."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from gateway.model.entities import EntityKind
from gateway.model.relations import RelationKind
from gateway.model.rows import Alarm, Entity


class HopState(StrEnum):
    """How a hop holds."""

    STABLE = "stable"
    TRANSITIONAL = "transitional"
    """Starting, stopping or migrating there right now."""
    LAST_KNOWN = "last_known"
    """The host is not heard of: it was there last."""
    STOPPED = "stopped"
    """It runs nowhere: it was there last."""


class WhereStatus(StrEnum):
    """The answer in one word."""

    PLACED = "placed"
    SPREAD = "spread"
    """On several hosts: a clone or bundle, a group that is apart, a service with several members."""
    MOVING = "moving"
    LAST_KNOWN = "last_known"
    STOPPED = "stopped"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Hop:
    """
    One step down: the entity above depends on `entity`. Times: microseconds UTC; `age_us`: of the data.

    `members`: of a group, those that take this step. `ends`: why there is nothing below, empty when there is.
    `machines`: of an HA resource (or a group's members), the VM that it is, and where its hypervisor says that is.
    `silence`: of a last known hop, who has not answered, and since when; empty when the hop is no word of theirs.
    """

    relation: RelationKind
    entity: Entity
    state: HopState = HopState.STABLE
    role: str = ""
    since: int = 0
    until: int | None = None
    age_us: int | None = None
    stale: bool = False
    source: str = ""
    confidence: int = 100
    members: tuple[Entity, ...] = ()
    notes: tuple[str, ...] = ()
    below: tuple["Hop", ...] = ()
    storage: tuple["Hop", ...] = ()
    machines: tuple["Hop", ...] = ()
    ends: str = ""
    silence: str = ""


@dataclass(frozen=True, slots=True)
class Where:
    """
    Where an entity is. `now`: the time of the question; `said`: the answer in one sentence.

    `alarms`: its own, and those that say that the hosts where it was last are not heard of.
    """

    entity: Entity
    revision: int
    now: int
    status: WhereStatus
    said: str
    below: tuple[Hop, ...]
    storage: tuple[Hop, ...]
    machines: tuple[Hop, ...]
    ends: str
    notes: tuple[str, ...]
    alarms: tuple[Alarm, ...]

    @property
    def reaches_hardware(self) -> bool:
        """True when each branch is known down to a physical host."""
        return self.entity.kind in _HARDWARE or (bool(self.below) and all(map(_reaches_hardware, self.below)))


@dataclass(frozen=True, slots=True)
class Descent:
    """What is below an entity."""

    below: tuple[Hop, ...] = ()
    storage: tuple[Hop, ...] = ()
    machines: tuple[Hop, ...] = ()
    ends: str = ""
    notes: tuple[str, ...] = ()


def walk_hops(hops: Iterable[Hop]) -> Iterator[Hop]:
    """All hops of a tree, storage and machines included, each before those below it."""
    for hop in hops:
        yield hop
        for more in (hop.below, hop.storage, hop.machines):
            yield from walk_hops(more)


def leads_somewhere(hop: Hop) -> bool:
    """False for a step to a member that is itself in no known place."""
    if hop.relation is RelationKind.RUNS_ON or hop.entity.kind not in _PLACELESS:
        return True
    return any(map(leads_somewhere, hop.below))


_PLACELESS = frozenset({EntityKind.SERVICE, EntityKind.WORKLOAD, EntityKind.POD, EntityKind.HA_RESOURCE, EntityKind.VM})
"""Kinds that are no place themselves, but are in one."""
_HARDWARE = frozenset({EntityKind.PHYSICAL_HOST, EntityKind.RACK, EntityKind.SITE})


def _reaches_hardware(hop: Hop) -> bool:
    if hop.entity.kind in _HARDWARE:
        return True
    return bool(hop.below) and all(map(_reaches_hardware, hop.below))
