"""
The agent's path: read a request without its values, write a response from encoded varbinds.

A GETBULK costs a few microseconds here, so `parse_request` reads the common short lengths in
line and keeps slices of the datagram that the response repeats octet by octet: version and
community, and the request-id. Values of a SET are left to `decode_varbinds(request.varbinds)`.
Records are NamedTuples: a frozen dataclass takes three times as long to build.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from gateway.wire.ber import (
    INTEGER,
    LENGTHS,
    MAX_OID_LENGTH,
    OBJECT_IDENTIFIER,
    OCTET_STRING,
    SEQUENCE,
    Oid,
    decode_integer,
    decode_length,
    decode_oid_content,
    encode_integer,
    encode_length,
    expect,
    expect_end,
    read_tlv,
)
from gateway.wire.errors import DecodeError
from gateway.wire.pdu import PduType, Version


class Request(NamedTuple):
    """
    A request PDU of any version, with what its response has to repeat.

    For GETBULK the two numbers are never negative (RFC 3416 section 4.2.3 reads negative
    ones as zero); for other PDUs they are zero. `encoded_oids` are whole TLVs, ready to be
    joined with a value. For SNMPv3 `community` is empty.
    """

    version: Version
    community: bytes
    pdu_type: PduType
    request_id: int
    non_repeaters: int
    max_repetitions: int
    oids: list[Oid]
    encoded_oids: list[bytes]
    varbinds: bytes
    """Content of the received variable-bindings: an error response repeats it."""
    head: bytes
    """Version and community as received (empty for SNMPv3)."""
    request_id_tlv: bytes

    def __repr__(self) -> str:
        """Leaves the community out: it is a password."""
        return (
            f"Request({self.version.name}, {self.pdu_type.name}, request_id={self.request_id}, "
            f"non_repeaters={self.non_repeaters}, max_repetitions={self.max_repetitions}, "
            f"oids={self.oids})"
        )


# Bound once: in Python 3.11 each look-up of an enum's member calls a Python function.
_V3: Final = Version.V3
_GET_BULK: Final = PduType.GET_BULK
_VERSIONS: Final = {b"\x02\x01\x00": Version.V1, b"\x02\x01\x01": Version.V2C}
_V1_REQUESTS: Final = {int(t): t for t in (PduType.GET, PduType.GET_NEXT, PduType.SET)}
_REQUESTS: Final = {**_V1_REQUESTS, **{int(t): t for t in (PduType.GET_BULK, PduType.INFORM)}}
_REQUESTS_OF: Final = {Version.V1: _V1_REQUESTS, Version.V2C: _REQUESTS, Version.V3: _REQUESTS}


def is_v3(data: bytes) -> bool:
    """
    Whether a datagram says that it is SNMPv3, so that USM and not `parse_request` reads it.

    False for anything that cannot be told, `parse_request` then says what is wrong.
    """
    if len(data) < 2:
        return False
    length = data[1]
    start = 2 if length < 0x80 else 2 + (length & 0x7F)
    return data[start : start + 3] == b"\x02\x01\x03"


def parse_request(data: bytes) -> Request:
    """
    Parse an SNMPv1 or SNMPv2c request (RFC 1157 section 4, RFC 3416 section 3).

    Raises:
        DecodeError: malformed, another version, not a request PDU, or one that the
            version does not know.
    """
    usual = _parse_usual(data)
    if usual is not None:
        return usual
    size = len(data)
    # Message ::= SEQUENCE { version, community, data }
    tag, offset, end = read_tlv(data, 0, size)
    if tag != SEQUENCE or end != size:
        raise DecodeError("the datagram is not exactly one SNMP message")
    head_start = offset
    version = _VERSIONS.get(data[offset : offset + 3])
    if version is None:
        raise DecodeError("the message is neither SNMPv1 nor SNMPv2c")
    offset += 3
    tag, start, offset = read_tlv(data, offset, size)
    if tag != OCTET_STRING:
        raise DecodeError(f"community: tag 0x{tag:02x} instead of 0x04")
    head, community = data[head_start:offset], data[start:offset]
    request = _parse_pdu(data, offset, version, community, head)
    _remember_head(head, version, community)
    return request


def _parse_usual(data: bytes) -> Request | None:
    """
    Parse a request of the shape that nearly all have, in half the time; None for any other.

    Below 130 octets, a version and community met before, a request-id of four octets, the two
    numbers below 128. Every length is compared with the one that follows from the size.
    """
    size = len(data)
    if not 24 < size < 130 or data[0] != SEQUENCE or data[1] != size - 2:
        return None
    start = data[6] + 7
    head = data[2:start]
    known = _KNOWN_HEADS.get(head)
    if known is None or start + 16 > size:
        return None
    pdu_type = known[2].get(data[start])
    numbers = _KNOWN_NUMBERS.get(data[start + 8 : start + 14])
    if (
        pdu_type is None
        or numbers is None
        or data[start + 1] != size - start - 2
        or data[start + 2 : start + 4] != b"\x02\x04"
        or data[start + 14] != SEQUENCE
        or data[start + 15] != size - start - 16
    ):
        return None
    if pdu_type is not _GET_BULK:
        numbers = _NO_NUMBERS
    varbinds = data[start + 16 :]
    oids, encoded = _names(varbinds)
    request_id = int.from_bytes(data[start + 4 : start + 8], "big", signed=True)
    return _new_tuple(
        Request,
        (known[0], known[1], pdu_type, request_id, numbers[0], numbers[1],
         oids, encoded, varbinds, head, data[start + 2 : start + 8]),
    )  # fmt: skip


_new_tuple: Final = tuple.__new__
_NO_NUMBERS: Final = (0, 0)
_KNOWN_NUMBERS: Final = {bytes((2, 1, n, 2, 1, m)): (n, m) for n in range(32) for m in range(128)}
"""Two INTEGERs of one octet each: non-repeaters and max-repetitions."""
_KNOWN_HEADS: Final[dict[bytes, tuple[Version, bytes, dict[int, PduType]]]] = {}
"""Version, community and request types by the octets of version and community lately met."""


def _remember_head(head: bytes, version: Version, community: bytes) -> None:
    if len(_KNOWN_HEADS) >= 256:
        _KNOWN_HEADS.clear()
    if len(head) < 128 and head[4] < 0x80:
        _KNOWN_HEADS[head] = (version, community, _REQUESTS_OF[version])


def parse_request_pdu(data: bytes, offset: int, end: int) -> Request:
    """
    Parse the request PDU of a v3 scopedPDU, which ends at `end` (RFC 3412 section 6).

    Raises:
        DecodeError: as `parse_request`.
    """
    return _parse_pdu(data[:end], offset, _V3, b"", b"")


def _parse_pdu(data: bytes, offset: int, version: Version, community: bytes, head: bytes) -> Request:
    size = len(data)
    tag, offset, end = read_tlv(data, offset, size)
    pdu_type = _REQUESTS_OF[version].get(tag)
    if pdu_type is None:
        raise DecodeError(f"PDU tag 0x{tag:02x} is no request of SNMP{version.name.lower()}")
    if end != size:
        raise DecodeError(f"{size - end} octets after the PDU")
    start = offset
    request_id, offset = _integer(data, offset, end)
    request_id_tlv = data[start:offset]
    if data[offset : offset + 6] == b"\x02\x01\x00\x02\x01\x00":
        non_repeaters = max_repetitions = 0
        offset += 6
    else:
        non_repeaters, offset = _integer(data, offset, end)
        max_repetitions, offset = _integer(data, offset, end)
    if pdu_type is not _GET_BULK:
        non_repeaters = max_repetitions = 0
    else:
        if non_repeaters < 0:
            non_repeaters = 0
        if max_repetitions < 0:
            max_repetitions = 0
    tag, offset, stop = read_tlv(data, offset, end)
    if tag != SEQUENCE or stop != end:
        raise DecodeError("variable-bindings do not end where the PDU ends")
    varbinds = data[offset:end]
    oids, encoded = _names(varbinds)
    return Request(
        version, community, pdu_type, request_id, non_repeaters, max_repetitions,
        oids, encoded, varbinds, head, request_id_tlv,
    )  # fmt: skip


def _integer(data: bytes, offset: int, end: int) -> tuple[int, int]:
    # The two forms that nearly every message has: four octets and one.
    form = data[offset : offset + 2]
    if form == b"\x02\x04" and offset + 6 <= end:
        return int.from_bytes(data[offset + 2 : offset + 6], "big", signed=True), offset + 6
    if form == b"\x02\x01" and offset + 3 <= end:
        value = data[offset + 2]
        return (value if value < 0x80 else value - 0x100), offset + 3
    tag, start, stop = read_tlv(data, offset, end)
    if tag != INTEGER:
        raise DecodeError(f"tag 0x{tag:02x} instead of INTEGER")
    return decode_integer(data[start:stop]), stop


def _names(varbinds: bytes) -> tuple[list[Oid], list[bytes]]:
    """Read the names of a variable-bindings content; their values are only stepped over."""
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


def encode_response(request: Request, error_status: int, error_index: int, varbinds: bytes) -> bytes:
    """
    Encode the SNMPv1 or SNMPv2c response to `request` from varbinds that are already encoded.

    An error response repeats the request's own: pass `request.varbinds`
    (RFC 3416 section 4.2). For tooBig pass b"".
    """
    head = request.head
    size = len(varbinds)
    if error_status or size > 1900:
        pdu = encode_response_pdu(request, error_status, error_index, varbinds)
        total = len(head) + len(pdu)
        return b"".join((b"0", LENGTHS[total] if total < 2048 else encode_length(total), head, pdu))
    length = LENGTHS[size]
    request_id = request.request_id_tlv
    inner = len(request_id) + 7 + len(length) + size
    total = len(head) + 1 + len(LENGTHS[inner]) + inner
    whole = LENGTHS[total] if total < 2048 else encode_length(total)
    return b"".join((b"0", whole, head, b"\xa2", LENGTHS[inner], request_id, _NO_ERROR, length, varbinds))


_NO_ERROR: Final = b"\x02\x01\x00\x02\x01\x00\x30"


def encode_response_pdu(request: Request, error_status: int, error_index: int, varbinds: bytes) -> bytes:
    """Encode the Response PDU alone, for a scopedPDU (RFC 3416 section 3)."""
    size = len(varbinds)
    length = LENGTHS[size] if size < 2048 else encode_length(size)
    request_id = request.request_id_tlv
    status = _NO_ERROR
    if error_status:
        status = encode_integer(error_status) + encode_integer(error_index) + b"\x30"
    total = len(request_id) + len(status) + len(length) + size
    return b"".join(
        (
            b"\xa2",
            LENGTHS[total] if total < 2048 else encode_length(total),
            request_id,
            status,
            length,
            varbinds,
        )
    )


def varbind_room(request: Request, max_size: int) -> int:
    """
    Octets of varbinds that fit a v1 or v2c response of at most `max_size` octets, at least 0.

    Every number is counted in its longest form below 64 KiB, so some octets stay free.
    """
    return max(0, max_size - 4 - len(request.head) - response_overhead(request))


def response_overhead(request: Request) -> int:
    """Octets of a Response PDU around its varbinds, every number in its longest form."""
    return 4 + len(request.request_id_tlv) + (3 + 6) + 4
