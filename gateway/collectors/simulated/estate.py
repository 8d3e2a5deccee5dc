"""The estate of a plan: names, keys and hardware of everything in it, each computed from the seed and its number."""

from functools import cached_property
from hashlib import blake2b
from uuid import UUID

from gateway.collectors.simulated.plan import Plan

HOSTS_PER_RACK = 20
HOSTS_PER_BLOCK = 40
"""Hosts that share a storage pool and a virtualization cluster: VMs move among these only."""
RACKS_PER_SITE = 10
NODES = (3, 2, 5, 3, 4)
"""Nodes of the first, second, ... HA cluster; then again from the front."""
SITES = ("north", "south", "east", "west", "harbour", "hill", "lake", "forest", "bridge", "mill")
ROLES = ("web", "app", "db", "cache", "queue", "mail", "proxy", "build", "ldap", "git")
GIB = 1 << 30
_SPREAD = 0x9E3779B1
"""Odd: multiplying by it modulo a power of two gives each number another one."""


class Estate:
    """
    What there is. Hosts, VMs and HA clusters are numbered from 0; their facts never change.

    VM number v begins on host v mod hosts; node n of an HA cluster runs in a VM of its own, on another host than
    its siblings as long as there are enough.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.hosts = plan.hosts
        self.vms = plan.hosts * plan.vms_per_host

    # -- hardware ----------------------------------------------------------------------------------------------

    @property
    def racks(self) -> int:
        return -(-self.hosts // HOSTS_PER_RACK)

    @property
    def blocks(self) -> int:
        return -(-self.hosts // HOSTS_PER_BLOCK)

    @property
    def sites(self) -> int:
        return -(-self.racks // RACKS_PER_SITE)

    def host_name(self, host: int) -> str:
        """Of the hypervisor; the machine itself is `machine_name`."""
        return f"hv-{host + 1:04}"

    def machine_name(self, host: int) -> str:
        return f"srv-{host + 1:04}"

    def machine_uuid(self, host: int) -> str:
        """SMBIOS system UUID."""
        return self._uuid("machine", host)

    def machine_serial(self, host: int) -> str:
        return f"SIM{self._number('serial', host) % 10**8:08}{host:04}"

    def rack_name(self, rack: int) -> str:
        return f"rack-{rack + 1:02}"

    def site_name(self, site: int) -> str:
        return SITES[site % len(SITES)] + (f"-{site // len(SITES) + 1}" if site >= len(SITES) else "")

    def pool_name(self, block: int) -> str:
        return f"pool-{block + 1:02}"

    def block_name(self, block: int) -> str:
        """Of the virtualization cluster."""
        return f"virt-{block + 1:02}"

    def rack_of(self, host: int) -> int:
        return host // HOSTS_PER_RACK

    def site_of(self, rack: int) -> int:
        return rack // RACKS_PER_SITE

    def block_of(self, host: int) -> int:
        return host // HOSTS_PER_BLOCK

    def hosts_of(self, block: int) -> range:
        return range(block * HOSTS_PER_BLOCK, min((block + 1) * HOSTS_PER_BLOCK, self.hosts))

    # -- VMs ---------------------------------------------------------------------------------------------------

    def first_host(self, vm: int) -> int:
        return vm % self.hosts

    def vm_name(self, vm: int) -> str:
        node = self.nodes.get(vm)
        if node is not None:
            return self.node_name(*node)
        return f"{ROLES[vm // self.hosts % len(ROLES)]}-{vm + 1:06}"

    def vm_uuid(self, vm: int) -> str:
        """Domain UUID and SMBIOS system UUID, as libvirt gives a guest by default."""
        return self._uuid("vm", vm)

    def vm_mac(self, vm: int) -> str:
        """Unique: 52:54:00 (QEMU) and 24 bits that are a permutation of the number."""
        number = (vm * _SPREAD + self.plan.seed) & 0xFFFFFF
        return "52:54:00:" + number.to_bytes(3, "big").hex(":")

    def vm_memory_bytes(self, vm: int) -> int:
        return (2, 4, 4, 8, 8, 16, 32)[(vm * _SPREAD >> 16) % 7] * GIB

    def vm_cpus(self, vm: int) -> int:
        return (1, 2, 2, 4, 4, 8)[(vm * _SPREAD >> 20) % 6]

    # -- HA clusters -------------------------------------------------------------------------------------------

    def cluster_name(self, cluster: int) -> str:
        return f"ha{cluster + 1}"

    def cluster_size(self, cluster: int) -> int:
        return NODES[cluster % len(NODES)]

    def node_name(self, cluster: int, node: int) -> str:
        return f"{self.cluster_name(cluster)}-n{node + 1}"

    @cached_property
    def nodes(self) -> dict[int, tuple[int, int]]:
        """VM -> (HA cluster, node) that runs in it. VMs of consecutive numbers are on different hosts."""
        pairs = [(c, n) for c in range(self.plan.ha_clusters) for n in range(self.cluster_size(c))]
        return dict(enumerate(pairs))

    @cached_property
    def node_vms(self) -> dict[tuple[int, int], int]:
        """(HA cluster, node) -> the VM that it runs in."""
        return {node: vm for vm, node in self.nodes.items()}

    def _number(self, what: str, index: int) -> int:
        return int.from_bytes(self._digest(what, index, 8), "big")

    def _uuid(self, what: str, index: int) -> str:
        return str(UUID(bytes=self._digest(what, index, 16), version=4))

    def _digest(self, what: str, index: int, size: int) -> bytes:
        return blake2b(f"{self.plan.seed}/{what}/{index}".encode(), digest_size=size).digest()


def nodes_needed(clusters: int) -> int:
    """How many VMs the nodes of so many HA clusters run in."""
    return sum(NODES[cluster % len(NODES)] for cluster in range(clusters))
