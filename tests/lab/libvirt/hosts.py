"""Power, network and daemons of the hosts."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.lab.libvirt import definitions, host_files, namespaces
from tests.lab.libvirt.errors import LabError
from tests.lab.libvirt.namespaces import ENVIRONMENT, init_pid, processes_of, wait_until
from tests.lab.libvirt.plan import FABRIC, Plan, number_of
from tests.lab.libvirt.virsh import answers, virsh

DAEMON_TIMEOUT_S = 40.0
DAEMON = "libvirtd"
LOG_DAEMON = "virtlogd"


def power_on(plan: Plan, host: str) -> None:
    """Boot a host that has no power: namespaces, network, libvirtd, pools and network of libvirt."""
    if init_pid(plan.own(host)) is not None:
        return
    host_files.write_disk(plan, host)
    namespaces.start_host(plan, host)
    _plug(plan, host)
    start_daemon(plan, host)
    _provide(plan, host)


def power_on_all(plan: Plan) -> None:
    """Boot every host: the first one alone, for it finds out what QEMU can do; the others side by side."""
    power_on(plan, plan.hosts[0])
    for host in plan.hosts[1:]:
        host_files.share_capabilities(plan, host)
    if plan.hosts[1:]:
        with ThreadPoolExecutor(len(plan.hosts)) as pool:
            list(pool.map(lambda host: power_on(plan, host), plan.hosts[1:]))


def start_daemon(plan: Plan, host: str) -> None:
    """Start what is not running of libvirtd and its log daemon, and wait until it answers."""
    for name, options in ((LOG_DAEMON, ""), (DAEMON, " --listen")):
        if daemon_pid(plan, host, name) is None:
            command = f"exec setsid -f {name}{options} >>/var/log/libvirt/{name}.out 2>&1"
            run_in(plan, host, "sh", "-c", command)
    wait_until(lambda: answers(plan, host), f"{host}: {DAEMON} answers", DAEMON_TIMEOUT_S)


def signal_daemon(plan: Plan, host: str, how: signal.Signals) -> None:
    """
    Send libvirtd of a host a signal.

    Raises:
        LabError: it does not run.
    """
    pid = daemon_pid(plan, host)
    if pid is None:
        raise LabError(f"{host}: {DAEMON} does not run")
    os.kill(pid, how)


def daemon_pid(plan: Plan, host: str, name: str = DAEMON) -> int | None:
    """Process id, seen from outside, of a daemon of a host."""
    return next((pid for pid in processes_of(plan.own(host)) if _program(pid) == name), None)


def qemu_pid(plan: Plan, host: str, vm: str) -> int | None:
    """Process id, seen from outside, of a guest's QEMU on a host."""
    wanted = f"guest={vm},".encode()
    return next((pid for pid in processes_of(plan.own(host)) if wanted in _command_line(pid)), None)


def set_cable(plan: Plan, host: str, *, connected: bool) -> None:
    """Pull the network cable of a host, or put it back."""
    _ip(plan, FABRIC, "link", "set", _cable(host), "up" if connected else "down")


def connect_uplink(plan: Plan) -> None:
    """Let the machine's own network reach the hosts, by a link into the fabric."""
    fabric = init_pid(plan.own(FABRIC))
    _tool("ip", "link", "add", plan.uplink, "type", "veth", "peer", "name", "up0", "netns", str(fabric))
    _tool("ip", "addr", "add", f"{plan.gateway_address}/16", "dev", plan.uplink)
    _tool("ip", "link", "set", plan.uplink, "up")
    _ip(plan, FABRIC, "link", "set", "up0", "master", "sw0", "up")


def free_net() -> str:
    """First two numbers of a network that no interface of the machine uses."""
    used = set(re.findall(r"inet (\d+\.\d+)\.", _tool("ip", "-4", "addr", "show")))
    return next(net for net in (f"10.{number}" for number in range(64, 128)) if net not in used)


def run_in(plan: Plan, machine: str, *command: str, check: bool = True, timeout_s: float = 60.0) -> str:
    """
    Run a command inside a host or the fabric to its end; returns what it printed.

    Raises:
        LabError: no power, too slow, or (with `check`) it failed.
    """
    return _tool(*namespaces.enter(plan.own(machine)), *command, check=check, timeout_s=timeout_s)


def _plug(plan: Plan, host: str) -> None:
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


def _provide(plan: Plan, host: str) -> None:
    """Pools and network of libvirt; they start by themselves at the next boot."""
    folder = plan.own(host)
    known = virsh(plan, host, "pool-list --all --name; net-list --all --name").split()
    for name, xml in definitions.pools(plan).items():
        if name not in known:
            (folder / "pool.xml").write_text(xml)
            virsh(plan, host, f"pool-define {folder}/pool.xml; pool-autostart {name}; pool-start {name}")
    if definitions.NETWORK not in known:
        (folder / "net.xml").write_text(definitions.network(plan))
        lan = definitions.NETWORK
        virsh(plan, host, f"net-define {folder}/net.xml; net-autostart {lan}; net-start {lan}")


def _cable(host: str) -> str:
    return f"p{number_of(host)}"


def _program(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _ip(plan: Plan, machine: str, *arguments: str) -> None:
    _tool(*namespaces.enter(plan.own(machine), ("n",)), "ip", *arguments)


def _tool(*command: str, check: bool = True, timeout_s: float = 60.0) -> str:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env=ENVIRONMENT,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise LabError(f"{' '.join(command)}: not done after {timeout_s:.0f} s") from None
    if check and done.returncode:
        raise LabError(f"{' '.join(command)}: exit status {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout
