"""Machines made of namespaces: each is held by one process, its init, and to kill that is to pull the power cord."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.lab.libvirt.errors import LabError
from tests.lab.libvirt.plan import FABRIC, Plan
from tests.lab.pacemaker.plan import birth, lives
from tests.lab.requirements import SEARCH_PATH

SCRIPTS = Path(__file__).with_name("machine")
START_TIMEOUT_S = 20.0
END_TIMEOUT_S = 10.0
POLL_S = 0.05
FULL = ("m", "n", "u", "i", "p")  # a computer: files, network, host name, IPC, processes
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


def init_pid(folder: Path) -> int | None:
    """Process id of a machine's init, seen from outside; None when the machine has no power."""
    try:
        mark = _pid_file(folder).read_text()
    except FileNotFoundError:
        return None
    return int(mark.split()[0]) if lives(mark) else None


def enter(folder: Path, namespaces: Sequence[str] = FULL) -> list[str]:
    """
    The argv prefix that runs a command inside a machine.

    Raises:
        LabError: the machine has no power.
    """
    pid = init_pid(folder)
    if pid is None:
        raise LabError(f"{folder.name} is powered off")
    return ["nsenter", "-t", str(pid), *(f"-{flag}" for flag in namespaces), "--"]


def power_off(folder: Path) -> None:
    """Kill a machine with everything that runs in it, and wait until it is gone."""
    pid = init_pid(folder)
    if pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: birth(pid) is None, f"{folder.name} ends", END_TIMEOUT_S)
    _pid_file(folder).unlink(missing_ok=True)


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
    ready = folder / "ready"
    ready.unlink(missing_ok=True)
    output = folder / "init.out"
    with output.open("wb") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, env=ENVIRONMENT
        )
    deadline = time.monotonic() + START_TIMEOUT_S
    while not ready.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            process.wait()
            raise LabError(f"{folder.name} did not come up: {output.read_text()}")
        time.sleep(0.01)
    pid = process.pid
    for _ in range(generations):
        pid = _child_of(pid)
    _pid_file(folder).write_text(birth(pid) or "")


def _child_of(pid: int) -> int:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    if len(children) != 1:
        raise LabError(f"process {pid} has the children {children}, and one was expected")
    return int(children[0])


def _pid_file(folder: Path) -> Path:
    return folder / "init.pid"


def _pid_namespace(pid: int) -> str | None:
    try:
        return os.readlink(f"/proc/{pid}/ns/pid")
    except OSError:
        return None
