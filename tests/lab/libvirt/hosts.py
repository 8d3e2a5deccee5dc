"""Power and daemons of the hosts."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.lab import machines
from tests.lab.errors import LabError
from tests.lab.libvirt import definitions, host_files, namespaces
from tests.lab.libvirt.namespaces import processes_of, run_tool, wait_until
from tests.lab.libvirt.network import plug
from tests.lab.libvirt.plan import Plan
from tests.lab.libvirt.virsh import answers, virsh
from tests.lab.machines import init_pid

DAEMON_TIMEOUT_S = 40.0
DAEMON = "libvirtd"
LOG_DAEMON = "virtlogd"


def power_on(plan: Plan, host: str) -> None:
    """Boot a host that has no power: namespaces, network, libvirtd, pools and network of libvirt."""
    if init_pid(plan.own(host)) is not None:
        return
    host_files.write_disk(plan, host)
    namespaces.start_host(plan, host)
    plug(plan, host)
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
            search = f"{plan.own(host) / host_files.FIRMWARE_TOOLS}:$PATH"
            command = f"PATH={search} exec setsid -f {name}{options} >>/var/log/libvirt/{name}.out 2>&1"
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


def daemon_hangs(plan: Plan, host: str) -> bool:
    """Whether libvirtd of a host is stopped by a signal: nobody has to wait to see that it does not answer."""
    pid = daemon_pid(plan, host)
    return pid is not None and _state(pid) == "T"


def qemu_pid(plan: Plan, host: str, vm: str) -> int | None:
    """Process id, seen from outside, of a guest's QEMU on a host."""
    wanted = f"guest={vm},".encode()
    return next((pid for pid in processes_of(plan.own(host)) if wanted in _command_line(pid)), None)


def run_in(plan: Plan, machine: str, *command: str, check: bool = True, timeout_s: float = 60.0) -> str:
    """
    Run a command inside a host or the fabric to its end; returns what it printed.

    Raises:
        LabError: no power, too slow, or (with `check`) it failed.
    """
    return run_tool(*machines.enter(plan.own(machine)), *command, check=check, timeout_s=timeout_s)


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


def _program(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return ""


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
