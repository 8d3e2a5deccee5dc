"""
A guest of the libvirt lab as a resource of the cluster: the agent VirtualDomain of ClusterLabs itself drives it.

Node nK is the libvirt host hK then: the way to that host's libvirtd is a link on the node's disk.
"""

from __future__ import annotations

import contextlib
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from tests.lab.errors import LabError
from tests.lab.joined.lab import JoinedLab, host_of
from tests.lab.libvirt import definitions
from tests.lab.libvirt.namespaces import wait_until
from tests.lab.libvirt.plan import FABRIC

AGENT = Path("/usr/lib/ocf/resource.d/heartbeat/VirtualDomain")
AGENT_PACKAGE = "resource-agents"
SHARED = "/mnt/halab"  # the folder that all nodes share
SOCKET = "/etc/pacemaker/libvirt-sock"  # private to each node, and on its disk: it survives a power cut
START_TIMEOUT_S = 60.0
MISSING_KERNEL = "/nonexistent/kernel"
MONITOR_INTERVAL_S = 3
MIGRATION_THRESHOLD = 2
"""The second failure on a node lets the guest leave it."""


def missing() -> str | None:
    """Say what keeps the agent from running here, or None."""
    install = f"apt-get install --no-install-recommends {AGENT_PACKAGE}"
    return None if AGENT.exists() else f"the agent VirtualDomain is missing: {install}"


class VirtualDomain:
    """The resource `name`, which is the guest `vm`."""

    def __init__(self, lab: JoinedLab, name: str, vm: str) -> None:
        self.lab = lab
        self.name = name
        self.vm = vm

    def install(self) -> None:
        """Take the guest from libvirt's hands, and give it to the cluster; waits until it runs again."""
        hosts, cluster = self.lab.hosts, self.lab.cluster
        for node in cluster.nodes:
            self._lay_socket(node)
        for host, domain in hosts.status().on(self.vm).items():
            if domain.active:
                hosts.destroy(self.vm, host)
        hosts.undefine(self.vm)
        hosts.run(FABRIC, "truncate", "-s", f"{definitions.DISK_MB}M", str(hosts.plan.image(self.vm)))
        self.mend()
        cluster.plan = replace(cluster.plan, extra_resources=self._primitive())
        self.reset()

    def uninstall(self) -> None:
        """Take the resource away; the guest is nowhere then (a reset of the hosts starts it again)."""
        cluster = self.lab.cluster
        cluster.plan = replace(cluster.plan, extra_resources="")
        cluster.reset()

    def reset(self) -> None:
        """Every host has power, every node is online, nothing has failed, and the guest runs."""
        hosts = self.lab.hosts
        for host in hosts.hosts:
            hosts.boot_host(host)
        self.mend()
        self.lab.cluster.reset()
        for vm in hosts.vms:
            if vm != self.vm and not hosts.status().active(vm):
                hosts.start(vm)
        self.wait_running()

    def spoil(self) -> None:
        """From now on the guest cannot be started anywhere: its definition names a kernel that is not there."""
        self._write(kernel=MISSING_KERNEL)

    def mend(self) -> None:
        self._write()

    @contextlib.contextmanager
    def unreachable(self, node: str) -> Iterator[None]:
        """For the length of a block no node can migrate the guest to this one: the way to its libvirtd is gone."""
        way = self.lab.cluster.plan.shared / f"{node}.sock"
        way.unlink()
        try:
            yield
        finally:
            self._lay_socket(node)

    def wait_running(self) -> str:
        """Wait until the guest runs where the cluster says that it runs, and shows life; returns the host."""

        def runs() -> bool:
            nodes = list(self.lab.cluster.locate(self.name))
            active = self.lab.hosts.status().active(self.vm)
            return len(nodes) == 1 and active == [host_of(nodes[0])]

        wait_until(runs, f"{self.name} runs where {self.vm} runs", START_TIMEOUT_S)
        self.lab.hosts.wait_beating(self.vm)
        return self.lab.hosts.place(self.vm)

    def _lay_socket(self, node: str) -> None:
        """The node's own way to its host, and the others' way, for migrations."""
        cluster = self.lab.cluster
        for link in (cluster.node_file(node, SOCKET), cluster.plan.shared / f"{node}.sock"):
            link.unlink(missing_ok=True)
            link.symlink_to(self.lab.hosts.plan.socket(host_of(node)))

    def _write(self, *, kernel: str = "") -> None:
        domain = ET.fromstring(definitions.domain(self.lab.hosts.plan, self.vm))
        if kernel:
            found = domain.find("os/kernel")
            if found is None:
                raise LabError(f"{self.vm}: its definition names no kernel")
            found.text = kernel
        ET.indent(domain)  # the agent looks for the name on a line of its own
        file = self.lab.cluster.plan.shared / f"{self.vm}.xml"
        file.write_text(ET.tostring(domain, encoding="unicode"))

    def _primitive(self) -> str:
        parameters = {
            "config": f"{SHARED}/{self.vm}.xml",
            "hypervisor": f"qemu:///system?socket={SOCKET}",
            "remoteuri": f"qemu:///system?socket={SHARED}/%n.sock",
            "migrate_options": "--unsafe",  # libvirt cannot see that the storage is shared
            "force_stop": "true",
            "autoset_utilization_cpu": "false",
            "autoset_utilization_host_memory": "false",
            "autoset_utilization_hv_memory": "false",
        }
        intervals = {"monitor": f"{MONITOR_INTERVAL_S}s", "start": 0, "stop": 0, "migrate_to": 0, "migrate_from": 0}
        operations = "".join(
            f'<op id="{self.name}-{action}" name="{action}" interval="{interval}" timeout="60s"/>'
            for action, interval in intervals.items()
        )
        meta = {"allow-migrate": "true", "migration-threshold": str(MIGRATION_THRESHOLD)}
        return (
            f'<primitive id="{self.name}" class="ocf" provider="heartbeat" type="VirtualDomain">'
            f'<instance_attributes id="{self.name}-ia">{self._pairs(parameters)}</instance_attributes>'
            f'<meta_attributes id="{self.name}-ma">{self._pairs(meta)}</meta_attributes>'
            f"<operations>{operations}</operations></primitive>"
        )

    def _pairs(self, values: dict[str, str]) -> str:
        return "".join(f'<nvpair id="{self.name}-{k}" name="{k}" value="{v}"/>' for k, v in values.items())
