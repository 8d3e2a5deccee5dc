"""Seeded random series of verbs on the libvirt lab: the same seed gives the same verbs."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
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
    "migrate_p2p": 2,
    "migrate_postcopy": 2,
    "cancel_migration": 2,
    "panic": 1,
    "watchdog": 1,
    "io_error": 1,
    "split_brain": 2,
    "hang_daemon": 1,
    "host_away": 1,
}
NEEDS_A_WITNESS = frozenset({"cancel_migration", "io_error", "split_brain", "hang_daemon", "host_away"})
"""These end as they began: what is to be told of them is seen by those only who look in the middle."""
SLOWLY_MIB = 1  # a second: the migration is under way for as long as something else needs


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


def do(lab: LibvirtLab, step: Step, look: Callable[[], object] = lambda: None) -> None:
    """
    Do one verb to its end: every host answers then, and nothing is in flight.

    Args:
        look: called in the middle of those that need a witness; it may take a while.
    """
    vm = step.vm
    if not lab.status().active(vm):
        lab.start(vm, _host(lab, step.chance))  # what an earlier verb stopped
    elif step.verb in NEEDS_A_WITNESS:
        _do_and_look(lab, step, look)
    elif "migrate" in step.verb or step.verb == "move":
        _migrate(lab, step)
    else:
        _do(lab, step)


def _migrate(lab: LibvirtLab, step: Step) -> None:
    vm, new = step.vm, _other(lab, step.vm, step.chance)
    if step.verb == "migrate_postcopy":
        migration = lab.begin_migration(vm, new, bandwidth_mib=SLOWLY_MIB, options=("--postcopy",))
        lab.wait_migrating(migration)
        lab.switch_to_postcopy(vm)
        migration.wait()
    else:
        lab.migrate(vm, new, move=step.verb == "move", p2p=step.verb == "migrate_p2p")
    lab.keep_definition(vm)


def _do(lab: LibvirtLab, step: Step) -> None:
    vm = step.vm
    match step.verb:
        case "crash_guest":
            lab.wait_state(vm, lab.kill(vm), "shut off (crashed)")
        case "panic":
            host = lab.place(vm)
            lab.wait_agent(vm)
            lab.panic(vm)
            lab.wait_state(vm, host, "shut off (crashed)")
        case "watchdog":
            lab.wait_agent(vm)
            lab.watchdog(vm)
            lab.wait_beating(vm)
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
        case unknown:
            raise ValueError(f"{unknown}: no verb of a series")


def _do_and_look(lab: LibvirtLab, step: Step, look: Callable[[], object]) -> None:
    vm = step.vm
    match step.verb:
        case "cancel_migration":
            migration = lab.begin_migration(vm, _other(lab, vm, step.chance), bandwidth_mib=SLOWLY_MIB)
            lab.wait_migrating(migration)
            look()
            lab.cancel_migration(vm)
            migration.wait(check=False)
            lab.wait_for(lambda status: not status.in_flight(), "the incoming copy is gone")
        case "io_error":
            lab.fill_storage()
            look()
            lab.heal_storage()
        case "split_brain":
            second = _other(lab, vm, step.chance)
            lab.split_brain(vm, second)
            look()
            lab.destroy(vm, second)
            lab.undefine(vm, second)
        case "hang_daemon":
            host = _host(lab, step.chance)
            lab.hang_daemon(host)
            look()
            lab.continue_daemon(host)
        case "host_away":
            host = _host(lab, step.chance)
            lab.isolate(host)
            look()
            lab.reconnect(host)


def _host(lab: LibvirtLab, chance: float) -> str:
    return lab.hosts[int(chance * len(lab.hosts))]


def _other(lab: LibvirtLab, vm: str, chance: float) -> str:
    others = [host for host in lab.hosts if host != lab.place(vm)]
    return others[int(chance * len(others))]
