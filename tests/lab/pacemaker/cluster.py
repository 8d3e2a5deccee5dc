"""A lab that is up, as its tools see it: run a command in a machine, ask the cluster, wait until it is at rest."""

from __future__ import annotations

import re
import shlex
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from tests.lab import machines
from tests.lab.errors import LabError
from tests.lab.machines import init_pid
from tests.lab.pacemaker import namespaces
from tests.lab.pacemaker.content import INVENTORY, PRIMITIVES, Inventory
from tests.lab.pacemaker.namespaces import ENVIRONMENT
from tests.lab.pacemaker.plan import MANAGEMENT, Plan
from tests.lab.pacemaker.view import View, parse_view

COMMAND_TIMEOUT_S = 60.0
POLL_S = 0.2
QUIET_S = 1.0
QUIET_IN_TROUBLE_S = 3.0  # without quorum or with a node that cannot be fenced, nothing says that work is done
FENCING_ATTEMPTS = 3  # stonith-max-attempts of our CIB
STATUS = ("crm_mon", "-1", "--inactive", "--output-as=xml")
LOCATED = re.compile(r"is running on: (\S+)\s*(Promoted|Master)?")


class Cluster:
    """Everything that only looks at a lab."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    @property
    def nodes(self) -> tuple[str, ...]:
        """Names of the full nodes: n1, n2, ..."""
        return tuple(self.plan.nodes)

    @property
    def inventory(self) -> Inventory:
        """What can relocate (extra resources not included)."""
        return INVENTORY if self.plan.with_resources else Inventory((), {}, ())

    def address(self, machine: str) -> str:
        """IP address of a node, a remote node or `mgmt`."""
        return f"{self.plan.net}.200" if machine == MANAGEMENT else self.plan.machines[machine]

    def enter(self, machine: str) -> list[str]:
        """
        The argv prefix that runs a command in a node or in `mgmt`.

        In `mgmt` the command replaces nsenter, so its process id is that of the Popen; for a node see `process_of`.
        """
        kept = ("m", "n") if machine == MANAGEMENT else machines.FULL
        return machines.enter(self.plan.own(machine), kept)

    def process_of(self, machine: str, process: subprocess.Popen) -> int:
        """Process id, seen from outside, of what was started with `enter(machine)`."""
        return process.pid if machine == MANAGEMENT else namespaces.child_of(process.pid)

    def run(
        self,
        machine: str,
        *command: str,
        check: bool = True,
        timeout_s: float = COMMAND_TIMEOUT_S,
        stdin: str | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """
        Run a command in a machine to its end.

        Raises:
            LabError: the machine has no power, the command took too long, or (with `check`) it failed.
        """
        argv = [*self.enter(machine), *map(str, command)]
        text = f"{machine}: {shlex.join(map(str, command))}"
        given = {"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}
        try:
            done = subprocess.run(
                argv, capture_output=True, text=True, env=ENVIRONMENT, timeout=timeout_s, check=False, **given
            )
        except subprocess.TimeoutExpired:
            raise LabError(f"{text}: not done after {timeout_s} s") from None
        if check and done.returncode:
            raise LabError(f"{text}: exit status {done.returncode}: {done.stdout}{done.stderr}")
        return done

    def node_file(self, node: str, path: str) -> Path:
        """
        Where a private file of a node lies outside of it; it exists also while the node has no power.

        Raises:
            LabError: this path is not private to the node, or is in memory.
        """
        inside = path.lstrip("/")
        private = (self.plan.own(node) / "private-folders").read_text().split()
        if not any(inside == folder or inside.startswith(folder + "/") for folder in (*private, "etc/machine-id")):
            raise LabError(f"{path} is no private file of {node}; private are: /{', /'.join(private)}")
        return self.plan.own(node) / inside

    def powered(self, machine: str) -> bool:
        return init_pid(self.plan.own(machine)) is not None

    def status_xml(self, node: str | None = None) -> str:
        """`crm_mon` XML as one node sees it (default: a node that is well)."""
        return self.run(node or self.spokesman(), *STATUS).stdout

    def cib(self, node: str | None = None) -> str:
        """`cibadmin -Q` of one node."""
        return self.run(node or self.spokesman(), "cibadmin", "-Q").stdout

    def view(self, node: str | None = None) -> View | None:
        """What `crm_mon` says, None while the cluster does not answer."""
        try:
            return parse_view(self.run(node or self.spokesman(), *STATUS, check=False).stdout)
        except LabError:
            return None

    def spokesman(self) -> str:
        """
        A node to be asked: it has power and network; one that the lab knows to be ill comes last.

        Raises:
            LabError: no node has power.
        """
        powered = [node for node in self.plan.nodes if self.powered(node)]
        well = [node for node in powered if self._connected(node)]
        if not powered:
            raise LabError("no node is up")
        return (well or powered)[0]

    def locate(self, resource: str) -> dict[str, bool]:
        """`crm_resource --locate`: the nodes where a resource runs, and whether it is promoted there."""
        answer = self.run(self.spokesman(), "crm_resource", "--locate", "--resource", resource).stdout
        return {node: bool(role) for node, role in LOCATED.findall(answer)}

    def wait_for(self, condition: Callable[[View], bool], what: str, timeout_s: float = 60.0) -> float:
        """
        Wait until the cluster's picture fulfils a condition; returns the seconds it took.

        Raises:
            LabError: it did not within `timeout_s`; the message holds the text status.
        """
        begin = time.monotonic()
        while time.monotonic() - begin < timeout_s:
            view = self.view()
            if view is not None and condition(view):
                return time.monotonic() - begin
            time.sleep(POLL_S)
        raise LabError(f"{what}: not after {timeout_s:.0f} s\n{self._text_status()}")

    def wait_settled(self, timeout_s: float = 90.0, *, all_running: bool = False) -> float:
        """
        Wait until the cluster is at rest: it knows of every node's fate, and nothing is under way or to be done.

        Args:
            all_running: also wait until every node is online and every resource runs.

        Raises:
            LabError: not within `timeout_s`; the message holds the text status.
        """
        begin = time.monotonic()
        mark, since = None, begin
        while time.monotonic() - begin < timeout_s:
            view = self.view()
            version = self._version() if view is not None and self._at_rest(view) else None
            if version is None or (all_running and not self._all_running(view)):
                mark = None
            elif version != mark:
                mark, since = version, time.monotonic()
            elif time.monotonic() - since >= self._quiet_s(view) and self._nothing_to_do(view):
                return time.monotonic() - begin
            time.sleep(POLL_S)
        raise LabError(f"not at rest after {timeout_s:.0f} s\n{self._text_status()}")

    def _at_rest(self, view: View) -> bool:
        if not view.has_dc or view.busy or view.fencing_pending:
            return False
        if any(self.plan.mark(machine, "booting").exists() for machine in self.plan.machines):
            return False
        expected = {machine for machine in self.plan.machines if self._connected(machine)}
        if not view.quorate:
            # The own resources stop; those of the nodes that vanished stay shown where they were.
            return view.online == expected and not any(node in view.online for _, node in view.running)
        if view.online != expected:
            return False
        return all(view.failed_fencings[node] >= FENCING_ATTEMPTS for node in view.unclean)

    def _all_running(self, view: View) -> bool:
        started = {resource for resource, _ in view.running}
        wanted = set(PRIMITIVES) if self.plan.with_resources else set()
        promoted = len(view.promoted) == 1 or not self.plan.with_resources
        return view.online == set(self.plan.machines) and wanted <= started and promoted

    def _connected(self, machine: str) -> bool:
        noted = any(self.plan.mark(machine, note).exists() for note in ("cut", "halted"))
        return not noted and self.powered(machine)

    def _quiet_s(self, view: View) -> float:
        return QUIET_S if view.quorate and not view.unclean else QUIET_IN_TROUBLE_S

    def _nothing_to_do(self, view: View) -> bool:
        if view.unclean or not view.quorate:
            return True  # the fencing stays to be done
        plan = self.run(self.spokesman(), "crm_simulate", "-R", "-L", "--output-as=xml", check=False).stdout
        return "<actions/>" in plan

    def _version(self) -> str | None:
        head = re.search(r"<cib [^>]*>", self.run(self.spokesman(), "cibadmin", "-Q", check=False).stdout)
        if head is None:
            return None
        return " ".join(re.findall(r' (?:admin_epoch|epoch|num_updates)="(\d+)"', head.group()))

    def _text_status(self) -> str:
        try:
            return self.run(self.spokesman(), "crm_mon", "-1", "--inactive", "--show-detail", check=False).stdout
        except LabError as error:
            return str(error)
