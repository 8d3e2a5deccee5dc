"""Which things of a view are entities, and where each of them is."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from gateway.collectors.pacemaker.alerts import Alert
from gateway.collectors.pacemaker.cib import Cib
from gateway.collectors.pacemaker.facts import NodeFacts
from gateway.collectors.pacemaker.view import (
    CrmBundle,
    CrmClone,
    CrmGroup,
    CrmHistory,
    CrmNode,
    CrmOperation,
    CrmReplica,
    CrmResource,
    CrmTop,
    CrmView,
)
from gateway.collectors.pacemaker.votes import Voting
from gateway.model.entities import EntityKind, NativeKey
from gateway.model.relations import Arrival, Phase

PASSING_ROLES = frozenset({"starting", "stopping", "migrating", "promoting", "demoting"})
_ROLE_ORDER = ("promoting", "demoting", "migrating", "stopping", "starting", "promoted", "started", "unpromoted")
_MOVES = frozenset({"start", "stop", "migrate_to", "migrate_from"})


@dataclass(frozen=True, slots=True)
class Place:
    """One node that a thing is on. `replicas`: of a bundle, the ids of those that are there."""

    node: str
    role: str
    phase: Phase
    arrival: Arrival = Arrival.UNKNOWN
    replicas: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unit:
    """
    One thing of the view that is an entity (or, for a remote connection, stands for its ha_node).

    `parts`: the resources that it consists of. `names`: the ids by which constraints and failures mean it, its own
    first. `group`, `position`: of a member of a group.
    """

    key: NativeKey
    subtype: str
    parts: tuple[CrmResource, ...]
    names: tuple[str, ...]
    group: str = ""
    position: int = 0
    replicas: tuple[CrmReplica, ...] = ()
    managed: bool = True
    disabled: bool = False
    failed: bool = False
    target_role: str = ""

    @property
    def id(self) -> str:
        return self.key.native

    @property
    def spread(self) -> bool:
        return self.subtype in ("clone", "promotable", "bundle")


@dataclass(frozen=True)
class Picture:
    """
    A view with all that is known beside it. `needs_dc` False: a saved CIB or a recording.

    `source`: name of the source. `at`: when the read began, microseconds UTC.
    """

    source: str
    at: int
    view: CrmView
    cib: Cib | None = None
    facts: Mapping[str, NodeFacts] = field(default_factory=dict)
    alerts: tuple[Alert, ...] = ()
    needs_dc: bool = True

    @cached_property
    def authoritative(self) -> bool:
        return self.view.authoritative(self.needs_dc)

    @cached_property
    def cluster(self) -> NativeKey:
        return NativeKey(EntityKind.HA_CLUSTER, (self.cib.cluster_name if self.cib else "") or self.source)

    @cached_property
    def voting(self) -> Voting | None:
        """How votes are counted, by the node that leads the cluster, else by any; None: no agent tells."""
        first = self.facts.get(self.view.dc)
        told = (facts.quorum for facts in (*([first] if first else ()), *self.facts.values()))
        return next((voting for voting in told if voting is not None), None)

    @cached_property
    def units(self) -> tuple[Unit, ...]:
        """Every thing of the view, each once; members of a group follow their group."""
        found: dict[NativeKey, Unit] = {}
        for top in self.view.resources:
            for unit in _units(top):
                found[unit.key] = _joined(found[unit.key], unit) if unit.key in found else unit
        return tuple(found.values())

    @cached_property
    def services(self) -> tuple[Unit, ...]:
        return tuple(unit for unit in self.units if unit.key.kind is EntityKind.HA_RESOURCE)

    @cached_property
    def owners(self) -> Mapping[str, NativeKey]:
        """Which entity a resource id of the cluster means."""
        owners: dict[str, NativeKey] = {}
        for unit in self.units:
            for name in unit.names:
                if unit.group != name:
                    owners.setdefault(name, unit.key)
        return owners

    @cached_property
    def bundle_nodes(self) -> frozenset[str]:
        """Guest nodes that are parts of a bundle: no hosts of their own."""
        parts = {p.id for u in self.units if u.subtype == "bundle" for p in u.parts}
        return frozenset(n.name for n in self.view.nodes if n.container in parts or n.name in parts)

    @cached_property
    def nodes(self) -> Mapping[str, CrmNode]:
        return {node.name: node for node in self.view.nodes if node.name not in self.bundle_nodes}

    @cached_property
    def histories(self) -> Mapping[tuple[str, str], CrmHistory]:
        """By node and resource id."""
        return {(history.node, history.id): history for history in self.view.history}

    @cached_property
    def failed_histories(self) -> tuple[CrmHistory, ...]:
        """Those with a fail-count: few, in a cluster where most things work."""
        return tuple(history for history in self.view.history if history.fail_count > 0)

    def owner(self, resource: str) -> NativeKey | None:
        """The entity of a resource id, which may be that of a clone's instance."""
        return self.owners.get(resource) or self.owners.get(base_id(resource))

    def option(self, name: str, default: str = "") -> str:
        """A cluster option: as the view says, else as the CIB says."""
        if name in self.view.options:
            return self.view.options[name]
        return self.cib.options.get(name, default) if self.cib else default

    def heard(self, node: str) -> bool:
        """Whether what the view says of things on the node is true now."""
        found = self.nodes.get(node)
        return self.authoritative and found is not None and found.heard

    # -- where things are ----------------------------------------------------------------------------------

    def places(self, unit: Unit) -> tuple[Place, ...]:
        """Where a unit is: one place for each node (of a bundle: for each node and role)."""
        match unit.subtype:
            case "group":
                return ()
            case "bundle":
                return tuple(self._bundle_places(unit))
            case "primitive":
                return tuple(
                    Place(n, p.role, self.phase(p, n), self.arrival(p, n)) for p in unit.parts for n in p.nodes
                )
        return tuple(self._clone_places(unit))

    def _place(self, resource: CrmResource, node: str) -> Place:
        return Place(node, resource.role, self.phase(resource, node), self.arrival(resource, node))

    def _clone_places(self, unit: Unit) -> Iterator[Place]:
        by_node: dict[str, list[CrmResource]] = {}
        for part in unit.parts:
            for node in part.nodes:
                by_node.setdefault(node, []).append(part)
        for node, parts in by_node.items():
            parts.sort(key=lambda part: _rank(part.role))
            phases = {self.phase(part, node) for part in parts} - {Phase.STABLE}
            yield Place(node, parts[0].role, phases.pop() if phases else Phase.STABLE)

    def _bundle_places(self, unit: Unit) -> Iterator[Place]:
        merged: dict[tuple[str, str], Place] = {}
        for replica in unit.replicas:
            for place in self._replica_places(replica):
                key = (place.node, place.role)
                known = merged.get(key)
                if known is None:
                    merged[key] = place
                else:
                    phase = known.phase if place.phase is Phase.STABLE else place.phase
                    merged[key] = Place(*key, phase, known.arrival, known.replicas + place.replicas)
        yield from merged.values()

    def _replica_places(self, replica: CrmReplica) -> Iterator[Place]:
        container, payload = container_of(replica), payload_of(replica)
        if container is None:
            return
        active = payload is not None and payload.nodes
        role = payload.role if payload is not None and active else container.role
        for node in container.nodes:
            phase = self.phase(container, node)
            if phase is Phase.STABLE and payload is not None and (passing(payload) or not active):
                phase = Phase.TRANSITIONAL
            yield Place(node, role, phase, self.arrival(container, node), (replica.id,))

    def phase(self, resource: CrmResource, node: str) -> Phase:
        """How the claim that a resource is on a node may be judged."""
        if not self.heard(node):
            return Phase.LAST_KNOWN
        if passing(resource) or (len(resource.nodes) > 1 and self.migrating(resource)):
            return Phase.TRANSITIONAL
        return Phase.STABLE

    def migrating(self, resource: CrmResource) -> bool:
        """A live migration has left its source, and the stop there is not done: two nodes are no conflict."""
        if resource.blocked or not resource.managed:
            return False
        if resource.pending:
            return True
        last = [self.last_move(resource.id, node) for node in resource.nodes]
        return any(op is not None and (op.task == "migrate_to" or (op.task == "stop" and op.rc != 0)) for op in last)

    def last_move(self, resource: str, node: str) -> CrmOperation | None:
        """The latest operation on the node that started, stopped or migrated the resource."""
        history = self.histories.get((node, resource)) or self.histories.get((node, base_id(resource)))
        moves = [op for op in history.operations if op.task in _MOVES and not op.interval_ms] if history else []
        return max(moves, key=lambda op: op.call, default=None)

    def arrival(self, resource: CrmResource, node: str) -> Arrival:
        """How a resource came to the node, by the node's own record."""
        last = self.last_move(resource.id, node)
        live = last is not None and last.task == "migrate_from" and last.rc == 0
        return Arrival.LIVE if live else Arrival.RESTART


def base_id(resource: str) -> str:
    """The id without the `:N` of a clone's instance."""
    head, _, number = resource.rpartition(":")
    return head if head and number.isascii() and number.isdigit() else resource


def passing(resource: CrmResource) -> bool:
    """The resource is between two states. What is blocked or unmanaged stays as it is, and is not."""
    if resource.blocked or not resource.managed:
        return False
    if resource.role in PASSING_ROLES:
        return True
    if resource.pending and resource.pending.lower() != "monitoring":
        return True
    return resource.failed and not resource.failure_ignored and resource.role != "stopped"


def container_of(replica: CrmReplica) -> CrmResource | None:
    """The resource that is the container of a bundle's replica."""
    for part in replica.parts:
        if part.agent in ("ocf:heartbeat:docker", "ocf:heartbeat:podman", "ocf:heartbeat:rkt"):
            return part
    return None


def payload_of(replica: CrmReplica) -> CrmResource | None:
    """The resource that runs inside the container of a bundle's replica, if there is one."""
    container = container_of(replica)
    for part in replica.parts:
        if part is not container and not part.is_remote_connection and part.agent != "ocf:heartbeat:IPaddr2":
            return part
    return None


def _rank(role: str) -> int:
    return _ROLE_ORDER.index(role) if role in _ROLE_ORDER else len(_ROLE_ORDER)


def _units(top: CrmTop) -> Iterator[Unit]:
    if isinstance(top, CrmResource):
        yield _primitive(top)
    elif isinstance(top, CrmGroup):
        yield from _group(top)
    elif isinstance(top, CrmClone):
        yield from _clone(top)
    else:
        yield _bundle(top)


def _kind(resource: CrmResource) -> EntityKind:
    if resource.is_fencing:
        return EntityKind.FENCE_DEVICE
    return EntityKind.HA_NODE if resource.is_remote_connection else EntityKind.HA_RESOURCE


def _primitive(resource: CrmResource, group: CrmGroup | None = None, position: int = 0) -> Unit:
    return Unit(
        key=NativeKey(_kind(resource), resource.id),
        subtype="primitive",
        parts=(resource,),
        names=(resource.id, group.id) if group else (resource.id,),
        group=group.id if group else "",
        position=position,
        managed=resource.managed and (group is None or group.managed),
        disabled=group is not None and group.disabled,
        failed=resource.failed,
        target_role=resource.target_role,
    )


def _group(group: CrmGroup) -> Iterator[Unit]:
    members = [_primitive(member, group, number) for number, member in enumerate(group.members, start=1)]
    services = tuple(m.parts[0] for m in members if m.key.kind is EntityKind.HA_RESOURCE)
    if services or not members:
        key = NativeKey(EntityKind.HA_RESOURCE, group.id)
        yield Unit(key, "group", services, (group.id,), managed=group.managed, disabled=group.disabled)
    yield from members


def _clone(clone: CrmClone) -> Iterator[Unit]:
    parts = tuple(p for one in clone.instances for p in ((one,) if isinstance(one, CrmResource) else one.members))
    groups = [one.id for one in clone.instances if isinstance(one, CrmGroup)]
    inner = dict.fromkeys([base_id(one) for one in (*groups, *(p.id for p in parts))])
    kinds = {_kind(part) for part in parts}
    kind = kinds.pop() if len(kinds) == 1 else EntityKind.HA_RESOURCE
    own = clone.id if kind is EntityKind.HA_RESOURCE else next(iter(inner))
    yield Unit(
        key=NativeKey(kind, own),
        subtype="promotable" if clone.promotable else "clone",
        parts=parts,
        names=tuple(dict.fromkeys((own, clone.id, *inner))),
        managed=clone.managed,
        disabled=clone.disabled,
        failed=clone.failed,
        target_role=clone.target_role,
    )


def _bundle(bundle: CrmBundle) -> Unit:
    parts = tuple(part for replica in bundle.replicas for part in replica.parts)
    return Unit(
        key=NativeKey(EntityKind.HA_RESOURCE, bundle.id),
        subtype="bundle",
        parts=parts,
        names=tuple(dict.fromkeys((bundle.id, *(part.id for part in parts), *(base_id(part.id) for part in parts)))),
        replicas=bundle.replicas,
        managed=bundle.managed,
        failed=bundle.failed,
    )


def _joined(one: Unit, other: Unit) -> Unit:
    """Two elements of one id: the view lists orphaned instances apart."""
    return Unit(
        key=one.key,
        subtype=one.subtype,
        parts=one.parts + other.parts,
        names=tuple(dict.fromkeys(one.names + other.names)),
        group=one.group,
        position=one.position,
        replicas=one.replicas + other.replicas,
        managed=one.managed,
        disabled=one.disabled,
        failed=one.failed or other.failed,
        target_role=one.target_role,
    )
