"""Storage of a fleet: which pools of which hosts are one, by their definition, by declaration, or as observed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from gateway.collectors.libvirt.places import LOCAL_KINDS, Place, export_of, is_below, own_name_of
from gateway.collectors.libvirt.records import Disk, Pool, Volume
from gateway.collectors.libvirt.unions import Pair, Unions
from gateway.model.entities import EntityKind
from gateway.model.observations import Link


@dataclass(slots=True)
class _Host:
    """The pools and volumes of one host, as they were read last."""

    pools: dict[str, Pool] = field(default_factory=dict)
    read_pools: tuple[Pool, ...] = ()
    volumes: dict[str, Volume] = field(default_factory=dict)
    read_volumes: tuple[Volume, ...] = ()
    version: int = 0


class Storage:
    """
    One for each source. Pure.

    `shared_pools`: names or target folders of pools that the operator declares to be the same on all hosts. `pairs`:
    what was proved before (`pairs` of an earlier one).
    """

    def __init__(self, shared_pools: Iterable[str] = (), pairs: Iterable[Pair] = ()) -> None:
        self._declared = tuple(shared_pools)
        self._folders = tuple(sorted((name for name in self._declared if name.startswith("/")), key=len, reverse=True))
        self._same = Unions(pairs)
        self._links: tuple[str, tuple[Pair, ...], tuple[Link, ...]] = ("", (), ())
        """The last that were made: for which source, and of which pairs."""
        self._hosts: dict[str, _Host] = {}
        self._departed: dict[str, tuple[str, tuple[Disk, ...]]] = {}
        self._keys_of_volumes: dict[str, dict[str, str]] = {}
        self._pools: dict[str, dict[str, Pool]] = {}

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """
        What was proved: to be saved, and given back after a restart.

        Each pool with the first of those that are one with it; the same object as long as nothing more is proved.
        """
        return self._same.pairs

    def links(self, source: str) -> tuple[Link, ...]:
        """The pairs, as topology links records."""
        if self._links[0] != source or self._links[1] is not self.pairs:
            pools = f"{source}/{EntityKind.STORAGE_POOL}"
            links = tuple(Link(f"{pools}/{left}", f"{pools}/{right}", True) for left, right in self.pairs)
            self._links = (source, self.pairs, links)
        return self._links[2]

    # -- what hosts have -----------------------------------------------------------------------------------------

    def read(self, host: str, pools: tuple[Pool, ...], volumes: tuple[Volume, ...]) -> None:
        """A host was read completely."""
        known = self._hosts.setdefault(host, _Host())
        if known.read_pools != pools:
            self._list(host, known.read_pools, pools)
            known.pools, known.read_pools = {pool.name: pool for pool in pools}, pools
            known.version += 1
        if known.read_volumes != volumes:
            known.volumes, known.read_volumes = {}, volumes
            self.learn(host, volumes)

    def version_of(self, host: str) -> int:
        """Changes when a place that was given for a disk of the host may be another one now."""
        known = self._hosts.get(host)
        return known.version if known is not None else 0

    def learn(self, host: str, volumes: Iterable[Volume]) -> None:
        """Some volumes of a host were read."""
        known = self._hosts.setdefault(host, _Host())
        for volume in volumes:
            if known.volumes.get(volume.path) != volume:
                known.volumes[volume.path] = volume
                known.version += 1
                self._same_volume(host, volume)

    def pools_of(self, host: str) -> Mapping[str, Pool]:
        """The pools of a host by name."""
        known = self._hosts.get(host)
        return known.pools if known is not None else {}

    def volume_of(self, host: str, disk: Disk) -> Volume | None:
        """The volume that a disk is, where the host's pools know it."""
        known = self._hosts.get(host)
        if known is None:
            return None
        if disk.kind == "volume":
            found = (v for v in known.volumes.values() if (v.pool, v.name) == (disk.pool, disk.volume))
            return next(found, None)
        return known.volumes.get(disk.source)

    # -- what is one ---------------------------------------------------------------------------------------------

    def pool_key(self, host: str, pool: Pool) -> str:
        """The native key of a pool: of its export, as declared, or `HOST/NAME`."""
        if export := export_of(pool):
            return export
        folder = pool.target.rstrip("/")
        for name in self._declared:
            if name == pool.name or (name.startswith("/") and name.rstrip("/") == folder):
                return f"dir:{name.rstrip('/') or '/'}"
        return f"{host}/{pool.name}"

    def is_local(self, host: str, pool: Pool) -> bool:
        """Only this host has it, as far as anybody knows."""
        key = self.pool_key(host, pool)
        return key == f"{host}/{pool.name}" and key not in self._same

    def shown(self, key: str) -> Pool:
        """How a pool is shown: the same for all hosts that have it; active when it is on any of them."""
        had = self._pools[key]
        first = had[min(had)]
        active = any(pool.active for pool in had.values())
        return replace(first, active=active, capacity=max(pool.capacity for pool in had.values()))

    def place(self, host: str, disk: Disk) -> Place:
        """Where a disk of a domain on this host is."""
        volume = self.volume_of(host, disk)
        pool = self._pool_under(host, disk, volume)
        own = own_name_of(disk, volume)
        if pool is not None:
            key = self.pool_key(host, pool)
            local = self.is_local(host, pool) and not own.startswith("wwn:")
            name = (
                volume.name if volume is not None else disk.volume or disk.source.removeprefix(pool.target).strip("/")
            )
            return Place(own or f"{self._same.first(key)}/{name}", key, local)
        if own:
            return Place(own, self._pool_of_network(disk), own.startswith("lvm:"))
        if disk.kind == "volume":
            return Place(f"{host}/{disk.pool}/{disk.volume}")
        for folder in self._folders:
            if is_below(disk.source, folder):
                key = f"dir:{folder.rstrip('/')}"
                return Place(f"{key}/{disk.source.removeprefix(folder).strip('/')}", "", False)
        return Place(f"{host}:{disk.source}")

    def departed(self, uuid: str, host: str, disks: tuple[Disk, ...]) -> None:
        """A domain left a host live, and nothing of its disks was copied."""
        self._departed[uuid] = (host, disks)

    def arrived(self, uuid: str, host: str, disks: tuple[Disk, ...]) -> None:
        """A domain runs on a host, where it came live: disks with the same path are the same (QEMU writes to them)."""
        before = self._departed.get(uuid)
        if before is None or before[0] == host:
            return
        del self._departed[uuid]
        paths = {disk.source for disk in disks if disk.kind in ("file", "block")}
        for disk in before[1]:
            if disk.source in paths and not disk.readonly:
                self._prove(before[0], host, disk)

    def _prove(self, origin: str, destination: str, disk: Disk) -> None:
        pools = [(host, self._pool_under(host, disk, self.volume_of(host, disk))) for host in (origin, destination)]
        keys = [self.pool_key(host, pool) for host, pool in pools if pool is not None and self.is_undecided(host, pool)]
        if len(keys) == 2:
            self._unite(keys[0], keys[1])

    def is_undecided(self, host: str, pool: Pool) -> bool:
        """Neither its definition nor the operator says whether others have it."""
        return pool.kind in LOCAL_KINDS and self.pool_key(host, pool) == f"{host}/{pool.name}"

    def _same_volume(self, host: str, volume: Volume) -> None:
        """Two hosts that show a volume with the same LVM UUID have the same volume group."""
        pool = self.pools_of(host).get(volume.pool)
        if pool is None or pool.kind != "logical" or not volume.key or not self.is_undecided(host, pool):
            return
        seen = self._keys_of_volumes.setdefault(volume.key, {})
        key = seen[host] = self.pool_key(host, pool)
        other = next((other for at, other in seen.items() if at != host), "")
        if other:  # the rest are one with that already
            self._unite(key, other)

    def _unite(self, one: str, other: str) -> None:
        """Two pools are one: disks in those that this changes may be called otherwise now."""
        for key in self._same.unite(one, other):
            for host in self._pools.get(key, ()):
                self._hosts[host].version += 1

    def _pool_under(self, host: str, disk: Disk, volume: Volume | None) -> Pool | None:
        """The pool of a disk: by its volume, else the one in whose folder its file is."""
        pools = self.pools_of(host)
        name = volume.pool if volume is not None else disk.pool
        if name in pools:
            return pools[name]
        inside = [pool for pool in pools.values() if disk.kind in ("file", "block") and _holds(pool, disk.source)]
        return max(inside, key=lambda pool: len(pool.target), default=None)

    def _pool_of_network(self, disk: Disk) -> str:
        """The pool that some host has for what a network disk is in; empty: none has."""
        wanted = ""
        if disk.protocol == "rbd":
            name, _, _ = disk.source.partition("/")
            wanted = export_of(Pool("", "", "rbd", servers=disk.servers, source_name=name))
        elif disk.protocol == "iscsi":
            wanted = export_of(Pool("", "", "iscsi", devices=(disk.source.rpartition("/")[0],)))
        if not wanted:
            return ""
        return wanted if wanted in self._pools else ""

    def _list(self, host: str, before: tuple[Pool, ...], after: tuple[Pool, ...]) -> None:
        """Keep what is known of each pool by its key and host."""
        for pool in before:
            key = self.pool_key(host, pool)
            had = self._pools.get(key, {})
            had.pop(host, None)
            if not had:
                self._pools.pop(key, None)
        for pool in after:
            self._pools.setdefault(self.pool_key(host, pool), {})[host] = pool


def _holds(pool: Pool, path: str) -> bool:
    """Folders of devices (/dev/disk/by-path) are shared by many pools and prove nothing."""
    return is_below(path, pool.target) and not pool.target.startswith("/dev/disk/")
