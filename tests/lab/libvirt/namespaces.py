"""Machines made of namespaces: each is held by one process, its init, and to kill that is to pull the power cord."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.lab.errors import LabError
from tests.lab.libvirt.plan import FABRIC, Plan
from tests.lab.machines import boot, enter, forget_init, init_pid, remember_init
from tests.lab.processes import birth
from tests.lab.requirements import SEARCH_PATH

SCRIPTS = Path(__file__).with_name("machine")
START_TIMEOUT_S = 20.0
END_TIMEOUT_S = 10.0
POLL_S = 0.05
ENVIRONMENT = {"PATH": SEARCH_PATH, "LC_ALL": "C", "HOME": "/root"}


def start_fabric(plan: Plan) -> None:
    """Start the machine that holds the switch and the shared storage; the others live inside of it."""
    command = ["unshare", "-m", "-n", *_ISOLATED, "bash", str(SCRIPTS / "fabric.sh")]
    _hold(plan.own(FABRIC), [*command, str(plan.folder), plan.net, str(plan.shared_mb)], generations=1)


def start_host(plan: Plan, host: str) -> None:
    """Start the namespaces of a host; its network and daemons come next."""
    command = [*enter(plan.own(FABRIC), ("m", "n", "p")), "unshare", "-m", "-n", "-u", "-i", *_ISOLATED]
    # nsenter forks into the fabric's process namespace, and unshare into the host's
    _hold(plan.own(host), [*command, "bash", str(SCRIPTS / "host.sh"), host, str(plan.own(host))], generations=2)


_ISOLATED = ("-p", "-f", "--kill-child=KILL", "--propagation", "private", "--mount-proc")


def power_off(folder: Path) -> None:
    """Kill a machine with everything that runs in it, and wait until it is gone."""
    pid = init_pid(folder)
    if pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: birth(pid) is None, f"{folder.name} ends", END_TIMEOUT_S)
    forget_init(folder)


def processes_of(folder: Path) -> list[int]:
    """Process ids, seen from outside, of everything that runs in a machine."""
    init = init_pid(folder)
    home = _pid_namespace(init) if init else None
    if home is None:
        return []
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [pid for pid in pids if pid != init and _pid_namespace(pid) == home]


def run_tool(*command: str, check: bool = True, timeout_s: float = 60.0) -> str:
    """
    Run a command of the machine to its end; returns what it printed.

    Raises:
        LabError: too slow, or (with `check`) it failed.
    """
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


def wait_until(condition: Callable[[], object], what: str, timeout_s: float, poll_s: float = POLL_S) -> float:
    """
    Wait for a condition; returns the seconds it took.

    Raises:
        LabError: not within `timeout_s`.
    """
    begin = time.monotonic()
    while not condition():
        if time.monotonic() - begin > timeout_s:
            raise LabError(f"{what}: not after {timeout_s:.0f} s")
        time.sleep(poll_s)
    return time.monotonic() - begin


def _hold(folder: Path, command: Sequence[str], generations: int) -> None:
    pid = boot(folder, command, ENVIRONMENT, START_TIMEOUT_S)
    for _ in range(generations):
        pid = _child_of(pid)
    remember_init(folder, pid)


def _child_of(pid: int) -> int:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    if len(children) != 1:
        raise LabError(f"process {pid} has the children {children}, and one was expected")
    return int(children[0])


def _pid_namespace(pid: int) -> str | None:
    try:
        return os.readlink(f"/proc/{pid}/ns/pid")
    except OSError:
        return None
