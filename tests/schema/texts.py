"""Standard MIBs as smidump reads their texts, which are not ours to carry: MIB_TEXTS names a folder that has them."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest

_SMI = ("", "SNMPv2-SMI")
"""Where the types are that need no definition."""


@dataclass(frozen=True)
class Kind:
    """What a SYNTAX comes down to. `type`: the application type, or that of ASN.1; `ranges`: of values, or of sizes."""

    type: str
    ranges: tuple[tuple[int, int], ...]
    labels: dict[int, str]


@cache
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


def kind(given: dict[str, Any]) -> Kind:
    """The SYNTAX of a node, or a textual convention; what it does not refine is that of what it is made from."""
    if "name" in given:
        there = given["module"]
        return Kind(given["name"], (), {}) if there in _SMI else kind(module(there)["typedefs"][given["name"]])
    parent = given.get("parent module")
    above = Kind(given["basetype"], (), {})
    if parent is not None:
        above = kind({"module": parent["name"], "name": parent["type"]})
    ranges = tuple((int(each["min"]), int(each["max"])) for each in given.get("ranges", ()))
    labels = {int(each["number"]): word for word, each in given.items() if _is_number(each)}
    return Kind(above.type, ranges or above.ranges, labels or above.labels)


def _is_number(value: Any) -> bool:
    return isinstance(value, dict) and value.get("nodetype") == "namednumber"
