"""Machines made of namespaces: each is held by one process, and to kill it is to pull the power cord."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from tests.lab.errors import LabError
from tests.lab.machines import boot, forget_init, init_pid, remember_init
from tests.lab.processes import birth
from tests.lab.requirements import SEARCH_PATH

SCRIPTS = Path(__file__).with_name("node")
START_TIMEOUT_S = 15.0
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
    forks = "p" in namespaces
    command = ["unshare", *(f"-{flag}" for flag in namespaces), *(["-f"] if forks else [])]
    command += ["bash", str(SCRIPTS / script), folder.name, str(folder), *arguments]
    pid = boot(folder, command, ENVIRONMENT, START_TIMEOUT_S)
    remember_init(folder, child_of(pid) if forks else pid)


def power_off(folder: Path) -> None:
    """Kill a machine with everything that runs in it."""
    pid = init_pid(folder)
    if pid is not None:
        inhabitants = _inhabitants(pid)
        _kill(pid)
        for inhabitant in inhabitants:
            _kill(inhabitant)
        _await_the_end(pid, inhabitants)
    forget_init(folder)


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
