"""Fixtures of the system tests with libvirt: one gateway for the tests of a module, compared from a calm lab on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lab.libvirt import LibvirtLab
from tests.system import received
from tests.system.libvirt.comparison import Comparison
from tests.system.libvirt.installation import Installation, installed


@pytest.fixture(scope="module")
def fleet(libvirt_lab: LibvirtLab) -> Iterator[Installation]:
    """The gateway beside the lab."""
    reason = received.missing()
    if reason:
        pytest.skip(reason)
    libvirt_lab.reset()
    with installed(libvirt_lab) as installation:
        yield installation


@pytest.fixture
def seen(fleet: Installation, _clean_labs: None) -> Comparison:
    """The comparison of what is told with what happens, from a lab at rest with every guest running."""
    if not fleet.gateway.runs:
        fleet.gateway.start()
    return Comparison(fleet)
