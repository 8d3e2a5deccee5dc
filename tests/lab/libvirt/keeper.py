"""
The lab's keeper: a process that watches over the one that the lab belongs to, and takes the lab down when it is gone.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.lab.errors import LabError
from tests.lab.libvirt.namespaces import ENVIRONMENT, power_off, wait_until
from tests.lab.libvirt.network import disconnect_uplink
from tests.lab.libvirt.plan import FABRIC, Plan, load_plan, state_file
from tests.lab.processes import birth, lives

OWNER_CHECK_S = 2.0
END_TIMEOUT_S = 5.0
PROJECT = Path(__file__).resolve().parents[3]


def start_keeper(plan: Plan) -> None:
    """Start it for a lab that belongs to a process."""
    with (plan.folder / "keeper.out").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.lab.libvirt.keeper", str(plan.folder)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            cwd=PROJECT,
            env=ENVIRONMENT | {"TMPDIR": str(plan.folder.parent)},
        )
    (plan.folder / "keeper.pid").write_text(birth(process.pid) or "")


def tear_down(folder: Path) -> None:
    """End everything of the lab in this folder and delete it; also what a killed run or a failed `up` left behind."""
    if not folder.exists():
        return
    _stop_keeper(folder)
    with contextlib.suppress(LabError, TypeError, ValueError, KeyError):
        disconnect_uplink(load_plan(folder))
    power_off(folder / FABRIC)
    for _ in range(10):  # a process that was just killed may have written a last file
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.1)
    shutil.rmtree(folder)


def _stop_keeper(folder: Path) -> None:
    try:
        mark = (folder / "keeper.pid").read_text()
    except FileNotFoundError:
        return
    if not lives(mark) or int(mark.split()[0]) == os.getpid():
        return
    with contextlib.suppress(ProcessLookupError):
        os.kill(int(mark.split()[0]), signal.SIGKILL)
    wait_until(lambda: not lives(mark), "the keeper ends", END_TIMEOUT_S)


def main() -> None:
    folder = Path(sys.argv[1])
    plan = load_plan(folder)
    while lives(plan.owner):
        time.sleep(OWNER_CHECK_S)
        if not state_file(folder).exists():
            return
    with contextlib.suppress(LabError):
        tear_down(folder)


if __name__ == "__main__":
    main()
