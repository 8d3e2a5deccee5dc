"""Standard MIBs as smidump reads their texts, which are not ours to carry: MIB_TEXTS names a folder that has them."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import Any

import pytest


def module(name: str) -> dict[str, Any]:
    """A module as smidump's Python literal; skips without the texts."""
    folder = os.environ.get("MIB_TEXTS", "")
    if not folder or not shutil.which("smidump"):
        pytest.skip(
            f"optional: set MIB_TEXTS to a folder with {name} and what it imports; smidump is of the package smitools"
        )
    command = ["smidump", "-f", "python", "-k", name]
    dumped = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "SMIPATH": folder}, check=True)
    namespace: dict[str, Any] = {}
    exec(dumped.stdout, namespace)  # a Python literal, written by smidump
    read: dict[str, Any] = namespace["MIB"]
    return read
