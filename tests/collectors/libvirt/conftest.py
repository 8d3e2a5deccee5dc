"""What tests have in common that follow hosts of libvirt's test driver."""

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture
def acting() -> Iterator[Any]:
    """A connection that changes the default host of libvirt's test driver, which this process shares."""
    libvirt = pytest.importorskip("libvirt")
    from gateway.collectors.libvirt.loop import EVENT_LOOP

    EVENT_LOOP.start()
    connection = libvirt.open("test:///default")
    yield connection
    connection.close()
