"""What happens to HA resources and nodes: asked-for moves, failures, standby, and what nothing repairs by itself."""

from dataclasses import dataclass, replace

from gateway.collectors.simulated.beats import Beat, Course, Told
from gateway.collectors.simulated.ha import node_key, resource_key
from gateway.collectors.simulated.view import LookAtCluster
from gateway.collectors.simulated.world import MEMBERS, SINGLE, Cluster, NodeState, Place, Resource, World
from gateway.model.conditions import ConditionKind
from gateway.model.entities import EntityState
from gateway.model.events import Cause, EventKind
from gateway.model.observations import Evidence, EvidenceKind
from gateway.model.relations import Arrival, Phase

STEP_S = 0.6
"""One resource stops or starts."""
FENCE_S = 3.0
TROUBLE_S = 22.0
"""Longer than every settle time of an HA cluster (15 s), so that it is told."""
AWAY_S = 20.0


def move_group(world: World, cluster: Cluster, target: int) -> Course:
    """A person asks: the members stop in reverse order, then start one by one."""
    name = node_key(world.estate, cluster.number, target).native
    group = resource_key(world.estate, cluster.number, "group")
    text = f"location constraint cli-prefer-{group.native}: {group.native} shall be on {name}"
    asked = Evidence(EvidenceKind.REQUESTED, name, group, world.next_occurrence(), text=text)
    yield from _relocate(_Move(world, cluster, MEMBERS, target, Cause.ADMINISTRATOR, (asked,)))


def recover(world: World, cluster: Cluster, target: int) -> Course:
    """The single resource fails and starts on another node."""
    resource = cluster.resources[SINGLE]
    resource.state, resource.reason = EntityState.FAILED, "monitor failed"
    resource.place = Place(resource.home, Phase.TRANSITIONAL)
    fact = _failure(world, cluster, resource)
    yield Beat((LookAtCluster(cluster.number, (fact,)),), wait_s=STEP_S)
    yield from _relocate(_Move(world, cluster, (SINGLE,), target, Cause.RECOVERY, (fact,)))


def standby(world: World, cluster: Cluster, node: int) -> Course:
    """A person puts a node to standby: what is there moves away; later the node is back."""
    cluster.nodes[node] = NodeState.STANDBY
    target = cluster.online()[0]
    names = [name for name, resource in cluster.resources.items() if resource.home == node]
    for moving in (tuple(n for n in names if n in MEMBERS), tuple(n for n in names if n == SINGLE)):
        if moving:
            yield from _relocate(_Move(world, cluster, moving, target, Cause.EVACUATION))
    yield Beat((LookAtCluster(cluster.number),), wait_s=AWAY_S)
    cluster.nodes[node] = NodeState.ONLINE
    yield Beat((LookAtCluster(cluster.number),))


def block(world: World, cluster: Cluster) -> Course:
    """The single resource cannot be stopped, and there is no fencing for it: blocked until somebody cleans up."""
    resource = cluster.resources[SINGLE]
    resource.place = Place(resource.home, Phase.TRANSITIONAL)
    yield from _trouble(world, cluster, resource, ConditionKind.BLOCKED, EntityState.BLOCKED)


def exhaust(world: World, cluster: Cluster) -> Course:
    """The single resource has failed on every node: stopped until somebody cleans up."""
    resource = cluster.resources[SINGLE]
    resource.place = None
    yield from _trouble(world, cluster, resource, ConditionKind.EXHAUSTED, EntityState.FAILED)


def fail_fence(world: World, cluster: Cluster, node: int) -> Course:
    """A node is lost and cannot be fenced for a while: nothing may start elsewhere until it is."""
    lose_nodes(cluster, [node], NodeState.UNCLEAN)
    kind = ConditionKind.FENCING_FAILED
    cluster.trouble[kind] = str(node)
    raised = Told(EventKind.FAILURE_RAISED, node_key(world.estate, cluster.number, node), condition=kind)
    yield Beat((LookAtCluster(cluster.number),), (raised,), TROUBLE_S)
    del cluster.trouble[kind]
    cleared = replace(raised, kind=EventKind.FAILURE_CLEARED)
    yield Beat((), (cleared,))
    yield from take_over(world, cluster)
    yield rejoin(world, cluster)


def lose_nodes(cluster: Cluster, nodes: list[int], state: NodeState) -> None:
    """These nodes are not heard of; what ran there is there as far as anybody knows."""
    for node in nodes:
        cluster.nodes[node] = state
    for resource in cluster.resources.values():
        if resource.home in nodes:
            resource.place = Place(resource.home, Phase.LAST_KNOWN)
            resource.state, resource.reason = EntityState.UNKNOWN, "its node is unclean"


def take_over(world: World, cluster: Cluster) -> Course:
    """Unclean nodes are fenced now; what was there starts on another one, one by one."""
    lost = {number for number, state in enumerate(cluster.nodes) if state is NodeState.UNCLEAN}
    for node in lost:
        cluster.nodes[node] = NodeState.OFFLINE
    target = cluster.online()[0]
    names = [name for name, resource in cluster.resources.items() if resource.home in lost]
    yield Beat((LookAtCluster(cluster.number),), wait_s=FENCE_S)
    for moving in (tuple(n for n in names if n in MEMBERS), tuple(n for n in names if n == SINGLE)):
        if moving:
            yield from _start(_Move(world, cluster, moving, target, Cause.FAILOVER))


def rejoin(world: World, cluster: Cluster) -> Beat:
    """Fenced nodes have booted."""
    for node, state in enumerate(cluster.nodes):
        if state is NodeState.OFFLINE:
            cluster.nodes[node] = NodeState.ONLINE
    return Beat((LookAtCluster(cluster.number),))


@dataclass(frozen=True, slots=True)
class _Move:
    """Resources that go to another node, in the order in which they start there."""

    world: World
    cluster: Cluster
    names: tuple[str, ...]
    target: int
    cause: Cause
    evidence: tuple[Evidence, ...] = ()

    @property
    def look(self) -> LookAtCluster:
        return LookAtCluster(self.cluster.number, self.evidence)


def _relocate(move: _Move) -> Course:
    """Stop in reverse order, then start in order on the target."""
    for name in reversed(move.names):
        resource = move.cluster.resources[name]
        resource.state, resource.place = EntityState.STOPPING, Place(resource.home, Phase.TRANSITIONAL)
        yield Beat((move.look,), wait_s=STEP_S / 2)
        resource.state, resource.place = EntityState.STOPPED, None
    yield Beat((move.look,), wait_s=STEP_S)
    yield from _start(move)


def _start(move: _Move) -> Course:
    old = move.cluster.resources[move.names[0]].home
    for name in move.names:
        resource = move.cluster.resources[name]
        resource.home, resource.reason = move.target, ""
        resource.state, resource.place = EntityState.STARTING, Place(move.target, Phase.TRANSITIONAL)
        yield Beat((move.look,), wait_s=STEP_S)
        resource.state, resource.place = EntityState.RUNNING, Place(move.target, arrival=Arrival.RESTART)
    yield Beat((move.look,), (_moved(move, old),))


def _moved(move: _Move, old: int) -> Told:
    estate, number = move.world.estate, move.cluster.number
    grouped = move.names[0] in MEMBERS
    entity = resource_key(estate, number, "group" if grouped else move.names[0])
    members = tuple(resource_key(estate, number, name).native for name in move.names) if grouped else ()
    left, reached = (node_key(estate, number, node).native for node in (old, move.target))
    return Told(EventKind.RELOCATION, entity, left, reached, cause=move.cause, members=members)


def _trouble(world: World, cluster: Cluster, resource: Resource, kind: ConditionKind, state: EntityState) -> Course:
    """A condition that lasts until somebody cleans up; then the resource runs where it was."""
    resource.state, resource.reason = state, "stop failed" if kind is ConditionKind.BLOCKED else "failed on every node"
    cluster.trouble[kind] = resource.name
    key = resource_key(world.estate, cluster.number, resource.name)
    raised = Told(EventKind.FAILURE_RAISED, key, condition=kind)
    yield Beat((LookAtCluster(cluster.number, (_failure(world, cluster, resource),)),), (raised,), TROUBLE_S)
    del cluster.trouble[kind]
    resource.state, resource.reason = EntityState.RUNNING, ""
    resource.place = Place(resource.home, arrival=Arrival.RESTART)
    yield Beat((LookAtCluster(cluster.number),), (replace(raised, kind=EventKind.FAILURE_CLEARED),))


def _failure(world: World, cluster: Cluster, resource: Resource) -> Evidence:
    node = node_key(world.estate, cluster.number, resource.home).native
    key = resource_key(world.estate, cluster.number, resource.name)
    text = f"{key.native} failed on {node}: {resource.reason}"
    return Evidence(EvidenceKind.FAILED_ON, node, key, world.next_occurrence(), text=text)
