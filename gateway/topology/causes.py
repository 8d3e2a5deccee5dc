"""Causes: why something moved, by the evidence of every source that knows it (design: domain, Relocation)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from gateway.model.conditions import SECOND, Category
from gateway.model.entities import EntityKind, NativeKey
from gateway.model.events import PLANNED, Cause, Event, EventKind
from gateway.model.relations import RelationKind
from gateway.topology.carriers import layers_under, machine_under
from gateway.topology.draft import Draft, kind_of
from gateway.topology.evidence import cause_of, known_lost, named_by
from gateway.topology.pairs import JOINED_MOVEMENT, managers_of
from gateway.topology.severities import REPAIRS, graded

AMENDABLE = 120 * SECOND
"""How long later evidence may still explain a relocation that was told."""
WEAK = frozenset({Cause.BALANCING, Cause.PROMOTION_CHANGE, Cause.UNKNOWN, Cause.LIVE_MIGRATION, Cause.COLD_MOVE})
"""Causes for which no fact speaks."""
_STRONGEST_FIRST = list(Cause)
Found = tuple[Cause | None, tuple[str, ...]]
"""A cause that facts speak for, and their texts."""


@dataclass(frozen=True, slots=True)
class Way:
    """
    A move whose cause is asked for. Ends are entity indexes. `members`: of a group. `linked`: ids of events that are
    the same movement. `arrived_at`: since when it had been on the old host; 0: not known.
    """

    entity: int
    old_host: int
    new_host: int
    left_at: int
    source: str
    members: tuple[int, ...] = ()
    linked: tuple[str, ...] = ()
    arrived_at: int = 0


def explain(draft: Draft, way: Way) -> Found:
    """The strongest cause that facts of any source speak for, and their texts; None when none does."""
    found = [cause_of(draft, *side) for side in _sides(draft, way)]
    best = min((cause for cause, _ in found if cause is not None), key=_STRONGEST_FIRST.index, default=None)
    texts = (text for cause, said in found if cause is best for text in said)
    return best, tuple(dict.fromkeys(texts)) if best is not None else ()


def without_evidence(draft: Draft, kind: EventKind, entity: int, live: bool) -> Cause:
    """What a move is called for which no fact speaks: what the hypervisor says, else the manager's own decision."""
    if kind is EventKind.ROLE_RELOCATION:
        return Cause.PROMOTION_CHANGE
    if kind_of(draft, entity) is EntityKind.HA_RESOURCE:
        return Cause.BALANCING
    placement = draft.placement(entity)
    on_node = placement is not None and kind_of(draft, placement.host) is EntityKind.HA_NODE
    if draft.entities_under(entity, RelationKind.MANAGED_BY) and (on_node or not live):
        return Cause.BALANCING
    return Cause.LIVE_MIGRATION if live else Cause.COLD_MOVE


def is_planned(draft: Draft, entity: int, cause: Cause) -> bool:
    """
    Whether somebody asked for a move with this cause; that it is in a planned window is seen later (`windows`).

    No hypervisor migrates a VM live of its own accord: it was told to. Where a cluster is in charge of the VM, it may
    be the cluster that did, and its evidence alone decides.
    """
    if cause is not Cause.LIVE_MIGRATION:
        return cause in PLANNED
    return kind_of(draft, entity) is EntityKind.VM and not draft.entities_under(entity, RelationKind.MANAGED_BY)


def root_on(draft: Draft, host: int) -> str:
    """
    Event id of the failure that a departure from the host follows from; empty: there is none.

    It is a failure of the host, or of what carries it: a node's VM, the hypervisor and machine below. Also one that
    ended just now.
    """
    for layer in layers_under(draft, host):
        for alarm in draft.alarms_of(layer):
            if alarm.raised and alarm.category is Category.FAILURE:
                return alarm.caused_by or alarm.event_id
        if root := draft.root_of(layer):
            return root
    return ""


def loss_under(draft: Draft, host: int) -> str:
    """What is known of the loss of a hypervisor that a move left, now or lately; empty: it was not lost."""
    if kind_of(draft, host) is not EntityKind.HYPERVISOR:
        return ""
    return f"{draft.ref(host).name} was lost" if known_lost(draft, host) or draft.root_of(host) else ""


def amend_causes(draft: Draft) -> None:
    """Look again at relocations of the last minutes: later evidence amends the log and is not sent again."""
    kept: list[Event] = []
    for event in draft.recent:
        if event.at >= draft.at - AMENDABLE:
            kept.append(_amended(draft, event))
        elif event.at >= draft.at - JOINED_MOVEMENT:
            kept.append(event)
    if tuple(kept) != draft.recent:
        draft.recent = tuple(kept)


def strengthen(draft: Draft, told: Event, cause: Cause | None, evidence: tuple[str, ...]) -> None:
    """
    What the second event of a movement knows of its cause is written to the one that was told.

    Also that a cluster is in charge of what moved, which was not known when it was told: then nobody is known to have
    asked for it.
    """
    nothing_new = cause in WEAK and (not told.planned or told.window is not None)
    if told.cause not in WEAK or cause is None or nothing_new:
        return
    better = graded(replace(told, planned=False)) if cause in WEAK else _with_cause(told, cause, evidence)
    draft.recent = tuple(better if event.id == told.id else event for event in draft.recent)
    if any(event.id == told.id for event in draft.events):
        draft.events = [better if event.id == told.id else event for event in draft.events]
    else:
        draft.amended.append(better)


def clones_of(draft: Draft, entity: int) -> list[int]:
    """The group or clone that a resource is part of: a constraint may name it instead."""
    return draft.entities_under(entity, RelationKind.PART_OF)


def _amended(draft: Draft, event: Event) -> Event:
    if event.old_host is None or event.new_host is None or event.cause not in WEAK:
        return event
    way = Way(
        draft.entity_of(event.entity.index),
        draft.entity_of(event.old_host.index),
        draft.entity_of(event.new_host.index),
        event.started_at,
        event.source,
        tuple(draft.entity_of(member.index) for member in event.members),
        (event.id, event.caused_by),
        event.arrived_at,
    )
    cause, evidence = explain(draft, way)
    if cause is None or (event.live and cause in REPAIRS):
        return event  # a host that was lost sends nothing live: what became of it came after the move
    better = _with_cause(event, cause, evidence)
    draft.amended.append(better)
    return better


def _with_cause(event: Event, cause: Cause, evidence: tuple[str, ...]) -> Event:
    planned = cause in PLANNED or event.window is not None
    return graded(replace(event, cause=cause, planned=planned, evidence=evidence))


Side = tuple[str, tuple[NativeKey, ...], str, str, int, int]
"""
What `cause_of` asks of one source: its name, the records that moved, the hosts as it calls them, when they left the old
one, and since when they had been there.
"""


def _sides(draft: Draft, way: Way) -> Iterator[Side]:
    """The move as the source that tells it sees it, and, of a VM, as the cluster does whose resource it is."""
    managers = managers_of(draft, way.entity)
    names = (way.entity, *way.members, *clones_of(draft, way.entity), *managers)
    left, reached = (named_by(draft, way.source, host) for host in (way.old_host, way.new_host))
    yield way.source, _keys(draft, names), left, reached, way.left_at, way.arrived_at
    for manager in managers:
        record = draft.record(manager)
        if record.source == way.source:
            continue
        old, new = _nodes(draft, manager, way)
        before = min(way.left_at, draft.freshness(record.source, record.scope) or way.left_at)
        keys = _keys(draft, (manager, *clones_of(draft, manager)))
        left, reached = (named_by(draft, record.source, node) if node else "" for node in (old, new))
        yield record.source, keys, left, reached, before, way.arrived_at


def _keys(draft: Draft, entities: tuple[int, ...]) -> tuple[NativeKey, ...]:
    return tuple(draft.record(record).key for entity in entities for record in sorted(draft.group_of(entity)))


def _nodes(draft: Draft, resource: int, way: Way) -> tuple[int, int]:
    """From which node to which a resource went, or is about to go, as its VM did; 0: not known."""
    for event in draft.recent:
        linked = event.id in way.linked or (event.caused_by and event.caused_by in way.linked)
        named = {draft.entity_of(ref.index) for ref in (event.entity, *event.members)}
        if linked and resource in named and event.old_host is not None and event.new_host is not None:
            return draft.entity_of(event.old_host.index), draft.entity_of(event.new_host.index)
    placement = draft.placement(resource)
    if placement is None:
        return 0, 0
    if placement.moved_from:
        return draft.entity_of(placement.moved_from), draft.entity_of(placement.host)
    left = draft.entity_of(placement.host)
    return left, _node_on(draft, left, machine_under(draft, way.new_host))


def _node_on(draft: Draft, node: int, machine: int | None) -> int:
    """The node of the same cluster that is on a machine; 0: not known."""
    if machine is None:
        return 0
    for cluster in draft.entities_under(node, RelationKind.MEMBER_OF):
        for other in draft.entities_on(cluster, RelationKind.MEMBER_OF):
            if machine_under(draft, other) == machine:
                return other
    return 0
