"""
A libvirt lab and a Pacemaker lab side by side, with a cable from the cluster's management machine to the hosts.

Neither lab knows of the other. That a node's machine is a guest, or a libvirt host, is a story that the nodes' identity
tells the gateway; the verbs here keep it true: what shares a machine loses power at the same moment.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

from tests.lab import libvirt, machines, pacemaker
from tests.lab.libvirt import LibvirtLab
from tests.lab.libvirt.namespaces import run_tool
from tests.lab.libvirt.plan import FABRIC, number_of
from tests.lab.pacemaker import PacemakerLab
from tests.lab.pacemaker.plan import MANAGEMENT

CABLE, CARD = "jp0", "virt0"
MANAGEMENT_HOST_NUMBER = 3
REBOOT_S = 0.0  # who is fenced stays off, until the story says that its machine boots
BOOT_TIMEOUT_S = 60.0


class JoinedLab:
    """
    Three hosts with a guest each, and three nodes: n1 belongs to vm1, or to h1, as the story has it.

    `hosts` is the libvirt lab, `cluster` the Pacemaker lab; each has its own verbs.
    """

    def __init__(self, hosts: LibvirtLab, cluster: PacemakerLab) -> None:
        self.hosts = hosts
        self.cluster = cluster

    @classmethod
    @contextlib.contextmanager
    def up(cls, name: str, *, hosts_net: str, cluster_net: str) -> Iterator[JoinedLab]:
        """
        Both labs, connected; on leaving both are down.

        Args:
            hosts_net: first two numbers of the hosts' network.
            cluster_net: first three numbers of the cluster's.
        """
        with contextlib.ExitStack() as undo:
            hosts = undo.enter_context(LibvirtLab.up(name, hosts=3, vms=3, net=hosts_net))
            cluster = undo.enter_context(PacemakerLab.up(name, nodes=3, net=cluster_net, reboot_s=REBOOT_S))
            joined = cls(hosts, cluster)
            joined.connect()
            yield joined

    def connect(self) -> None:
        """A cable from the management machine to the hosts' switch; nothing when it is there."""
        fabric = machines.enter(self.hosts.plan.own(FABRIC), ("n",))
        if CABLE in run_tool(*fabric, "ip", "-br", "link", "show"):
            return
        own = self.cluster.plan.own(MANAGEMENT)
        management = machines.enter(own, ("n",))
        card = ("type", "veth", "peer", "name", CARD, "netns", str(machines.init_pid(own)))
        run_tool(*fabric, "ip", "link", "add", CABLE, *card)
        run_tool(*fabric, "ip", "link", "set", CABLE, "master", "sw0", "up")
        address = f"{self.hosts.plan.net}.0.{MANAGEMENT_HOST_NUMBER}/16"
        run_tool(*management, "ip", "address", "add", address, "dev", CARD)
        run_tool(*management, "ip", "link", "set", CARD, "up")

    def crash(self, host: str, *nodes: str) -> None:
        """The power cord of a host, and at the same moment those of the nodes that live on it."""
        at_once([lambda: self.hosts.crash_host(host), *(_doing(self.cluster.kill, node) for node in nodes)])

    def boot_nodes(self, *nodes: str) -> None:
        """Power on, and wait until the cluster has them again."""
        for node in nodes:
            self.cluster.start(node)
        self.cluster.wait_for(lambda view: set(nodes) <= view.online, f"{', '.join(nodes)} online", BOOT_TIMEOUT_S)

    def reset(self) -> None:
        """Everything runs again: every host, every guest, every node."""
        at_once([self.hosts.reset, self.cluster.reset])
        self.connect()


def node_in(guest: str) -> str:
    """The node that lives in a guest: n1 in vm1."""
    return f"n{number_of(guest)}"


def guest_of(node: str) -> str:
    """The guest that a node lives in: vm1 for n1."""
    return f"vm{number_of(node)}"


def host_of(node: str) -> str:
    """The host that is the machine of a node: h1 for n1."""
    return f"h{number_of(node)}"


def nodes_on(host: str, nodes: Iterable[str], guests: Mapping[str, str] | None) -> list[str]:
    """The nodes that live on a host. `guests`: where each guest is, when nodes live in guests."""
    where = {node: host_of(node) if guests is None else guests.get(guest_of(node)) for node in nodes}
    return [node for node, there in where.items() if there == host]


def missing() -> str | None:
    """Say what keeps the two labs from running here, or None."""
    return libvirt.missing() or pacemaker.missing()


def at_once(deeds: Iterable[Callable[[], object]]) -> None:
    """Do several things at the same time, and wait for all of them."""
    deeds = list(deeds)
    with ThreadPoolExecutor(len(deeds)) as pool:
        for done in [pool.submit(deed) for deed in deeds]:
            done.result()


def _doing(deed: Callable[[str], object], what: str) -> Callable[[], object]:
    return lambda: deed(what)
