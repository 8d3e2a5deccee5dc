"""The view of a simulated HA cluster: nodes and their systems, a group, a single resource, a clone, a service."""

from collections.abc import Iterator

from gateway.collectors.simulated.estate import Estate
from gateway.collectors.simulated.world import CLONE, MEMBERS, SINGLE, Cluster, NodeState, Resource, World
from gateway.model.conditions import ConditionKind
from gateway.model.entities import Alias, EntityKind, EntityState, KeyNamespace, NativeKey, Value
from gateway.model.observations import (
    Evidence,
    EvidenceKind,
    Observation,
    ObservedCondition,
    ObservedEntity,
    ObservedRelation,
    Whole,
)
from gateway.model.relations import Phase, RelationKind

JUDGED = frozenset({ConditionKind.BLOCKED, ConditionKind.EXHAUSTED, ConditionKind.FENCING_FAILED})
"""What a cluster's view judges."""
_NODE_STATES = {
    NodeState.ONLINE: EntityState.RUNNING,
    NodeState.STANDBY: EntityState.STANDBY,
    NodeState.UNCLEAN: EntityState.UNCLEAN,
    NodeState.OFFLINE: EntityState.OFFLINE,
}
_AGENTS = {
    "ip": "ocf:heartbeat:IPaddr2",
    "fs": "ocf:heartbeat:Filesystem",
    "app": "ocf:heartbeat:apache",
    SINGLE: "ocf:heartbeat:pgsql",
    CLONE: "ocf:pacemaker:ping",
}


def cluster_view(world: World, cluster: Cluster, source: str, at: int, evidence: tuple[Evidence, ...]) -> Observation:
    """Everything of one HA cluster. `at`: microseconds UTC."""
    estate = world.estate
    return Observation(
        source,
        at,
        Whole(estate.cluster_name(cluster.number)),
        tuple(_entities(estate, cluster)),
        tuple(_relations(estate, cluster)),
        tuple(_conditions(estate, cluster)),
        (*_facts(estate, cluster), *evidence),
        JUDGED,
    )


def cluster_key(estate: Estate, cluster: int) -> NativeKey:
    return NativeKey(EntityKind.HA_CLUSTER, estate.cluster_name(cluster))


def node_key(estate: Estate, cluster: int, node: int) -> NativeKey:
    return NativeKey(EntityKind.HA_NODE, estate.node_name(cluster, node))


def resource_key(estate: Estate, cluster: int, name: str) -> NativeKey:
    """`ip`, `fs`, `app`, `db`, `ping`, or `group`."""
    return NativeKey(EntityKind.HA_RESOURCE, f"{estate.cluster_name(cluster)}-{name}")


def _entities(estate: Estate, cluster: Cluster) -> Iterator[ObservedEntity]:
    key = cluster_key(estate, cluster.number)
    whole = all(state is NodeState.ONLINE for state in cluster.nodes)
    state = EntityState.RUNNING if whole else EntityState.DEGRADED
    yield ObservedEntity(key, key.native, "simulated", state, attributes={"quorate": True})
    for node, node_state in enumerate(cluster.nodes):
        named = node_key(estate, cluster.number, node)
        yield ObservedEntity(named, named.native, "member", _NODE_STATES[node_state], attributes={"id": node + 1})
        yield _system(estate, cluster, node)
    yield _resource(estate, cluster, "group", "group", _state_of_group(cluster))
    for name, resource in cluster.resources.items():
        yield _resource(estate, cluster, name, "primitive", resource.state, resource.reason)
    yield _resource(estate, cluster, CLONE, "clone", EntityState.RUNNING)
    fence = _fence_key(estate, cluster)
    yield ObservedEntity(fence, fence.native, "", EntityState.RUNNING, attributes={"agent": "stonith:fence_virt"})
    service = _service_key(estate, cluster)
    yield ObservedEntity(service, service.native)


def _system(estate: Estate, cluster: Cluster, node: int) -> ObservedEntity:
    """The operating system in the node's VM, with the keys that an agent there reads."""
    vm = estate.node_vms[cluster.number, node]
    up = cluster.nodes[node] in (NodeState.ONLINE, NodeState.STANDBY)
    aliases = (
        Alias(KeyNamespace.MAC, estate.vm_mac(vm)),
        Alias(KeyNamespace.SMBIOS_UUID, estate.vm_uuid(vm)),
        Alias(KeyNamespace.HOST_NAME, estate.node_name(cluster.number, node)),
    )
    state = EntityState.RUNNING if up else EntityState.UNKNOWN
    key = _system_key(estate, cluster, node)
    return ObservedEntity(key, estate.node_name(cluster.number, node), "linux", state, "", aliases)


def _resource(
    estate: Estate, cluster: Cluster, name: str, subtype: str, state: EntityState, reason: str = ""
) -> ObservedEntity:
    key = resource_key(estate, cluster.number, name)
    attributes: dict[str, Value] = {"agent": _AGENTS[name]} if name in _AGENTS else {}
    return ObservedEntity(key, key.native, subtype, state, reason, (), attributes)


def _state_of_group(cluster: Cluster) -> EntityState:
    states = {cluster.resources[name].state for name in MEMBERS}
    return states.pop() if len(states) == 1 else EntityState.DEGRADED


def _relations(estate: Estate, cluster: Cluster) -> Iterator[ObservedRelation]:
    number = cluster.number
    key, fence = cluster_key(estate, number), _fence_key(estate, cluster)
    for node in range(len(cluster.nodes)):
        named = node_key(estate, number, node)
        yield ObservedRelation(RelationKind.MEMBER_OF, named, key, attributes={"votes": 1})
        yield ObservedRelation(RelationKind.RUNS_ON, named, _system_key(estate, cluster, node))
        yield ObservedRelation(RelationKind.FENCED_BY, named, fence, attributes={"target": named.native})
    group = resource_key(estate, number, "group")
    yield ObservedRelation(RelationKind.MANAGED_BY, fence, key)
    for name in ("group", SINGLE, CLONE):
        yield ObservedRelation(RelationKind.MANAGED_BY, resource_key(estate, number, name), key)
    for position, name in enumerate(MEMBERS):
        member = resource_key(estate, number, name)
        yield ObservedRelation(RelationKind.PART_OF, member, group, attributes={"position": position})
    for resource in cluster.resources.values():
        yield from _runs_on(estate, cluster, resource)
    for node in cluster.online():
        clone, lower = resource_key(estate, number, CLONE), node_key(estate, number, node)
        yield ObservedRelation(RelationKind.RUNS_ON, clone, lower, "started")
    for name in ("group", SINGLE):
        needed = resource_key(estate, number, name)
        yield ObservedRelation(RelationKind.DEPENDS_ON, _service_key(estate, cluster), needed)


def _runs_on(estate: Estate, cluster: Cluster, resource: Resource) -> Iterator[ObservedRelation]:
    place = resource.place
    if place is not None:
        upper = resource_key(estate, cluster.number, resource.name)
        lower = node_key(estate, cluster.number, place.host)
        role = "" if place.phase is Phase.LAST_KNOWN else "started"
        yield ObservedRelation(RelationKind.RUNS_ON, upper, lower, role, place.phase, place.arrival)


def _facts(estate: Estate, cluster: Cluster) -> Iterator[Evidence]:
    for node, state in enumerate(cluster.nodes):
        name = estate.node_name(cluster.number, node)
        if state in (NodeState.UNCLEAN, NodeState.OFFLINE):
            yield Evidence(EvidenceKind.HOST_LOST, name, text=f"node {name} is {state}")
        if state is NodeState.STANDBY:
            yield Evidence(EvidenceKind.HOST_DRAINED, name, text=f"node {name} is in standby")


def _conditions(estate: Estate, cluster: Cluster) -> Iterator[ObservedCondition]:
    for kind, name in sorted(cluster.trouble.items()):
        key = resource_key(estate, cluster.number, name)
        remedy = f"find out why, then: crm_resource --cleanup --resource {key.native}"
        text = f"resource {key.native} is {kind.value}: nothing will start it again by itself"
        if kind is ConditionKind.FENCING_FAILED:
            key = node_key(estate, cluster.number, int(name))
            text = f"node {key.native} is unclean, and fencing it failed"
            remedy = f"make sure that {key.native} is off, then: stonith_admin --confirm {key.native}"
        yield ObservedCondition(kind, key, text=text, remedy=remedy)


def _system_key(estate: Estate, cluster: Cluster, node: int) -> NativeKey:
    return NativeKey(EntityKind.GUEST_OS, f"{estate.node_name(cluster.number, node)}/os")


def _fence_key(estate: Estate, cluster: Cluster) -> NativeKey:
    return NativeKey(EntityKind.FENCE_DEVICE, f"{estate.cluster_name(cluster.number)}-fence")


def _service_key(estate: Estate, cluster: Cluster) -> NativeKey:
    return NativeKey(EntityKind.SERVICE, f"shop-{cluster.number + 1}")
