"""
Lost hosts: a hypervisor that does not answer, and whose cluster nodes a cluster has lost too.

Silence alone proves nothing; two independent witnesses do (design: domain, Unrecoverable failure). The loss is the
root of what follows: it is raised before the moves of the same revision are written.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from gateway.model.conditions import SECOND, ConditionKind, SettleTimes
from gateway.model.entities import EntityKind, EntityState, NativeKey
from gateway.model.events import Cause, Event
from gateway.model.observations import EvidenceKind, Observation
from gateway.model.relations import RelationKind
from gateway.model.rows import Alarm, Record, SeenEvidence
from gateway.topology.alarms import begin
from gateway.topology.carriers import hypervisors_under, machine_under
from gateway.topology.doubts import Asking, begin_doubt, end_doubt, whom_to_ask
from gateway.topology.draft import Draft, kind_of
from gateway.topology.evidence import CLOCKS_DIFFER
from gateway.topology.placements import answers
from gateway.topology.silence import contested, fall_silent

DOWN = (EntityState.UNCLEAN, EntityState.OFFLINE)
LEFT_BEFORE = 600 * SECOND
"""How long before a node went offline a person may have asked it to go."""


def hosts_of_lost_nodes(draft: Draft, observation: Observation) -> set[int]:
    """Hypervisors under the nodes that a view shows, or knows by a fact, to be down; while all answer: since now."""
    keys = {seen.key for seen in observation.entities if seen.key.kind is EntityKind.HA_NODE and seen.state in DOWN}
    facts = (fact.host for fact in observation.evidence if fact.kind is EvidenceKind.HOST_LOST)
    keys |= {NativeKey(EntityKind.HA_NODE, host) for host in facts}
    records = [draft.find(observation.source, key) for key in sorted(keys)]
    down = (r for r in records if r is not None and (draft.base.failing or r.state_since == draft.at))
    return {host for record in down for host in hypervisors_under(draft, draft.entity_of(record.index))}


def judge_lost(draft: Draft, hosts: Iterable[int], settle: SettleTimes, asking: Asking | None) -> None:
    """
    Raise the loss of those of these hypervisors that fail to answer and that a cluster has lost as well.

    One that a cluster has lost in this revision and that is not known to fail, or on which others live, is doubted
    from now on, when anybody can be asked.
    """
    for host in sorted(hosts):
        if kind_of(draft, host) is not EntityKind.HYPERVISOR or loss_of(draft, host) is not None:
            continue
        failing = [a for a in draft.alarms_of(host) if a.condition is ConditionKind.SOURCE_STALE and a.detail]
        above = list(everything_on(draft, host))
        lost = _lost_nodes(draft, above, failing[0]) if failing else []
        if lost:
            _raise(draft, host, above, lost, failing, settle)
            end_doubt(draft, host)
        elif asking is not None:
            asked = whom_to_ask(draft, host, asking)
            if asked and _lost_a_node_now(draft, above, asked):
                begin_doubt(draft, host, asked, asking.now)


def loss_of(draft: Draft, host: int) -> Alarm | None:
    """The raised alarm of the loss of a host; None: it is not known to be lost."""
    return next((a for a in draft.alarms_of(host) if a.condition is ConditionKind.HOST_LOST and a.raised), None)


def everything_on(draft: Draft, host: int) -> Iterator[int]:
    """What runs on a hypervisor or its machine as it was before this revision, layer by layer; each once."""
    machine = machine_under(draft, host)
    layer = [host] if machine is None else [host, machine]
    seen = set(layer)
    while layer:
        above = [upper for lower in layer for upper in _carried_before(draft, lower)]
        layer = [entity for entity in dict.fromkeys(above) if entity not in seen]
        seen.update(layer)
        yield from layer


def _carried_before(draft: Draft, host: int) -> Iterator[int]:
    """Entities that were on the host itself: by our judgement, else by what is claimed."""
    base = draft.base
    shown = base.entity(host)
    for claim in base.claims_on(shown) if shown is not None else ():
        upper = base.entity(claim.upper)
        if claim.kind is not RelationKind.RUNS_ON or upper is None:
            continue
        placement = base.placement(upper)
        if placement is None or (placement.open and draft.entity_of(placement.host) == draft.entity_of(host)):
            yield draft.entity_of(upper.index)


# -- the second witness ----------------------------------------------------------------------------------------


def _lost_nodes(draft: Draft, above: Iterable[int], failing: Alarm) -> list[int]:
    """The nodes on the host that clusters which answer have lost since it was read last; none when another lives."""
    read_at = draft.freshness(failing.source, failing.detail)
    lost: list[int] = []
    for node in above:
        records = [r for r in _told_by_clusters(draft, node) if r.source != failing.source]
        if any(record.state not in (*DOWN, EntityState.UNKNOWN, EntityState.STOPPED) for record in records):
            return []
        if any(_was_lost(draft, record, read_at) for record in records):
            lost.append(node)
    return lost


def _lost_a_node_now(draft: Draft, above: Iterable[int], asked: Collection[tuple[str, str]]) -> bool:
    """True when in this revision a cluster lost a node on the host; by the word of others than are asked."""
    sources = {source for source, _ in asked}
    read_at = max(draft.freshness(source, scope) for source, scope in asked)
    told = (record for node in above for record in _told_by_clusters(draft, node) if record.source not in sources)
    return any(r.state_since == draft.at and _was_lost(draft, r, read_at) for r in told)


def _told_by_clusters(draft: Draft, entity: int) -> Iterator[Record]:
    """The node's records of sources that answer; none of anything that is no HA node."""
    if kind_of(draft, entity) is EntityKind.HA_NODE:
        for index in sorted(draft.group_of(entity)):
            record = draft.record(index)
            if not record.gone and answers(draft, record.source) and not draft.is_silent(record.source, record.scope):
                yield record


def _was_lost(draft: Draft, record: Record, read_at: int) -> bool:
    """
    True for a node that went down since its host was read last, and was not asked to go.

    A node that was down while its host still answered says nothing of the host.
    """
    if record.state not in DOWN or record.state_since < read_at:
        return False
    if record.state is EntityState.UNCLEAN:
        return True
    facts = [seen for seen in draft.evidence(record.source).values() if seen.evidence.host == record.key.native]
    if any(_shows_loss(seen, record, read_at) for seen in facts):
        return True
    asked = (seen for seen in facts if seen.evidence.kind is EvidenceKind.HOST_DRAINED)
    return not any(seen.last_seen >= record.state_since - LEFT_BEFORE for seen in asked)


def _shows_loss(seen: SeenEvidence, record: Record, read_at: int) -> bool:
    fact = seen.evidence
    in_time = fact.at is None or fact.at >= read_at - CLOCKS_DIFFER
    return fact.kind is EvidenceKind.HOST_LOST and seen.last_seen >= record.state_since and in_time


# -- what is told ----------------------------------------------------------------------------------------------


def _raise(
    draft: Draft, host: int, above: list[int], lost: list[int], failing: list[Alarm], settle: SettleTimes
) -> None:
    name = draft.ref(host).name
    nodes = ", ".join(draft.ref(node).name for node in lost)
    clusters = ", ".join(sorted({draft.ref(node).source for node in lost}))
    silent_s = (draft.at - failing[0].since) // SECOND
    key = begin(
        draft,
        source=failing[0].source,
        kind=ConditionKind.HOST_LOST,
        entity=host,
        text=f"{name} is lost: {failing[0].source} has had no answer for {silent_s} s, and {clusters} has lost "
        f"{nodes} on it. It took along {_counted(draft, host, above, lost)}",
        remedy=f"bring {name} back, or make sure that it is off; gateway impact {name} lists what was on it, and "
        f"what nothing starts elsewhere stays down until then",
        settle=settle,
    )
    alarm = draft.alarm_with(key)
    root = (alarm.caused_by or alarm.event_id) if alarm is not None else ""
    _link_departures(draft, lost, root)
    for silence in failing:
        if silence.raised:
            draft.touched.update(contested(draft, silence.source, silence.detail))
        else:
            fall_silent(draft, silence, settle, root)


def _link_departures(draft: Draft, nodes: list[int], root: str) -> None:
    """What left these nodes before the second witness came follows from the loss; the log says so, nothing is sent."""
    left = {event.id for event in _departures(draft, nodes) if event.cause is Cause.FAILOVER and not event.caused_by}
    linked = [replace(event, caused_by=root) if event.id in left else event for event in draft.recent]
    draft.amended.extend(event for event in linked if event.id in left)
    if left:
        draft.recent = tuple(linked)


def _counted(draft: Draft, host: int, above: list[int], lost: list[int]) -> str:
    """How many VMs, nodes and services were on the host, those that left it since its nodes were lost too."""
    kinds = [kind_of(draft, entity) for entity in above]
    services = {e for e, kind in zip(above, kinds, strict=True) if kind in (EntityKind.HA_RESOURCE, EntityKind.POD)}
    services |= _left(draft, host, lost)
    vms, nodes = kinds.count(EntityKind.VM), kinds.count(EntityKind.HA_NODE)
    parts = ((vms, "VM"), (nodes, "node"), (len(services), "service"))
    return ", ".join(f"{number} {word}{'' if number == 1 else 's'}" for number, word in parts)


def _left(draft: Draft, host: int, nodes: list[int]) -> set[int]:
    """What left these nodes of a host since they went down, told or about to be."""
    departures = _departures(draft, nodes)
    told = {draft.entity_of(ref.index) for event in departures for ref in event.members or (event.entity,)}
    waiting = doubt.waiting if (doubt := draft.doubts.get(host)) is not None else ()
    moves = (placement for e in waiting if (placement := draft.placement(e)) is not None and placement.moved_from)
    return told | {move.entity for move in moves if draft.entity_of(move.moved_from) in nodes}


def _departures(draft: Draft, nodes: list[int]) -> list[Event]:
    down = {node: min(draft.record(index).state_since for index in draft.group_of(node)) for node in nodes}
    return [
        event
        for event in draft.recent
        if event.old_host is not None and event.at >= down.get(draft.entity_of(event.old_host.index), event.at + 1)
    ]
