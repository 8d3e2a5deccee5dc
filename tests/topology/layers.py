"""
Two sources of one estate, as their collectors tell it: a libvirt fleet (`Fleet`) and a Pacemaker cluster (`Cluster`).

Both write their whole view each time from what they hold, so that a test changes one fact and shows the view again.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from gateway.model.conditions import ConditionKind
from gateway.model.entities import Alias, EntityKind, EntityState, KeyNamespace, NativeKey
from gateway.model.events import Event
from gateway.model.observations import (
    Evidence,
    ObservedCondition,
    ObservedEntity,
    ObservedRelation,
    Whole,
)
from gateway.model.relations import Arrival, Phase, RelationKind
from tests.topology.house import House, entity, node, on, part_of, resource, vm


def uuid(name: str) -> str:
    """A UUID that a name always gives, in no vendor's range."""
    digits = "".join(f"{ord(letter):02x}" for letter in name)[:12]
    return f"7e57ab1e-5eed-4bad-8ace-{digits:0>12}"


def hypervisor(name: str) -> NativeKey:
    return NativeKey(EntityKind.HYPERVISOR, name)


def machine(name: str) -> NativeKey:
    return NativeKey(EntityKind.PHYSICAL_HOST, name)


def smbios(name: str) -> Alias:
    return Alias(KeyNamespace.SMBIOS_UUID, uuid(name))


def domain(name: str) -> Alias:
    return Alias(KeyNamespace.DOMAIN_UUID, uuid(name))


@dataclass
class Fleet:
    """Hosts with their VMs, each host a scope: `where[vm][host]` is (phase, arrival) of an active domain there."""

    house: House
    hosts: tuple[str, ...] = ("h1", "h2", "h3")
    vms: tuple[str, ...] = ()
    where: dict[str, dict[str, tuple[Phase, Arrival]]] = field(default_factory=dict)
    pools: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Shared pools: which hosts are connected."""
    disks: dict[str, str] = field(default_factory=dict)
    """VM -> pool of its disk: a shared one, or `HOST/NAME`, local to that host."""
    conditions: list[ObservedCondition] = field(default_factory=list)
    name: str = "fleet"

    def run(self, name: str, host: str, phase: Phase = Phase.STABLE, arrival: Arrival = Arrival.RESTART) -> None:
        """The VM is active on this host only."""
        self.where[name] = {host: (phase, arrival)}

    def read(self, at: float, *hosts: str, facts: Iterable[Evidence] = ()) -> list[Event]:
        """Read these hosts, all when none is named; returns what is told and logged."""
        events: list[Event] = []
        for host in hosts or self.hosts:
            entities, relations = self._view(host)
            events += self.house.see(
                at,
                entities,
                relations,
                [c for c in self.conditions if host in self.where.get(c.entity.native, {host: 0})],
                facts,
                source=self.name,
                covers=Whole(host),
            )
        return events

    def _view(self, host: str) -> tuple[list[ObservedEntity], list[ObservedRelation]]:
        facts = (smbios(host),)
        entities = [entity(hypervisor(host), "qemu", aliases=facts), entity(machine(host), "", aliases=facts)]
        relations = [on(hypervisor(host), machine(host), role="")]
        for pool, connected in self.pools.items():
            if host in connected:
                key = NativeKey(EntityKind.STORAGE_POOL, pool)
                entities.append(entity(key, "netfs"))
                relations.append(ObservedRelation(RelationKind.CONNECTS_TO, key, hypervisor(host)))
        for name in self.vms:
            active = self.where.get(name, {}).get(host)
            if active is not None:
                entities.append(self._vm(name))
                relations.append(on(vm(uuid(name)), hypervisor(host), active[0], "", active[1]))
                self._storage(name, host, entities, relations)
        return entities, relations

    def _vm(self, name: str) -> ObservedEntity:
        keys = tuple(sorted((domain(name), smbios(name), Alias(KeyNamespace.MAC, mac(name)))))
        return ObservedEntity(vm(uuid(name)), name, "kvm", EntityState.RUNNING, aliases=keys)

    def _storage(self, name: str, host: str, entities: list[ObservedEntity], relations: list[ObservedRelation]) -> None:
        pool = self.disks.get(name)
        if pool is None:
            return
        store, volume = NativeKey(EntityKind.STORAGE_POOL, pool), NativeKey(EntityKind.VOLUME, f"{pool}/{name}")
        if pool.startswith(f"{host}/"):
            entities.append(entity(store, "dir"))
            relations.append(ObservedRelation(RelationKind.PART_OF, store, hypervisor(host)))
        entities.append(ObservedEntity(volume, f"{name}.qcow2", "qcow2", EntityState.RUNNING))
        relations.append(
            ObservedRelation(RelationKind.USES_STORAGE, vm(uuid(name)), volume, attributes={"mode": "RWO"})
        )
        relations.append(ObservedRelation(RelationKind.BACKED_BY, volume, store))


def mac(name: str) -> str:
    digits = uuid(name)[-6:]
    return f"52:54:00:{digits[:2]}:{digits[2:4]}:{digits[4:]}"


@dataclass
class Cluster:
    """
    Nodes with what runs on them. `machines`: node -> name of the VM or host that it is, as its agent tells it.

    `starts`: resource -> name of the VM that it starts (VirtualDomain, its UUID read by an agent).
    """

    house: House
    nodes: tuple[str, ...] = ("n1", "n2", "n3")
    machines: dict[str, str] = field(default_factory=dict)
    starts: dict[str, str] = field(default_factory=dict)
    where: dict[str, tuple[str, Phase, Arrival]] = field(default_factory=dict)
    group: dict[str, tuple[str, ...]] = field(default_factory=dict)
    states: dict[str, EntityState] = field(default_factory=dict)
    conditions: list[ObservedCondition] = field(default_factory=list)
    name: str = "lab"

    def run(self, name: str, host: str, phase: Phase = Phase.STABLE, arrival: Arrival = Arrival.RESTART) -> None:
        self.where[name] = (host, phase, arrival)

    def read(self, at: float, *facts: Evidence) -> list[Event]:
        cluster = NativeKey(EntityKind.HA_CLUSTER, self.name)
        entities = [entity(cluster, "pacemaker")]
        relations: list[ObservedRelation] = []
        for name in self.nodes:
            entities.append(entity(node(name), "member", self.states.get(name, EntityState.RUNNING)))
            relations.append(ObservedRelation(RelationKind.MEMBER_OF, node(name), cluster, attributes={"votes": 1}))
            if name in self.machines:
                system = NativeKey(EntityKind.GUEST_OS, f"{name}/os")
                entities.append(ObservedEntity(system, name, "linux", aliases=(smbios(self.machines[name]),)))
                relations.append(on(node(name), system, role=""))
        members = {member: group for group, inside in self.group.items() for member in inside}
        entities += [entity(resource(group), "group") for group in self.group]
        for name in dict.fromkeys([*self.where, *members, *self.starts]):
            entities.append(entity(resource(name)))
            relations.append(ObservedRelation(RelationKind.MANAGED_BY, resource(name), cluster))
            if name in members:
                place = self.group[members[name]].index(name)
                relations.append(part_of(resource(name), resource(members[name]), position=place))
            uppers = [resource(name)]
            if name in self.starts:
                started = self.starts[name]
                entities.append(ObservedEntity(vm(name), started, "", EntityState.RUNNING, "", (domain(started),)))
                relations.append(ObservedRelation(RelationKind.MANAGED_BY, vm(name), resource(name)))
                uppers.append(vm(name))
            if name in self.where:
                host, phase, arrival = self.where[name]
                relations += [on(upper, node(host), phase, "started", arrival) for upper in uppers]
        return self.house.see(at, entities, relations, self.conditions, facts, source=self.name)


def of_kind(events: Iterable[Event], *kinds: EntityKind) -> list[Event]:
    """Events of entities of these kinds."""
    return [event for event in events if event.entity.kind in kinds]


def failure(kind: ConditionKind, key: NativeKey, text: str = "") -> ObservedCondition:
    return ObservedCondition(kind, key, text=text or kind.value)
