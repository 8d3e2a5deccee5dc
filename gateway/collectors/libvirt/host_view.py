"""A host as entities and relations: the hypervisor, the machine under it, its pools and networks."""

from collections.abc import Iterator
from uuid import UUID

from gateway.collectors.libvirt.domain_view import Pieces, hypervisor_key, network_key
from gateway.collectors.libvirt.records import DomainReading, HostFacts, HostReading, Network, Pool
from gateway.collectors.libvirt.storage import Storage
from gateway.model.entities import Alias, EntityKind, EntityState, KeyNamespace, NativeKey, Value
from gateway.model.observations import ObservedEntity, ObservedRelation
from gateway.model.relations import RelationKind

_NO_MACHINE = frozenset({"TEST"})
"""Drivers whose hosts are no machines."""
_NO_SERIAL = frozenset(
    {"", "0", "none", "n/a", "not specified", "not available", "default string", "system serial number", "unknown"}
)
"""What boards have for a serial number when nobody set it, and `to be filled by O.E.M.`"""


def host_view(reading: HostReading | DomainReading, storage: Storage) -> Pieces:
    """Everything that was read of a host but its domains."""
    host = reading.host
    if reading.facts is not None:
        yield from _host(host, reading.facts)
    for pool in reading.pools or ():
        yield from _pool(host, pool, storage)
    for network in reading.networks or ():
        yield from _network(host, network)


def _host(host: str, facts: HostFacts) -> Pieces:
    hypervisor = hypervisor_key(host)
    keys = tuple(_keys(facts))
    yield ObservedEntity(
        hypervisor, host, facts.driver.lower(), EntityState.RUNNING, "", keys, dict(_of_hypervisor(facts))
    )
    if facts.driver.upper() not in _NO_MACHINE:
        machine = NativeKey(EntityKind.PHYSICAL_HOST, host)
        yield ObservedEntity(machine, host, "server", EntityState.RUNNING, "", keys, dict(_of_machine(facts)))
        yield ObservedRelation(RelationKind.RUNS_ON, hypervisor, machine)


def _keys(facts: HostFacts) -> Iterator[Alias]:
    for text in (facts.system_uuid, facts.uuid):
        uuid = _canonical(text)
        if uuid:
            yield Alias(KeyNamespace.SMBIOS_UUID, uuid)
            break
    serial = facts.serial.strip()
    if serial.lower() not in _NO_SERIAL and not serial.lower().startswith("to be filled"):
        yield Alias(KeyNamespace.SERIAL, serial)


def _canonical(text: str) -> str:
    try:
        return str(UUID(text)) if text else ""
    except ValueError:
        return ""


def _of_hypervisor(facts: HostFacts) -> Iterator[tuple[str, Value]]:
    yield "driver", facts.driver
    if facts.host_name:
        yield "host_name", facts.host_name
    if facts.version:
        yield "version", _dotted(facts.version)
    if facts.library:
        yield "libvirt_version", _dotted(facts.library)
    yield from _sizes(facts)


def _of_machine(facts: HostFacts) -> Iterator[tuple[str, Value]]:
    for name, value in (("manufacturer", facts.manufacturer), ("product", facts.product), ("serial", facts.serial)):
        if value:
            yield name, value
    yield from _sizes(facts)


def _sizes(facts: HostFacts) -> Iterator[tuple[str, Value]]:
    yield "cpus", facts.cpus
    yield "memory_bytes", facts.memory
    yield "numa_nodes", facts.numa_nodes
    if facts.cpu_model:
        yield "cpu_model", facts.cpu_model
    if facts.arch:
        yield "arch", facts.arch


def _dotted(version: int) -> str:
    """9002001 is 9.2.1."""
    return f"{version // 1_000_000}.{version // 1000 % 1000}.{version % 1000}"


def _pool(host: str, pool: Pool, storage: Storage) -> Pieces:
    """A pool as all its hosts show it, and that this host has it, under which path."""
    native = storage.pool_key(host, pool)
    key, shown = NativeKey(EntityKind.STORAGE_POOL, native), storage.shown(native)
    local = storage.is_local(host, pool)
    state = EntityState.RUNNING if shown.active else EntityState.STOPPED
    attributes: dict[str, Value] = {"shared": not local}
    if shown.capacity:
        attributes["capacity_bytes"] = shown.capacity
    yield ObservedEntity(key, shown.name, shown.kind, state, "", (), attributes)
    kind = RelationKind.PART_OF if local else RelationKind.CONNECTS_TO
    here: dict[str, Value] = {"active": pool.active, "autostart": pool.autostart}
    if pool.target:
        here["path"] = pool.target
    yield ObservedRelation(kind, key, hypervisor_key(host), attributes=here)


def _network(host: str, network: Network) -> Pieces:
    key = network_key(host, network.name)
    state = EntityState.RUNNING if network.active else EntityState.STOPPED
    attributes: dict[str, Value] = {"autostart": network.autostart}
    if network.bridge:
        attributes["bridge"] = network.bridge
    yield ObservedEntity(key, network.name, network.mode or "isolated", state, "", (), attributes)
    yield ObservedRelation(RelationKind.PART_OF, key, hypervisor_key(host))
