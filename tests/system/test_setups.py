"""Three set-ups, every verb: what a real snmptrapd receives is what the cluster did, and all answers agree with it."""

from __future__ import annotations

import itertools

import pytest

from tests.system.comparison import Comparison
from tests.system.setups import SetUp
from tests.system.verbs import VERBS

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

SHORT = {
    SetUp.INSIDE: ("move", "standby", "fail", "block"),
    SetUp.SSH: ("group_move", "exhaust", "quorum_loss", "mid_read_kill"),
    SetUp.AGENTS: ("live_move", "kill", "unfenced", "mid_read_kill"),
}
"""What the short form runs: each verb at least once. The rest is run with `--long`."""


def possible(setup: SetUp, verb: str) -> bool:
    """Only who asks by ssh can lose the node that it asks and live."""
    return verb != "mid_read_kill" or setup is not SetUp.INSIDE


@pytest.mark.parametrize(
    ("installation", "verb"),
    [
        pytest.param(setup, verb, marks=[] if verb in SHORT[setup] else [pytest.mark.long], id=f"{setup}-{verb}")
        for setup, verb in itertools.product(SetUp, VERBS)
        if possible(setup, verb)
    ],
    indirect=["installation"],
)
def test_told_is_what_happened(seen: Comparison, verb: str):
    VERBS[verb](seen)
    seen.end()


def test_the_short_form_leaves_no_verb_out():
    assert set().union(*SHORT.values()) == set(VERBS)
