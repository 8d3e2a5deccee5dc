"""Relocations: what moved, why, and what is told of it (design: domain, Relocation)."""

from collections.abc import Mapping
from dataclasses import replace

from gateway.model.conditions import SECOND, Category, SettleTimes
from gateway.model.entities import RELOCATABLE_KINDS, EntityKind, NativeKey
from gateway.model.events import PLANNED, Cause, Event, EventKind
from gateway.model.relations import RelationKind
from gateway.model.rows import Placement
from gateway.topology.carriers import carriers_of
from gateway.topology.draft import Draft
from gateway.topology.evidence import cause_of, named_by
from gateway.topology.placements import Move, Verdict, group_of_member

AMENDABLE = 120 * SECOND
"""How long later evidence may still explain a relocation that was told."""
RECENT = 1000
"""How many relocations are kept for that."""


UNVERIFIED = "old host unverified"


def tell_moves(draft: Draft, verdicts: Mapping[int, Verdict], settle: SettleTimes) -> None:
    """Write the events of these moves: VMs first, single resources next; groups when their members are stable."""
    told: dict[int, str] = {}
    moves = [move for entity, verdict in verdicts.items() if (move := verdict.move or _untold(draft, entity))]
    groups: set[int] = set()
    for move in sorted(moves, key=lambda move: (draft.record(move.entity).key.kind is not EntityKind.VM, move.entity)):
        group = group_of_member(draft, move.entity)
        if draft.record(move.entity).key.kind not in RELOCATABLE_KINDS:
            _told(draft, move.entity)
        elif group is None:
            unverified = move.old_host in verdicts[move.entity].unverified
            told[move.entity] = _tell_one(draft, move, told, UNVERIFIED if unverified else "")
        else:
            groups.add(group)
            if draft.due(f"group:{group}") is None:
                draft.judge_at(f"group:{group}", draft.at + settle.group)
    for entity in verdicts:
        group = group_of_member(draft, entity)
        if group is not None and draft.due(f"group:{group}") is not None:
            groups.add(group)
    for group in sorted(groups):
        if _all_stable(draft, group):
            tell_group(draft, group)


def _untold(draft: Draft, entity: int) -> Move | None:
    """A move that was found earlier and not told: of a member that stopped in between, or has left its group."""
    placement = draft.placement(entity)
    if placement is None or not placement.moved_from or not placement.open or placement.left_at:
        return None
    return Move(entity, placement.moved_from, placement.host, placement.moved_left, placement.live, placement.role)


def tell_group(draft: Draft, group: int) -> None:
    """One event for each (from, to) of the members that moved and have not been told."""
    draft.judge_at(f"group:{group}", None)
    by_way: dict[tuple[int, int], list[Placement]] = {}
    for member in members_in_order(draft, group):
        placement = draft.placement(member)
        if placement is not None and placement.moved_from and placement.open:
            by_way.setdefault((placement.moved_from, placement.host), []).append(placement)
    for (old_host, new_host), moved in by_way.items():
        left_at = min(placement.moved_left for placement in moved)
        everyone = (group, *members_in_order(draft, group))
        event = _event(
            draft,
            EventKind.RELOCATION,
            group,
            Move(group, old_host, new_host, left_at, False),
            everyone,
            moved[0].source,
        )
        members = tuple(draft.ref(placement.entity) for placement in moved)
        live = all(placement.live for placement in moved)
        _log(draft, replace(event, members=members, live=live, started_at=left_at))
        for placement in moved:
            _told(draft, placement.entity)


def members_in_order(draft: Draft, group: int) -> list[int]:
    """Members of an HA group, in the order that the cluster starts them (`position` of their part_of)."""

    def position(member: int) -> tuple[int, int]:
        for claim in draft.entity_claims(member, RelationKind.PART_OF):
            place = claim.attributes.get("position")
            if isinstance(place, int) and draft.entity_of(claim.lower) == group:
                return (place, member)
        return (0, member)

    return sorted(draft.entities_on(group, RelationKind.PART_OF), key=position)


def amend_causes(draft: Draft) -> None:
    """Look again at relocations of the last minutes: later evidence amends the log and is not sent again."""
    kept: list[Event] = []
    for event in draft.recent:
        if event.at < draft.at - AMENDABLE:
            continue
        kept.append(_amended(draft, event))
    if tuple(kept) != draft.recent:
        draft.recent = tuple(kept)


def _amended(draft: Draft, event: Event) -> Event:
    if event.old_host is None or event.new_host is None or event.cause not in _WEAK:
        return event
    keys = tuple(NativeKey(ref.kind, ref.native) for ref in (event.entity, *event.members))
    left, reached = (named_by(draft, event.source, host.index) for host in (event.old_host, event.new_host))
    cause, evidence = cause_of(draft, event.source, keys, left, reached, event.started_at)
    if cause is None:
        return event
    better = replace(event, cause=cause, planned=cause in PLANNED, evidence=evidence)
    draft.amended.append(better)
    return better


_WEAK = frozenset({Cause.BALANCING, Cause.PROMOTION_CHANGE, Cause.UNKNOWN, Cause.LIVE_MIGRATION, Cause.COLD_MOVE})


def _tell_one(draft: Draft, move: Move, told: dict[int, str], doubt: str) -> str:
    """The event of a single thing; returns its id. `doubt`: what is not known of the host that it left."""
    role = draft.record(move.entity).key.kind is EntityKind.HA_RESOURCE and _is_promotable(draft, move.entity)
    kind = EventKind.ROLE_RELOCATION if role else EventKind.RELOCATION
    placement = draft.placement(move.entity)
    source = placement.source if placement is not None else ""
    vm = _vm_that_it_is(draft, move.entity, told)
    names = (move.entity, *_clones_of(draft, move.entity), *_managers_of_vm(draft, move.entity))
    event = _event(draft, kind, move.entity, move, names, source)
    event = replace(event, started_at=move.left_at)
    if doubt and not move.live:
        event = replace(event, cause=Cause.FAILOVER, planned=False, evidence=(*event.evidence, doubt))
    if vm is not None:
        event = replace(event, notify=False, caused_by=told[vm])
    elif _told_by_a_group(draft, move.entity):
        event = replace(event, notify=False)
    carried = _carried(draft, move.entity) if event.entity.kind is EntityKind.VM else []
    _log(draft, replace(event, carried=len(carried)))
    for passenger in carried:
        _log_passenger(draft, passenger, event)
    _told(draft, move.entity)
    return event.id


def _event(draft: Draft, kind: EventKind, entity: int, move: Move, names: tuple[int, ...], source: str) -> Event:
    """A relocation with the best cause known. `names`: entities whose evidence speaks for it."""
    old, new = draft.ref(move.old_host), draft.ref(move.new_host)
    keys = tuple(draft.record(record).key for name in names for record in sorted(draft.group_of(name)))
    left, reached = (named_by(draft, source, host) for host in (move.old_host, move.new_host))
    cause, evidence = cause_of(draft, source, keys, left, reached, move.left_at)
    if cause is None:
        cause = _without_evidence(draft, kind, entity, move.live)
    return Event(
        id=draft.new_id(),
        at=draft.at,
        kind=kind,
        entity=draft.ref(entity),
        source=source,
        old_host=old,
        new_host=new,
        cause=cause,
        planned=cause in PLANNED,
        live=move.live,
        evidence=evidence,
        caused_by=root_on(draft, move.old_host) if cause is Cause.FAILOVER else "",
    )


def _without_evidence(draft: Draft, kind: EventKind, entity: int, live: bool) -> Cause:
    """What a move is called for which no fact speaks: the manager's own decision."""
    if kind is EventKind.ROLE_RELOCATION:
        return Cause.PROMOTION_CHANGE
    if draft.record(entity).key.kind is EntityKind.HA_RESOURCE or draft.entities_under(entity, RelationKind.MANAGED_BY):
        return Cause.BALANCING
    return Cause.LIVE_MIGRATION if live else Cause.COLD_MOVE


def root_on(draft: Draft, host: int) -> str:
    """
    Event id of the failure that a departure from the host follows from; empty: there is none.

    It is a failure of the host, or of what carries it: a node's VM, the hypervisor and machine below. Also one that
    ended just now.
    """
    for layer in (host, *carriers_of(draft, host)):
        for alarm in draft.alarms_of(layer):
            if alarm.raised and alarm.category is Category.FAILURE:
                return alarm.caused_by or alarm.event_id
        if root := draft.root_of(layer):
            return root
    return ""


def _log(draft: Draft, event: Event) -> None:
    draft.events.append(event)
    if event.notify:
        draft.recent = (*draft.recent[-RECENT:], event)


def _told(draft: Draft, entity: int) -> None:
    """The move has been told, or need not be."""
    placement = draft.placement(entity)
    if placement is not None and placement.moved_from:
        draft.put_placement(replace(placement, moved_from=0, moved_at=0, moved_left=0))


def _all_stable(draft: Draft, group: int) -> bool:
    """True when every member of the group runs, stably."""
    placements = [draft.placement(member) for member in members_in_order(draft, group)]
    return all(p is not None and p.open and p.certain and p.left_at == 0 for p in placements)


def _is_promotable(draft: Draft, entity: int) -> bool:
    shown = draft.entity(entity)
    return shown is not None and shown.subtype in ("promotable", "bundle")


def _clones_of(draft: Draft, entity: int) -> list[int]:
    """The group or clone that a resource is part of: a constraint may name it instead."""
    return draft.entities_under(entity, RelationKind.PART_OF)


def _managers_of_vm(draft: Draft, entity: int) -> list[int]:
    """The resource that a VM is managed by: its failures and constraints are the VM's."""
    if draft.record(entity).key.kind is not EntityKind.VM:
        return []
    return draft.entities_under(entity, RelationKind.MANAGED_BY)


def _told_by_a_group(draft: Draft, vm: int) -> bool:
    """True for a VM whose resource moves as a member of a group: the group is told."""
    for resource in _managers_of_vm(draft, vm):
        placement = draft.placement(resource)
        if placement is not None and placement.moved_from and group_of_member(draft, resource) is not None:
            return True
    return False


def _vm_that_it_is(draft: Draft, entity: int, told: dict[int, str]) -> int | None:
    """The VM whose resource this is, when the VM's move is told in this revision."""
    if draft.record(entity).key.kind is not EntityKind.HA_RESOURCE:
        return None
    return next((vm for vm in draft.entities_on(entity, RelationKind.MANAGED_BY) if vm in told), None)


def _carried(draft: Draft, vm: int) -> list[int]:
    """Resources that run in a VM, however many layers up; they move with it without leaving their node."""
    carried: set[int] = set()
    layer, seen = [vm], {vm}
    while layer:
        above = [upper for lower in layer for upper in draft.entities_on(lower, RelationKind.RUNS_ON)]
        layer = [entity for entity in dict.fromkeys(above) if entity not in seen]
        seen.update(layer)
        carried.update(e for e in layer if draft.record(e).key.kind in RELOCATABLE_KINDS)
    return sorted(carried)


def _log_passenger(draft: Draft, passenger: int, vm: Event) -> None:
    """In the log only: the layer below the passenger changed, its own node did not."""
    _log(
        draft,
        replace(
            vm,
            id=draft.new_id(),
            entity=draft.ref(passenger),
            members=(),
            carried=0,
            caused_by=vm.id,
            notify=False,
            text=f"carried by {vm.entity.kind} {vm.entity.name}",
        ),
    )
