"""Events: what happened, as it is logged and told."""

from dataclasses import dataclass
from enum import StrEnum

from gateway.model.conditions import ConditionKind, Severity
from gateway.model.entities import EntityRef
from gateway.model.windows import WindowRef


class EventKind(StrEnum):
    """Kinds of events; the words of `gateway replay`, REST and the notifications."""

    RELOCATION = "relocation"
    ROLE_RELOCATION = "role_relocation"
    STORAGE_RELOCATION = "storage_relocation"
    FAILURE_RAISED = "failure_raised"
    FAILURE_CLEARED = "failure_cleared"
    CONFLICT_RAISED = "conflict_raised"
    CONFLICT_CLEARED = "conflict_cleared"
    FINDING_RAISED = "finding_raised"
    FINDING_CLEARED = "finding_cleared"
    STALE_RAISED = "stale_raised"
    STALE_CLEARED = "stale_cleared"
    MIGRATION_FAILED = "migration_failed"
    WINDOW_STARTED = "window_started"
    WINDOW_ENDED = "window_ended"


RELOCATIONS = frozenset({EventKind.RELOCATION, EventKind.ROLE_RELOCATION, EventKind.STORAGE_RELOCATION})
CLEARS = frozenset(
    {
        EventKind.FAILURE_CLEARED,
        EventKind.CONFLICT_CLEARED,
        EventKind.FINDING_CLEARED,
        EventKind.STALE_CLEARED,
        EventKind.WINDOW_ENDED,
    }
)
"""What ends an alarm, or a planned window."""
BEGINNINGS = frozenset(
    {
        EventKind.FAILURE_RAISED,
        EventKind.CONFLICT_RAISED,
        EventKind.FINDING_RAISED,
        EventKind.STALE_RAISED,
        EventKind.WINDOW_STARTED,
    }
)
"""What one of those ends."""
ALARMS = frozenset(
    {
        EventKind.FAILURE_RAISED,
        EventKind.FAILURE_CLEARED,
        EventKind.STALE_RAISED,
        EventKind.STALE_CLEARED,
    }
)
"""Of alarms that may follow from another one."""
WINDOWS = frozenset({EventKind.WINDOW_STARTED, EventKind.WINDOW_ENDED})


class Cause(StrEnum):
    """Why something relocated (design: domain, Relocation), strongest evidence first."""

    FAILOVER = "failover"
    RECOVERY = "recovery"
    EVACUATION = "evacuation"
    ADMINISTRATOR = "administrator"
    LIVE_MIGRATION = "live_migration"
    COLD_MOVE = "cold_move"
    PROMOTION_CHANGE = "promotion_change"
    BALANCING = "balancing"
    UNKNOWN = "unknown"


PLANNED = frozenset({Cause.EVACUATION, Cause.ADMINISTRATOR})
"""Causes that a person asked for."""


@dataclass(frozen=True, slots=True)
class Traits:
    """
    What filters of receivers look at: the attributes of each thing that an event is about, as text, and the names of
    the sites where these are.
    """

    attributes: tuple[tuple[tuple[str, str], ...], ...] = ()
    sites: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Event:
    """
    One line of the append-only event log. Times are microseconds UTC.

    `old_host`/`new_host` only in relocations; of a failed migration `old_host` is where it stayed, of a failure
    of what may relocate where it ran. `arrived_at`: since when it had been on `old_host`, 0 when not known;
    `started_at`: when it was seen there last. `members`: of a group, those that moved so. `carried`: of a VM, how many
    services moved with it. `notify`: False for what is in the log only (carried services, the second record of one
    thing). `window`: the planned window in which it happened, or whose start or end it is. `traits`: of what
    will end, as of its beginning; `ends`: id of the event whose end this is. `seq` is the log's number, 0
    until committed.
    """

    id: str
    at: int
    kind: EventKind
    entity: EntityRef
    source: str
    old_host: EntityRef | None = None
    new_host: EntityRef | None = None
    cause: Cause | None = None
    planned: bool = False
    live: bool = False
    members: tuple[EntityRef, ...] = ()
    carried: int = 0
    caused_by: str = ""
    arrived_at: int = 0
    started_at: int = 0
    evidence: tuple[str, ...] = ()
    alarm_key: str = ""
    condition: ConditionKind | None = None
    severity: Severity = Severity.INDETERMINATE
    text: str = ""
    remedy: str = ""
    notify: bool = True
    window: WindowRef | None = None
    traits: Traits | None = None
    ends: str = ""
    seq: int = 0

    @property
    def has_root(self) -> bool:
        """An alarm, or its end, that is not told because its root was; some receivers are told of it nevertheless."""
        return not self.notify and bool(self.caused_by) and self.kind in ALARMS
