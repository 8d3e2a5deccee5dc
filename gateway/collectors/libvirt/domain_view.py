"""A domain as entities and relations: the VM, its volumes, snapshots and networks, and the system in it."""

from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from posixpath import basename

from gateway.collectors.libvirt.blockers import blockers
from gateway.collectors.libvirt.conditions import vm_key
from gateway.collectors.libvirt.memory import Remembered
from gateway.collectors.libvirt.places import Place
from gateway.collectors.libvirt.presence import Presence, state_of
from gateway.collectors.libvirt.records import Disk, Domain, Guest, Nic
from gateway.collectors.libvirt.storage import Storage
from gateway.model.entities import Alias, EntityKind, EntityState, KeyNamespace, NativeKey, Value
from gateway.model.observations import ObservedEntity, ObservedRelation
from gateway.model.relations import RelationKind

FILESYSTEMS = 32
"""So many file systems of a guest are shown: of more (containers, snapshots) the first by their mount points."""
Pieces = Iterator[ObservedEntity | ObservedRelation]


def domain_view(
    host: str, domain: Domain, one: Remembered, presence: Presence | None, guest: Guest | None, storage: Storage
) -> Pieces:
    """Everything that a host says of a domain, its conditions apart. `guest`: what its agent told, if it runs."""
    key, definition = vm_key(domain.status.uuid), domain.definition
    used = [disk for disk in definition.disks if disk.source or disk.volume]
    places = {disk.target: storage.place(host, disk) for disk in used}
    yield _vm(domain, one, presence, places)
    if presence is not None:
        yield ObservedRelation(
            RelationKind.RUNS_ON, key, hypervisor_key(host), phase=presence.phase, arrival=presence.arrival
        )
    for disk in used:
        yield from _volume(host, key, disk, places[disk.target], storage)
    yield from _networks(host, key, definition.nics)
    yield from _snapshots(key, domain)
    if guest is not None and presence is not None and not presence.arriving:
        yield from _guest(key, domain, guest)


def hypervisor_key(host: str) -> NativeKey:
    """A hypervisor is known by the name that the configuration gives its host."""
    return NativeKey(EntityKind.HYPERVISOR, host)


def network_key(host: str, name: str) -> NativeKey:
    """Networks of different hosts are different ones, whatever they are called."""
    return NativeKey(EntityKind.NETWORK, f"{host}/{name}")


# -- the VM ------------------------------------------------------------------------------------------------------


def _vm(domain: Domain, one: Remembered, presence: Presence | None, places: Mapping[str, Place]) -> ObservedEntity:
    status, definition = domain.status, domain.definition
    state, reason = state_of(domain, one, presence)
    aliases = (
        Alias(KeyNamespace.DOMAIN_UUID, status.uuid),
        Alias(KeyNamespace.SMBIOS_UUID, definition.smbios_uuid or status.uuid),
        *(Alias(KeyNamespace.MAC, nic.mac) for nic in definition.nics if nic.mac),
        Alias(KeyNamespace.DOMAIN_NAME, status.name),
    )
    said: dict[str, Value] = {
        "max_vcpus": definition.max_vcpus,
        "max_memory_bytes": definition.max_memory,
        "title": definition.title,
        "os": definition.os,
        "on_crash": definition.on_crash,
        "watchdog": definition.watchdog,
        "cpu_mode": definition.cpu_mode,
        "agent": definition.agent,
        "migration_blockers": ",".join(dict.fromkeys(blockers(domain, places))),
    }
    attributes: dict[str, Value] = {
        "vcpus": definition.vcpus,
        "memory_bytes": definition.memory,
        "autostart": domain.autostart,
        "persistent": domain.persistent,
        "managed_save": domain.managed_save,
        **{name: value for name, value in said.items() if value},
    }
    if domain.snapshots:
        attributes["snapshots"] = len(domain.snapshots)
    return ObservedEntity(vm_key(status.uuid), status.name, definition.type, state, reason, aliases, attributes)


# -- storage -----------------------------------------------------------------------------------------------------


def _volume(host: str, vm: NativeKey, disk: Disk, place: Place, storage: Storage) -> Pieces:
    known = storage.volume_of(host, disk)
    key = NativeKey(EntityKind.VOLUME, place.volume)
    attributes: dict[str, Value] = {}
    if known is not None and known.capacity:
        attributes["capacity_bytes"] = known.capacity
    format_ = disk.format or (known.format if known is not None else "")
    if format_:
        attributes["format"] = format_
    name = known.name if known is not None else disk.volume or basename(disk.source) or place.volume
    kind = known.kind if known is not None and disk.kind == "volume" else ""
    yield ObservedEntity(key, name, disk.protocol or kind or disk.kind, EntityState.RUNNING, "", (), attributes)
    used: dict[str, Value] = {"mode": _mode(disk), "target": disk.target}
    if disk.bus:
        used["bus"] = disk.bus
    if disk.device != "disk":
        used["device"] = disk.device
    yield ObservedRelation(RelationKind.USES_STORAGE, vm, key, attributes=used)
    if place.pool:
        yield ObservedRelation(RelationKind.BACKED_BY, key, NativeKey(EntityKind.STORAGE_POOL, place.pool))
    else:
        yield ObservedRelation(RelationKind.CONNECTS_TO, key, hypervisor_key(host))


def _mode(disk: Disk) -> str:
    """How a disk is used: read and written by one (RWO) or several (RWX), or only read (ROX)."""
    if disk.readonly or disk.device == "cdrom":
        return "ROX"
    return "RWX" if disk.shareable else "RWO"


def _snapshots(vm: NativeKey, domain: Domain) -> Pieces:
    named = [(name, "", f"{vm.native}/{name}") for name in domain.snapshots]
    named += [(name, "checkpoint", f"{vm.native}/checkpoint/{name}") for name in domain.checkpoints]
    for name, subtype, native in named:
        key = NativeKey(EntityKind.SNAPSHOT, native)
        yield ObservedEntity(key, name, subtype)
        yield ObservedRelation(RelationKind.PART_OF, key, vm)


# -- networks ----------------------------------------------------------------------------------------------------


def _networks(host: str, vm: NativeKey, nics: tuple[Nic, ...]) -> Pieces:
    found: dict[NativeKey, list[Nic]] = {}
    for nic in nics:
        if nic.network:
            found.setdefault(network_key(host, nic.network), []).append(nic)
        elif nic.bridge:
            key = network_key(host, f"bridge:{nic.bridge}")
            found.setdefault(key, []).append(nic)
            yield ObservedEntity(key, nic.bridge, "bridge", EntityState.RUNNING)
    for key, of in found.items():
        here: dict[str, Value] = {"mac": ",".join(nic.mac for nic in of)}
        if any(nic.model for nic in of):
            here["model"] = ",".join(nic.model for nic in of)
        yield ObservedRelation(RelationKind.CONNECTS_TO, vm, key, attributes=here)


# -- what runs in it ---------------------------------------------------------------------------------------------


def _guest(vm: NativeKey, domain: Domain, guest: Guest) -> Pieces:
    """The operating system that its agent told of. Only what the domain's own interfaces have are its addresses."""
    key = NativeKey(EntityKind.GUEST_OS, vm.native)
    own = {nic.mac for nic in domain.definition.nics}
    inside = [(mac.lower(), addresses) for mac, addresses in guest.interfaces if mac.lower() in own]
    aliases = [Alias(KeyNamespace.SMBIOS_UUID, domain.definition.smbios_uuid or domain.status.uuid)]
    aliases += [Alias(KeyNamespace.MAC, mac) for mac, _ in inside]
    if guest.host_name:
        aliases.append(Alias(KeyNamespace.HOST_NAME, guest.host_name.lower().rstrip(".")))
    for _, addresses in inside:
        aliases.extend(Alias(KeyNamespace.IP_ADDRESS, found) for found in map(_address, addresses) if found)
    said = {
        "os_name": guest.os_name,
        "os_version": guest.os_version,
        "kernel": guest.kernel,
        "filesystems": ",".join(f"{kind}:{point}" for point, kind in guest.filesystems[:FILESYSTEMS] if point),
    }
    attributes: dict[str, Value] = {name: value for name, value in said.items() if value}
    name = guest.host_name or domain.status.name
    yield ObservedEntity(key, name, "", EntityState.RUNNING, "", tuple(aliases), attributes)
    yield ObservedRelation(RelationKind.RUNS_ON, key, vm)


def _address(text: str) -> str:
    """The address in canonical form; empty for those that every machine has."""
    try:
        address = ip_address(text.partition("/")[0].partition("%")[0])
    except ValueError:
        return ""
    return "" if address.is_loopback or address.is_link_local else str(address)
