"""Encoding: the model's rows as table rows, and back. The only place that knows both."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import RowMapping

from gateway.model.conditions import Category, ConditionKind, Severity
from gateway.model.entities import Alias, EntityKind, EntityRef, EntityState, KeyNamespace, NativeKey
from gateway.model.events import Cause, Event, EventKind, Traits
from gateway.model.relations import Arrival, Phase, RelationKind
from gateway.model.rows import Alarm, Claim, Placement, Record, Source, SourceState
from gateway.model.windows import Window, WindowRef

Row = dict[str, Any]
Found = Mapping[str, Any] | RowMapping

KINDS = {kind.value: kind for kind in EntityKind}
STATES = {state.value: state for state in EntityState}
_NAMESPACES = {namespace.value: namespace for namespace in KeyNamespace}
_RELATIONS = {kind.value: kind for kind in RelationKind}
_PHASES = {phase.value: phase for phase in Phase}
_ARRIVALS = {arrival.value: arrival for arrival in Arrival}


# -- records ---------------------------------------------------------------------------------------------------


def record_row(record: Record) -> Row:
    return {
        "index": record.index,
        "id": record.id,
        "source": record.source,
        "scope": record.scope,
        "kind": record.key.kind.value,
        "native": record.key.native,
        "entity": record.entity or record.index,
        "first_seen": record.first_seen,
        "gone": record.gone,
    }


def state_row(record: Record) -> Row:
    """What of a record has a history."""
    return {
        "record": record.index,
        "name": record.name,
        "name_key": record.name.lower(),
        "subtype": record.subtype,
        "state": record.state.value,
        "reason": record.reason,
        "state_since": record.state_since,
        "attributes": dict(record.attributes),
    }


def same_state(one: Record, other: Record) -> bool:
    """True when both have the same `state_row`."""
    return (
        one.state is other.state
        and one.state_since == other.state_since
        and one.name == other.name
        and one.reason == other.reason
        and one.subtype == other.subtype
        and one.attributes == other.attributes
    )


def same_record(one: Record, other: Record) -> bool:
    """True when both have the same `record_row`."""
    return (
        one.gone == other.gone
        and one.entity == other.entity
        and one.scope == other.scope
        and one.key == other.key
        and one.first_seen == other.first_seen
    )


def to_record(row: Found, aliases: tuple[Alias, ...], *, gone: bool | None = None) -> Record:
    """`row` holds a record and one of its states; `gone`: at another time than now."""
    return Record(
        index=row["index"],
        id=row["id"],
        source=row["source"],
        scope=row["scope"],
        key=NativeKey(KINDS[row["kind"]], row["native"]),
        name=row["name"],
        subtype=row["subtype"],
        state=STATES[row["state"]],
        reason=row["reason"],
        aliases=aliases,
        attributes=row["attributes"],
        first_seen=row["first_seen"],
        state_since=row["state_since"],
        gone=row["gone"] if gone is None else gone,
        entity=row["entity"],
    )


def alias_row(record: int, alias: Alias) -> Row:
    return {
        "record": record,
        "namespace": alias.namespace.value,
        "value": alias.value,
        "strength": alias.namespace.strength.value,
    }


def to_alias(row: Found) -> Alias:
    return Alias(_NAMESPACES[row["namespace"]], row["value"])


# -- relations -------------------------------------------------------------------------------------------------


def claim_row(claim: Claim) -> Row:
    return {
        "source": claim.source,
        "scope": claim.scope,
        "kind": claim.kind.value,
        "upper": claim.upper,
        "lower": claim.lower,
        "role": claim.role,
        "phase": claim.phase.value,
        "arrival": claim.arrival.value,
        "since": claim.since,
        "confidence": claim.confidence,
        "attributes": dict(claim.attributes),
    }


def to_claim(row: Found) -> Claim:
    return Claim(
        row["source"],
        _RELATIONS[row["kind"]],
        row["upper"],
        row["lower"],
        row["role"],
        _PHASES[row["phase"]],
        _ARRIVALS[row["arrival"]],
        row["since"],
        row["confidence"],
        row["attributes"],
        row["scope"],
    )


def placement_row(placement: Placement) -> Row:
    return {
        "entity": placement.entity,
        "host": placement.host,
        "role": placement.role,
        "source": placement.source,
        "since": placement.since,
        "certain": placement.certain,
        "left_at": placement.left_at,
        "moved_from": placement.moved_from,
        "moved_at": placement.moved_at,
        "moved_since": placement.moved_since,
        "moved_left": placement.moved_left,
        "live": placement.live,
        "storage_from": placement.storage_from,
        "storage_left": placement.storage_left,
    }


def to_placement(row: Found) -> Placement:
    """As the snapshot holds it: closed intervals are where a stopped entity last was."""
    return Placement(
        row["entity"],
        row["host"],
        row["role"],
        row["since"],
        row["source"],
        row["valid_to"] is None,
        row["certain"],
        row["left_at"],
        row["moved_from"],
        row["moved_at"],
        row["moved_since"],
        row["moved_left"],
        row["live"],
        tuple((name, pool) for name, pool in row["storage_from"] or ()),
        row["storage_left"],
    )


# -- alarms and sources ----------------------------------------------------------------------------------------


def alarm_row(alarm: Alarm) -> Row:
    return {
        "index": alarm.index,
        "key": alarm.key,
        "condition": alarm.condition.value,
        "category": alarm.category.value,
        "severity": alarm.severity.value,
        "entity": alarm.entity,
        "source": alarm.source,
        "detail": alarm.detail,
        "text": alarm.text,
        "remedy": alarm.remedy,
        "since": alarm.since,
        "due": alarm.due,
        "raised_at": alarm.raised_at,
        "event_id": alarm.event_id,
        "caused_by": alarm.caused_by,
        "planned": alarm.planned,
    }


def to_alarm(row: Found) -> Alarm:
    return Alarm(
        index=row["index"],
        key=row["key"],
        condition=ConditionKind(row["condition"]),
        category=Category(row["category"]),
        severity=Severity(row["severity"]),
        entity=row["entity"],
        source=row["source"],
        detail=row["detail"],
        text=row["text"],
        remedy=row["remedy"],
        since=row["since"],
        due=row["due"],
        raised_at=row["raised_at"],
        event_id=row["event_id"],
        caused_by=row["caused_by"],
        planned=row["planned"],
    )


def source_row(source: Source) -> Row:
    """Figures of this process (reads, failures, duration) are not stored."""
    return {
        "name": source.name,
        "index": source.index,
        "id": source.id,
        "kind": source.kind,
        "state": source.state.value,
        "interval_us": source.interval_us,
        "last_success": source.last_success,
        "failing_since": source.failing_since,
        "last_error": source.last_error,
    }


def to_source(row: Found) -> Source:
    return Source(
        index=row["index"],
        id=row["id"],
        name=row["name"],
        kind=row["kind"],
        state=SourceState(row["state"]),
        interval_us=row["interval_us"],
        last_success=row["last_success"],
        failing_since=row["failing_since"],
        last_error=row["last_error"],
    )


def window_row(window: Window) -> Row:
    return {
        "index": window.index,
        "id": window.id,
        "name": window.name,
        "reason": window.reason,
        "entities": list(window.entities),
        "starts_at": window.starts_at,
        "ends_at": window.ends_at,
        "declared_by": window.declared_by,
        "declared_at": window.declared_at,
        "begun_at": window.begun_at,
        "ended_at": window.ended_at,
        "event_id": window.event_id,
        "relocations": window.relocations,
        "failures": window.failures,
    }


def to_window(row: Found) -> Window:
    return Window(**{**row, "entities": tuple(row["entities"])})


# -- events ----------------------------------------------------------------------------------------------------


def event_row(event: Event, revision: int) -> Row:
    return {
        "id": event.id,
        "at": event.at,
        "kind": event.kind.value,
        "entity": event.entity.index,
        "source": event.source,
        "told": event.notify,
        "revision": revision,
        "caused_by": event.caused_by,
        "body": _body(event),
    }


def to_event(row: Found) -> Event:
    body = row["body"]
    return Event(
        id=row["id"],
        at=row["at"],
        kind=EventKind(row["kind"]),
        entity=_to_ref(body["entity"]),
        source=row["source"],
        old_host=_to_ref_or_none(body["old_host"]),
        new_host=_to_ref_or_none(body["new_host"]),
        cause=Cause(body["cause"]) if body["cause"] else None,
        planned=body["planned"],
        live=body["live"],
        members=tuple(_to_ref(member) for member in body["members"]),
        carried=body["carried"],
        caused_by=row["caused_by"],
        arrived_at=body.get("arrived_at", 0),
        started_at=body["started_at"],
        evidence=tuple(body["evidence"]),
        alarm_key=body["alarm_key"],
        condition=ConditionKind(body["condition"]) if body["condition"] else None,
        severity=Severity(body["severity"]),
        text=body["text"],
        remedy=body["remedy"],
        notify=row["told"],
        window=WindowRef(*written) if (written := body.get("window")) else None,
        traits=_to_traits(written) if (written := body.get("traits")) else None,
        ends=body.get("ends", ""),
        seq=row["seq"],
    )


def _body(event: Event) -> Row:
    return {
        "entity": _ref(event.entity),
        "old_host": _ref(event.old_host) if event.old_host else None,
        "new_host": _ref(event.new_host) if event.new_host else None,
        "cause": event.cause.value if event.cause else None,
        "planned": event.planned,
        "live": event.live,
        "members": [_ref(member) for member in event.members],
        "carried": event.carried,
        "arrived_at": event.arrived_at,
        "started_at": event.started_at,
        "evidence": list(event.evidence),
        "alarm_key": event.alarm_key,
        "condition": event.condition.value if event.condition else None,
        "severity": event.severity.value,
        "text": event.text,
        "remedy": event.remedy,
        "window": _window(event.window) if event.window else None,
        "traits": [[dict(each) for each in event.traits.attributes], event.traits.sites] if event.traits else None,
        "ends": event.ends,
    }


def _to_traits(written: list[Any]) -> Traits:
    attributes, sites = written
    return Traits(tuple(tuple(sorted(each.items())) for each in attributes), tuple(sites))


def _window(window: WindowRef) -> list[Any]:
    return [window.index, window.name, window.event_id, window.ends_at]


def _ref(ref: EntityRef) -> list[Any]:
    return [ref.index, ref.id, ref.kind.value, ref.name, ref.source, ref.native]


def _to_ref(written: list[Any]) -> EntityRef:
    index, identity, kind, name, source, native = written
    return EntityRef(index, identity, KINDS[kind], name, source, native)


def _to_ref_or_none(written: list[Any] | None) -> EntityRef | None:
    return _to_ref(written) if written is not None else None
