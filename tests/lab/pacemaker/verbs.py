"""The verbs of the lab: what an administrator, a failure or an accident does to the cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.lab.errors import LabError
from tests.lab.pacemaker import network, power, ssh
from tests.lab.pacemaker.cluster import Cluster
from tests.lab.pacemaker.content import alerts

FENCE_MODES = ("ok", "fail", "hang")
NOTICE_TIMEOUT_S = 20.0
CLEANUP_TIMEOUT_S = 6
TIMED_OUT = 124  # exit status of timeout(1)


class Verbs(Cluster):
    """Everything that changes a lab; the verbs return at once, `wait_settled` waits for the consequences."""

    def move(self, resource: str, node: str) -> None:
        self._tool("crm_resource", "--move", "--resource", resource, "--node", node)

    def unmove(self, resource: str) -> None:
        """Remove the constraints that `move` and `block` left behind."""
        self._tool("crm_resource", "--clear", "--resource", resource)

    def standby(self, node: str) -> None:
        self._tool("crm_standby", "-N", node, "-v", "on")

    def unstandby(self, node: str) -> None:
        self._tool("crm_standby", "-N", node, "-v", "off")

    def fail(self, resource: str, node: str | None = None) -> None:
        """Report one failure of a resource, on the node where it runs unless another one is named."""
        self._tool("crm_resource", "--fail", "--resource", resource, "--node", node or self._node_of(resource))

    def exhaust(self, resource: str, *, after_each: Callable[[], None] = lambda: None) -> None:
        """Fail a resource until no node may run it; `after_each` is called whenever the cluster is at rest again."""
        for _ in range(4 * len(self.nodes)):
            place = next(iter(self.locate(resource)), None)
            if place is None:
                return
            self.fail(resource, place)
            self.wait_settled()
            after_each()
        raise LabError(f"{resource} still runs: it needs a migration-threshold (svc-a has 2, svc-b has 1)")

    def block(self, resource: str) -> None:
        """Ban a resource whose stop fails with on-fail=block, and wait until it is blocked (undo: `reset`)."""
        node = self._node_of(resource)
        self._tool("cibadmin", "--modify", "--xml-text", f'<op id="{resource}-t" on-fail="block"/>')
        self.poison(resource, "stop")
        try:
            self._tool("crm_resource", "--ban", "--resource", resource, "--node", node)
            self.wait_for(lambda view: resource in view.blocked, f"{resource} blocked")
        finally:
            self.cure(resource, "stop")

    def poison(self, resource: str, action: str, node: str | None = None) -> None:
        """Let the agent Svc (svc-a, svc-b, vm-1) fail an action from now on: start, stop, monitor, migrate_to ..."""
        self._poison(resource, action, node).touch()

    def cure(self, resource: str, action: str, node: str | None = None) -> None:
        self._poison(resource, action, node).unlink(missing_ok=True)

    def cleanup(self, resource: str | None = None) -> None:
        """Forget failures (an administrator's `crm_resource --cleanup`)."""
        # crm_resource 2.1.5 now and then waits for an answer that was lost; its work is done by then.
        command = ["timeout", str(CLEANUP_TIMEOUT_S), "crm_resource", "--cleanup"]
        command += ["--resource", resource] if resource else []
        done = self.run(self.spokesman(), *command, check=False)
        if done.returncode not in (0, TIMED_OUT):
            raise LabError(f"cleanup: {done.stdout}{done.stderr}")

    def kill(self, *nodes: str) -> None:
        """Pull the power cord; with quorum the node is fenced and boots again."""
        for node in nodes:
            power.power_off(self.plan, node)

    def start(self, node: str) -> None:
        """Power on; nothing when the node has power already."""
        power.power_on(self.plan, node)

    def kill_corosync(self, node: str) -> None:
        """SIGKILL corosync alone, and wait until the other nodes miss it."""
        pids = self.run(node, "pidof", "corosync").stdout.split()
        self.plan.mark(node, "halted").touch()
        self.run(node, "kill", "-9", *pids)
        self._await_notice(node)

    def cut(self, node: str) -> None:
        """Take a node's network away, and wait until the other nodes miss it."""
        self.plan.mark(node, "cut").touch()
        network.set_cable(self.plan, node, connected=False)
        self._await_notice(node)

    def uncut(self, node: str) -> None:
        """Give the network back; nothing when the node was fenced meanwhile and booted with a new cable."""
        network.set_cable(self.plan, node, connected=True)
        self.plan.mark(node, "cut").unlink(missing_ok=True)

    def fence_mode(self, mode: str) -> None:
        """What the power controllers do from now on: `ok`, `fail` or `hang`."""
        if mode not in FENCE_MODES:
            raise LabError(f"fence mode {mode!r}: use one of {', '.join(FENCE_MODES)}")
        (self.plan.shared / "fence-mode").write_text(mode + "\n")

    def use_alert_agent(self, path: str | None) -> None:
        """Configure the alert agent under test (path inside the nodes) beside the recorder; None: take it away."""
        self._tool("cibadmin", "--replace", "--scope", "alerts", "--xml-text", alerts(path))

    def use_forced_command(self, script: Path | None) -> None:
        """What ssh runs on the nodes from now on (path outside); None: anything."""
        ssh.set_forced_command(self.plan, script)

    def ssh_argv(self) -> list[str]:
        """The argv prefix that reaches nodes from `mgmt`: `[*ssh_argv(), "n1", "crm_mon", ...]`."""
        return ["ssh", "-F", str(ssh.client_configuration(self.plan))]

    @contextmanager
    def poisoned(self, resource: str, action: str, node: str | None = None) -> Iterator[None]:
        """`poison` for the length of a block."""
        self.poison(resource, action, node)
        try:
            yield
        finally:
            self.cure(resource, action, node)

    def _tool(self, *command: str) -> None:
        self.run(self.spokesman(), *command)

    def _node_of(self, resource: str) -> str:
        place = next(iter(self.locate(resource)), None)
        if place is None:
            raise LabError(f"{resource} is not running")
        return place

    def _poison(self, resource: str, action: str, node: str | None) -> Path:
        return self.plan.shared / "poison" / ".".join(filter(None, (resource, action, node)))

    def _await_notice(self, node: str) -> None:
        if self.spokesman() != node:
            self.wait_for(lambda view: node not in view.online, f"{node} missed by the others", NOTICE_TIMEOUT_S)
