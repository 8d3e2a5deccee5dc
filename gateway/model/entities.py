"""Entities: the kinds of things in the topology, their states, and the keys by which they are known."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum

Value = str | int | bool
"""What an attribute of an entity or relation may hold."""


class EntityKind(StrEnum):
    """The closed core kinds (design: domain, Entities). The source's own word goes into `subtype`."""

    SITE = "site"
    RACK = "rack"
    PHYSICAL_HOST = "physical_host"
    HYPERVISOR = "hypervisor"
    VIRT_CLUSTER = "virt_cluster"
    VM = "vm"
    GUEST_OS = "guest_os"
    HA_CLUSTER = "ha_cluster"
    HA_NODE = "ha_node"
    HA_RESOURCE = "ha_resource"
    K8S_CLUSTER = "k8s_cluster"
    K8S_NODE = "k8s_node"
    WORKLOAD = "workload"
    POD = "pod"
    SERVICE = "service"
    REPLICATION_GROUP = "replication_group"
    STORAGE_POOL = "storage_pool"
    VOLUME = "volume"
    VOLUME_CLAIM = "volume_claim"
    SNAPSHOT = "snapshot"
    NETWORK = "network"
    FENCE_DEVICE = "fence_device"
    MANAGER = "manager"


class EntityState(StrEnum):
    """What a source says of an entity, in one vocabulary for all kinds."""

    UNKNOWN = "unknown"
    RUNNING = "running"
    STARTING = "starting"
    STOPPING = "stopping"
    MIGRATING = "migrating"
    PAUSED = "paused"
    SUSPENDED = "suspended"
    STOPPED = "stopped"
    DEGRADED = "degraded"
    STANDBY = "standby"
    MAINTENANCE = "maintenance"
    FAILED = "failed"
    BLOCKED = "blocked"
    CRASHED = "crashed"
    OFFLINE = "offline"
    UNCLEAN = "unclean"


SPREAD_SUBTYPES = frozenset({"clone", "promotable", "bundle"})
"""Subtypes of ha_resource that run on several nodes at once; everything else has one placement."""

DECLARED = "declared"
"""Subtype of what a person declared: the name that it has there is the one that is shown, whoever else knows it."""

RELOCATABLE_KINDS = frozenset({EntityKind.VM, EntityKind.HA_RESOURCE, EntityKind.POD})
"""Kinds whose change of host is told; others (a node's guest_os, say) only change in the history."""


def has_one_placement(kind: EntityKind, subtype: str) -> bool:
    """True when an entity runs on at most one host by nature (design: domain, Relations)."""
    return not (kind is EntityKind.HA_RESOURCE and subtype in SPREAD_SUBTYPES)


class KeyStrength(IntEnum):
    """How much an agreeing key proves (design: domain, Identity)."""

    WEAK = 1
    """Machine-id, name of a domain or host, IP address: never merges, however many agree; proposes only."""
    CROSS_LAYER = 2
    """SMBIOS system UUID, providerID, MAC, WWN, disk serial: one agreement links."""
    NATIVE = 3
    """A manager's own id: identity inside one source."""


class KeyNamespace(StrEnum):
    """The kinds of keys by which two records may prove to be one thing, or one under the other."""

    SMBIOS_UUID = "smbios_uuid"
    MAC = "mac"
    WWN = "wwn"
    SERIAL = "serial"
    PROVIDER_ID = "provider_id"
    DOMAIN_UUID = "domain_uuid"
    DOMAIN_NAME = "domain_name"
    MACHINE_ID = "machine_id"
    HOST_NAME = "host_name"
    IP_ADDRESS = "ip_address"
    DECLARED = "declared"
    """A person says in the declared facts that two records are one."""

    @property
    def strength(self) -> KeyStrength:
        """How much agreement in this namespace proves."""
        return KeyStrength.WEAK if self in _WEAK else KeyStrength.CROSS_LAYER


_WEAK = frozenset({KeyNamespace.DOMAIN_NAME, KeyNamespace.MACHINE_ID, KeyNamespace.HOST_NAME, KeyNamespace.IP_ADDRESS})


@dataclass(frozen=True, slots=True, order=True)
class Alias:
    """One key by which an entity is known beside its source's own id. `value` is normalised."""

    namespace: KeyNamespace
    value: str


@dataclass(frozen=True, slots=True, order=True)
class NativeKey:
    """How a source names an entity: unique per (source, kind)."""

    kind: EntityKind
    native: str


@dataclass(frozen=True, slots=True)
class EntityRef:
    """An entity as an event names it; stays readable when the entity is long gone."""

    index: int
    id: str
    kind: EntityKind
    name: str
    source: str
    native: str
