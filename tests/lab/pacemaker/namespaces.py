"""Machines made of namespaces: each is held by one process, and to kill it is to pull the power cord."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from tests.lab.pacemaker.errors import LabError
from tests.lab.pacemaker.plan import birth, lives
from tests.lab.requirements import SEARCH_PATH

SCRIPTS = Path(__file__).with_name("node")
START_TIMEOUT_S = 15.0
FULL = ("m", "n", "u", "i", "p")  # a computer: files, network, host name, IPC, processes
ENVIRONMENT = {
    "PATH": SEARCH_PATH,
    "LC_ALL": "C",
    "HOME": "/root",
    "PCMK_logfile": "/var/log/pacemaker/pacemaker.log",
    "PCMK_logfacility": "none",
    "PCMK_fail_fast": "no",
}


def hold(folder: Path, script: str, namespaces: Sequence[str], *arguments: str) -> None:
    """
    Start a machine: new namespaces, whose init is `script NAME FOLDER ARGUMENTS...`.

    Raises:
        LabError: it did not come up; the message holds what its init printed.
    """
    ready = folder / "ready"
    ready.unlink(missing_ok=True)
    output = folder / "init.out"
    forks = "p" in namespaces
    command = ["unshare", *(f"-{flag}" for flag in namespaces), *(["-f"] if forks else [])]
    command += ["bash", str(SCRIPTS / script), folder.name, str(folder), *arguments]
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
    pid = child_of(process.pid) if forks else process.pid
    _pid_file(folder).write_text(birth(pid) or "")


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
    """Kill a machine with everything that runs in it."""
    pid = init_pid(folder)
    if pid is not None:
        inhabitants = _inhabitants(pid)
        _kill(pid)
        for inhabitant in inhabitants:
            _kill(inhabitant)
        _await_the_end(pid, inhabitants)
    _pid_file(folder).unlink(missing_ok=True)


def child_of(pid: int, timeout_s: float = 5.0) -> int:
    """The (first) child of a process that forks once, as `unshare -f` and `nsenter -p` do."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        try:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        except OSError:
            break
        if children:
            return int(children[0])
        time.sleep(0.005)
    raise LabError(f"process {pid} has no child")


def _pid_file(folder: Path) -> Path:
    return folder / "init.pid"


def _inhabitants(init: int) -> list[int]:
    """Processes that share the mount namespace of a machine: a machine without a pid namespace keeps them."""
    home = _mount_namespace(init)
    if home is None or home == _mount_namespace(os.getpid()):
        return []
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [pid for pid in pids if pid != init and _mount_namespace(pid) == home]


def _mount_namespace(pid: int) -> str | None:
    try:
        return os.readlink(f"/proc/{pid}/ns/mnt")
    except OSError:
        return None


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _await_the_end(init: int, inhabitants: Sequence[int]) -> None:
    deadline = time.monotonic() + 5
    while any(birth(pid) for pid in (init, *inhabitants)) and time.monotonic() < deadline:
        time.sleep(0.01)
