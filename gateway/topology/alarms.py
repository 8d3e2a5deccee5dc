"""Alarms: conditions that have held longer than their settle time, raised once and cleared with the same key."""

from collections.abc import Iterator
from dataclasses import replace

from gateway.model.conditions import RULES, Category, ConditionKind, SettleTimes, alarm_key
from gateway.model.entities import RELOCATABLE_KINDS, EntityKind, EntityRef
from gateway.model.events import Event, EventKind
from gateway.model.observations import Glimpse, Objects, Observation, ObservedCondition
from gateway.model.relations import RelationKind
from gateway.model.rows import Alarm, Record
from gateway.model.snapshot import silent_scope
from gateway.topology.carriers import layers_under
from gateway.topology.crashes import failure_of_pair, kind_of_crash
from gateway.topology.diff import has_word
from gateway.topology.draft import Draft, kind_of
from gateway.topology.endings import ended
from gateway.topology.naming import naming
from gateway.topology.pairs import machines_of
from gateway.topology.placements import Verdict

RAISED: dict[Category, EventKind] = {
    Category.FAILURE: EventKind.FAILURE_RAISED,
    Category.CONFLICT: EventKind.CONFLICT_RAISED,
    Category.FINDING: EventKind.FINDING_RAISED,
    Category.STALE: EventKind.STALE_RAISED,
}
CLEARED: dict[Category, EventKind] = {
    Category.FAILURE: EventKind.FAILURE_CLEARED,
    Category.CONFLICT: EventKind.CONFLICT_CLEARED,
    Category.FINDING: EventKind.FINDING_CLEARED,
    Category.STALE: EventKind.STALE_CLEARED,
}


JUDGED_HERE = frozenset(
    {
        ConditionKind.PLACEMENT_CONFLICT,
        ConditionKind.PLACEMENT_UNCERTAIN,
        ConditionKind.SOURCE_STALE,
        ConditionKind.DUPLICATE_KEY,
        ConditionKind.SAME_BY_WEAK_KEYS,
        ConditionKind.HOST_LOST,
    }
)
"""What we conclude ourselves; no source says that it holds or has ended."""

_REKEYED = "goes on under another key, if it does: records were found to be one thing, or to be two"


def judge_conditions(draft: Draft, observation: Observation, settle: SettleTimes) -> None:
    """Begin, hold or end the conditions that an observation is complete for; what is gone has none."""
    said: set[str] = set()
    for condition in observation.conditions:
        record = draft.find(observation.source, condition.entity)
        if record is not None and not record.gone and has_word(draft, record, observation.covers.scope):
            entity = draft.entity_of(record.index)
            said.add(_hold(draft, observation.source, entity, condition, settle))
    judged = observation.judged - JUDGED_HERE
    if ConditionKind.CRASHED in judged:
        judged |= {ConditionKind.CRASHED_MANAGED}
    if judged:
        for entity in _judged_entities(draft, observation):
            for alarm in draft.alarms_of(entity):
                ours = alarm.source == observation.source and alarm.condition in judged
                if ours and alarm.key not in said:
                    end(draft, alarm)
    for index in sorted(draft.lost):
        _end_those_of(draft, draft.record(index))


def follow_records(draft: Draft, settle: SettleTimes) -> None:
    """
    After records were merged or taken apart: their alarms go on at the entity that shows them now.

    The key names the entity, so that a raised one is cleared with its old key and raised with the new one; what was
    settling goes on settling. What we concluded ourselves of an entity that is shown no more is concluded anew.
    """
    for old, new in sorted(draft.regrouped):
        for alarm in draft.alarms_of(old):
            if alarm.condition in JUDGED_HERE and not silent_scope(alarm):
                if draft.entity_of(old) != old:
                    end(draft, alarm, _REKEYED)
                continue
            if _has_record_of(draft, old, alarm.source) or not _has_record_of(draft, new, alarm.source):
                continue
            end(draft, alarm, _REKEYED)
            key = alarm_key(alarm.condition, draft.record(new).id, alarm.detail)
            if draft.alarm_with(key) is None:
                again = draft.add_alarm(
                    replace(alarm, index=0, key=key, entity=new, raised_at=0, event_id="", caused_by="")
                )
                if alarm.raised:
                    raise_alarm(draft, again)


def judge_conflict(draft: Draft, entity: int, verdict: Verdict, settle: SettleTimes) -> None:
    """Active on two freshly read hosts: an alarm when it lasts (possible split brain)."""
    kind = ConditionKind.PLACEMENT_CONFLICT
    key = alarm_key(kind, draft.record(entity).id)
    if not verdict.conflict:
        alarm = draft.alarm_with(key)
        if alarm is not None:
            end(draft, alarm)
        return
    names = [draft.ref(host).name for host in verdict.conflict]
    placement = draft.placement(entity)
    begin(
        draft,
        source=placement.source if placement is not None else draft.record(entity).source,
        kind=kind,
        entity=entity,
        text=f"active on {' and '.join(names)} at the same time: possible split brain",
        remedy="find out on which host it must run, and stop it on the other before data is damaged",
        settle=settle,
    )


def judge_uncertain(draft: Draft, entity: int, verdict: Verdict, settle: SettleTimes) -> None:
    """Fresh on one host while another that had it is silent: a finding, until that one is seen or known to be lost."""
    key = alarm_key(ConditionKind.PLACEMENT_UNCERTAIN, draft.record(entity).id)
    placement = draft.placement(entity)
    if placement is None or not verdict.unverified:
        alarm = draft.alarm_with(key)
        if alarm is not None:
            end(draft, alarm)
        return
    silent = " and ".join(draft.ref(host).name for host in verdict.unverified)
    begin(
        draft,
        source=placement.source,
        kind=ConditionKind.PLACEMENT_UNCERTAIN,
        entity=entity,
        text=f"runs on {draft.ref(placement.host).name}; that it does not on {silent} too is not verified: no answer",
        remedy=f"make sure that {silent} is off, or reachable again",
        settle=settle,
    )


def begin(
    draft: Draft,
    *,
    source: str,
    kind: ConditionKind,
    entity: int,
    detail: str = "",
    text: str = "",
    remedy: str = "",
    settle: SettleTimes,
    since: int | None = None,
    wait: int | None = None,
    root: str = "",
) -> str:
    """
    A condition holds: it settles, or is raised at once when it need not. Returns its key.

    `since`: when that began, now unless it is given; `wait`: how long it settles, unless as its rule
    says; `root`: event id of what it is known to follow from, when it is raised at once.
    """
    key = alarm_key(kind, draft.record(entity).id, detail)
    known = draft.alarm_with(key)
    if known is not None:
        if (known.text, known.remedy) != (text, remedy):
            draft.put_alarm(replace(known, text=text, remedy=remedy))
        return key
    rule = RULES[kind]
    began = draft.at if since is None else since
    settles: int = getattr(settle, rule.settle) if wait is None else wait
    alarm = draft.add_alarm(
        Alarm(
            index=0,
            key=key,
            condition=kind,
            category=rule.category,
            severity=rule.severity,
            entity=entity,
            source=source,
            detail=detail,
            text=text,
            remedy=remedy,
            since=began,
            due=began + settles,
        )
    )
    if settles == 0:
        raise_alarm(draft, alarm, root)
    return key


def raise_alarm(draft: Draft, alarm: Alarm, root: str = "", said: str = "") -> None:
    """
    It has held long enough: tell it, unless its root was told (then it is in the log and the table only).

    `root`: event id of what it is known to follow from; `said`: the event's text, that of the alarm unless given.
    """
    root = root or _root_of(draft, alarm)
    event = _event(draft, replace(alarm, text=said or alarm.text), RAISED[alarm.category], root)
    draft.put_alarm(replace(alarm, raised_at=alarm.raised_at or draft.at, event_id=event.id, caused_by=root))
    draft.events.append(event)
    if alarm.category is Category.FAILURE:
        for vm in machines_of(draft, alarm.entity):
            _given_up(draft, vm)


def failures_under(draft: Draft, entity: int) -> Iterator[Alarm]:
    """The raised failures of the layers below an entity, and of the cluster that manages it."""
    placement = draft.placement(entity)
    below = layers_under(draft, placement.host) if placement is not None and placement.open else []
    clusters = [
        lower
        for kind in (RelationKind.MEMBER_OF, RelationKind.MANAGED_BY)
        for lower in draft.entities_under(entity, kind)
        if draft.record(lower).key.kind is EntityKind.HA_CLUSTER
    ]
    for lower in (*below, *clusters):
        for other in draft.alarms_of(lower):
            if other.raised and other.category is Category.FAILURE:
                yield other


def end(draft: Draft, alarm: Alarm, said: str = "") -> None:
    """
    It holds no more: cleared with the same key when it was raised, forgotten when it was not.

    `said`: what that means, where its condition does not say it.
    """
    draft.end_alarm(alarm)
    if alarm.raised:
        over = replace(alarm, text=said or ended(draft, alarm), remedy="")
        event = _event(draft, over, CLEARED[alarm.category], alarm.caused_by)
        draft.events.append(replace(event, ends=alarm.event_id))
        if alarm.category is Category.FAILURE:
            draft.remember_root(alarm.entity, alarm.caused_by or alarm.event_id)


def _hold(draft: Draft, source: str, entity: int, condition: ObservedCondition, settle: SettleTimes) -> str:
    kind = kind_of_crash(draft, entity, condition.detail) if condition.kind is ConditionKind.CRASHED else condition.kind
    key = alarm_key(kind, draft.record(entity).id, condition.detail)
    known = draft.alarm_with(key)
    if not condition.holding and (known is None or not known.raised):
        if known is not None:
            draft.end_alarm(known)
        return key
    return begin(
        draft,
        source=source,
        kind=kind,
        entity=entity,
        detail=condition.detail,
        text=condition.text,
        remedy=condition.remedy,
        settle=settle,
    )


def _judged_entities(draft: Draft, observation: Observation) -> list[int]:
    """Entities of which the observation would have said that a condition holds."""
    covers = observation.covers
    if isinstance(covers, Objects):
        keys = covers.keys
    elif isinstance(covers, Glimpse):
        keys = frozenset(entity.key for entity in observation.entities)
    else:
        inside = (draft.record(index) for index in draft.scope(observation.source, covers.scope))
        return sorted({draft.entity_of(record.index) for record in inside if record.scope == covers.scope})
    records = (draft.find(observation.source, key) for key in keys)
    return sorted({draft.entity_of(record.index) for record in records if record is not None})


def _end_those_of(draft: Draft, record: Record) -> None:
    """End what a source said of a thing that it does not see any more."""
    entity = draft.entity_of(record.index)
    if record.gone and not _has_record_of(draft, entity, record.source):
        for alarm in draft.alarms_of(entity):
            if alarm.source == record.source:
                end(draft, alarm)


def _has_record_of(draft: Draft, entity: int, source: str) -> bool:
    """True when the entity shows a living record of the source."""
    rows = (draft.record(index) for index in draft.group_of(entity))
    return any(row.source == source and not row.gone for row in rows)


def _event(draft: Draft, alarm: Alarm, kind: EventKind, root: str) -> Event:
    entity = draft.ref(alarm.entity)
    return Event(
        id=draft.new_id(),
        at=draft.at,
        kind=kind,
        entity=entity,
        source=alarm.source,
        old_host=_where_it_failed(draft, alarm, kind),
        caused_by=root,
        started_at=alarm.since,
        alarm_key=alarm.key,
        condition=alarm.condition,
        severity=alarm.severity,
        text=naming(entity.name, alarm.text or alarm.condition.value),
        remedy=alarm.remedy,
        planned=alarm.planned,
        notify=not root,
    )


def _where_it_failed(draft: Draft, alarm: Alarm, kind: EventKind) -> EntityRef | None:
    """The host of what may relocate: where it ran when it failed; of the end, where it was until now."""
    if alarm.category is not Category.FAILURE or kind_of(draft, alarm.entity) not in RELOCATABLE_KINDS:
        return None
    before = draft.base.placements.get(alarm.entity) if kind is EventKind.FAILURE_CLEARED else None
    placement = before or draft.placement(alarm.entity)
    return draft.ref(draft.entity_of(placement.host)) if placement is not None else None


def _given_up(draft: Draft, vm: int) -> None:
    """The manager of the VM has failed: that the VM crashed is a failure now, and follows from it."""
    for alarm in draft.alarms_of(vm):
        if alarm.condition is ConditionKind.CRASHED_MANAGED and not alarm.raised:
            raise_alarm(draft, alarm)


def _root_of(draft: Draft, alarm: Alarm) -> str:
    """
    Event id of the raised failure that this failure comes from; empty: it is a root.

    That of a layer below, of the cluster that manages it, or of the other of a VM and the resource that it is.
    """
    if alarm.category is not Category.FAILURE:
        return ""
    for other in failures_under(draft, alarm.entity):
        if not other.caused_by:
            return other.event_id
    return failure_of_pair(draft, alarm.entity)
