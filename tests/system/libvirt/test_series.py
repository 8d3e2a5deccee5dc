"""Random series of verbs with the gateway restarted in between: nothing is told twice, nothing is lost."""

from __future__ import annotations

import itertools
import random
import signal
from functools import partial

import pytest

from tests.lab.libvirt.series import NEEDS_A_WITNESS, do, series
from tests.system.libvirt.comparison import LONGEST_SETTLE_S, Comparison
from tests.system.restarts import end, restart_during

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

STEPS = 7
SHORT_SEED = 5
SEEDS = range(1, 11)


@pytest.mark.parametrize(
    "seed", [pytest.param(seed, marks=[] if seed == SHORT_SEED else [pytest.mark.long]) for seed in SEEDS]
)
def test_a_random_series_is_told_as_it_happened(seen: Comparison, seed: int):
    ends = itertools.cycle([signal.SIGTERM, signal.SIGKILL])
    chance = random.Random(seed)
    for number, step in enumerate(series(seed, STEPS, seen.lab.vms)):
        print(f"seed {seed}: {step}")
        way = 0 if step.verb in NEEDS_A_WITNESS else number % 3
        if way == 0:
            do(seen.lab, step, seen.step)
        elif way == 1:  # away for the whole step: its net effect counts
            end(seen.gateway, next(ends))
            do(seen.lab, step)
            seen.gateway.start()
        else:  # restarted in the middle of it
            restart_during(partial(do, seen.lab, step), seen.gateway, next(ends), chance.random())
        seen.step()
    seen.step(quiet_s=LONGEST_SETTLE_S)
    seen.end()
    print(f"seed {seed}: told {sum(seen.told.values())}, delivered again {seen.repeated}")
