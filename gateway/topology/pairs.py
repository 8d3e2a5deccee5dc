"""
Pairs: a VM and the HA resource that it is, told of by two sources. What is one movement of both is told once.

A VM's move is the hypervisor's to tell, the resource's is the cluster's; either may come first (design: domain, The
layers of one service).
"""

from gateway.model.conditions import SECOND
from gateway.model.entities import EntityKind
from gateway.model.events import Event, EventKind
from gateway.model.relations import RelationKind
from gateway.topology.carriers import machine_under
from gateway.topology.draft import Draft, kind_of
from gateway.topology.placements import Move, answers, group_of_member

ONE_MOVEMENT = 120 * SECOND
"""Two moves of a pair within this are one movement, when nothing says that they went to different machines."""
JOINED_MOVEMENT = 900 * SECOND
"""The same, when both are known to have gone to one machine."""


def managers_of(draft: Draft, vm: int) -> list[int]:
    """The HA resources that a VM is managed by; none for anything else."""
    if kind_of(draft, vm) is not EntityKind.VM:
        return []
    under = draft.entities_under(vm, RelationKind.MANAGED_BY)
    return [lower for lower in under if kind_of(draft, lower) is EntityKind.HA_RESOURCE]


def machines_of(draft: Draft, resource: int) -> list[int]:
    """The VMs that an HA resource is; none for anything else."""
    if kind_of(draft, resource) is not EntityKind.HA_RESOURCE:
        return []
    managed = draft.entities_on(resource, RelationKind.MANAGED_BY)
    return [upper for upper in managed if kind_of(draft, upper) is EntityKind.VM]


def told_of_partner(draft: Draft, move: Move) -> Event | None:
    """
    The told event of the same movement: of the resource that this VM is, of the group that moved with that, or of the
    VM that this resource is. An event stands for one move of each partner.
    """
    partners = {*managers_of(draft, move.entity), *machines_of(draft, move.entity)}
    if not partners:
        return None
    used = {event.caused_by for event in draft.recent if move.entity in _named(draft, event)}
    for event in reversed(draft.recent):
        is_new = event.notify and event.id not in used
        if is_new and partners & _named(draft, event) and _one_movement(draft, event, move):
            return event
    return None


def failure_of_partner(draft: Draft, entity: int) -> Event | None:
    """The told event of the same failed migration: of the resource that this VM is, or of the VM."""
    partners = {*managers_of(draft, entity), *machines_of(draft, entity)}
    used = {event.caused_by for event in draft.recent}
    for event in reversed(draft.recent if partners else ()):
        is_new = event.notify and event.id not in used and draft.at - event.at <= ONE_MOVEMENT
        if is_new and event.kind is EventKind.MIGRATION_FAILED and draft.entity_of(event.entity.index) in partners:
            return event
    return None


def is_to_be_told(draft: Draft, resource: int, new_host: int) -> bool:
    """True when a hypervisor's source that answers knows the resource's VM, and may yet tell that it moved."""
    for vm in machines_of(draft, resource):
        placement = draft.placement(vm)
        if placement is None or kind_of(draft, placement.host) not in _HARDWARE:
            continue
        there = machine_under(draft, new_host)
        if answers(draft, placement.source) and (there is None or machine_under(draft, placement.host) != there):
            return True
    return False


def awaited_group(draft: Draft, vm: int) -> int | None:
    """The HA group that is told in place of the VM: its resource is a member of it, and its cluster answers."""
    for resource in managers_of(draft, vm):
        group = group_of_member(draft, resource)
        if group is not None and answers(draft, draft.record(resource).source):
            return group
    return None


_HARDWARE = (EntityKind.HYPERVISOR, EntityKind.PHYSICAL_HOST)


def _named(draft: Draft, event: Event) -> set[int]:
    """The entities that an event is about: a group's, and those of its members that moved."""
    return {draft.entity_of(ref.index) for ref in (event.entity, *event.members)}


def _one_movement(draft: Draft, event: Event, move: Move) -> bool:
    """True when the told move went where this one did, as far as the layers are joined, and not long ago."""
    if event.new_host is None:
        return False
    there, here = machine_under(draft, event.new_host.index), machine_under(draft, move.new_host)
    if there is None or here is None:
        return draft.at - event.at <= ONE_MOVEMENT
    return there == here and draft.at - event.at <= JOINED_MOVEMENT
