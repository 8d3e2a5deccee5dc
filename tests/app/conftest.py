"""Fixtures of the application's tests."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.app.estate import Estate


@pytest.fixture
def estate() -> Iterator[Estate]:
    """In a short path: a UNIX socket's has at most 107 bytes."""
    with TemporaryDirectory(prefix="gw-") as folder:
        yield Estate(Path(folder))
