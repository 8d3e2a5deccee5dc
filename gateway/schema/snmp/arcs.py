"""Arcs: where TOPOLOGY-GATEWAY-MIB hangs in the tree of OIDs, and the standard objects that we speak of."""

from typing import Final

from gateway.wire.ber import Oid

ENTERPRISES: Final[Oid] = (1, 3, 6, 1, 4, 1)
DOCUMENTATION: Final = 32473
"""The enterprise number that RFC 5612 keeps for documentation: nobody's, so that a stranger's MIB is not met."""
ENTERPRISE: Final[Oid] = (*ENTERPRISES, DOCUMENTATION, 7163)
"""The MIB's root as its text has it, and the OIDs here. An organisation has its own: see `under`."""

NOTIFICATIONS: Final[Oid] = (*ENTERPRISE, 0)
OBJECTS: Final[Oid] = (*ENTERPRISE, 1)
INFO: Final[Oid] = (*OBJECTS, 1)
EVENT: Final[Oid] = (*OBJECTS, 7)
PRODUCT: Final[Oid] = (*ENTERPRISE, 3, 1)
"""sysObjectID of this agent."""

SYSTEM: Final[Oid] = (1, 3, 6, 1, 2, 1, 1)
SNMP_GROUP: Final[Oid] = (1, 3, 6, 1, 2, 1, 11)
COLD_START: Final[Oid] = (1, 3, 6, 1, 6, 3, 1, 1, 5, 1)
WARM_START: Final[Oid] = (1, 3, 6, 1, 6, 3, 1, 1, 5, 2)
AUTHENTICATION_FAILURE: Final[Oid] = (1, 3, 6, 1, 6, 3, 1, 1, 5, 5)
ENGINE_GROUP: Final[Oid] = (1, 3, 6, 1, 6, 3, 10, 2, 1)
MPD_STATS: Final[Oid] = (1, 3, 6, 1, 6, 3, 11, 2, 1)
UNAVAILABLE_CONTEXTS: Final[Oid] = (1, 3, 6, 1, 6, 3, 12, 1, 4)
UNKNOWN_CONTEXTS: Final[Oid] = (1, 3, 6, 1, 6, 3, 12, 1, 5)
USM_STATS: Final[Oid] = (1, 3, 6, 1, 6, 3, 15, 1, 1)


def under(root: Oid, oid: Oid) -> Oid:
    """An OID of our MIB with its root in place of `ENTERPRISE`; any other OID is as it was."""
    size = len(ENTERPRISE)
    return root + oid[size:] if oid[:size] == ENTERPRISE and root != ENTERPRISE else oid


def parse_root(text: str) -> Oid:
    """
    The root of our MIB as people write it: an enterprise number, and arcs of the organisation below it ("4711.2.1"),
    or the OID of that as a whole ("1.3.6.1.4.1.4711.2.1", with or without a dot before it).

    Raises:
        ValueError: it is not that; says what is.
    """
    numbers = text.removeprefix(".").split(".")
    if not all(each.isascii() and each.isdigit() and len(each) <= 10 and int(each) < 2**32 for each in numbers):
        raise ValueError(f"{text!r} is no enterprise number. {_WANTED}")
    arcs = tuple(map(int, numbers))
    if arcs[: len(ENTERPRISES)] == ENTERPRISES:
        arcs = arcs[len(ENTERPRISES) :]
    elif text.startswith(".") or arcs[: len(_INTERNET)] == _INTERNET:
        raise ValueError(f"{text!r} is not below {'.'.join(map(str, ENTERPRISES))}, where enterprises are. {_WANTED}")
    if not arcs or arcs[0] == 0 or len(arcs) > _DEEPEST:
        raise ValueError(f"{text!r} is no enterprise number. {_WANTED}")
    return (*ENTERPRISES, *arcs)


def is_documentation(root: Oid) -> bool:
    """Whether a root is below the number that nobody has."""
    return root[: len(ENTERPRISES) + 1] == (*ENTERPRISES, DOCUMENTATION)


_DEEPEST: Final = 16
_INTERNET: Final = ENTERPRISES[:4]
_WANTED: Final = "Give the digits of yours (1 or more), with arcs below it if any, as in 4711.2.1"
