"""What a source would say of the simulated estate: the world, read scope by scope, as Observations."""

from collections.abc import Iterator
from dataclasses import dataclass

from gateway.collectors.simulated.estate import Estate
from gateway.collectors.simulated.ha import cluster_view
from gateway.collectors.simulated.world import Host, HostState, Vm, World
from gateway.model.conditions import ConditionKind
from gateway.model.entities import Alias, EntityKind, EntityState, KeyNamespace, NativeKey
from gateway.model.observations import (
    Coverage,
    Evidence,
    EvidenceKind,
    Objects,
    Observation,
    ObservedCondition,
    ObservedEntity,
    ObservedRelation,
    Whole,
)
from gateway.model.relations import RelationKind

SITES_SCOPE = "sites"
"""The scope of sites, racks, machines, storage pools and virtualization clusters."""
JUDGED = frozenset({ConditionKind.CRASHED})
"""What a host's view judges of its VMs."""


@dataclass(frozen=True, slots=True)
class LookAtSites:
    """Read the hardware completely."""


@dataclass(frozen=True, slots=True)
class LookAtHost:
    """Read a host completely, or only these of its VMs. `evidence`: what its log says beside."""

    host: int
    vms: tuple[int, ...] | None = None
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class LookAtCluster:
    """Read an HA cluster completely."""

    cluster: int
    evidence: tuple[Evidence, ...] = ()


Look = LookAtSites | LookAtHost | LookAtCluster


def observe(world: World, look: Look, source: str, at: int) -> Observation:
    """What this look sees now. `at`: microseconds UTC."""
    match look:
        case LookAtSites():
            entities, relations = tuple(_hardware(world)), tuple(_wiring(world.estate))
            return Observation(source, at, Whole(SITES_SCOPE), entities, relations)
        case LookAtCluster(number, evidence):
            return cluster_view(world, world.clusters[number], source, at, evidence)
        case LookAtHost(number, vms, evidence):
            return _host_view(world, world.hosts[number], vms, evidence, source, at)


def everything(world: World) -> Iterator[Look]:
    """The looks that together see all."""
    yield LookAtSites()
    for host in world.hosts:
        yield LookAtHost(host.number)
    for cluster in world.clusters:
        yield LookAtCluster(cluster.number)


def vm_key(estate: Estate, vm: int) -> NativeKey:
    return NativeKey(EntityKind.VM, estate.vm_uuid(vm))


def host_key(estate: Estate, host: int) -> NativeKey:
    return NativeKey(EntityKind.HYPERVISOR, estate.host_name(host))


# -- hosts and VMs ---------------------------------------------------------------------------------------------


def _host_view(
    world: World, host: Host, only: tuple[int, ...] | None, evidence: tuple[Evidence, ...], source: str, at: int
) -> Observation:
    estate = world.estate
    scope = estate.host_name(host.number)
    seen = sorted(host.vms) if only is None else [vm for vm in only if vm in host.vms]
    vms = [world.vms[vm] for vm in seen]
    entities = [_vm(estate, vm) for vm in vms]
    relations = [relation for vm in vms for relation in _vm_relations(estate, vm, host.number)]
    covers: Coverage = Whole(scope)
    if only is None:
        entities.append(_hypervisor(estate, host))
        block = NativeKey(EntityKind.VIRT_CLUSTER, estate.block_name(estate.block_of(host.number)))
        relations.append(ObservedRelation(RelationKind.MEMBER_OF, host_key(estate, host.number), block))
    else:
        covers = Objects(frozenset(vm_key(estate, vm) for vm in only), scope)
    return Observation(
        source,
        at,
        covers,
        tuple(entities),
        tuple(relations),
        tuple(_crashed(estate, vm) for vm in vms if vm.state is EntityState.CRASHED),
        (*_facts_of(estate, host), *evidence),
        JUDGED,
    )


def _facts_of(estate: Estate, host: Host) -> Iterator[Evidence]:
    name = estate.host_name(host.number)
    if host.state is HostState.LOST:
        yield Evidence(EvidenceKind.HOST_LOST, name, text=f"host {name} does not respond and was powered off")
    if host.state is HostState.DRAINED:
        yield Evidence(EvidenceKind.HOST_DRAINED, name, text=f"host {name} enters maintenance mode")


def _hypervisor(estate: Estate, host: Host) -> ObservedEntity:
    states = {
        HostState.UP: EntityState.RUNNING,
        HostState.DRAINED: EntityState.MAINTENANCE,
        HostState.LOST: EntityState.OFFLINE,
    }
    return ObservedEntity(
        host_key(estate, host.number),
        estate.host_name(host.number),
        "simulated",
        states[host.state],
        "",
        (Alias(KeyNamespace.SMBIOS_UUID, estate.machine_uuid(host.number)),),
        {"cpus": 64, "memory_bytes": 512 << 30},
    )


def _vm(estate: Estate, vm: Vm) -> ObservedEntity:
    key = vm_key(estate, vm.number)
    aliases = (
        Alias(KeyNamespace.MAC, estate.vm_mac(vm.number)),
        Alias(KeyNamespace.SMBIOS_UUID, key.native),
    )
    attributes = {"vcpus": estate.vm_cpus(vm.number), "memory_bytes": estate.vm_memory_bytes(vm.number)}
    return ObservedEntity(key, estate.vm_name(vm.number), "simulated", vm.state, vm.reason, aliases, attributes)


def _vm_relations(estate: Estate, vm: Vm, host: int) -> Iterator[ObservedRelation]:
    key = vm_key(estate, vm.number)
    for place in vm.places:
        if place.host == host:
            lower = host_key(estate, host)
            yield ObservedRelation(RelationKind.RUNS_ON, key, lower, phase=place.phase, arrival=place.arrival)
    pool = NativeKey(EntityKind.STORAGE_POOL, estate.pool_name(estate.block_of(host)))
    yield ObservedRelation(RelationKind.USES_STORAGE, key, pool, attributes={"mode": "RWX"})


def _crashed(estate: Estate, vm: Vm) -> ObservedCondition:
    name = estate.vm_name(vm.number)
    return ObservedCondition(
        ConditionKind.CRASHED,
        vm_key(estate, vm.number),
        text=f"the guest crashed: {vm.reason}",
        remedy=f"read the console log of {name}, then start it again on {estate.host_name(vm.home)}",
    )


# -- hardware --------------------------------------------------------------------------------------------------


def _hardware(world: World) -> Iterator[ObservedEntity]:
    estate = world.estate
    for site in range(estate.sites):
        yield ObservedEntity(NativeKey(EntityKind.SITE, estate.site_name(site)), estate.site_name(site))
    for rack in range(estate.racks):
        yield ObservedEntity(NativeKey(EntityKind.RACK, estate.rack_name(rack)), estate.rack_name(rack))
    for block in range(estate.blocks):
        pool, name = estate.pool_name(block), estate.block_name(block)
        running = EntityState.RUNNING
        yield ObservedEntity(NativeKey(EntityKind.STORAGE_POOL, pool), pool, "simulated", running)
        yield ObservedEntity(NativeKey(EntityKind.VIRT_CLUSTER, name), name, "simulated", running)
    for host in world.hosts:
        yield _machine(estate, host)


def _machine(estate: Estate, host: Host) -> ObservedEntity:
    number = host.number
    aliases = (
        Alias(KeyNamespace.SERIAL, estate.machine_serial(number)),
        Alias(KeyNamespace.SMBIOS_UUID, estate.machine_uuid(number)),
    )
    state = EntityState.OFFLINE if host.state is HostState.LOST else EntityState.RUNNING
    key = NativeKey(EntityKind.PHYSICAL_HOST, estate.machine_name(number))
    return ObservedEntity(key, estate.machine_name(number), "server", state, "", aliases)


def _wiring(estate: Estate) -> Iterator[ObservedRelation]:
    for host in range(estate.hosts):
        machine = NativeKey(EntityKind.PHYSICAL_HOST, estate.machine_name(host))
        rack = NativeKey(EntityKind.RACK, estate.rack_name(estate.rack_of(host)))
        yield ObservedRelation(RelationKind.PART_OF, machine, rack)
    for number in range(estate.racks):
        rack = NativeKey(EntityKind.RACK, estate.rack_name(number))
        site = NativeKey(EntityKind.SITE, estate.site_name(estate.site_of(number)))
        yield ObservedRelation(RelationKind.PART_OF, rack, site)
