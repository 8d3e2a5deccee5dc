"""The lab's network: a bridge in a namespace of its own, and a cable from it to each machine."""

from __future__ import annotations

import subprocess

from tests.lab.errors import LabError
from tests.lab.machines import init_pid
from tests.lab.pacemaker.namespaces import ENVIRONMENT, hold
from tests.lab.pacemaker.plan import SWITCH, Plan


def start_switch(plan: Plan) -> None:
    plan.own(SWITCH).mkdir(parents=True, exist_ok=True)
    hold(plan.own(SWITCH), "switch.sh", ("n",))


def plug(plan: Plan, machine: str, address: str) -> None:
    """Give a machine its network interface `eth0`."""
    pid = _pid(plan, machine)
    cable = _cable(machine)
    _ip(plan, SWITCH, "link", "del", cable, check=False)  # what is left of the time before a power cut
    _ip(plan, SWITCH, "link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", str(pid))
    _ip(plan, SWITCH, "link", "set", cable, "master", "br0", "up")
    _ip(plan, machine, "addr", "add", f"{address}/24", "dev", "eth0")
    _ip(plan, machine, "link", "set", "eth0", "up")


def set_cable(plan: Plan, machine: str, *, connected: bool) -> None:
    """Pull the cable of a machine, or put it back."""
    _ip(plan, SWITCH, "link", "set", _cable(machine), "up" if connected else "down")


def _cable(machine: str) -> str:
    return "v" + machine


def _pid(plan: Plan, machine: str) -> int:
    pid = init_pid(plan.own(machine))
    if pid is None:
        raise LabError(f"{machine} is powered off")
    return pid


def _ip(plan: Plan, machine: str, *arguments: str, check: bool = True) -> None:
    command = ["nsenter", "-t", str(_pid(plan, machine)), "-n", "ip", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, check=False)
    if check and done.returncode:
        raise LabError(f"{machine}: ip {' '.join(arguments)}: {done.stderr}")
