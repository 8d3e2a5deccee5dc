"""MIB text: the text of TOPOLOGY-GATEWAY-MIB under the root that an organisation gives it."""

import re
from itertools import count
from typing import Final

from gateway.schema.snmp.arcs import ENTERPRISES
from gateway.wire.ber import Oid

_VALUE: Final = re.compile(r"::= \{ topologyArc\d* \d+ \}\n\n(?:topologyArc\d* +OBJECT IDENTIFIER ::= .*\n)+", re.A)
"""The value of the MODULE-IDENTITY, and the arcs between it and `enterprises`."""


def rerooted(text: str, root: Oid) -> str:
    """
    The module's text with its MODULE-IDENTITY at `root`; all its other values are relative to that.

    Raises:
        ValueError: the root is not below enterprises, or the text is not our module's.
    """
    if root[: len(ENTERPRISES)] != ENTERPRISES or len(root) == len(ENTERPRISES):
        raise ValueError("the root is not below enterprises (1.3.6.1.4.1)")
    changed, found = _VALUE.subn(_arcs(root[len(ENTERPRISES) :]), text, count=1)
    if not found:
        raise ValueError("the text has no MODULE-IDENTITY of TOPOLOGY-GATEWAY-MIB with its arcs")
    return changed


def _arcs(numbers: Oid) -> str:
    """smilint wants a name for each arc: the last is the module's, the others are named here."""
    *above, last = numbers
    names = ["topologyArc" + (str(number) if number > 1 else "") for number, _ in zip(count(1), above, strict=False)]
    parents = ["enterprises", *names]
    lines = [
        f"{name:<21} OBJECT IDENTIFIER ::= {{ {parent} {number} }}\n"
        for name, parent, number in zip(names, parents, above, strict=False)
    ]
    return f"::= {{ {parents[-1]} {last} }}\n\n" + "".join(lines)
