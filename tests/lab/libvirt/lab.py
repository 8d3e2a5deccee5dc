"""The lab as a library: up, down, and back to its starting content between tests."""

from __future__ import annotations

import contextlib
import signal
from dataclasses import replace
from pathlib import Path

from tests.lab.errors import LabError
from tests.lab.libvirt import hosts, namespaces, network
from tests.lab.libvirt.image import guest_image
from tests.lab.libvirt.keeper import start_keeper, tear_down
from tests.lab.libvirt.plan import FABRIC, Plan, folder_of, load_plan, refuse_long_paths
from tests.lab.libvirt.status import Status
from tests.lab.libvirt.verbs import Verbs
from tests.lab.ownership import refuse_if_in_use, sweep
from tests.lab.processes import ourselves
from tests.lab.requirements import missing_root, missing_tools

TOOLS = {
    "libvirtd": "libvirt-daemon",
    "virsh": "libvirt-clients",
    "qemu-system-x86_64": "qemu-system-x86",
    "busybox": "busybox-static",
    "cpio": "cpio",
    "ip": "iproute2",
    "unshare": "util-linux",
    "nsenter": "util-linux",
}
DRIVER = Path("/usr/lib/x86_64-linux-gnu/libvirt/connection-driver/libvirt_driver_qemu.so")
DRIVER_PACKAGE = "libvirt-daemon-driver-qemu"
CAN_HAVE_NAMESPACES = ("unshare", "-m", "-n", "-u", "-i", "-p", "-f", "--mount-proc", "true")


def missing() -> str | None:
    """Say what keeps the lab from running here, or None."""
    reason = missing_tools(TOOLS) or missing_root("the libvirt lab (namespaces)")
    if reason:
        return reason
    if not DRIVER.exists():
        return f"{DRIVER.name} missing: apt-get install --no-install-recommends {DRIVER_PACKAGE}"
    try:
        namespaces.run_tool(*CAN_HAVE_NAMESPACES)
    except LabError as error:
        return f"the libvirt lab needs CAP_SYS_ADMIN for its namespaces: {error}"
    return None


def sweep_leftovers() -> None:
    """Take down the labs whose test run was killed, and whose keeper with it."""
    sweep("*.virt", load_plan, tear_down)


class LibvirtLab(Verbs):
    """
    Real libvirtd and QEMU hosts on one machine.

    Usable as a context manager, which takes it down. Labs with different names do not see each other.
    """

    @classmethod
    def up(
        cls,
        name: str = "virtlab",
        *,
        hosts: int = 2,
        vms: int = 2,
        net: str = "10.77",
        shared_mb: int = 96,
        guest_mb: int = 96,
        uplink: str = "",
        owned: bool = True,
    ) -> LibvirtLab:
        """
        Boot hosts, and start a guest at each in turn. What a killed run of the same name left is removed first.

        Args:
            net: first two numbers of the network, which exists in the lab's namespaces only (without an uplink).
            shared_mb: size of the shared storage.
            guest_mb: memory of a guest.
            uplink: name of a link from the machine's own network to the hosts (then `net` must be free on it).
            owned: the lab goes down when this process ends, however it ends.

        Raises:
            LabError: what is missing, or what did not come up; everything is taken down then.
        """
        reason = missing()
        if reason:
            raise LabError(reason)
        plan = Plan(
            name=name,
            folder=folder_of(name),
            net=net,
            hosts=tuple(f"h{number}" for number in range(1, hosts + 1)),
            vms=tuple(f"vm{number}" for number in range(1, vms + 1)),
            shared_mb=shared_mb,
            guest_mb=guest_mb,
            uplink=uplink,
            owner=ourselves() if owned else None,
        )
        refuse_long_paths(plan)
        refuse_if_in_use(plan, load_plan)
        tear_down(plan.folder)
        lab = cls(plan)
        lab._build()
        return lab

    @classmethod
    def attach(cls, name: str = "virtlab") -> LibvirtLab:
        """The lab of this name that is up already."""
        return cls(load_plan(folder_of(name)))

    def down(self) -> None:
        """End everything; no process, mount, link or folder stays."""
        tear_down(self.plan.folder)

    def __enter__(self) -> LibvirtLab:
        return self

    def __exit__(self, *_: object) -> None:
        self.down()

    def reset(self) -> None:
        """
        Back to the start: every host answers, every guest runs on exactly one host and is defined nowhere else.

        A guest that runs well stays where it is. Fast when nothing is to be done.
        """
        try:
            self._repair()
        except LabError:
            self._rebuild()

    def _build(self) -> None:
        plan = self.plan
        guest_image()
        try:
            for folder in (plan.folder, plan.shared, plan.folder / "console", plan.own(FABRIC)):
                folder.mkdir(mode=0o755)
            for host in plan.hosts:
                plan.own(host).mkdir()
            plan.save()
            if plan.owner is not None:
                start_keeper(plan)
            namespaces.start_fabric(plan)
            hosts.power_on_all(plan)
            if plan.uplink:
                network.connect_uplink(plan)
            for vm in plan.vms:
                self.start(vm)
            for vm in plan.vms:
                self.wait_beating(vm)
        except BaseException:
            tear_down(plan.folder)
            raise

    def _repair(self) -> None:
        for host in self.hosts:
            hosts.power_on(self.plan, host)
            with contextlib.suppress(LabError):
                hosts.signal_daemon(self.plan, host, signal.SIGCONT)
            network.set_cable(self.plan, host, connected=True)
            hosts.start_daemon(self.plan, host)
        self.heal_storage()
        for vm in self.vms:
            self._unwedge_everywhere(vm)
        self.wait_for(lambda status: not status.in_flight(), "nothing is in flight")
        for vm in self.vms:
            self._put_in_order(vm, self.status())
        self.run(FABRIC, "sh", "-c", f"rm -f {self.plan.shared}/*.split.img {self.plan.shared}/*-copy.img")

    def _unwedge_everywhere(self, vm: str) -> None:
        for host in self.hosts:
            self.signal_qemu(vm, host, signal.SIGCONT, check=False)

    def _put_in_order(self, vm: str, status: Status) -> None:
        """One host runs it, defined there, from its own disk; else it is started anew at home."""
        active = status.active(vm)
        well = len(active) == 1 and status.on(vm)[active[0]].state == "running" and self._own_disk(vm, active[0])
        for host, domain in status.on(vm).items():
            if well and host in active:
                continue
            if domain.active:
                self.destroy(vm, host)
            if domain.persistent:
                self.undefine(vm, host)
        if not well:
            self.start(vm)
            self.wait_beating(vm)
        else:
            self.keep_definition(vm)

    def _own_disk(self, vm: str, host: str) -> bool:
        return f"'{self.plan.image(vm)}'" in self.virsh(host, f"dumpxml {vm}")

    def _rebuild(self) -> None:
        """The last resort: new hosts under the same name."""
        self.down()
        self.plan = replace(self.plan, owner=self.plan.owner and ourselves())
        self._build()
