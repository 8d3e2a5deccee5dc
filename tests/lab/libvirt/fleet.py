"""A lab that is up, as its tools see it: ask the hosts and the guests, wait for what shall become true."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from tests.lab import machines
from tests.lab.errors import LabError
from tests.lab.libvirt import hosts
from tests.lab.libvirt.definitions import AGENT_CHANNEL
from tests.lab.libvirt.namespaces import wait_until
from tests.lab.libvirt.plan import FABRIC, Plan
from tests.lab.libvirt.status import Domain, Status, read_status
from tests.lab.libvirt.virsh import uri, virsh
from tests.lab.machines import init_pid

AGENT_TIMEOUT_S = 120.0
BEAT_TIMEOUT_S = 90.0
POLL_S = 0.15
MOST_SHOWN = 3000


class Fleet:
    """Everything that only looks at a lab."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    @property
    def hosts(self) -> tuple[str, ...]:
        """Names of the hosts: h1, h2, ..."""
        return self.plan.hosts

    @property
    def vms(self) -> tuple[str, ...]:
        """Names of the guests: vm1, vm2, ..."""
        return self.plan.vms

    def uri(self, host: str, *, tcp: bool = True) -> str:
        """
        libvirt's address of a host.

        By TCP it is for programs in the lab's network (`enter_network`, or the machine's with an uplink); by the UNIX
        socket for every program, also while the host's network is cut.
        """
        return f"qemu+tcp://{self.plan.host_address(host)}/system" if tcp else uri(self.plan, host)

    def enter_network(self) -> list[str]:
        """The argv prefix of the lab's network alone: the command keeps our files, and replaces nsenter."""
        return machines.enter(self.plan.own(FABRIC), ("n",))

    def enter(self, host: str, kept: Sequence[str] = machines.FULL) -> list[str]:
        """The argv prefix that runs a command in a host, or in some of its namespaces."""
        return machines.enter(self.plan.own(host), kept)

    def powered(self, host: str) -> bool:
        return init_pid(self.plan.own(host)) is not None

    def status(self) -> Status:
        """What virsh says of every host now."""
        return read_status(self.plan)

    def domain(self, vm: str, host: str) -> Domain | None:
        """What one host says of a guest, None when it does not know it."""
        return self.status().hosts[host].domains.get(vm)

    def place(self, vm: str) -> str:
        """
        The one host that a guest is active on.

        Raises:
            LabError: there is none, or two.
        """
        status = self.status()
        active = status.active(vm)
        if len(active) != 1:
            end = self.console(vm)[-MOST_SHOWN:]
            raise LabError(f"{vm} is active on {active or 'no host'}\n{status}\nThe end of its console:\n{end}")
        return active[0]

    def elsewhere(self, vm: str) -> str:
        """A host that answers and that a guest is not active on."""
        status = self.status()
        return next(h.name for h in status.hosts.values() if h.answers and h.name not in status.active(vm))

    def virsh(self, host: str, commands: str, *, check: bool = True, timeout_s: float = 60.0) -> str:
        """virsh commands, separated by `;`, against one host."""
        return virsh(self.plan, host, commands, check=check, timeout_s=timeout_s)

    def run(self, machine: str, *command: str, check: bool = True, timeout_s: float = 60.0) -> str:
        """Run a command inside a host to its end; returns what it printed."""
        return hosts.run_in(self.plan, machine, *command, check=check, timeout_s=timeout_s)

    def qemu_logs(self) -> str:
        """The end of what QEMU said of each guest on each host: why one died is nowhere else."""
        folders = [(host, self.plan.own(host) / "log/qemu") for host in self.hosts]
        logs = [(host, file) for host, folder in folders for file in sorted(folder.glob("*.log"))]
        return "\n".join(f"{host} {file.name}: {file.read_text(errors='replace')[-400:]}" for host, file in logs)

    def console(self, vm: str) -> str:
        """What a guest wrote to its serial console."""
        path = self.plan.console(vm)
        return path.read_text(errors="replace") if path.exists() else ""

    def beats(self, vm: str) -> int:
        """How often a guest said that it lives; it does so once a second."""
        return self.console(vm).count(f"LAB-BEAT {vm} ")

    def wait_beating(self, vm: str, timeout_s: float = BEAT_TIMEOUT_S) -> None:
        """Wait until a guest says once more that it lives."""
        before = self.beats(vm)
        wait_until(lambda: self.beats(vm) > before, f"{vm} shows life on its console", timeout_s)

    def wait_agent(self, vm: str, timeout_s: float = AGENT_TIMEOUT_S) -> str:
        """Wait until the guest agent of a guest is connected; returns the host."""
        host = self.place(vm)
        connected = f"<target type='virtio' name='{AGENT_CHANNEL}' state='connected'/>"
        wait_until(
            lambda: connected in self.virsh(host, f"dumpxml {vm}", check=False), f"the agent of {vm} answers", timeout_s
        )
        return host

    def agent(self, vm: str, execute: str, **arguments: object) -> Any:
        """
        The guest agent's answer to a command, e.g. `agent("vm1", "guest-info")`.

        Raises:
            LabError: it does not answer, or refuses.
        """
        host = self.wait_agent(vm)
        question = json.dumps({"execute": execute, "arguments": arguments})
        quoted = question.replace("\\", "\\\\").replace('"', '\\"')
        return json.loads(self.virsh(host, f'qemu-agent-command {vm} "{quoted}" --timeout 10'))["return"]

    def shell(self, vm: str, script: str) -> None:
        """Begin a shell script in a guest, and do not wait for its end."""
        self.agent(vm, "guest-exec", path="/bin/sh", arg=["-c", script])

    def wait_for(self, condition: Callable[[Status], object], what: str, timeout_s: float = 30.0) -> Status:
        """
        Wait until the hosts' own words fulfil a condition; returns them.

        Raises:
            LabError: not within `timeout_s`; the message holds the last words.
        """
        seen: list[Status] = []

        def fulfilled() -> object:
            seen[:] = [self.status()]
            return condition(seen[0])

        try:
            wait_until(fulfilled, what, timeout_s, POLL_S)
        except LabError as error:
            raise LabError(f"{error}\n{seen[0]}") from None
        return seen[0]

    def wait_state(self, vm: str, host: str, state: str, timeout_s: float = 30.0) -> None:
        """Wait until a host says a state of a guest, as virsh writes it: `shut off (crashed)`, or `running`."""

        def said(status: Status) -> bool:
            domain = status.hosts[host].domains.get(vm)
            return domain is not None and state in (str(domain), domain.state)

        self.wait_for(said, f"{vm} is {state} on {host}", timeout_s)
