"""Notifications: the NOTIFICATION-TYPEs of the MIB, their varbinds in fixed order, filled from an event."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, assert_never

from gateway.model.conditions import RULES, Category, ConditionKind, Severity
from gateway.model.entities import EntityRef
from gateway.model.events import Cause, Event, EventKind
from gateway.schema.snmp import syntax
from gateway.schema.snmp.arcs import ENTERPRISE, EVENT, NOTIFICATIONS, under
from gateway.schema.snmp.enums import Arrival
from gateway.schema.snmp.syntax import Syntax
from gateway.wire.ber import Oid
from gateway.wire.values import VarBind, decode_value


@dataclass(frozen=True, slots=True)
class EventObject:
    """A scalar that exists in notifications only (MAX-ACCESS accessible-for-notify)."""

    number: int
    name: str
    syntax: Syntax
    value: Callable[[Event], Any]

    @property
    def oid(self) -> Oid:
        return (*EVENT, self.number)


@dataclass(frozen=True, slots=True)
class Notification:
    """A NOTIFICATION-TYPE. The order of `objects` is part of the contract: consoles count varbinds."""

    number: int
    name: str
    objects: tuple[EventObject, ...]

    @property
    def oid(self) -> Oid:
        return (*NOTIFICATIONS, self.number)


def _name(ref: EntityRef | None) -> str:
    return ref.name if ref is not None else ""


def _index(ref: EntityRef | None) -> int:
    return ref.index if ref is not None else 0


def _arrival(event: Event) -> Arrival:
    if event.kind is not EventKind.RELOCATION:
        return Arrival.NONE
    return Arrival.LIVE if event.live else Arrival.RESTART


def _severity(event: Event) -> Severity:
    return Severity.CLEARED if event.kind in _CLEARS else event.severity


def _category(event: Event) -> Category:
    return RULES[event.condition or ConditionKind.DEGRADED].category


_CLEARS: Final = frozenset(
    {EventKind.FAILURE_CLEARED, EventKind.CONFLICT_CLEARED, EventKind.FINDING_CLEARED, EventKind.STALE_CLEARED}
)

ALARM_KEY: Final = EventObject(1, "topoEventAlarmKey", syntax.TEXT, lambda e: e.alarm_key)
ENTITY_NAME: Final = EventObject(2, "topoEventEntityName", syntax.TEXT, lambda e: e.entity.name)
ENTITY_ID: Final = EventObject(3, "topoEventEntityId", syntax.UUID, lambda e: e.entity.id)
ENTITY_KIND: Final = EventObject(4, "topoEventEntityKind", syntax.ENTITY_KIND, lambda e: e.entity.kind)
ENTITY_INDEX: Final = EventObject(5, "topoEventEntityIndex", syntax.INDEX_OR_ZERO, lambda e: e.entity.index)
OLD_HOST_NAME: Final = EventObject(6, "topoEventOldHostName", syntax.TEXT, lambda e: _name(e.old_host))
OLD_HOST_INDEX: Final = EventObject(7, "topoEventOldHostIndex", syntax.INDEX_OR_ZERO, lambda e: _index(e.old_host))
NEW_HOST_NAME: Final = EventObject(8, "topoEventNewHostName", syntax.TEXT, lambda e: _name(e.new_host))
NEW_HOST_INDEX: Final = EventObject(9, "topoEventNewHostIndex", syntax.INDEX_OR_ZERO, lambda e: _index(e.new_host))
CAUSE: Final = EventObject(10, "topoEventCause", syntax.CAUSE, lambda e: e.cause or Cause.UNKNOWN)
PLANNED: Final = EventObject(11, "topoEventPlanned", syntax.TRUTH, lambda e: e.planned)
ARRIVAL: Final = EventObject(12, "topoEventArrival", syntax.ARRIVAL, _arrival)
EVENT_ID: Final = EventObject(13, "topoEventId", syntax.UUID, lambda e: e.id)
CAUSED_BY: Final = EventObject(14, "topoEventCausedBy", syntax.UUID, lambda e: e.caused_by)
TIME: Final = EventObject(15, "topoEventTime", syntax.TIME, lambda e: e.at)
STARTED_AT: Final = EventObject(16, "topoEventStartedAt", syntax.TIME, lambda e: e.started_at)
CARRIED: Final = EventObject(17, "topoEventCarried", syntax.GAUGE, lambda e: e.carried)
MEMBER_COUNT: Final = EventObject(18, "topoEventMemberCount", syntax.GAUGE, lambda e: len(e.members))
MEMBERS: Final = EventObject(19, "topoEventMembers", syntax.LONG_TEXT, lambda e: ",".join(m.name for m in e.members))
CONDITION: Final = EventObject(
    20, "topoEventCondition", syntax.CONDITION, lambda e: e.condition or ConditionKind.DEGRADED
)
CATEGORY: Final = EventObject(21, "topoEventCategory", syntax.CATEGORY, _category)
SEVERITY: Final = EventObject(22, "topoEventSeverity", syntax.SEVERITY, _severity)
TEXT: Final = EventObject(23, "topoEventText", syntax.LONG_TEXT, lambda e: e.text)
REMEDY: Final = EventObject(24, "topoEventRemedy", syntax.LONG_TEXT, lambda e: e.remedy)
SOURCE: Final = EventObject(25, "topoEventSource", syntax.TEXT, lambda e: e.source)
EVIDENCE: Final = EventObject(26, "topoEventEvidence", syntax.LONG_TEXT, lambda e: "; ".join(e.evidence))

EVENT_OBJECTS: Final = (
    ALARM_KEY, ENTITY_NAME, ENTITY_ID, ENTITY_KIND, ENTITY_INDEX, OLD_HOST_NAME, OLD_HOST_INDEX, NEW_HOST_NAME,
    NEW_HOST_INDEX, CAUSE, PLANNED, ARRIVAL, EVENT_ID, CAUSED_BY, TIME, STARTED_AT, CARRIED, MEMBER_COUNT, MEMBERS,
    CONDITION, CATEGORY, SEVERITY, TEXT, REMEDY, SOURCE, EVIDENCE,
)  # fmt: skip
_ENTITY: Final = (ENTITY_NAME, ENTITY_ID, ENTITY_KIND, ENTITY_INDEX)
_HOSTS: Final = (OLD_HOST_NAME, OLD_HOST_INDEX, NEW_HOST_NAME, NEW_HOST_INDEX)
_MOVE: Final = (
    *_ENTITY, *_HOSTS, CAUSE, PLANNED, ARRIVAL, EVENT_ID, CAUSED_BY, TIME, STARTED_AT, CARRIED, MEMBER_COUNT, MEMBERS,
    SOURCE, EVIDENCE,
)  # fmt: skip
_ALARM: Final = (
    ALARM_KEY, *_ENTITY, CONDITION, CATEGORY, SEVERITY, TEXT, REMEDY, SOURCE, EVENT_ID, CAUSED_BY, TIME,
)  # fmt: skip
_FAILED_MOVE: Final = (*_ENTITY, *_HOSTS, SEVERITY, TEXT, REMEDY, SOURCE, EVENT_ID, CAUSED_BY, TIME)

RELOCATION: Final = Notification(1, "topologyRelocation", _MOVE)
ROLE_RELOCATION: Final = Notification(2, "topologyRoleRelocation", _MOVE)
STORAGE_RELOCATION: Final = Notification(3, "topologyStorageRelocation", _MOVE)
FAILURE_RAISED: Final = Notification(4, "topologyFailureRaised", _ALARM)
FAILURE_CLEARED: Final = Notification(5, "topologyFailureCleared", _ALARM)
CONFLICT_RAISED: Final = Notification(6, "topologyConflictRaised", _ALARM)
CONFLICT_CLEARED: Final = Notification(7, "topologyConflictCleared", _ALARM)
FINDING_RAISED: Final = Notification(8, "topologyFindingRaised", _ALARM)
FINDING_CLEARED: Final = Notification(9, "topologyFindingCleared", _ALARM)
STALE_RAISED: Final = Notification(10, "topologySourceStaleRaised", _ALARM)
STALE_CLEARED: Final = Notification(11, "topologySourceStaleCleared", _ALARM)
MIGRATION_FAILED: Final = Notification(12, "topologyMigrationFailed", _FAILED_MOVE)

NOTIFICATION_TYPES: Final = (
    RELOCATION, ROLE_RELOCATION, STORAGE_RELOCATION, FAILURE_RAISED, FAILURE_CLEARED, CONFLICT_RAISED,
    CONFLICT_CLEARED, FINDING_RAISED, FINDING_CLEARED, STALE_RAISED, STALE_CLEARED, MIGRATION_FAILED,
)  # fmt: skip


def notification_of(kind: EventKind) -> Notification:
    """The NOTIFICATION-TYPE that tells an event of this kind."""
    match kind:
        case EventKind.RELOCATION:
            return RELOCATION
        case EventKind.ROLE_RELOCATION:
            return ROLE_RELOCATION
        case EventKind.STORAGE_RELOCATION:
            return STORAGE_RELOCATION
        case EventKind.FAILURE_RAISED:
            return FAILURE_RAISED
        case EventKind.FAILURE_CLEARED:
            return FAILURE_CLEARED
        case EventKind.CONFLICT_RAISED:
            return CONFLICT_RAISED
        case EventKind.CONFLICT_CLEARED:
            return CONFLICT_CLEARED
        case EventKind.FINDING_RAISED:
            return FINDING_RAISED
        case EventKind.FINDING_CLEARED:
            return FINDING_CLEARED
        case EventKind.STALE_RAISED:
            return STALE_RAISED
        case EventKind.STALE_CLEARED:
            return STALE_CLEARED
        case EventKind.MIGRATION_FAILED:
            return MIGRATION_FAILED
    assert_never(kind)


def varbinds_of(event: Event, root: Oid = ENTERPRISE) -> tuple[VarBind, ...]:
    """
    The varbinds of an event's notification, in the order of the MIB, without the two that lead every trap.

    `root`: where the MIB hangs.
    """
    return tuple(_varbind(wanted, event, root) for wanted in notification_of(event.kind).objects)


def _varbind(wanted: EventObject, event: Event, root: Oid) -> VarBind:
    encoded = wanted.syntax.encode(wanted.value(event))
    value, _ = decode_value(encoded, 0, len(encoded))
    return VarBind((*under(root, wanted.oid), 0), value)
