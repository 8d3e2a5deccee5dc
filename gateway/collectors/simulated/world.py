"""The state of a simulated estate at one moment: what runs where, and in which state. Changed by deeds only."""

from dataclasses import dataclass, field
from enum import StrEnum

from gateway.collectors.simulated.estate import Estate
from gateway.model.conditions import ConditionKind
from gateway.model.entities import EntityState
from gateway.model.relations import Arrival, Phase

MEMBERS = ("ip", "fs", "app")
"""Members of an HA cluster's group, in the order in which they start."""
SINGLE = "db"
"""The HA resource that runs alone."""
CLONE = "ping"
"""The HA resource that runs on every node."""


class HostState(StrEnum):
    UP = "up"
    DRAINED = "drained"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is: on a host (VMs) or node (HA resources), by number."""

    host: int
    phase: Phase = Phase.STABLE
    arrival: Arrival = Arrival.UNKNOWN


@dataclass(slots=True)
class Host:
    """A hypervisor. `vms`: those that its view shows. `leaving`: VMs that are on their way to another host."""

    number: int
    state: HostState = HostState.UP
    busy: bool = False
    vms: set[int] = field(default_factory=set)
    leaving: int = 0


@dataclass(slots=True)
class Vm:
    """A VM. `home`: the host that knows it, also while it is stopped. `asked`: hosts that a person wanted it on."""

    number: int
    home: int
    places: tuple[Place, ...]
    state: EntityState = EntityState.RUNNING
    reason: str = ""
    busy: bool = False
    asked: frozenset[int] = frozenset()


class NodeState(StrEnum):
    ONLINE = "online"
    STANDBY = "standby"
    UNCLEAN = "unclean"
    OFFLINE = "offline"


@dataclass(slots=True)
class Resource:
    """A primitive HA resource: a member of the group, or the single one. `home`: the node where it was last."""

    name: str
    home: int
    place: Place | None
    state: EntityState = EntityState.RUNNING
    reason: str = ""


@dataclass(slots=True)
class Cluster:
    """An HA cluster. `trouble`: conditions that hold, each with the resource or node that has it."""

    number: int
    nodes: list[NodeState]
    resources: dict[str, Resource]
    busy: bool = False
    trouble: dict[ConditionKind, str] = field(default_factory=dict)

    def online(self) -> list[int]:
        return [number for number, state in enumerate(self.nodes) if state is NodeState.ONLINE]

    def home_of_group(self) -> int:
        return self.resources[MEMBERS[0]].home


class World:
    """Everything that changes."""

    def __init__(self, estate: Estate) -> None:
        self.estate = estate
        self.hosts = [Host(number) for number in range(estate.hosts)]
        self.vms = [Vm(v, estate.first_host(v), (Place(estate.first_host(v)),)) for v in range(estate.vms)]
        for vm in self.vms:
            self.hosts[vm.home].vms.add(vm.number)
        self.clusters = [_cluster(number, estate.cluster_size(number)) for number in range(estate.plan.ha_clusters)]
        self.busy_blocks: set[int] = set()
        """Blocks of which a host is being lost or drained."""
        self.occurrences = 0

    def put(self, vm: Vm, home: int, *places: Place) -> None:
        """Let a VM be known by its home host, and be at these places."""
        for host in {vm.home, *(place.host for place in vm.places)}:
            self.hosts[host].vms.discard(vm.number)
        vm.home, vm.places = home, places
        for host in {home, *(place.host for place in places)}:
            self.hosts[host].vms.add(vm.number)

    def neighbours(self, host: int) -> list[int]:
        """Hosts that a VM of this host can go to: up, and on the same storage."""
        siblings = self.estate.hosts_of(self.estate.block_of(host))
        return [h for h in siblings if h != host and self.hosts[h].state is HostState.UP and not self.hosts[h].busy]

    def clusters_on(self, vms: set[int]) -> dict[int, list[int]]:
        """HA clusters with nodes in these VMs, and which nodes."""
        found: dict[int, list[int]] = {}
        for vm in sorted(vms & self.estate.nodes.keys()):
            cluster, node = self.estate.nodes[vm]
            found.setdefault(cluster, []).append(node)
        return found

    def next_occurrence(self) -> str:
        """Tells two occurrences of one fact apart."""
        self.occurrences += 1
        return str(self.occurrences)


def _cluster(number: int, size: int) -> Cluster:
    single_home = 1 % size
    resources = {name: Resource(name, 0, Place(0)) for name in MEMBERS}
    resources[SINGLE] = Resource(SINGLE, single_home, Place(single_home))
    return Cluster(number, [NodeState.ONLINE] * size, resources)
