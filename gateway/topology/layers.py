"""Layers: in which layer of an answer an entity belongs."""

from collections.abc import Mapping
from enum import StrEnum

from gateway.model.entities import EntityKind


class Layer(StrEnum):
    """The layers of an answer, in the order in which a person asks."""

    SERVICE = "service"
    ORCHESTRATION = "orchestration"
    HA = "ha"
    GUEST = "guest"
    VIRTUALIZATION = "virtualization"
    PHYSICAL = "physical"
    STORAGE = "storage"
    NETWORK = "network"


LAYERS: Mapping[EntityKind, Layer] = {
    EntityKind.SERVICE: Layer.SERVICE,
    EntityKind.REPLICATION_GROUP: Layer.SERVICE,
    EntityKind.K8S_CLUSTER: Layer.ORCHESTRATION,
    EntityKind.K8S_NODE: Layer.ORCHESTRATION,
    EntityKind.WORKLOAD: Layer.ORCHESTRATION,
    EntityKind.POD: Layer.ORCHESTRATION,
    EntityKind.HA_CLUSTER: Layer.HA,
    EntityKind.HA_NODE: Layer.HA,
    EntityKind.HA_RESOURCE: Layer.HA,
    EntityKind.FENCE_DEVICE: Layer.HA,
    EntityKind.GUEST_OS: Layer.GUEST,
    EntityKind.VM: Layer.VIRTUALIZATION,
    EntityKind.HYPERVISOR: Layer.VIRTUALIZATION,
    EntityKind.VIRT_CLUSTER: Layer.VIRTUALIZATION,
    EntityKind.MANAGER: Layer.VIRTUALIZATION,
    EntityKind.PHYSICAL_HOST: Layer.PHYSICAL,
    EntityKind.RACK: Layer.PHYSICAL,
    EntityKind.SITE: Layer.PHYSICAL,
    EntityKind.STORAGE_POOL: Layer.STORAGE,
    EntityKind.VOLUME: Layer.STORAGE,
    EntityKind.VOLUME_CLAIM: Layer.STORAGE,
    EntityKind.SNAPSHOT: Layer.STORAGE,
    EntityKind.NETWORK: Layer.NETWORK,
}
"""Every kind in its layer. A test checks that none is missing."""
