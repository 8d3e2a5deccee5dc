"""Fixtures of the tests with both labs: one pair of labs for all of them, one gateway for each story."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.lab import joined, libvirt, pacemaker
from tests.lab.joined import JoinedLab
from tests.lab.libvirt import free_net
from tests.system import received

CLUSTER_NET = "10.99.9"


@pytest.fixture(scope="session")
def joined_lab() -> Iterator[JoinedLab]:
    """Three libvirt hosts with a guest each, and a cluster of three nodes."""
    reason = joined.missing() or received.missing()
    if reason:
        pytest.skip(reason)
    libvirt.sweep_leftovers()
    pacemaker.sweep_leftovers()
    with JoinedLab.up(f"gjoin-{os.getpid()}", hosts_net=free_net(), cluster_net=CLUSTER_NET) as lab:
        yield lab
