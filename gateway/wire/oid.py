"""OIDs as text, and the INDEX of a conceptual row as sub-identifiers (RFC 2578 section 7.7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, assert_never

from gateway.wire.ber import MAX_OID_LENGTH, MAX_SUB_IDENTIFIER, Oid
from gateway.wire.errors import DecodeError, EncodeError


def parse_oid(text: str) -> Oid:
    """
    Read a numeric OID such as "1.3.6.1" or ".1.3.6.1".

    Raises:
        DecodeError: not numeric, empty, or outside the limits of RFC 2578 section 3.5.
    """
    parts = text.removeprefix(".").split(".")
    if len(parts) > MAX_OID_LENGTH:
        raise DecodeError(f"an OID of {len(parts)} sub-identifiers: at most 128 are allowed")
    if not all(p.isascii() and p.isdigit() and len(p) <= 10 for p in parts):
        raise DecodeError(f"{text[:80]!r} is no numeric OID: write it like 1.3.6.1.4.1")
    oid = tuple(map(int, parts))
    if max(oid) > MAX_SUB_IDENTIFIER:
        raise DecodeError(f"{text[:80]!r} has a sub-identifier above 4294967295")
    return oid


def format_oid(oid: Oid) -> str:
    """Write an OID as "1.3.6.1", without a leading dot."""
    return ".".join(map(str, oid))


class IndexType(Enum):
    """How one object of an INDEX clause becomes sub-identifiers (RFC 2578 section 7.7)."""

    INTEGER = "integer"
    """One sub-identifier."""
    STRING = "string"
    """Variable length: the length, then one sub-identifier for each octet."""
    IMPLIED_STRING = "implied string"
    """Variable length, last in the INDEX: the octets only."""
    FIXED_STRING = "fixed string"
    """Known length: the octets only."""
    OID = "oid"
    """The number of sub-identifiers, then they."""
    IMPLIED_OID = "implied oid"
    """Last in the INDEX: the sub-identifiers only."""
    IP_ADDRESS = "ip address"
    """Four sub-identifiers."""


@dataclass(frozen=True, slots=True)
class IndexPart:
    """One object of an INDEX clause; `size` is the length of a FIXED_STRING, in octets."""

    type: IndexType
    size: int = 0

    def __post_init__(self) -> None:
        if (self.type is IndexType.FIXED_STRING) != (self.size > 0):
            raise EncodeError("a size belongs to a fixed string, and to nothing else")


IndexValue = int | bytes | Oid
_IMPLIED: Final = (IndexType.IMPLIED_STRING, IndexType.IMPLIED_OID)


def encode_index(parts: Sequence[IndexPart], values: Sequence[IndexValue]) -> Oid:
    """
    Encode the values of an INDEX clause: the instance part of an OID (RFC 2578 section 7.7).

    Raises:
        EncodeError: a value of the wrong type or out of range, IMPLIED that is not last.
    """
    _check_implied(parts)
    if len(parts) != len(values):
        raise EncodeError(f"{len(values)} values for an INDEX of {len(parts)} objects")
    subs: list[int] = []
    for part, value in zip(parts, values, strict=True):
        subs += _encode_part(part, value)
    return tuple(subs)


def _check_implied(parts: Sequence[IndexPart]) -> None:
    if any(part.type in _IMPLIED for part in parts[:-1]):
        raise EncodeError("IMPLIED is allowed for the last object of an INDEX only")


def _encode_part(part: IndexPart, value: IndexValue) -> Sequence[int]:
    match part.type:
        case IndexType.INTEGER:
            if not isinstance(value, int) or not 0 <= value <= MAX_SUB_IDENTIFIER:
                raise EncodeError(f"INDEX {value!r} is no integer of 0..4294967295")
            return (value,)
        case IndexType.STRING:
            octets = _octets(value)
            return (len(octets), *octets)
        case IndexType.IMPLIED_STRING:
            return _not_empty(_octets(value))
        case IndexType.FIXED_STRING:
            return _octets(value, part.size)
        case IndexType.IP_ADDRESS:
            return _octets(value, 4)
        case IndexType.OID:
            oid = _oid(value)
            return (len(oid), *oid)
        case IndexType.IMPLIED_OID:
            return _not_empty(_oid(value))
    assert_never(part.type)


def _octets(value: IndexValue, size: int | None = None) -> bytes:
    if not isinstance(value, bytes) or (size is not None and len(value) != size):
        wanted = "octets" if size is None else f"{size} octets"
        raise EncodeError(f"INDEX {value!r} has to be {wanted}")
    return value


def _oid(value: IndexValue) -> Oid:
    if not isinstance(value, tuple) or not all(0 <= n <= MAX_SUB_IDENTIFIER for n in value):
        raise EncodeError(f"INDEX {value!r} is no OID")
    return value


def _not_empty(value: Sequence[int]) -> Sequence[int]:
    if not value:
        raise EncodeError("an IMPLIED object of length zero is not allowed (RFC 2578 7.7)")
    return value


def decode_index(parts: Sequence[IndexPart], subs: Oid) -> tuple[IndexValue, ...]:
    """
    Decode the instance part of an OID into the values of an INDEX clause.

    Raises:
        DecodeError: too short, too long, or octets above 255.
        EncodeError: IMPLIED that is not last, a fault of `parts`.
    """
    _check_implied(parts)
    values: list[IndexValue] = []
    offset = 0
    for part in parts:
        value, offset = _decode_part(part, subs, offset)
        values.append(value)
    if offset != len(subs):
        raise DecodeError(f"{len(subs) - offset} sub-identifiers after the INDEX")
    return tuple(values)


def _decode_part(part: IndexPart, subs: Oid, offset: int) -> tuple[IndexValue, int]:
    match part.type:
        case IndexType.INTEGER:
            return _take(subs, offset, 1)[0], offset + 1
        case IndexType.STRING | IndexType.OID:
            size = _take(subs, offset, 1)[0]
            offset += 1
        case IndexType.IMPLIED_STRING | IndexType.IMPLIED_OID:
            size = max(1, len(subs) - offset)
        case IndexType.FIXED_STRING:
            size = part.size
        case IndexType.IP_ADDRESS:
            size = 4
        case _ as never:
            assert_never(never)
    taken = _take(subs, offset, size)
    if part.type in (IndexType.OID, IndexType.IMPLIED_OID):
        return taken, offset + size
    try:
        return bytes(taken), offset + size
    except ValueError:
        raise DecodeError(f"a sub-identifier of {max(taken)} in a string INDEX") from None


def _take(subs: Oid, offset: int, size: int) -> Oid:
    taken = subs[offset : offset + size]
    if len(taken) != size:
        raise DecodeError(f"the INDEX ends early: {len(taken)} of {size} sub-identifiers")
    return taken
