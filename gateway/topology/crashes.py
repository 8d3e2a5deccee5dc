"""
Crashes of VMs: a manager that is alive repairs them; when it gives up, its failure and the crash are told once.

The kind of the alarm, and so its key and its settle time, is chosen when the crash is first seen, and kept.
"""

from gateway.model.conditions import Category, ConditionKind, alarm_key
from gateway.model.entities import EntityKind, EntityState
from gateway.model.relations import RelationKind
from gateway.model.rows import Alarm
from gateway.topology.draft import Draft
from gateway.topology.pairs import machines_of, managers_of
from gateway.topology.placements import answers

CRASHES = (ConditionKind.CRASHED, ConditionKind.CRASHED_MANAGED)


def kind_of_crash(draft: Draft, vm: int, detail: str) -> ConditionKind:
    """`crashedManaged` where a living manager is in charge, else `crashed`; of a crash that is known, what it is."""
    for kind in CRASHES:
        if draft.alarm_with(alarm_key(kind, draft.record(vm).id, detail)) is not None:
            return kind
    in_charge = any(_is_in_charge(draft, resource) for resource in managers_of(draft, vm))
    return ConditionKind.CRASHED_MANAGED if in_charge else ConditionKind.CRASHED


def failure_of_pair(draft: Draft, entity: int) -> str:
    """Event id of the raised failure of a VM's manager, or of the crash of the VM that a resource is; empty: none."""
    for manager in managers_of(draft, entity):
        for alarm in draft.alarms_of(manager):
            if alarm.raised and alarm.category is Category.FAILURE and not _is_orphan(draft, alarm):
                return alarm.caused_by or alarm.event_id
    for vm in machines_of(draft, entity):
        for alarm in draft.alarms_of(vm):
            if alarm.raised and alarm.condition in CRASHES and not _is_orphan(draft, alarm):
                return alarm.caused_by or alarm.event_id
    return ""


def _is_orphan(draft: Draft, alarm: Alarm) -> bool:
    """Its root has ended, and it was not told by itself yet."""
    return draft.due(f"orphan:{alarm.index}") is not None


def _is_in_charge(draft: Draft, resource: int) -> bool:
    """True when the resource's cluster answers, can act, manages it, and has not given up."""
    shown = draft.entity(resource)
    if shown is None or not any(answers(draft, source) for source in shown.sources):
        return False
    if shown.state in (EntityState.BLOCKED, EntityState.MAINTENANCE, EntityState.UNKNOWN):
        return False
    if shown.reason == "unmanaged" or _has_failed(draft, resource):
        return False
    under = draft.entities_under(resource, RelationKind.MANAGED_BY)
    return not any(
        _has_failed(draft, cluster) for cluster in under if draft.record(cluster).key.kind is EntityKind.HA_CLUSTER
    )


def _has_failed(draft: Draft, entity: int) -> bool:
    return any(alarm.raised and alarm.category is Category.FAILURE for alarm in draft.alarms_of(entity))
