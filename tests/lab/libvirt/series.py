"""Seeded random series of verbs on the libvirt lab: the same seed gives the same verbs."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass

from tests.lab.libvirt.lab import LibvirtLab

WEIGHTS = {
    "migrate": 6,
    "move": 4,
    "crash_guest": 2,
    "start_elsewhere": 3,
    "save": 1,
    "pause": 1,
    "restart_daemon": 2,
    "cut_briefly": 1,
    "crash_host": 2,
}


@dataclass(frozen=True, slots=True)
class Step:
    """One verb, with a guest and chances that choose what else it needs."""

    verb: str
    vm: str
    chance: float

    def __str__(self) -> str:
        return f"{self.verb} {self.vm} {self.chance:.2f}"


def series(seed: int, steps: int, vms: tuple[str, ...]) -> list[Step]:
    """The verbs of a series."""
    chance = random.Random(seed)
    verbs = chance.choices(list(WEIGHTS), weights=list(WEIGHTS.values()), k=steps)
    return [Step(verb, chance.choice(vms), chance.random()) for verb in verbs]


def do(lab: LibvirtLab, step: Step) -> None:
    """Do one verb to its end: every host answers then, and nothing is in flight."""
    vm = step.vm
    if not lab.status().active(vm):
        lab.start(vm, _host(lab, step.chance))  # what an earlier verb stopped
        return
    match step.verb:
        case "migrate" | "move":
            lab.migrate(vm, _other(lab, vm, step.chance), move=step.verb == "move")
            lab.keep_definition(vm)
        case "crash_guest":
            lab.wait_state(vm, lab.kill(vm), "shut off (crashed)")
        case "start_elsewhere":
            new = _other(lab, vm, step.chance)
            lab.destroy(vm)
            lab.start(vm, new)
        case "save":
            lab.start(vm, lab.managed_save(vm))
        case "pause":
            lab.suspend(vm)
            lab.resume(vm)
        case "restart_daemon":
            host = _host(lab, step.chance)
            lab.kill_daemon(host)
            lab.start_daemon(host)
        case "cut_briefly":
            host = _host(lab, step.chance)
            lab.isolate(host)
            time.sleep(2 * step.chance)
            lab.reconnect(host)
        case "crash_host":
            host = lab.place(vm)
            lab.crash_host(host)
            lab.boot_host(host)


def _host(lab: LibvirtLab, chance: float) -> str:
    return lab.hosts[int(chance * len(lab.hosts))]


def _other(lab: LibvirtLab, vm: str, chance: float) -> str:
    others = [host for host in lab.hosts if host != lab.place(vm)]
    return others[int(chance * len(others))]
