"""Layers: where an entity is from the service down to the site in one row, and what the loss of a host affects."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gateway.model.entities import EntityKind
from gateway.model.rows import Entity
from gateway.model.verdicts import Verdict, VerdictReason
from gateway.schema.snmp.enums import LayerEffect, LayerStatus

Found = tuple[Entity, ...]
Scopes = frozenset[str]
"""Keys of the scopes that tell of what a row is about."""


@dataclass(frozen=True, slots=True)
class LayerRow:
    """A conceptual row of topoLayerTable: what is below an entity (itself among it), by layer, and storage apart."""

    status: LayerStatus
    text: str
    below: Mapping[EntityKind, Found]
    storage: Found = ()
    scopes: Scopes = frozenset()

    def all_of(self, *kinds: EntityKind) -> Found:
        """What is there of these kinds."""
        return tuple(entity for kind in kinds for entity in self.below.get(kind, ()))

    def index_of(self, *kinds: EntityKind) -> int:
        """The index when it is one, else 0."""
        found = self.all_of(*kinds)
        return found[0].index if len(found) == 1 else 0

    def name_of(self, *kinds: EntityKind) -> str:
        """All names."""
        return names(self.all_of(*kinds))


def names(entities: Found) -> str:
    """Names in one line."""
    return ", ".join(entity.name for entity in entities)


@dataclass(frozen=True, slots=True)
class ImpactRow:
    """A conceptual row of topoImpactTable: an entity that the loss of a host reaches."""

    host: int
    entity: Entity
    effect: LayerEffect
    reason: str
    parts_lost: int
    parts: int
    certain: bool
    verdict: Verdict
    verdict_reason: VerdictReason
    destination: Entity | None = None
    scopes: Scopes = frozenset()

    @property
    def key(self) -> tuple[int, int]:
        return (self.host, self.entity.index)


HOSTS: Final = frozenset({EntityKind.PHYSICAL_HOST, EntityKind.HYPERVISOR})
"""What somebody reboots."""
NODES: Final = (EntityKind.HA_NODE, EntityKind.K8S_NODE)
STORAGE: Final = frozenset({EntityKind.VOLUME_CLAIM, EntityKind.VOLUME, EntityKind.STORAGE_POOL})
