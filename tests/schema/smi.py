"""A small reader of SMIv2 text (RFC 2578): as much as our own MIB needs, independent of the code under test."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

MIB = Path(__file__).parents[2] / "mibs" / "TOPOLOGY-GATEWAY-MIB.txt"
MACROS = (
    "MODULE-IDENTITY|MODULE-COMPLIANCE|OBJECT IDENTIFIER|OBJECT-IDENTITY|OBJECT-TYPE|OBJECT-GROUP"
    "|NOTIFICATION-TYPE|NOTIFICATION-GROUP"
)
ROOTS = {"enterprises": (1, 3, 6, 1, 4, 1)}


@dataclass
class Module:
    """What a MIB module defines."""

    oids: dict[str, tuple[int, ...]] = field(default_factory=dict)
    syntax: dict[str, str] = field(default_factory=dict)
    access: dict[str, str] = field(default_factory=dict)
    index: dict[str, tuple[str, ...]] = field(default_factory=dict)
    enums: dict[str, dict[str, int]] = field(default_factory=dict)
    notifications: dict[str, tuple[str, ...]] = field(default_factory=dict)
    groups: dict[str, tuple[str, ...]] = field(default_factory=dict)


def parse(text: str) -> Module:
    text = re.sub(r'"[^"]*"', '""', text)
    text = re.sub(r"--[^\n]*", "", text)
    text = re.sub(r"IMPORTS.*?;", "", text, count=1, flags=re.S)
    module = Module()
    for name, body in re.findall(r"(\w+) ::= TEXTUAL-CONVENTION(.*?)(?=\n\n)", text, re.S):
        labels = re.search(r"INTEGER \{(.*?)\}", body, re.S)
        if labels:
            module.enums[name] = {word: int(number) for word, number in re.findall(r"(\w+)\((-?\d+)\)", labels[1])}
    pattern = rf"^(\w+)\s+({MACROS})(.*?)::= \{{ (\w+) (\d+) \}}"
    parents = {}
    for name, macro, body, parent, number in re.findall(pattern, text, re.S | re.M):
        parents[name] = (parent, int(number))
        if macro == "OBJECT-TYPE":
            module.syntax[name] = " ".join(re.search(r"SYNTAX\s+(.*?)\n", body)[1].split())
            module.access[name] = re.search(r"MAX-ACCESS\s+(\S+)", body)[1]
            index = re.search(r"INDEX\s+\{(.*?)\}", body, re.S)
            if index:
                module.index[name] = _words(index[1])
        elif macro == "NOTIFICATION-TYPE":
            module.notifications[name] = _words(re.search(r"OBJECTS\s+\{(.*?)\}", body, re.S)[1])
        elif macro.endswith("-GROUP"):
            module.groups[name] = _words(re.search(r"\{(.*?)\}", body, re.S)[1])
    for name in parents:
        module.oids[name] = _oid(name, parents)
    return module


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _oid(name: str, parents: dict[str, tuple[str, int]]) -> tuple[int, ...]:
    if name in ROOTS:
        return ROOTS[name]
    parent, number = parents[name]
    return (*_oid(parent, parents), number)
