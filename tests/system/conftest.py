"""Fixtures of the system tests: one installation per set-up, kept over the tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lab.pacemaker import PacemakerLab
from tests.system import received
from tests.system.comparison import Comparison
from tests.system.interruption import interruptible_command
from tests.system.setups import Installation, SetUp, installed


@pytest.fixture(scope="module")
def installation(request: pytest.FixtureRequest, pacemaker_lab: PacemakerLab) -> Iterator[Installation]:
    """The gateway in the set-up that is the parameter."""
    reason = received.missing()
    if reason:
        pytest.skip(reason)
    setup: SetUp = request.param
    with installed(setup, pacemaker_lab, forced_command=interruptible_command(pacemaker_lab)) as made:
        yield made


@pytest.fixture
def seen(installation: Installation, _clean_labs: None) -> Comparison:
    """The comparison of what is told with what happens, from a cluster at rest with everything running."""
    if not installation.gateway.runs:
        installation.gateway.start()
    installation.join_cluster()
    return Comparison(installation)
