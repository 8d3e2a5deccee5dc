"""From a picture of the cluster to an Observation: entities, relations, conditions, evidence."""

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from gateway.collectors.pacemaker.bonds import bonds
from gateway.collectors.pacemaker.conditions import JUDGED, conditions, device_targets
from gateway.collectors.pacemaker.eligibility import exhausted_on
from gateway.collectors.pacemaker.evidence import evidence
from gateway.collectors.pacemaker.facts import Domain, NodeFacts
from gateway.collectors.pacemaker.parse import canonical_role
from gateway.collectors.pacemaker.picture import Picture, Place, Unit, base_id
from gateway.collectors.pacemaker.states import cluster_state, node_state, unit_state
from gateway.collectors.pacemaker.view import INFINITY, CrmNode
from gateway.collectors.pacemaker.votes import Voting
from gateway.collectors.pacemaker.xml import flag
from gateway.model.conditions import ConditionKind
from gateway.model.entities import Alias, EntityKind, EntityState, KeyNamespace, NativeKey, Value
from gateway.model.observations import Coverage, Glimpse, Observation, ObservedEntity, ObservedRelation, Whole
from gateway.model.relations import Phase, RelationKind

VM_AGENTS = frozenset({"ocf:heartbeat:VirtualDomain", "ocf:heartbeat:Xen"})
"""Agents whose resource is a VM."""
_STORAGE = ("device", "directory", "fstype", "vgname", "volgrpname", "lvname", "drbd_resource", "ip", "server")
"""Parameters that are shown as attributes of a resource."""


def to_observation(picture: Picture) -> Observation:
    """
    What a view says. From a view that is not authoritative only quorum is judged, and every position is last known.
    """
    covers: Coverage = Whole() if picture.authoritative else Glimpse()
    return Observation(
        source=picture.source,
        at=picture.at,
        covers=covers,
        entities=tuple(_entities(picture)),
        relations=_once(_relations(picture)),
        conditions=tuple(conditions(picture)),
        evidence=evidence(picture),
        judged=JUDGED if picture.authoritative else frozenset({ConditionKind.QUORUM_LOST}),
    )


def is_transitional(observation: Observation) -> bool:
    """Something is under way: worth another look soon."""
    moving = any(r.kind is RelationKind.RUNS_ON and r.phase is Phase.TRANSITIONAL for r in observation.relations)
    given_up = {c.entity for c in observation.conditions if c.kind is ConditionKind.FENCING_FAILED}
    waiting = any(not condition.holding for condition in observation.conditions)
    return moving or waiting or any(_passing(entity, given_up) for entity in observation.entities)


def _passing(entity: ObservedEntity, given_up: set[NativeKey]) -> bool:
    if entity.state is EntityState.UNCLEAN:
        return entity.key not in given_up
    return entity.state in (EntityState.STARTING, EntityState.STOPPING, EntityState.MIGRATING)


def _once(relations: Iterator[ObservedRelation]) -> tuple[ObservedRelation, ...]:
    """Each relation once, by what identifies it; the first wins."""
    found: dict[tuple[RelationKind, NativeKey, NativeKey, str], ObservedRelation] = {}
    for relation in relations:
        found.setdefault((relation.kind, relation.upper, relation.lower, relation.role), relation)
    return tuple(found.values())


# -- entities ----------------------------------------------------------------------------------------------------


def _entities(picture: Picture) -> Iterator[ObservedEntity]:
    yield _cluster(picture)
    for node in picture.nodes.values():
        yield _node(picture, node)
        if _has_facts(picture, node.name):
            yield _guest_os(picture.facts[node.name], node)
    for unit in picture.units:
        if unit.key.kind is EntityKind.HA_NODE:  # a remote connection is part of its node
            continue
        yield _unit(picture, unit)
        if is_vm(picture, unit):
            yield _vm(picture, unit)


def _cluster(picture: Picture) -> ObservedEntity:
    view = picture.view
    state, reason = cluster_state(picture)
    attributes: dict[str, Value] = {
        "stack": view.stack,
        "version": view.version,
        "dc": view.dc,
        "no_quorum_policy": view.no_quorum_policy,
        "fencing_enabled": flag(picture.option("fencing-enabled", picture.option("stonith-enabled", "true"))),
        "maintenance_mode": flag(picture.option("maintenance-mode")),
    }
    if not flag(picture.option("symmetric-cluster"), default=True):
        attributes["symmetric"] = False
    if view.quorate is not None:
        attributes["quorate"] = view.quorate
    if (voting := picture.voting) is not None:
        attributes["two_node"] = voting.two_node
        attributes["wait_for_all"] = voting.wait_for_all
        attributes["auto_tie_breaker"] = voting.auto_tie_breaker
        attributes["last_man_standing"] = voting.last_man_standing
        attributes["expected_votes"] = voting.expected_votes
        attributes["qdevice_votes"] = voting.device_votes
    for ticket in view.tickets:
        granted = "granted" if ticket.granted else "revoked"
        attributes[f"ticket.{ticket.id}"] = f"{granted}, standby" if ticket.standby else granted
    return ObservedEntity(picture.cluster, picture.cluster.native, "pacemaker", state, reason, (), attributes)


def _node(picture: Picture, node: CrmNode) -> ObservedEntity:
    state, reason = node_state(node)
    attributes: dict[str, Value] = {"id": node.id}
    if node.more.get("health", "green") != "green":
        attributes["health"] = node.more["health"]
    if node.container:
        attributes["container"] = node.container
    connection = next((u for u in picture.units if u.key == node_key(node.name)), None)
    if connection is not None and (server := _parameters(picture, connection.id).get("server")):
        attributes["server"] = server
    return ObservedEntity(node_key(node.name), node.name, _node_subtype(node), state, reason, (), attributes)


def node_key(name: str) -> NativeKey:
    return NativeKey(EntityKind.HA_NODE, name)


def _node_subtype(node: CrmNode) -> str:
    if node.container:
        return "guest"
    return node.type


def _has_facts(picture: Picture, node: str) -> bool:
    return node in picture.facts and picture.facts[node].known


def _os_key(node: str) -> NativeKey:
    return NativeKey(EntityKind.GUEST_OS, f"{node}/os")


def _guest_os(facts: NodeFacts, node: CrmNode) -> ObservedEntity:
    """The operating system instance of a node, with the keys that its agent collected."""
    state = EntityState.RUNNING if node.online and not node.unclean else EntityState.UNKNOWN
    name = facts.host_name or facts.node
    return ObservedEntity(_os_key(node.name), name, "linux", state, "", facts.aliases, {"ha_node": node.name})


def _unit(picture: Picture, unit: Unit) -> ObservedEntity:
    state, reason = unit_state(picture, unit)
    subtype = "" if unit.key.kind is EntityKind.FENCE_DEVICE else unit.subtype
    attributes = dict(_unit_attributes(picture, unit))
    return ObservedEntity(unit.key, unit.id, subtype, state, reason, (), attributes)


def _unit_attributes(picture: Picture, unit: Unit) -> Iterator[tuple[str, Value]]:
    agents = dict.fromkeys(part.agent for part in unit.parts)
    if unit.subtype != "group" and len(agents) == 1:
        yield "agent", next(iter(agents))
    if unit.target_role:
        yield "target_role", unit.target_role
    if not unit.managed:
        yield "managed", False
    if any(part.orphaned for part in unit.parts):
        yield "orphaned", True
    for history in picture.failed_histories:
        if history.id == unit.id or any(part.id == history.id for part in unit.parts):
            count = "INFINITY" if history.fail_count >= INFINITY else str(history.fail_count)
            yield f"fail_count.{history.node}", count
    if spent := sorted({history.node for history in exhausted_on(picture, unit)}):
        yield "exhausted_on", ",".join(spent)
    if unit.subtype == "primitive":
        parameters = _parameters(picture, unit.id)
        yield from ((name, parameters[name]) for name in _STORAGE if name in parameters)


def _parameters(picture: Picture, resource: str) -> Mapping[str, str]:
    found = picture.cib.resources.get(base_id(resource)) if picture.cib else None
    return found.parameters if found is not None else {}


# -- a resource that is a VM -------------------------------------------------------------------------------------


def is_vm(picture: Picture, unit: Unit) -> bool:
    """Its agent starts a VM, or a guest node of the cluster runs in it."""
    if unit.key.kind is not EntityKind.HA_RESOURCE or unit.subtype != "primitive":
        return False
    guests = {node.container for node in picture.nodes.values() if node.container}
    return unit.id in guests or any(part.agent in VM_AGENTS for part in unit.parts)


def vm_key(resource: str) -> NativeKey:
    return NativeKey(EntityKind.VM, resource)


def _vm(picture: Picture, unit: Unit) -> ObservedEntity:
    state, reason = unit_state(picture, unit)
    domain = _domain(picture, unit)
    attributes: dict[str, Value] = {"agent": unit.parts[0].agent}
    parameters = _parameters(picture, unit.id)
    for name in ("config", "hypervisor", "xmfile"):
        if name in parameters:
            attributes[name] = parameters[name]
    if name := _domain_name(parameters, domain):
        attributes["domain"] = name
    aliases = _vm_aliases(name, domain)
    called = domain.name if domain is not None and domain.name else unit.id
    return ObservedEntity(vm_key(unit.id), called, "", state, reason, aliases, attributes)


def _domain_name(parameters: Mapping[str, str], domain: Domain | None) -> str:
    """What the hypervisor calls the VM: as an agent read it, as the resource says, or as its definition is called."""
    if domain is not None and domain.name:
        return domain.name
    config = parameters.get("config") or parameters.get("xmfile") or ""
    return parameters.get("name") or PurePosixPath(config).name.removesuffix(".xml").removesuffix(".cfg")


def _vm_aliases(name: str, domain: Domain | None) -> tuple[Alias, ...]:
    """The UUID is a proof; the name proposes."""
    weak = (Alias(KeyNamespace.DOMAIN_NAME, name),) if name else ()
    return (Alias(KeyNamespace.DOMAIN_UUID, domain.uuid), *weak) if domain and domain.uuid else weak


def _domain(picture: Picture, unit: Unit) -> Domain | None:
    """What an agent read in the VM's definition; definitions are equal on all nodes, the first that tells wins."""
    parameters = _parameters(picture, unit.id)
    config = parameters.get("config") or parameters.get("xmfile")
    if not config:
        return None
    for name in sorted(picture.facts):
        for domain in picture.facts[name].domains:
            if domain.config == config:
                return domain
    return None


# -- relations ---------------------------------------------------------------------------------------------------


def _relations(picture: Picture) -> Iterator[ObservedRelation]:
    for node in picture.nodes.values():
        yield from _node_relations(picture, node)
    for unit in picture.units:
        if unit.key.kind is EntityKind.HA_NODE:
            continue
        yield ObservedRelation(RelationKind.MANAGED_BY, unit.key, picture.cluster)
        if unit.key.kind is EntityKind.FENCE_DEVICE:
            yield from _fencing(picture, unit)
        else:
            yield from _unit_relations(picture, unit)
    yield from bonds(picture)


def _node_relations(picture: Picture, node: CrmNode) -> Iterator[ObservedRelation]:
    key = node_key(node.name)
    votes = (picture.voting or Voting()).of(node.name) if node.type == "member" else 0
    yield ObservedRelation(RelationKind.MEMBER_OF, key, picture.cluster, attributes={"votes": votes})
    known = _has_facts(picture, node.name)
    if known:
        yield ObservedRelation(RelationKind.RUNS_ON, key, _os_key(node.name))
    if node.container and any(unit.id == node.container for unit in picture.units):
        inside = _os_key(node.name) if known else key
        yield ObservedRelation(RelationKind.RUNS_ON, inside, vm_key(node.container))


def _unit_relations(picture: Picture, unit: Unit) -> Iterator[ObservedRelation]:
    if unit.group:
        group = NativeKey(EntityKind.HA_RESOURCE, unit.group)
        yield ObservedRelation(RelationKind.PART_OF, unit.key, group, attributes={"position": unit.position})
    uppers = [unit.key]
    if is_vm(picture, unit):
        yield ObservedRelation(RelationKind.MANAGED_BY, vm_key(unit.id), unit.key)
        uppers.append(vm_key(unit.id))
    for place in picture.places(unit):
        for upper in uppers:
            yield _runs_on(upper, place)


def _runs_on(upper: NativeKey, place: Place) -> ObservedRelation:
    attributes = {"replicas": ",".join(place.replicas)} if place.replicas else {}
    role = canonical_role(place.role)
    lower = node_key(place.node)
    return ObservedRelation(RelationKind.RUNS_ON, upper, lower, role, place.phase, place.arrival, attributes)


def _fencing(picture: Picture, unit: Unit) -> Iterator[ObservedRelation]:
    """Which nodes the device can power off, by which plug, and at which level of the fencing topology."""
    targets = device_targets(_parameters(picture, unit.id)) or {}
    levels = {
        level.target: level.index
        for level in (picture.cib.levels if picture.cib else ())
        if unit.id in level.devices and level.target
    }
    for name in sorted({*targets, *levels}):
        if name not in picture.nodes:
            continue
        attributes: dict[str, Value] = {"target": targets.get(name, name)}
        if name in levels:
            attributes["level"] = levels[name]
        yield ObservedRelation(RelationKind.FENCED_BY, node_key(name), unit.key, attributes=attributes)
