"""Machines made of namespaces, for every lab: each is held by one process, its init; its folder keeps whose."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.lab.errors import LabError
from tests.lab.processes import birth, lives

FULL = ("m", "n", "u", "i", "p")  # a computer: files, network, host name, IPC, processes


def boot(folder: Path, command: Sequence[str], environment: Mapping[str, str], timeout_s: float) -> int:
    """
    Run the command that makes a machine, until its init says by the file `ready` that it is up.

    Returns the process id of the command, which stays the machine's outermost process.

    Raises:
        LabError: it did not come up; the message holds what its init printed.
    """
    ready = folder / "ready"
    ready.unlink(missing_ok=True)
    output = folder / "init.out"
    with output.open("wb") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, env=environment
        )
    deadline = time.monotonic() + timeout_s
    while not ready.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            process.wait()
            raise LabError(f"{folder.name} did not come up: {output.read_text()}")
        time.sleep(0.01)
    return process.pid


def remember_init(folder: Path, pid: int) -> None:
    """This process is the machine's init."""
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


def forget_init(folder: Path) -> None:
    """The machine has no power any more."""
    _pid_file(folder).unlink(missing_ok=True)


def _pid_file(folder: Path) -> Path:
    return folder / "init.pid"
