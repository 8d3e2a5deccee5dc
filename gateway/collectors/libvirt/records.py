"""
What is read from a libvirt host, without libvirt's own objects: the reader makes these, the mapping translates them.

Numbers of states and reasons are libvirt's (virDomainState and its reasons, libvirt 9.0; `states.py` names them).
Sizes are bytes. Strings that the host does not tell are empty.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Disk:
    """
    One disk of a domain.

    `kind`: libvirt's type of the source (file, block, network, volume, dir, nvme, vhostuser). `source`: the path, or
    for `network` what `protocol` calls it (rbd: pool/image); `servers`: `name:port` of each. `backing`: sources of its
    backing chain, nearest first, as far as the XML tells.
    """

    target: str
    device: str = "disk"
    kind: str = "file"
    source: str = ""
    protocol: str = ""
    servers: tuple[str, ...] = ()
    pool: str = ""
    volume: str = ""
    format: str = ""
    serial: str = ""
    wwn: str = ""
    shareable: bool = False
    transient: bool = False
    readonly: bool = False
    error_policy: str = ""
    backing: tuple[str, ...] = ()
    bus: str = ""
    """How the guest sees it: virtio, sata, scsi, ide, ..."""


@dataclass(frozen=True, slots=True)
class Nic:
    """One network interface of a domain. `kind`: network, bridge, direct, hostdev, user, ...; `model`: virtio, ..."""

    mac: str
    kind: str = ""
    network: str = ""
    bridge: str = ""
    target: str = ""
    model: str = ""


@dataclass(frozen=True, slots=True)
class DomainDefinition:
    """
    What the XML of a domain says. `agent`: state of the channel org.qemu.guest_agent.0 (connected, disconnected; empty:
    there is no such channel). `passthrough`: devices of the host that it holds (migration blockers), each in words.
    """

    type: str = ""
    title: str = ""
    arch: str = ""
    machine: str = ""
    vcpus: int = 0
    """Those that it has now; `max_vcpus`: as many as it may get while it runs."""
    max_vcpus: int = 0
    memory: int = 0
    """What it has now (the balloon counts); `max_memory`: as much as it may get while it runs."""
    max_memory: int = 0
    cpu_mode: str = ""
    os: str = ""
    """What it was defined for, as libosinfo calls it (http://debian.org/debian/12)."""
    smbios_uuid: str = ""
    """`<sysinfo><system><entry name='uuid'>`, when it differs from the domain's UUID."""
    on_crash: str = ""
    watchdog: str = ""
    agent: str = ""
    disks: tuple[Disk, ...] = ()
    nics: tuple[Nic, ...] = ()
    passthrough: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DomainStatus:
    """The cheap part of a domain, read for all of a host at once. `id`: -1 while it is not active."""

    uuid: str
    name: str
    id: int
    state: int
    reason: int


@dataclass(frozen=True, slots=True)
class Domain:
    """A domain as one read gives it."""

    status: DomainStatus
    definition: DomainDefinition
    persistent: bool = True
    autostart: bool = False
    managed_save: bool = False
    migrating_out: bool = False
    """jobInfo says that an outgoing migration is under way."""
    snapshots: tuple[str, ...] = ()
    checkpoints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Guest:
    """What the guest agent of a domain tells. `interfaces`: (MAC, addresses)."""

    uuid: str
    host_name: str = ""
    os_name: str = ""
    os_version: str = ""
    kernel: str = ""
    interfaces: tuple[tuple[str, tuple[str, ...]], ...] = ()
    filesystems: tuple[tuple[str, str], ...] = ()
    """(mount point, type)"""


@dataclass(frozen=True, slots=True)
class HostFacts:
    """What a host says of itself. `memory`: bytes; `version`, `library`: as libvirt numbers them (9000000 is 9.0.0)."""

    host_name: str = ""
    driver: str = ""
    uuid: str = ""
    """Of the capabilities: host_uuid when it is set, else the SMBIOS UUID."""
    system_uuid: str = ""
    """The SMBIOS UUID of sysinfo."""
    serial: str = ""
    manufacturer: str = ""
    product: str = ""
    arch: str = ""
    cpu_model: str = ""
    cpus: int = 0
    memory: int = 0
    numa_nodes: int = 0
    version: int = 0
    library: int = 0


@dataclass(frozen=True, slots=True)
class Pool:
    """A storage pool. `kind`: dir, fs, netfs, iscsi, logical, rbd, gluster, scsi, zfs, ...; `target`: its path here."""

    name: str
    uuid: str
    kind: str
    active: bool = True
    autostart: bool = False
    target: str = ""
    servers: tuple[str, ...] = ()
    source_dir: str = ""
    source_name: str = ""
    devices: tuple[str, ...] = ()
    capacity: int = 0


@dataclass(frozen=True, slots=True)
class Volume:
    """A volume that a domain uses. `key`: libvirt's own id of it (a path, an LVM UUID, a URL)."""

    path: str
    pool: str
    name: str
    key: str = ""
    kind: str = ""
    format: str = ""
    capacity: int = 0


@dataclass(frozen=True, slots=True)
class Network:
    """A virtual network of a host. `mode`: nat, route, bridge, hostdev, ...; empty: isolated."""

    name: str
    uuid: str
    active: bool = True
    autostart: bool = False
    bridge: str = ""
    mode: str = ""


@dataclass(frozen=True, slots=True)
class HostReading:
    """A host read completely. `guests`: by domain UUID, as far as agents answered (read apart, they may be older)."""

    host: str
    """The name that the configuration gives it: the scope."""
    facts: HostFacts
    domains: tuple[Domain, ...] = ()
    pools: tuple[Pool, ...] = ()
    volumes: tuple[Volume, ...] = ()
    networks: tuple[Network, ...] = ()
    guests: dict[str, Guest] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DomainReading:
    """
    Some domains of a host read again; of `uuids` those that are not in `domains` the host does not know any more.

    `facts`, `pools`, `networks`: of the host, where something else of it could not be read; None: nothing is told.
    """

    host: str
    uuids: frozenset[str]
    domains: tuple[Domain, ...] = ()
    volumes: tuple[Volume, ...] = ()
    guests: dict[str, Guest] = field(default_factory=dict)
    facts: HostFacts | None = None
    pools: tuple[Pool, ...] | None = None
    networks: tuple[Network, ...] | None = None


@dataclass(frozen=True, slots=True)
class DomainEvent:
    """
    One callback of libvirt, as recordings write it too. `at`: microseconds UTC, when the callback came.

    `kind`: LIFECYCLE, REBOOT, WATCHDOG, IO_ERROR_REASON, CONTROL_ERROR, JOB_COMPLETED, AGENT_LIFECYCLE, DEVICE_ADDED,
    DEVICE_REMOVED, METADATA_CHANGE, BLOCK_JOB_2, MIGRATION_ITERATION. `detail`: its arguments in words (LIFECYCLE:
    event and detail by name, STARTED, MIGRATED).
    """

    at: int
    host: str
    uuid: str
    name: str
    kind: str
    detail: tuple[str, ...] = ()
