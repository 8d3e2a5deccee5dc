"""The lab's network: a switch in the fabric, a cable from it to each host, and a link to the machine's own network."""

from __future__ import annotations

import contextlib
import re
import socket

from tests.lab import machines
from tests.lab.errors import LabError
from tests.lab.libvirt.namespaces import run_tool, wait_until
from tests.lab.libvirt.plan import FABRIC, Plan, number_of
from tests.lab.machines import init_pid

CABLE_TIMEOUT_S = 5.0


def plug(plan: Plan, host: str) -> None:
    """A cable from the host's eth0 to the switch, and the bridge that its guests use."""
    cable, pid = _cable(host), str(init_pid(plan.own(host)))
    with contextlib.suppress(LabError):
        _ip(plan, FABRIC, "link", "del", cable)  # what is left of the time before a crash
    _ip(plan, FABRIC, "link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", pid)
    _ip(plan, FABRIC, "link", "set", cable, "master", "sw0", "up")
    _ip(plan, host, "link", "add", "br0", "type", "bridge")
    _ip(plan, host, "link", "set", "br0", "address", plan.host_mac(host))
    _ip(plan, host, "link", "set", "eth0", "master", "br0", "up")
    _ip(plan, host, "addr", "add", f"{plan.host_address(host)}/16", "dev", "br0")
    _ip(plan, host, "link", "set", "br0", "up")


def set_cable(plan: Plan, host: str, *, connected: bool) -> None:
    """Pull the network cable of a host, or put it back, and wait until the switch knows."""
    _ip(plan, FABRIC, "link", "set", _cable(host), "up" if connected else "down")
    wait_until(lambda: (host in connected_hosts(plan)) is connected, f"{host}: cable", CABLE_TIMEOUT_S)


def connected_hosts(plan: Plan) -> frozenset[str]:
    """The hosts whose cable is plugged in."""
    if init_pid(plan.own(FABRIC)) is None:
        return frozenset()
    up = re.findall(r"^(\S+?)@\S+\s+UP\b", _ip(plan, FABRIC, "-br", "link", "show", "type", "veth"), re.M)
    return frozenset(host for host in plan.hosts if _cable(host) in up)


def connect_uplink(plan: Plan) -> None:
    """Let the machine's own network reach the hosts, by a link into the fabric."""
    fabric = init_pid(plan.own(FABRIC))
    run_tool("ip", "link", "add", plan.uplink, "type", "veth", "peer", "name", "up0", "netns", str(fabric))
    run_tool("ip", "addr", "add", f"{plan.gateway_address}/16", "dev", plan.uplink)
    run_tool("ip", "link", "set", plan.uplink, "up")
    _ip(plan, FABRIC, "link", "set", "up0", "master", "sw0", "up")
    way = run_tool("ip", "-4", "route", "get", plan.host_address(plan.hosts[0]))
    if f"dev {plan.uplink} " not in way:
        raise LabError(f"{plan.net}.0.0/16 is somebody else's: its hosts are reached by {way.strip()}. Use another net")


def disconnect_uplink(plan: Plan) -> None:
    """Take the link away at once; without this it would go some time after the fabric."""
    if plan.uplink:
        run_tool("ip", "link", "del", plan.uplink, check=False)


def free_net() -> str:
    """
    First two numbers of a network that nobody on this machine uses, nor will before this process has ended.

    Raises:
        LabError: all are in use.
    """
    used = set(re.findall(r"inet (\d+\.\d+)\.", run_tool("ip", "-4", "addr", "show")))
    for net in (f"10.{number}" for number in range(64, 128)):
        if net not in used and _reserve(net):
            return net
    raise LabError("no network from 10.64.0.0/16 to 10.127.0.0/16 is free: take down the labs that nobody needs")


def _reserve(net: str) -> bool:
    """
    Another lab that is on its way up may want it, and two with one network would take each other's hosts for theirs.

    An abstract socket is known in its network namespace alone, and goes with its process.
    """
    reservation = socket.socket(socket.AF_UNIX)
    try:
        reservation.bind(f"\0lab network {net}")
    except OSError:
        reservation.close()
        return False
    _RESERVED.append(reservation)
    return True


_RESERVED: list[socket.socket] = []


def _cable(host: str) -> str:
    return f"p{number_of(host)}"


def _ip(plan: Plan, machine: str, *arguments: str) -> str:
    return run_tool(*machines.enter(plan.own(machine), ("n",)), "ip", *arguments)
