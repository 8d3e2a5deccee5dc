"""
The power controllers (BMC) of the lab's machines: what the fence agent talks to.

A process of its own per lab. It also watches over the process that the lab belongs to, and takes the lab down
when that was killed.
"""

from __future__ import annotations

import os
import shutil
import socketserver
import subprocess
import sys
import threading
import time
from pathlib import Path

from tests.lab.errors import LabError
from tests.lab.machines import init_pid
from tests.lab.pacemaker import namespaces
from tests.lab.pacemaker.namespaces import ENVIRONMENT
from tests.lab.pacemaker.plan import SWITCH, Plan, load_plan, state_file
from tests.lab.pacemaker.power import power_off, power_on
from tests.lab.processes import birth, lives

OWNER_CHECK_S = 2.0
HANG_S = 300.0
ROOT_OF_THE_PROJECT = Path(__file__).resolve().parents[3]


def start_controllers(plan: Plan) -> None:
    """Start the process, and wait until it listens."""
    with (plan.folder / "controllers.out").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.lab.pacemaker.controllers", str(plan.folder)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            cwd=ROOT_OF_THE_PROJECT,
            env=ENVIRONMENT | {"TMPDIR": str(plan.folder.parent)},
        )
    _pid_file(plan.folder).write_text(birth(process.pid) or "")
    deadline = time.monotonic() + 15
    while not _socket(plan).exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise LabError(f"the power controllers did not start: {(plan.folder / 'controllers.out').read_text()}")
        time.sleep(0.02)


def stop_controllers(folder: Path) -> None:
    """End the process of the lab in this folder, unless it is ourselves."""
    try:
        mark = _pid_file(folder).read_text()
    except FileNotFoundError:
        return
    if not lives(mark) or int(mark.split()[0]) == os.getpid():
        return
    pid = int(mark.split()[0])
    os.kill(pid, 9)
    deadline = time.monotonic() + 5
    while lives(mark) and time.monotonic() < deadline:
        time.sleep(0.01)


def tear_down(folder: Path) -> None:
    """Power everything off and delete the folder; also what a killed run or a failed `up` left behind."""
    if not folder.exists():
        return
    stop_controllers(folder)
    machines = [path.parent for path in folder.glob("*/init.pid")]
    machines.sort(key=lambda machine: machine.name == SWITCH)
    for machine in machines:
        namespaces.power_off(machine)
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        time.sleep(0.3)  # a daemon that was just killed may have written a last file
        shutil.rmtree(folder)


class Controllers(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Answers `ACTION NODE` with `STATUS TEXT`, as the mode in the file `fence-mode` says."""

    daemon_threads = True

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.lock = threading.Lock()
        path = _socket(plan)
        path.unlink(missing_ok=True)
        super().__init__(str(path), Request)
        path.chmod(0o666)

    def answer(self, action: str, machine: str) -> str | None:
        """What is said to the fence agent; None: nothing at all."""
        mode = (self.plan.shared / "fence-mode").read_text().strip()
        self._log(f"{action} {machine} mode={mode}")
        known = machine in self.plan.machines
        match action:
            case "on" | "off" | "reboot":
                if mode == "hang":
                    time.sleep(HANG_S)
                    return None
                if mode == "fail" or not known:
                    return "1 power controller does not answer"
                self._switch(action, machine)
                return "0 ok"
            case "list":
                return "0 " + "\n".join(f"{name}," for name in self.plan.machines)
            case "status" if known:
                return "0 on" if init_pid(self.plan.own(machine)) else "2 off"
        return "0 "

    def _switch(self, action: str, machine: str) -> None:
        with self.lock:
            if action == "on" or (action == "reboot" and self.plan.reboot_s):
                delay_s = 0 if action == "on" else self.plan.reboot_s
                self.plan.mark(machine, "booting").touch()
                threading.Timer(delay_s, self._boot, [machine]).start()
            if action in ("off", "reboot"):
                power_off(self.plan, machine)

    def _boot(self, machine: str) -> None:
        with self.lock:
            if not state_file(self.plan.folder).exists():
                return
            try:
                power_on(self.plan, machine)
            except LabError as error:
                self._log(str(error))
            self.plan.mark(machine, "booting").unlink(missing_ok=True)

    def _log(self, text: str) -> None:
        with (self.plan.folder / "controllers.log").open("a") as log:
            log.write(f"{time.time():.3f} {text}\n")


class Request(socketserver.StreamRequestHandler):
    """One question of the fence agent."""

    server: Controllers

    def handle(self) -> None:
        action, machine = self.rfile.readline().decode().split()
        reply = self.server.answer(action, machine)
        if reply is not None:
            self.wfile.write(reply.encode())


def main() -> None:
    plan = load_plan(Path(sys.argv[1]))
    controllers = Controllers(plan)
    threading.Thread(target=controllers.serve_forever, daemon=True).start()
    while plan.owner is None or lives(plan.owner):
        time.sleep(OWNER_CHECK_S)
        if not state_file(plan.folder).exists():
            return
    tear_down(plan.folder)


def _socket(plan: Plan) -> Path:
    return plan.shared / "bmc.sock"


def _pid_file(folder: Path) -> Path:
    return folder / "controllers.pid"


if __name__ == "__main__":
    main()
