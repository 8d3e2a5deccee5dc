"""
The names of a request's varbinds, as the agent's path reads them: values are left alone.

OIDs and the OIDs of columns are remembered: a manager asks for the same columns again and again.
"""

from __future__ import annotations

from typing import Final

from gateway.wire.ber import (
    MAX_OID_LENGTH,
    OBJECT_IDENTIFIER,
    SEQUENCE,
    Oid,
    decode_length,
    decode_oid_content,
    expect,
    expect_end,
    read_tlv,
)


def read_names(varbinds: bytes) -> tuple[list[Oid], list[bytes]]:
    """
    Read the names of a variable-bindings content; their values are only stepped over.

    Returns:
        (names, names as whole TLVs, ready to be joined with a value).

    Raises:
        DecodeError: malformed.
    """
    oids: list[Oid] = []
    encoded: list[bytes] = []
    offset, size = 0, len(varbinds)
    while offset < size:
        end = offset + _PLAIN_VARBINDS.get(varbinds[offset : offset + 4], 0)
        if end > offset and varbinds[end - 2 : end] == b"\x05\x00":
            name = varbinds[offset + 2 : end - 2]
        else:
            name, end = _name(varbinds, offset, size)
        oids.append(_KNOWN_OIDS.get(name) or _remember(name))
        encoded.append(name)
        offset = end
    return oids, encoded


_PLAIN_VARBINDS: Final = {bytes((SEQUENCE, n, 0x06, n - 4)): n + 2 for n in range(5, 0x80)}
"""Size of a varbind with a short name and the value NULL, by its first four octets."""

_KNOWN_OIDS: Final[dict[bytes, Oid]] = {}
"""OIDs lately asked for, by their TLV: a walk asks for its last answer in each column."""


def _remember(name: bytes) -> Oid:
    _, start = decode_length(name, 1)
    oid = _decode_by_prefix(name, start) or decode_oid_content(name[start:])
    if len(name) <= 64:
        if len(_KNOWN_OIDS) >= 4096:
            _KNOWN_OIDS.clear()
        _KNOWN_OIDS[name] = oid
    return oid


_KNOWN_PREFIXES: Final[dict[bytes, Oid]] = {}
"""OIDs without their last sub-identifier, by their content octets: the columns that are walked."""


def _decode_by_prefix(name: bytes, start: int) -> Oid | None:
    """Decode the OID of a row from that of its column, if this column was met before."""
    last = len(name) - 1
    if last < start + 2 or name[last] & 0x80:
        return None
    value, shift, place = name[last], 7, last - 1
    while name[place] & 0x80 and shift <= 21:  # above 2**28 the other way has to check it
        value |= (name[place] & 0x7F) << shift
        shift += 7
        place -= 1
    if place < start or name[place] & 0x80 or name[place + 1] == 0x80:
        return None
    content = name[start : place + 1]
    prefix = _KNOWN_PREFIXES.get(content)
    if prefix is None:
        prefix = decode_oid_content(content)
        if len(content) <= 64:
            if len(_KNOWN_PREFIXES) >= 4096:
                _KNOWN_PREFIXES.clear()
            _KNOWN_PREFIXES[content] = prefix
    return (*prefix, value) if len(prefix) < MAX_OID_LENGTH else None


def _name(varbinds: bytes, offset: int, size: int) -> tuple[bytes, int]:
    """VarBind ::= SEQUENCE { name, value }: the TLV of the name, and the offset after it all."""
    name, end = expect(varbinds, offset, size, SEQUENCE, "varbind")
    _, stop = expect(varbinds, name, end, OBJECT_IDENTIFIER, "name of a varbind")
    _, _, after = read_tlv(varbinds, stop, end)
    expect_end(after, end, "varbind")
    return varbinds[name:stop], end
