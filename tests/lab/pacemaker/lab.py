"""The lab as a library: up, down, and back to the starting content between tests."""

from __future__ import annotations

import os
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from tests.lab.errors import LabError
from tests.lab.ownership import refuse_if_in_use, sweep
from tests.lab.pacemaker import content, network, power, ssh
from tests.lab.pacemaker.cluster import FENCING_ATTEMPTS, POLL_S
from tests.lab.pacemaker.controllers import start_controllers, tear_down
from tests.lab.pacemaker.namespaces import SCRIPTS
from tests.lab.pacemaker.plan import MANAGEMENT, Plan, folder_of, load_plan
from tests.lab.pacemaker.verbs import Verbs
from tests.lab.processes import ourselves
from tests.lab.requirements import missing_root, missing_tools

TOOLS = {
    "corosync": "corosync",
    "pacemakerd": "pacemaker",
    "crm_mon": "pacemaker-cli-utils",
    "ip": "iproute2",
    "sshd": "openssh-server",
    "ssh": "openssh-client",
    "unshare": "util-linux",
    "nsenter": "util-linux",
}
AGENTS = {
    "/usr/lib/ocf/resource.d/heartbeat/Dummy": "resource-agents",
    "/usr/lib/ocf/resource.d/pacemaker/Stateful": "pacemaker-resource-agents",
}
FORM_TIMEOUT_S = 180.0
FENCING_TIMEOUT_S = 12.0


def missing() -> str | None:
    """Say what keeps the lab from running here, or None."""
    absent = [package for path, package in AGENTS.items() if not Path(path).exists()]
    if absent:
        return f"resource agents missing: apt-get install --no-install-recommends {' '.join(absent)}"
    return missing_tools(TOOLS) or missing_root("the Pacemaker lab (namespaces, overlayfs)")


def sweep_leftovers() -> None:
    """Take down the labs whose test run was killed."""
    sweep("*.run", load_plan, tear_down)


class PacemakerLab(Verbs):
    """
    A real Corosync + Pacemaker cluster on one machine.

    Usable as a context manager, which takes it down. Two labs with different names do not see each other.
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)

    @classmethod
    def up(
        cls,
        name: str = "halab",
        *,
        nodes: int = 3,
        net: str = "10.99.7",
        extra_resources: str = "",
        alert_path: str | None = None,
        forced_command: Path | None = None,
        resources: bool = True,
        remotes: int = 0,
        remoted: str = "/usr/sbin/pacemaker-remoted",
        token_ms: int = 1000,
        reboot_s: float = 2.0,
        clear_port: int = 0,
        tls_port: int = 0,
        owned: bool = True,
    ) -> PacemakerLab:
        """
        Form a cluster, and wait until everything runs. What a killed run of the same name left is removed first.

        Args:
            net: first three numbers of the network, which exists in the lab's namespaces only; nodes are .1, .2, ...,
                remote nodes .101, ..., the management machine .200.
            extra_resources: CIB XML, put behind the lab's own resources.
            alert_path: a second alert agent besides the lab's recorder (path inside the nodes).
            forced_command: what ssh runs on the nodes (default: anything).
            reboot_s: seconds from being fenced to the boot; 0: stays off.
            owned: the lab goes down when this process ends.

        Raises:
            LabError: what is missing, or what did not come up; everything is taken down then.
        """
        reason = missing()
        if reason:
            raise LabError(reason)
        if remotes and not Path(remoted).exists():
            raise LabError(f"{remoted} is missing: unpack the package pacemaker-remote (`dpkg -x`) and name its file")
        plan = Plan(
            name=name,
            folder=folder_of(name),
            net=net,
            nodes={f"n{number}": f"{net}.{number}" for number in range(1, nodes + 1)},
            remotes={f"r{number}": f"{net}.{100 + number}" for number in range(1, remotes + 1)},
            token_ms=token_ms,
            reboot_s=reboot_s,
            authkey=os.urandom(32).hex(),
            with_resources=resources,
            extra_resources=extra_resources,
            alert_path=alert_path,
            forced_command=str(forced_command) if forced_command else None,
            remoted=remoted,
            clear_port=clear_port,
            tls_port=tls_port,
            owner=ourselves() if owned else None,
        )
        refuse_if_in_use(plan, load_plan)
        tear_down(plan.folder)
        lab = cls(plan)
        try:
            lab._build()
            lab.wait_settled(FORM_TIMEOUT_S, all_running=True)
        except BaseException:
            tear_down(plan.folder)
            raise
        return lab

    @classmethod
    def attach(cls, name: str = "halab") -> PacemakerLab:
        """The lab of this name that is up already."""
        return cls(load_plan(folder_of(name)))

    def down(self) -> None:
        """Power everything off; no process, mount, link or folder stays."""
        tear_down(self.plan.folder)

    def __enter__(self) -> PacemakerLab:
        return self

    def __exit__(self, *_: object) -> None:
        self.down()

    def reset(self) -> None:
        """Bring the cluster back to its starting content, all nodes up and everything running; fast when it is."""
        try:
            self._repair()
        except LabError:
            self._rebuild()

    def alerts(self) -> list[str]:
        """The JSON lines that the lab's recorder wrote, all nodes, each node's in their order."""
        files = sorted((self.plan.shared / "alerts").glob("*.jsonl"))
        return [line for file in files for line in file.read_text().splitlines()]

    def _build(self) -> None:
        plan = self.plan
        for folder in (plan.folder, plan.shared, plan.shared / "alerts", plan.shared / "poison"):
            folder.mkdir(mode=0o755)
        (plan.shared / "alerts").chmod(0o777)
        plan.save()
        _write_shared_files(plan)
        ssh.make_keys(plan)
        for machine in plan.machines:
            plan.own(machine).mkdir()
        network.start_switch(plan)
        start_controllers(plan)
        power.start_management(plan, self.address(MANAGEMENT))
        _in_parallel(lambda node: power.power_on(plan, node), plan.nodes)
        _in_parallel(lambda remote: power.power_on(plan, remote), plan.remotes)

    def _repair(self) -> None:
        self.fence_mode("ok")
        self.use_forced_command(ssh.forced_command_of(self.plan))
        for poison in (self.plan.shared / "poison").iterdir():
            poison.unlink()
        self._power_cycle_the_ill()
        self.wait_for(self._all_nodes_online, "all nodes online", 60)
        self._restore_configuration()
        view = self.view()
        if view is None or view.failures or view.failed_fencings or view.blocked:
            self.cleanup()
            self.run(self.spokesman(), "stonith_admin", "--cleanup", "--history", "*", check=False)
        self.wait_settled(60, all_running=True)

    def _power_cycle_the_ill(self) -> None:
        """Boot what has no power, and what has lost its network or its corosync."""
        for machine in self.plan.machines:
            if self.plan.mark(machine, "booting").exists() or self._connected(machine):
                continue
            self.kill(machine)
            if any(self._connected(node) for node in self.nodes):
                self._await_notice(machine)
                self._await_fencing(machine)
            if not self._boots(machine):
                self.start(machine)

    def _await_fencing(self, machine: str) -> None:
        """Give the cluster time to boot a machine that it has to fence, unless it gave up or is not quorate."""
        deadline = time.monotonic() + FENCING_TIMEOUT_S
        while time.monotonic() < deadline and not self._boots(machine):
            view = self.view()
            if view is not None and (not view.quorate or view.failed_fencings[machine] >= FENCING_ATTEMPTS):
                return
            if view is not None and machine not in view.unclean and not self._boots(machine):
                return
            time.sleep(POLL_S)

    def _boots(self, machine: str) -> bool:
        return self.plan.mark(machine, "booting").exists() or self.powered(machine)

    def _all_nodes_online(self, view) -> bool:
        return view.has_dc and view.online == set(self.plan.machines) and not view.unclean

    def _restore_configuration(self) -> None:
        configuration = ET.fromstring(self.cib()).find("configuration")
        wanted = {
            "resources": content.resources(self.plan),
            "constraints": content.constraints(),
            "alerts": content.alerts(self.plan.alert_path),
        }
        for section, text in wanted.items():
            found = configuration.find(section)
            if found is None or _canonical(ET.tostring(found, encoding="unicode")) != _canonical(text):
                self._tool("cibadmin", "--replace", "--scope", section, "--xml-text", text)
        for node in configuration.iterfind("nodes/node"):
            if any(pair.get("name") == "standby" for pair in node.iter("nvpair")):
                self._tool("crm_standby", "-N", node.get("uname", ""), "-D")

    def _rebuild(self) -> None:
        """The last resort: a new cluster under the same name."""
        self.down()
        self.plan = replace(self.plan, owner=self.plan.owner and ourselves())
        try:
            self._build()
            self.wait_settled(FORM_TIMEOUT_S, all_running=True)
        except BaseException:
            self.down()
            raise


def _write_shared_files(plan: Plan) -> None:
    hosts = {f"{plan.net}.200": MANAGEMENT} | {address: name for name, address in plan.machines.items()}
    lines = ["127.0.0.1 localhost", *(f"{address} {name}" for address, name in hosts.items())]
    (plan.shared / "hosts").write_text("\n".join(lines) + "\n")
    (plan.shared / "fence-mode").write_text("ok\n")
    recorder = plan.shared / "alert"
    recorder.write_bytes((SCRIPTS / "alert").read_bytes())
    recorder.chmod(0o755)


def _in_parallel(act: Callable[[str], None], names) -> None:
    if names:
        with ThreadPoolExecutor(len(names)) as pool:
            list(pool.map(act, names))


def _canonical(xml: str) -> str:
    return ET.canonicalize(xml, strip_text=True)
