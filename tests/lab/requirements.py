"""What a lab needs of the machine, and the sentence that says what is missing and what brings it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def missing_tools(packages: Mapping[str, str], *, folders: Iterable[Path] = ()) -> str | None:
    """
    Say which tools are not installed, or None when all are.

    Args:
        packages: the Debian package by tool name.
        folders: searched in addition to the usual ones.
    """
    path = os.pathsep.join([SEARCH_PATH, *map(str, folders)])
    absent = [tool for tool in packages if shutil.which(tool, path=path) is None]
    if not absent:
        return None
    wanted = " ".join(sorted({packages[tool] for tool in absent}))
    return f"{', '.join(absent)} missing: apt-get install --no-install-recommends {wanted}"


def missing_root(purpose: str) -> str | None:
    """Say that root is needed for the purpose, or None when we are root."""
    return None if os.geteuid() == 0 else f"{purpose} needs root: run the tests as root"
