"""Conditions: what may become an alarm, its category, severity and settle time."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Category(StrEnum):
    """Alarms, findings and conflicts are one table (design: domain, Unrecoverable failure)."""

    FAILURE = "failure"
    CONFLICT = "conflict"
    FINDING = "finding"
    STALE = "stale"


class Severity(IntEnum):
    """ITU-T X.733 perceived severity, numbered as in IANA-ITU-ALARM-TC-MIB (ItuPerceivedSeverity)."""

    CLEARED = 1
    INDETERMINATE = 2
    CRITICAL = 3
    MAJOR = 4
    MINOR = 5
    WARNING = 6


class ConditionKind(StrEnum):
    """The first part of an alarm's key."""

    BLOCKED = "blocked"
    FAILED_UNMANAGED = "failedUnmanaged"
    EXHAUSTED = "exhausted"
    NO_PROMOTED = "noPromoted"
    QUORUM_LOST = "quorumLost"
    FENCING_FAILED = "fencingFailed"
    CRASHED = "crashed"
    CRASHED_MANAGED = "crashedManaged"
    PAUSED_IO_ERROR = "pausedIoError"
    PLACEMENT_CONFLICT = "placementConflict"
    SOURCE_STALE = "sourceStale"
    DUPLICATE_KEY = "duplicateKey"
    SAME_BY_WEAK_KEYS = "sameByWeakKeys"
    DEGRADED = "degraded"
    PLACEMENT_UNCERTAIN = "placementUncertain"
    HOST_LOST = "hostLost"


@dataclass(frozen=True, slots=True)
class ConditionRule:
    """How a condition is judged: its category, severity and the settle time in microseconds."""

    category: Category
    severity: Severity
    settle: str
    """The key of `[settle]` that holds its settle time."""


SECOND = 1_000_000
"""Microseconds."""


@dataclass(frozen=True, slots=True)
class SettleTimes:
    """`[settle]`: how long a state must hold before it is told, in microseconds (design: domain)."""

    placement_conflict: int = 5 * SECOND
    blocked: int = 10 * SECOND
    exhausted: int = 15 * SECOND
    quorum_lost: int = 10 * SECOND
    fencing_failed: int = 10 * SECOND
    crashed: int = 10 * SECOND
    crashed_managed: int = 120 * SECOND
    paused_io_error: int = 30 * SECOND
    finding: int = 10 * SECOND
    group: int = 10 * SECOND
    stale_intervals: int = 3
    """Not a time: how many intervals of silence make a source stale."""
    stale_disconnect: int = 15 * SECOND
    at_once: int = 0


RULES: dict[ConditionKind, ConditionRule] = {
    ConditionKind.BLOCKED: ConditionRule(Category.FAILURE, Severity.CRITICAL, "blocked"),
    ConditionKind.FAILED_UNMANAGED: ConditionRule(Category.FAILURE, Severity.CRITICAL, "blocked"),
    ConditionKind.EXHAUSTED: ConditionRule(Category.FAILURE, Severity.CRITICAL, "exhausted"),
    ConditionKind.NO_PROMOTED: ConditionRule(Category.FAILURE, Severity.CRITICAL, "exhausted"),
    ConditionKind.QUORUM_LOST: ConditionRule(Category.FAILURE, Severity.CRITICAL, "quorum_lost"),
    ConditionKind.FENCING_FAILED: ConditionRule(Category.FAILURE, Severity.CRITICAL, "fencing_failed"),
    ConditionKind.CRASHED: ConditionRule(Category.FAILURE, Severity.CRITICAL, "crashed"),
    ConditionKind.CRASHED_MANAGED: ConditionRule(Category.FAILURE, Severity.CRITICAL, "crashed_managed"),
    ConditionKind.PAUSED_IO_ERROR: ConditionRule(Category.FAILURE, Severity.CRITICAL, "paused_io_error"),
    ConditionKind.PLACEMENT_CONFLICT: ConditionRule(Category.CONFLICT, Severity.CRITICAL, "placement_conflict"),
    ConditionKind.SOURCE_STALE: ConditionRule(Category.STALE, Severity.MAJOR, "at_once"),
    ConditionKind.DUPLICATE_KEY: ConditionRule(Category.FINDING, Severity.WARNING, "at_once"),
    ConditionKind.SAME_BY_WEAK_KEYS: ConditionRule(Category.FINDING, Severity.WARNING, "at_once"),
    ConditionKind.DEGRADED: ConditionRule(Category.FINDING, Severity.WARNING, "finding"),
    ConditionKind.PLACEMENT_UNCERTAIN: ConditionRule(Category.FINDING, Severity.WARNING, "finding"),
    ConditionKind.HOST_LOST: ConditionRule(Category.FAILURE, Severity.CRITICAL, "at_once"),
}
"""Every condition, judged how. A test checks that no kind is missing."""


def alarm_key(kind: ConditionKind, entity_id: str, detail: str = "") -> str:
    """`CONDITION:ENTITY-UUID[:DETAIL]`, the same in raise, clear, SNMP, CIM and REST."""
    return f"{kind}:{entity_id}:{detail}" if detail else f"{kind}:{entity_id}"


def alarm_detail(key: str) -> str:
    """The detail in an alarm's key, such as the part of a source that is silent; empty when it has none."""
    return ":".join(key.split(":")[2:])
