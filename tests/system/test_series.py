"""Random series of verbs with the gateway restarted in between: nothing is told twice, nothing is lost."""

from __future__ import annotations

import itertools
import random
import signal
from functools import partial

import pytest

from tests.lab.series import Step, do, series
from tests.system.comparison import Comparison
from tests.system.restarts import end, restart_during
from tests.system.setups import SetUp
from tests.system.verbs import elsewhere

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1800)]

STEPS = 6
SHORT_SEED = 5
SEEDS = range(1, 11)


def home_stays_up(step: Step, home: str) -> bool:
    """A gateway inside a node dies with it: that is another test's matter."""
    return step != Step("kill", (home,))


def setup_of(seed: int) -> SetUp:
    """The set-ups take turns."""
    return list(SetUp)[seed % len(SetUp)]


@pytest.mark.parametrize(
    ("installation", "seed"),
    [
        pytest.param(setup_of(seed), seed, marks=[] if seed == SHORT_SEED else [pytest.mark.long])
        for seed in sorted(SEEDS, key=setup_of)
    ],
    indirect=["installation"],
)
def test_a_random_series_is_told_as_it_happened(seen: Comparison, seed: int):
    ends = itertools.cycle([signal.SIGTERM, signal.SIGKILL])
    home = seen.installation.setup.home
    first = Step("move", ("svc-a", elsewhere(seen, "svc-a")))  # wherever everything is: this one relocates
    steps = [first, *(step for step in series(seed, STEPS) if home_stays_up(step, home))]
    chance = random.Random(seed)
    for number, step in enumerate(steps):
        print(f"seed {seed}: {step}")
        doing = partial(do, seen.lab, step)
        match number % 3:
            case 0:
                doing()
            case 1:  # away for the whole step: its net effect counts
                end(seen.gateway, next(ends))
                doing()
                seen.gateway.start()
            case _:  # restarted in the middle of it
                restart_during(doing, seen.gateway, next(ends), chance.uniform(0.2, 3.0))
        seen.step()
    seen.lab.cleanup()  # a series may leave a resource exhausted
    seen.step()
    seen.end()
    assert seen.told, "a series in which nothing relocates shows nothing"
    print(f"seed {seed}: told {sum(seen.told.values())}, delivered again {seen.repeated}")
