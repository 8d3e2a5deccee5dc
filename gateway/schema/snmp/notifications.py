"""Notifications: the NOTIFICATION-TYPEs of the MIB, their varbinds in fixed order, filled from an event."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Final, assert_never

from gateway.model.conditions import RULES, Category, Severity
from gateway.model.entities import EntityRef
from gateway.model.events import CLEARS, RELOCATIONS, WINDOWS, Cause, Event, EventKind
from gateway.model.notices import Notice, NoticeKind
from gateway.schema.snmp import syntax
from gateway.schema.snmp.arcs import (
    AUTHENTICATION_FAILURE,
    COLD_START,
    ENTERPRISE,
    EVENT,
    NOTIFICATIONS,
    WARM_START,
    under,
)
from gateway.schema.snmp.enums import Arrival, NoAlarm
from gateway.schema.snmp.syntax import Syntax
from gateway.wire.ber import LENGTHS, Oid, encode_length, encode_oid, encode_sequence
from gateway.wire.values import VarBind, decode_varbinds


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
    if event.kind not in (EventKind.RELOCATION, EventKind.STORAGE_RELOCATION):
        return Arrival.NONE
    return Arrival.LIVE if event.live else Arrival.RESTART


def _severity(event: Event) -> Severity:
    return Severity.CLEARED if event.kind in CLEARS else event.severity


def _category(event: Event) -> Category | NoAlarm:
    return RULES[event.condition].category if event.condition is not None else NoAlarm.NONE


def _key(event: Event) -> str:
    return event.alarm_key or f"{event.kind.value}:{event.entity.id}"


def _caused_by(event: Event) -> str:
    """Its root, else the start of the planned window in which it happened."""
    return event.caused_by or (event.window.event_id if event.window and event.kind not in WINDOWS else "")


def _said(event: Event) -> str:
    planned = "planned" if event.planned else "not planned"
    if event.window is not None and event.kind not in WINDOWS:
        planned = f'planned by the window "{event.window.name}"'
        if event.text:
            return f"{event.text} ({planned})"
    if event.text or event.kind not in RELOCATIONS:
        return event.text
    how = (event.cause or Cause.UNKNOWN).value.replace("_", " ")
    return f"{event.entity.name} went from {_name(event.old_host)} to {_name(event.new_host)}: {how}, {planned}"


ALARM_KEY: Final = EventObject(1, "topoEventAlarmKey", syntax.TEXT, _key)
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
CAUSED_BY: Final = EventObject(14, "topoEventCausedBy", syntax.UUID, _caused_by)
TIME: Final = EventObject(15, "topoEventTime", syntax.TIME, lambda e: e.at)
STARTED_AT: Final = EventObject(16, "topoEventStartedAt", syntax.TIME, lambda e: e.started_at)
CARRIED: Final = EventObject(17, "topoEventCarried", syntax.GAUGE, lambda e: e.carried)
MEMBER_COUNT: Final = EventObject(18, "topoEventMemberCount", syntax.GAUGE, lambda e: len(e.members))
MEMBERS: Final = EventObject(19, "topoEventMembers", syntax.LONG_TEXT, lambda e: ",".join(m.name for m in e.members))
CONDITION: Final = EventObject(20, "topoEventCondition", syntax.CONDITION, lambda e: e.condition or NoAlarm.NONE)
CATEGORY: Final = EventObject(21, "topoEventCategory", syntax.CATEGORY, _category)
SEVERITY: Final = EventObject(22, "topoEventSeverity", syntax.SEVERITY, _severity)
TEXT: Final = EventObject(23, "topoEventText", syntax.LONG_TEXT, _said)
REMEDY: Final = EventObject(24, "topoEventRemedy", syntax.LONG_TEXT, lambda e: e.remedy)
SOURCE: Final = EventObject(25, "topoEventSource", syntax.TEXT, lambda e: e.source)
EVIDENCE: Final = EventObject(26, "topoEventEvidence", syntax.LONG_TEXT, lambda e: "; ".join(e.evidence))
SEQUENCE: Final = EventObject(27, "topoEventSequence", syntax.UNSIGNED, lambda e: e.seq)
RUNBOOK: Final = EventObject(28, "topoEventRunbook", syntax.TEXT, lambda _: "")
"""Filled from a receiver's settings, see `encoded_varbinds`."""
COUNT: Final = EventObject(29, "topoEventCount", syntax.GAUGE, lambda _: 1)
FIRST: Final = EventObject(30, "topoEventFirst", syntax.UNSIGNED, lambda e: e.seq)
LAST: Final = EventObject(31, "topoEventLast", syntax.UNSIGNED, lambda e: e.seq)
WINDOW_ENDS_AT: Final = EventObject(
    32, "topoEventWindowEndsAt", syntax.TIME, lambda e: e.window.ends_at if e.window is not None else 0
)

LOGGED_OBJECTS: Final = (
    ALARM_KEY, ENTITY_NAME, ENTITY_ID, ENTITY_KIND, ENTITY_INDEX, OLD_HOST_NAME, OLD_HOST_INDEX, NEW_HOST_NAME,
    NEW_HOST_INDEX, CAUSE, PLANNED, ARRIVAL, EVENT_ID, CAUSED_BY, TIME, STARTED_AT, CARRIED, MEMBER_COUNT, MEMBERS,
    CONDITION, CATEGORY, SEVERITY, TEXT, REMEDY, SOURCE, EVIDENCE,
)  # fmt: skip
"""What an event has of its own, whoever is told."""
EVENT_OBJECTS: Final = (*LOGGED_OBJECTS, SEQUENCE, RUNBOOK, COUNT, FIRST, LAST, WINDOW_ENDS_AT)
_COMMON: Final = (
    ALARM_KEY, EVENT_ID, SEQUENCE, SEVERITY, ENTITY_NAME, ENTITY_KIND, ENTITY_ID, ENTITY_INDEX, OLD_HOST_NAME,
    OLD_HOST_INDEX, NEW_HOST_NAME, NEW_HOST_INDEX, CAUSE, CAUSED_BY, PLANNED, TEXT, REMEDY, RUNBOOK, TIME, SOURCE,
)  # fmt: skip
"""Every notification of an event begins with these, so that a console counts to the same number for the same thing."""
_MOVE: Final = (*_COMMON, ARRIVAL, STARTED_AT, CARRIED, MEMBER_COUNT, MEMBERS, EVIDENCE)
_ALARM: Final = (*_COMMON, CONDITION, CATEGORY)
_WINDOW: Final = (*_COMMON, STARTED_AT, MEMBER_COUNT, MEMBERS, WINDOW_ENDS_AT)
_OWN: Final = (ALARM_KEY, EVENT_ID, LAST, SEVERITY, TEXT, TIME)
_SUMMARY: Final = (ALARM_KEY, EVENT_ID, LAST, SEVERITY, TEXT, TIME, FIRST, COUNT, CAUSED_BY, MEMBERS)

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
MIGRATION_FAILED: Final = Notification(12, "topologyMigrationFailed", _COMMON)
HEARTBEAT: Final = Notification(13, "topologyHeartbeat", _OWN)
TEST: Final = Notification(14, "topologyTest", _OWN)
SUMMARY: Final = Notification(15, "topologySummary", _SUMMARY)
WINDOW_STARTED: Final = Notification(16, "topologyWindowStarted", _WINDOW)
WINDOW_ENDED: Final = Notification(17, "topologyWindowEnded", _WINDOW)

EVENT_TYPES: Final = (
    RELOCATION, ROLE_RELOCATION, STORAGE_RELOCATION, FAILURE_RAISED, FAILURE_CLEARED, CONFLICT_RAISED,
    CONFLICT_CLEARED, FINDING_RAISED, FINDING_CLEARED, STALE_RAISED, STALE_CLEARED, MIGRATION_FAILED,
    WINDOW_STARTED, WINDOW_ENDED,
)  # fmt: skip
NOTIFICATION_TYPES: Final = (*EVENT_TYPES, HEARTBEAT, TEST, SUMMARY)


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
        case EventKind.WINDOW_STARTED:
            return WINDOW_STARTED
        case EventKind.WINDOW_ENDED:
            return WINDOW_ENDED
    assert_never(kind)


def notification_names(kind: EventKind | NoticeKind, root: Oid = ENTERPRISE) -> tuple[Oid, ...]:
    """
    What a view must include for a notification to be sent (RFC 3413 section 3.3): the value of its snmpTrapOID, and the
    name of each object. `root`: where the MIB hangs.
    """
    if isinstance(kind, EventKind):
        oid, objects = notification_of(kind).oid, notification_of(kind).objects
    else:
        oid, objects = notice_oid(kind), _notice_objects(kind)
    return tuple(under(root, each) for each in (oid, *((*wanted.oid, 0) for wanted in objects)))


def notice_oid(kind: NoticeKind) -> Oid:
    """snmpTrapOID of a notice: ours, or that of SNMPv2-MIB (RFC 3418)."""
    match kind:
        case NoticeKind.COLD_START:
            return COLD_START
        case NoticeKind.WARM_START:
            return WARM_START
        case NoticeKind.AUTHENTICATION_FAILURE:
            return AUTHENTICATION_FAILURE
        case NoticeKind.HEARTBEAT:
            return HEARTBEAT.oid
        case NoticeKind.TEST:
            return TEST.oid
        case NoticeKind.SUMMARY:
            return SUMMARY.oid
    assert_never(kind)


def encoded_varbinds(event: Event, runbook: str = "", root: Oid = ENTERPRISE) -> bytes:
    """
    The varbinds of an event's notification, in the order of the MIB, without the two that lead every trap.

    `runbook`: a URL, in which `{kind}` and `{condition}` stand for those of the event. `root`: where the MIB hangs.
    """
    parts: list[bytes] = []
    for name, encode, value in _recipe(event.kind, root, runbook):
        encoded = encode(value(event))
        size = len(name) + len(encoded)
        parts += (b"0", LENGTHS[size] if size < 4096 else encode_length(size), name, encoded)
    return b"".join(parts)


def encoded_notice(notice: Notice, root: Oid = ENTERPRISE) -> bytes:
    """The varbinds of a notice; those of a start are none. `root`: where the MIB hangs."""
    values = {
        ALARM_KEY: f"{notice.kind.value}:{notice.caused_by}" if notice.caused_by else notice.kind.value,
        EVENT_ID: notice.id,
        SEVERITY: notice.severity,
        TEXT: notice.text,
        TIME: notice.at,
        FIRST: notice.first,
        LAST: notice.last,
        COUNT: notice.count,
        CAUSED_BY: notice.caused_by,
        MEMBERS: ",".join(notice.names),
    }
    names = _names(root)
    return b"".join(
        [encode_sequence(names[each.number], each.syntax.encode(values[each])) for each in _notice_objects(notice.kind)]
    )


def _notice_objects(kind: NoticeKind) -> tuple[EventObject, ...]:
    match kind:
        case NoticeKind.COLD_START | NoticeKind.WARM_START:
            return ()
        case NoticeKind.AUTHENTICATION_FAILURE:
            return (TEXT,)  # who it was; RFC 3418 has no object for it
        case NoticeKind.HEARTBEAT | NoticeKind.TEST:
            return _OWN
        case NoticeKind.SUMMARY:
            return _SUMMARY
    assert_never(kind)


def varbinds_of(event: Event, runbook: str = "", root: Oid = ENTERPRISE) -> tuple[VarBind, ...]:
    """What `encoded_varbinds` encodes."""
    return decode_varbinds(encoded_varbinds(event, runbook, root))


@lru_cache(maxsize=8)
def _names(root: Oid) -> Mapping[int, bytes]:
    """The instance of each object, encoded, by its number."""
    return {each.number: encode_oid((*under(root, each.oid), 0)) for each in EVENT_OBJECTS}


Recipe = tuple[tuple[bytes, Callable[[Any], bytes], Callable[[Event], Any]], ...]


@lru_cache(maxsize=256)
def _recipe(kind: EventKind, root: Oid, runbook: str) -> Recipe:
    """Of each object of a notification: its name, encoded; how its value is encoded; its value."""
    names, url = _names(root), partial(_url, runbook)
    wanted = notification_of(kind).objects
    return tuple((names[each.number], each.syntax.encode, url if each is RUNBOOK else each.value) for each in wanted)


def _url(template: str, event: Event) -> str:
    condition = event.condition.value if event.condition is not None else ""
    return template.replace("{kind}", event.kind.value).replace("{condition}", condition)
