"""What a host has beside its domains: itself, its pools, its networks, and the volumes that its domains use."""

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import libvirt

from gateway.collectors.libvirt import parse
from gateway.collectors.libvirt.callbacks import is_unsupported
from gateway.collectors.libvirt.records import Disk, Domain, HostFacts, Network, Pool, Volume
from gateway.collectors.libvirt.worker import Calls

PATIENCE_S = 30.0
"""A daemon that has just started asks each emulator what it can do before it tells its capabilities."""
FACTS, POOLS, NETWORKS, VOLUMES = "facts", "pools", "networks", "volumes"
"""Names of the calls, by which one that hung is known."""


def read_facts(connection: Any, calls: Calls) -> HostFacts:
    """What the host says of itself."""
    _cpu_model, memory_mib, cpus, *_ = calls(FACTS, connection.getInfo)
    return parse.host_facts(
        calls(FACTS, connection.getHostname),
        calls(FACTS, connection.getType),
        calls.within(PATIENCE_S, FACTS, connection.getCapabilities),
        _unless_refused(None, lambda: calls(FACTS, connection.getSysinfo, 0)),
        cpus,
        memory_mib << 20,
        _unless_refused(0, lambda: calls(FACTS, connection.getVersion)),
        calls(FACTS, connection.getLibVersion),
    )


def read_pools(connection: Any, calls: Calls) -> tuple[Pool, ...]:
    """Its storage pools; none where the driver has none, or we may not see them."""
    pools = _unless_refused([], lambda: calls(POOLS, connection.listAllStoragePools, 0))
    return tuple(_pool(pool, calls) for pool in pools)


def read_networks(connection: Any, calls: Calls) -> tuple[Network, ...]:
    """Its virtual networks; none where the driver has none, or we may not see them."""
    networks = _unless_refused([], lambda: calls(NETWORKS, connection.listAllNetworks, 0))
    return tuple(_network(network, calls) for network in networks)


@dataclass(slots=True)
class Volumes:
    """Remembers which volume of which pool a disk is. `clock`: monotonic seconds."""

    keep_s: float
    clock: Callable[[], float] = time.monotonic
    _known: dict[tuple[str, str], tuple[Volume | None, float]] = field(default_factory=dict)
    _asked: tuple[Domain, ...] | None = None
    """Domains of whose disks nothing has to be asked before `_due`, and `_found` their volumes."""
    _found: tuple[Volume, ...] = ()
    _due: float = 0.0

    def read(self, connection: Any, calls: Calls, domains: tuple[Domain, ...]) -> None:
        """Ask for those disks of the domains that were not asked for, or not for `keep_s`."""
        now = self.clock()
        if domains is self._asked and now < self._due:
            return
        self._asked = None
        for disk in _disks(domains):
            _, due = self._known.get(_place(disk), (None, 0.0))
            if due <= now:
                self._known[_place(disk)] = _volume(disk, connection, calls), now + self.keep_s

    def of(self, domains: Iterable[Domain]) -> tuple[Volume, ...]:
        """The known volumes that these domains use, each once."""
        places = dict.fromkeys(_place(disk) for disk in _disks(domains))
        found = (self._known.get(place, (None, 0.0))[0] for place in places)
        return tuple(volume for volume in found if volume is not None)

    def only_of(self, domains: tuple[Domain, ...]) -> tuple[Volume, ...]:
        """Like `of`, and what none of these domains uses is forgotten. The same object while nothing has changed."""
        if domains is not self._asked:
            unknown = None, 0.0
            places = dict.fromkeys(_place(disk) for disk in _disks(domains))
            kept = {place: self._known.get(place, unknown) for place in places}
            self._known = {place: known for place, known in kept.items() if known is not unknown}
            self._asked, self._found = domains, tuple(volume for volume, _ in kept.values() if volume is not None)
            self._due = min((due for _, due in kept.values()), default=math.inf)
        return self._found

    def ask_again(self) -> None:
        """What is known may have changed: ask for all of them with the next read."""
        self._known = {place: (volume, 0.0) for place, (volume, _) in self._known.items()}
        self._asked = None


def _pool(pool: Any, calls: Calls) -> Pool:
    xml = calls(POOLS, pool.XMLDesc, 0)
    return parse.pool(xml, bool(calls(POOLS, pool.isActive)), bool(calls(POOLS, pool.autostart)))


def _network(network: Any, calls: Calls) -> Network:
    xml = calls(NETWORKS, network.XMLDesc, 0)
    return parse.network(xml, bool(calls(NETWORKS, network.isActive)), bool(calls(NETWORKS, network.autostart)))


def _disks(domains: Iterable[Domain]) -> Iterable[Disk]:
    """Disks that may be volumes of a pool."""
    for domain in domains:
        for disk in domain.definition.disks:
            if disk.pool if disk.kind == "volume" else disk.source and disk.kind in ("file", "block"):
                yield disk


def _place(disk: Disk) -> tuple[str, str]:
    return (disk.pool, disk.volume) if disk.kind == "volume" else ("", disk.source)


def _volume(disk: Disk, connection: Any, calls: Calls) -> Volume | None:
    try:
        if disk.kind == "volume":
            pool = calls(VOLUMES, connection.storagePoolLookupByName, disk.pool)
            volume = calls(VOLUMES, pool.storageVolLookupByName, disk.volume)
        else:
            volume = calls(VOLUMES, connection.storageVolLookupByPath, disk.source)
            pool = calls(VOLUMES, volume.storagePoolLookupByVolume)
        return parse.volume(calls(VOLUMES, volume.XMLDesc, 0), pool.name())
    except libvirt.libvirtError as error:
        if error.get_error_code() not in _NO_VOLUME and not _is_refused(error):
            raise
        return None


def _unless_refused(otherwise: Any, call: Callable[[], Any]) -> Any:
    try:
        return call()
    except libvirt.libvirtError as error:
        if not _is_refused(error):
            raise
        return otherwise


def _is_refused(error: libvirt.libvirtError) -> bool:
    """The driver does not have it, or the daemon's access control does not show it."""
    return is_unsupported(error) or error.get_error_code() in _DENIED


_DENIED = {libvirt.VIR_ERR_ACCESS_DENIED, libvirt.VIR_ERR_OPERATION_DENIED}
_NO_VOLUME = {
    libvirt.VIR_ERR_NO_STORAGE_VOL,
    libvirt.VIR_ERR_NO_STORAGE_POOL,
    libvirt.VIR_ERR_OPERATION_INVALID,  # its pool is not active
}
