"""Relocations: what moved, why, and what is told of it (design: domain, Relocation)."""

from collections.abc import Mapping
from dataclasses import replace

from gateway.model.conditions import SettleTimes
from gateway.model.entities import RELOCATABLE_KINDS, EntityKind
from gateway.model.events import Cause, Event, EventKind
from gateway.model.relations import RelationKind
from gateway.model.rows import Placement
from gateway.topology.causes import Way, explain, is_planned, loss_under, root_on, strengthen, without_evidence
from gateway.topology.doubts import delayed_until, doubt_again, wait_for_doubts, wait_no_more
from gateway.topology.draft import Draft, kind_of
from gateway.topology.pairs import awaited_group, is_to_be_told, machines_of, managers_of, told_of_partner
from gateway.topology.placements import Move, Verdict, group_of_member, judge_placement
from gateway.topology.severities import graded

RECENT = 1000
"""How many relocations are kept, for later evidence and for the second source of the same movement."""


UNVERIFIED = "old host unverified"


def tell_moves(draft: Draft, verdicts: Mapping[int, Verdict], settle: SettleTimes) -> None:
    """Write the events of these moves: VMs first, single resources next; groups when their members are stable."""
    moves = [move for entity, verdict in verdicts.items() if (move := verdict.move or _untold(draft, entity))]
    for move in sorted(moves, key=lambda move: (kind_of(draft, move.entity) is not EntityKind.VM, move.entity)):
        unverified = move.old_host in verdicts[move.entity].unverified
        _tell_or_wait(draft, move, UNVERIFIED if unverified else "", settle)
    waiting = (group_of_member(draft, entity) or _group_of_vm(draft, entity) for entity in verdicts)
    for group in sorted({group for group in waiting if group is not None}):
        if draft.due(f"group:{group}") is not None and _complete(draft, group):
            tell_group(draft, group)


def wait_again(draft: Draft, placement: Placement, settle: SettleTimes) -> None:
    """After a restart: a move that was found and not told waits for its group or its pair, and for its old host."""
    move = _move_of(draft, placement)
    doubt_again(draft, move.entity, move.old_host, draft.at)
    key = _waits_for(draft, placement.entity)
    due = placement.moved_at + (settle.group if _awaits(draft, move) else 0)
    draft.judge_at(key, min(due, draft.due(key) or due))


def _awaits(draft: Draft, move: Move) -> bool:
    """True for a move that may be told with another: a group's, or that of the VM that it is."""
    if group_of_member(draft, move.entity) is not None:
        return True
    if told_of_partner(draft, move) is not None:
        return False
    return _group_of_vm(draft, move.entity) is not None or is_to_be_told(draft, move.entity, move.new_host)


def _waits_for(draft: Draft, entity: int) -> str:
    """The key in `pending` under which a move that was found and not told waits: its group's, or its own."""
    group = group_of_member(draft, entity) or _group_of_vm(draft, entity)
    return f"group:{group}" if group is not None else f"pair:{entity}"


def _tell_or_wait(draft: Draft, move: Move, doubt: str, settle: SettleTimes) -> None:
    """
    Tell a move, or let it wait: a member for its group, a resource for the VM that it is, both of which are told in
    its place; and what left a host that is doubted for what becomes of the host.
    """
    kind = kind_of(draft, move.entity)
    if kind not in RELOCATABLE_KINDS:
        _told(draft, move.entity)
        return
    is_doubted = wait_for_doubts(draft, move.entity, move.old_host)
    if _awaits(draft, move):
        if draft.due(key := _waits_for(draft, move.entity)) is None:
            draft.judge_at(key, draft.at + settle.group)
    elif not is_doubted:
        _tell_one(draft, move, doubt)


def _untold(draft: Draft, entity: int) -> Move | None:
    """A move that was found earlier and not told: of what stopped in between, or waits no more."""
    placement = draft.placement(entity)
    if placement is None or not placement.moved_from or not placement.open or placement.left_at:
        return None
    return _move_of(draft, placement)


def _move_of(draft: Draft, placement: Placement) -> Move:
    old_host, new_host = draft.entity_of(placement.moved_from), draft.entity_of(placement.host)
    stay = placement.moved_since, placement.moved_left
    return Move(placement.entity, old_host, new_host, *stay, placement.live, placement.role)


def tell_waiting(draft: Draft, entity: int) -> None:
    """Tell the move of one that has waited long enough for the other of its pair."""
    draft.judge_at(f"pair:{entity}", None)
    move = _untold(draft, entity)
    if move is not None:
        unverified = move.old_host in judge_placement(draft, entity).unverified
        _tell_one(draft, move, UNVERIFIED if unverified else "")


# -- groups ----------------------------------------------------------------------------------------------------


def tell_group(draft: Draft, group: int) -> None:
    """One event for each (from, to) of the members that moved and have not been told; their VMs' are in the log."""
    draft.judge_at(f"group:{group}", None)
    members = members_in_order(draft, group)
    by_way: dict[tuple[int, int], list[Placement]] = {}
    for member in members:
        placement = draft.placement(member)
        if placement is not None and placement.moved_from and placement.open:
            by_way.setdefault((placement.moved_from, placement.host), []).append(placement)
    for moved in by_way.values():
        _log(draft, _group_event(draft, group, moved))
        for placement in moved:
            _told(draft, placement.entity)
    for vm in _vms_that_moved(draft, members):
        tell_waiting(draft, vm)


def _group_event(draft: Draft, group: int, moved: list[Placement]) -> Event:
    """The event of members that went the same way; in the log only when each is a VM whose move was told."""
    move = replace(_move_of(draft, moved[0]), entity=group, live=False)
    arrived_at, left_at = min(p.moved_since for p in moved), min(p.moved_left for p in moved)
    move = replace(move, arrived_at=arrived_at, left_at=left_at)
    event = _event(draft, EventKind.RELOCATION, move, moved[0].source, tuple(members_in_order(draft, group)))
    told = [told_of_partner(draft, _move_of(draft, placement)) for placement in moved]
    if told[0] is not None and None not in told:
        strengthen(draft, told[0], event.cause, event.evidence)
        event = replace(event, notify=False, caused_by=told[0].id)
    members = tuple(draft.ref(placement.entity) for placement in moved)
    return replace(event, members=members, live=all(placement.live for placement in moved))


def members_in_order(draft: Draft, group: int) -> list[int]:
    """Members of an HA group, in the order that the cluster starts them (`position` of their part_of)."""

    def position(member: int) -> tuple[int, int]:
        for claim in draft.entity_claims(member, RelationKind.PART_OF):
            place = claim.attributes.get("position")
            if isinstance(place, int) and draft.entity_of(claim.lower) == group:
                return (place, member)
        return (0, member)

    return sorted(draft.entities_on(group, RelationKind.PART_OF), key=position)


def _complete(draft: Draft, group: int) -> bool:
    """
    True when every member of the group runs, stably, none is still to follow its VM, and none left a doubted host.
    """
    members = members_in_order(draft, group)
    placements = [draft.placement(member) for member in members]
    if not all(p is not None and p.open and p.certain and p.left_at == 0 for p in placements):
        return False
    if delayed_until(draft, f"group:{group}") is not None:
        return False
    moved = {p.entity for p in placements if p is not None and p.moved_from}
    return all(moved.intersection(managers_of(draft, vm)) for vm in _vms_that_moved(draft, members))


def _vms_that_moved(draft: Draft, members: list[int]) -> list[int]:
    """VMs of a group's members that moved and have not been told."""
    vms = {vm for member in members for vm in machines_of(draft, member)}
    return sorted(vm for vm in vms if _untold(draft, vm) is not None)


def _group_of_vm(draft: Draft, entity: int) -> int | None:
    return awaited_group(draft, entity) if kind_of(draft, entity) is EntityKind.VM else None


# -- single things ---------------------------------------------------------------------------------------------


def _tell_one(draft: Draft, move: Move, doubt: str) -> None:
    """The event of a single thing. `doubt`: what is not known of the host that it left."""
    draft.judge_at(f"pair:{move.entity}", None)
    role = kind_of(draft, move.entity) is EntityKind.HA_RESOURCE and _is_promotable(draft, move.entity)
    placement = draft.placement(move.entity)
    source = placement.source if placement is not None else ""
    other = told_of_partner(draft, move)
    event = _event(draft, EventKind.ROLE_RELOCATION if role else EventKind.RELOCATION, move, source, linked=other)
    if doubt and not move.live:
        event = replace(event, cause=Cause.FAILOVER, planned=False, evidence=(*event.evidence, doubt))
    if other is not None:
        strengthen(draft, other, event.cause, event.evidence)
        event = replace(event, notify=False, caused_by=other.id)
    carried = _carried(draft, move.entity) if event.entity.kind is EntityKind.VM else []
    event = _log(draft, replace(event, carried=len(carried)))
    for passenger in carried:
        draft.events.append(_passenger(draft, passenger, event))
    _told(draft, move.entity)
    for resource in managers_of(draft, move.entity):
        if draft.due(f"pair:{resource}") is not None:
            tell_waiting(draft, resource)


def _event(
    draft: Draft,
    kind: EventKind,
    move: Move,
    source: str,
    members: tuple[int, ...] = (),
    linked: Event | None = None,
) -> Event:
    """A relocation with the best cause known. `linked`: the event of the same movement that was told."""
    same = (linked.id,) if linked is not None else ()
    way = Way(move.entity, move.old_host, move.new_host, move.left_at, source, members, same, move.arrived_at)
    cause, evidence = explain(draft, way)
    if cause is None and not move.live and (loss := loss_under(draft, move.old_host)):
        cause, evidence = Cause.FAILOVER, (loss,)
    if cause is None:
        cause = without_evidence(draft, kind, move.entity, move.live)
    return Event(
        id=draft.new_id(),
        at=draft.at,
        kind=kind,
        entity=draft.ref(move.entity),
        source=source,
        old_host=draft.ref(move.old_host),
        new_host=draft.ref(move.new_host),
        cause=cause,
        planned=is_planned(draft, move.entity, cause),
        live=move.live,
        arrived_at=move.arrived_at,
        started_at=move.left_at,
        evidence=evidence,
        caused_by=root_on(draft, move.old_host) if cause is Cause.FAILOVER else "",
    )


def _log(draft: Draft, event: Event) -> Event:
    logged = graded(event)
    draft.events.append(logged)
    draft.recent = (*draft.recent[-RECENT:], logged)
    return logged


def _told(draft: Draft, entity: int) -> None:
    """The move has been told, or need not be."""
    placement = draft.placement(entity)
    if placement is not None and placement.moved_from:
        wait_no_more(draft, entity, draft.entity_of(placement.moved_from))
        draft.put_placement(replace(placement, moved_from=0, moved_at=0, moved_since=0, moved_left=0))


def _is_promotable(draft: Draft, entity: int) -> bool:
    shown = draft.entity(entity)
    return shown is not None and shown.subtype in ("promotable", "bundle")


def _carried(draft: Draft, vm: int) -> list[int]:
    """Resources that run in a VM, however many layers up; they move with it without leaving their node."""
    carried: set[int] = set()
    layer, seen = [vm], {vm}
    while layer:
        above = [upper for lower in layer for upper in draft.entities_on(lower, RelationKind.RUNS_ON)]
        layer = [entity for entity in dict.fromkeys(above) if entity not in seen]
        seen.update(layer)
        carried.update(e for e in layer if kind_of(draft, e) in RELOCATABLE_KINDS)
    return sorted(carried)


def _passenger(draft: Draft, passenger: int, vm: Event) -> Event:
    """In the log only: the layer below the passenger changed, its own node did not."""
    return replace(
        vm,
        id=draft.new_id(),
        entity=draft.ref(passenger),
        members=(),
        carried=0,
        caused_by=vm.id,
        notify=False,
        text=f"carried by {vm.entity.kind} {vm.entity.name}",
    )
