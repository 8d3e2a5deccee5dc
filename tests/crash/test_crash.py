"""kill -9 under load, inside every phase: log and receiver against what the source did."""

import os
import random
import signal
import time
from collections import defaultdict
from contextlib import suppress

import pytest

from tests.crash.cluster import ScriptedCluster
from tests.crash.gateway import Gateway, compare, let_it_see
from tests.lab.snmptrapd import Snmptrapd

PHASES = ("read", "before-commit", "after-commit", "after-send", "any")


@pytest.mark.timeout(300)
def test_five_kills_lose_nothing_and_invent_nothing(gateway, cluster, snmptrapd):
    kill_and_compare(gateway, cluster, snmptrapd, kills=5)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_fifty_kills_lose_nothing_and_invent_nothing(gateway, cluster, snmptrapd):
    kill_and_compare(gateway, cluster, snmptrapd, kills=50)


def kill_and_compare(gateway: Gateway, cluster: ScriptedCluster, snmptrapd: Snmptrapd, kills: int) -> None:
    chance = random.Random(kills)
    killed = defaultdict(int)
    let_it_see(gateway, cluster)
    for number in range(kills):
        phase = PHASES[number % len(PHASES)]
        killed[phase] += kill_once(gateway, cluster, phase, chance)
        for _ in range(chance.randint(0, 3)):
            cluster.step()  # what happens while nobody looks
    let_it_see(gateway, cluster)
    assert all(killed[phase] == kills // len(PHASES) for phase in PHASES)
    compare(gateway, cluster, snmptrapd)


def kill_once(gateway: Gateway, cluster: ScriptedCluster, phase: str, chance: random.Random) -> bool:
    """Start a gateway, move things, and kill it in its phase. True when it was killed by SIGKILL."""
    process = gateway.start(phase, chance.randint(1, 3))
    reads = len(cluster.reads())
    deadline = time.monotonic() + 60
    random_end = time.monotonic() + chance.uniform(0.5, 5)
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(chance.uniform(0.1, 0.5))
        cluster.step()
        if phase == "read" and len(cluster.reads()) > reads + 1:
            cluster.kill_in_read()
        if phase == "any" and time.monotonic() > random_end:
            process.kill()
    with suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGKILL) if process.poll() is None else None
    (cluster.folder / "kill-in-read").unlink(missing_ok=True)
    return process.wait(10) == -signal.SIGKILL
