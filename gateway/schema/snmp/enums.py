"""Enumerations: the numbers of our closed sets in the MIB. A number, once given, is never given to another word."""

from collections.abc import Mapping
from enum import Enum, IntEnum
from typing import Final

from gateway.model.conditions import Category, ConditionKind, Severity
from gateway.model.entities import EntityKind, EntityState
from gateway.model.events import Cause
from gateway.model.relations import Phase, RelationKind
from gateway.model.rows import SourceState
from gateway.model.standings import ReceiverHealth
from gateway.model.verdicts import Verdict, VerdictReason
from gateway.model.windows import WindowState

Numbers = Mapping[Enum, int]


class Whereabouts(IntEnum):
    """What a row of topoWhereTable means (TopologyWhereabouts)."""

    HERE = 1
    """It runs there."""
    LAST_KNOWN = 2
    """It was there when the host was last heard of."""
    STOPPED = 3
    """It is stopped; there it ran last."""


class Arrival(IntEnum):
    """How a relocated entity came to its host (TopologyArrival)."""

    LIVE = 1
    RESTART = 2
    NONE = 3
    """It did not move: its role did, or the move failed."""


class NoAlarm(Enum):
    """Condition and category of an event that is about no alarm."""

    NONE = "none"


class LayerStatus(IntEnum):
    """Where an entity is, in one word (TopologyLayerStatus)."""

    PLACED = 1
    SPREAD = 2
    """In several places."""
    MOVING = 3
    LAST_KNOWN = 4
    STOPPED = 5
    UNKNOWN = 6


class LayerEffect(IntEnum):
    """What the loss of a host does to an entity (TopologyEffect)."""

    LOST = 1
    DEGRADED = 2
    """A part of it is lost."""


ENTITY_KINDS: Final[Numbers] = {
    EntityKind.SITE: 1,
    EntityKind.RACK: 2,
    EntityKind.PHYSICAL_HOST: 3,
    EntityKind.HYPERVISOR: 4,
    EntityKind.VIRT_CLUSTER: 5,
    EntityKind.VM: 6,
    EntityKind.GUEST_OS: 7,
    EntityKind.HA_CLUSTER: 8,
    EntityKind.HA_NODE: 9,
    EntityKind.HA_RESOURCE: 10,
    EntityKind.K8S_CLUSTER: 11,
    EntityKind.K8S_NODE: 12,
    EntityKind.WORKLOAD: 13,
    EntityKind.POD: 14,
    EntityKind.SERVICE: 15,
    EntityKind.REPLICATION_GROUP: 16,
    EntityKind.STORAGE_POOL: 17,
    EntityKind.VOLUME: 18,
    EntityKind.VOLUME_CLAIM: 19,
    EntityKind.SNAPSHOT: 20,
    EntityKind.NETWORK: 21,
    EntityKind.FENCE_DEVICE: 22,
    EntityKind.MANAGER: 23,
}
ENTITY_STATES: Final[Numbers] = {
    EntityState.UNKNOWN: 1,
    EntityState.RUNNING: 2,
    EntityState.STARTING: 3,
    EntityState.STOPPING: 4,
    EntityState.MIGRATING: 5,
    EntityState.PAUSED: 6,
    EntityState.SUSPENDED: 7,
    EntityState.STOPPED: 8,
    EntityState.DEGRADED: 9,
    EntityState.STANDBY: 10,
    EntityState.MAINTENANCE: 11,
    EntityState.FAILED: 12,
    EntityState.BLOCKED: 13,
    EntityState.CRASHED: 14,
    EntityState.OFFLINE: 15,
    EntityState.UNCLEAN: 16,
}
RELATION_KINDS: Final[Numbers] = {
    RelationKind.RUNS_ON: 1,
    RelationKind.IS_SAME_AS: 2,
    RelationKind.PART_OF: 3,
    RelationKind.MEMBER_OF: 4,
    RelationKind.USES_STORAGE: 5,
    RelationKind.BACKED_BY: 6,
    RelationKind.CONNECTS_TO: 7,
    RelationKind.DEPENDS_ON: 8,
    RelationKind.MANAGED_BY: 9,
    RelationKind.FENCED_BY: 10,
    RelationKind.CONSTRAINED_TO: 11,
    RelationKind.ANTI_AFFINE: 12,
    RelationKind.REPLICATES_WITH: 13,
}
PHASES: Final[Numbers] = {Phase.STABLE: 1, Phase.TRANSITIONAL: 2, Phase.LAST_KNOWN: 3}
CAUSES: Final[Numbers] = {
    Cause.UNKNOWN: 1,
    Cause.FAILOVER: 2,
    Cause.RECOVERY: 3,
    Cause.EVACUATION: 4,
    Cause.ADMINISTRATOR: 5,
    Cause.LIVE_MIGRATION: 6,
    Cause.COLD_MOVE: 7,
    Cause.PROMOTION_CHANGE: 8,
    Cause.BALANCING: 9,
}
CONDITIONS: Final[Numbers] = {
    ConditionKind.BLOCKED: 1,
    ConditionKind.FAILED_UNMANAGED: 2,
    ConditionKind.EXHAUSTED: 3,
    ConditionKind.NO_PROMOTED: 4,
    ConditionKind.QUORUM_LOST: 5,
    ConditionKind.FENCING_FAILED: 6,
    ConditionKind.CRASHED: 7,
    ConditionKind.CRASHED_MANAGED: 8,
    ConditionKind.PAUSED_IO_ERROR: 9,
    ConditionKind.PLACEMENT_CONFLICT: 10,
    ConditionKind.SOURCE_STALE: 11,
    ConditionKind.DUPLICATE_KEY: 12,
    ConditionKind.SAME_BY_WEAK_KEYS: 13,
    ConditionKind.DEGRADED: 14,
    ConditionKind.PLACEMENT_UNCERTAIN: 15,
    ConditionKind.HOST_LOST: 16,
    NoAlarm.NONE: 17,
}
CATEGORIES: Final[Numbers] = {
    Category.FAILURE: 1,
    Category.CONFLICT: 2,
    Category.FINDING: 3,
    Category.STALE: 4,
    NoAlarm.NONE: 5,
}
SEVERITIES: Final[Numbers] = {severity: int(severity) for severity in Severity}
SOURCE_STATES: Final[Numbers] = {
    SourceState.STARTING: 1,
    SourceState.OK: 2,
    SourceState.FAILING: 3,
    SourceState.STALE: 4,
    SourceState.DISABLED: 5,
}
WINDOW_STATES: Final[Numbers] = {WindowState.SCHEDULED: 1, WindowState.ACTIVE: 2, WindowState.ENDED: 3}
WHEREABOUTS: Final[Numbers] = {where: int(where) for where in Whereabouts}
ARRIVALS: Final[Numbers] = {arrival: int(arrival) for arrival in Arrival}
LAYER_STATES: Final[Numbers] = {status: int(status) for status in LayerStatus}
EFFECTS: Final[Numbers] = {effect: int(effect) for effect in LayerEffect}
VERDICTS: Final[Numbers] = {
    Verdict.STAYS: 1,
    Verdict.MIGRATES: 2,
    Verdict.RESTARTS: 3,
    Verdict.BLOCKS: 4,
    Verdict.LOST: 5,
    Verdict.UNKNOWN: 6,
}
VERDICT_REASONS: Final[Numbers] = {
    VerdictReason.OTHERS_LEFT: 1,
    VerdictReason.REMOVABLE_MEDIUM: 2,
    VerdictReason.REBOOTED: 3,
    VerdictReason.RESTARTED_BY_MANAGER: 4,
    VerdictReason.ROLE_MOVES: 5,
    VerdictReason.AUTOSTART: 6,
    VerdictReason.FOLLOWS_CARRIER: 7,
    VerdictReason.FOLLOWS_MEMBERS: 8,
    VerdictReason.FOLLOWS_DEPENDENCY: 9,
    VerdictReason.FOLLOWS_STORAGE: 10,
    VerdictReason.NO_AUTOSTART: 11,
    VerdictReason.NO_MANAGER_KNOWN: 12,
    VerdictReason.UNMANAGED: 13,
    VerdictReason.BLOCKED: 14,
    VerdictReason.EXHAUSTED: 15,
    VerdictReason.BANNED: 16,
    VerdictReason.NO_NODE_LEFT: 17,
    VerdictReason.LOCAL_DISK: 18,
    VerdictReason.QUORUM_LOST: 19,
    VerdictReason.QUORUM_DOUBTFUL: 20,
    VerdictReason.MANAGER_SILENT: 21,
    VerdictReason.UNSETTLED: 22,
    VerdictReason.LEFTOVER_BAN: 23,
}
RECEIVER_STATES: Final[Numbers] = {
    ReceiverHealth.IDLE: 1,
    ReceiverHealth.OK: 2,
    ReceiverHealth.FAILING: 3,
    ReceiverHealth.GIVING_UP: 4,
}

CONVENTIONS: Final[Mapping[str, Numbers]] = {
    "TopologyEntityKind": ENTITY_KINDS,
    "TopologyEntityState": ENTITY_STATES,
    "TopologyRelationKind": RELATION_KINDS,
    "TopologyPhase": PHASES,
    "TopologyCause": CAUSES,
    "TopologyCondition": CONDITIONS,
    "TopologyCategory": CATEGORIES,
    "TopologySeverity": SEVERITIES,
    "TopologySourceState": SOURCE_STATES,
    "TopologyWhereabouts": WHEREABOUTS,
    "TopologyArrival": ARRIVALS,
    "TopologyLayerStatus": LAYER_STATES,
    "TopologyEffect": EFFECTS,
    "TopologyVerdict": VERDICTS,
    "TopologyVerdictReason": VERDICT_REASONS,
    "TopologyReceiverState": RECEIVER_STATES,
    "TopologyWindowState": WINDOW_STATES,
}
"""By the name of the MIB's TEXTUAL-CONVENTION."""


def label(member: Enum) -> str:
    """The word of the MIB: `ha_resource` is haResource (RFC 2578 7.1.1 allows no underscore)."""
    word = member.value if isinstance(member.value, str) else member.name.lower()
    first, *rest = word.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)
