"""
The agent's path: read a request without its varbinds, write a response from encoded varbinds.

A GETBULK costs a few microseconds here, so `parse_usual` reads the shape that nearly every request
has by comparing octets, and keeps slices of the datagram that the response repeats octet by octet:
version and community, and the request-id. Names are left to `names.read_names(request.varbinds)`,
values of a SET to `values.decode_varbinds(request.varbinds)`: both raise what is malformed there.
Records are NamedTuples: a frozen dataclass takes three times as long to build.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from gateway.wire.ber import (
    INTEGER,
    LENGTH_IN,
    LENGTHS,
    OCTET_STRING,
    SEQUENCE,
    decode_integer,
    encode_integer,
    encode_length,
    expect_integer,
    read_tlv,
)
from gateway.wire.errors import DecodeError, UnexpectedPduError, UnknownVersionError
from gateway.wire.pdu import TYPES_OF, PduType, Version


class Request(NamedTuple):
    """
    A request PDU of any version, with what its response has to repeat.

    For GETBULK the two numbers are never negative (RFC 3416 section 4.2.3 reads negative
    ones as zero); for other PDUs they are zero. For SNMPv3 `community` is empty.
    """

    version: Version
    community: bytes
    pdu_type: PduType
    non_repeaters: int
    max_repetitions: int
    varbinds: bytes
    """Content of the received variable-bindings, not looked into; an error response repeats it."""
    head: bytes
    """Version and community as received (empty for SNMPv3)."""
    request_id_tlv: bytes

    @property
    def request_id(self) -> int:
        """The number that pairs request and response."""
        return _integer(self.request_id_tlv, 0, len(self.request_id_tlv))[0]

    def __repr__(self) -> str:
        """Leaves the community out: it is a password."""
        return (
            f"Request({self.version.name}, {self.pdu_type.name}, request_id={self.request_id}, "
            f"non_repeaters={self.non_repeaters}, max_repetitions={self.max_repetitions}, "
            f"varbinds={self.varbinds.hex()})"
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
        DecodeError: malformed before its varbinds, another version, not a request PDU, or one
            that the version does not know.
    """
    size = len(data)
    # Message ::= SEQUENCE { version, community, data }
    tag, offset, end = read_tlv(data, 0, size)
    if tag != SEQUENCE or end != size:
        raise DecodeError("the datagram is not exactly one SNMP message")
    head_start = offset
    version = _VERSIONS.get(data[offset : offset + 3])
    if version is None:
        expect_integer(data, offset, size, "version")
        raise UnknownVersionError("the message is neither SNMPv1 nor SNMPv2c")
    offset += 3
    tag, start, offset = read_tlv(data, offset, size)
    if tag != OCTET_STRING:
        raise DecodeError(f"community: tag 0x{tag:02x} instead of 0x04")
    head, community = data[head_start:offset], data[start:offset]
    return _parse_pdu(data, offset, version, community, head)


class KnownHead(NamedTuple):
    """A version and community that was met before, and which PDUs may follow, by their tag."""

    version: Version
    community: bytes
    requests: Mapping[int, PduType]


def remember_head(heads: dict[bytes, KnownHead], request: Request) -> None:
    """Let `parse_usual` know the head of a request that was worth an answer."""
    head = request.head
    if len(head) < 128 and head[4] < 0x80:
        if len(heads) >= _MOST_HEADS:
            heads.clear()
        heads[head] = KnownHead(request.version, request.community, _REQUESTS_OF[request.version])


def parse_usual(data: bytes, heads: Mapping[bytes, KnownHead]) -> Request | None:
    """
    Parse a request of the shape that nearly all have, in a third of the time; None for any other.

    Below 2 KiB, a head met before, every length in its shortest form, a request-id of four
    octets, small numbers. What it returns is what `parse_request` returns.
    """
    size = len(data)
    if not 22 < size < _USUAL_SIZE or data[0] != SEQUENCE:
        return None
    length = LENGTH_IN[size]
    head_start = 1 + len(length)
    pdu = head_start + 5 + data[head_start + 4]
    head = data[head_start:pdu]
    known = heads.get(head)
    if known is None or data[1:head_start] != length:
        return None
    return _usual_pdu(data, pdu, known, head)


def _usual_pdu(data: bytes, pdu: int, known: KnownHead, head: bytes) -> Request | None:
    """The request PDU that ends where `data` ends."""
    size = len(data)
    rest = size - pdu
    if rest < 16:
        return None
    length = LENGTH_IN[rest]
    start = pdu + 1 + len(length)
    numbers = _KNOWN_NUMBERS.get(data[start + 6 : start + 12])
    pdu_type = known[2].get(data[pdu])
    inner = LENGTH_IN[size - start - 12]
    varbinds = start + 13 + len(inner)
    if (
        numbers is None
        or pdu_type is None
        or data[pdu + 1 : start + 2] != length + b"\x02\x04"
        or data[start + 12 : varbinds] != b"\x30" + inner
    ):
        return None
    if pdu_type is not _GET_BULK:
        numbers = _NO_NUMBERS
    return _new_tuple(
        Request,
        (known[0], known[1], pdu_type, numbers[0], numbers[1], data[varbinds:], head, data[start : start + 6]),
    )


_new_tuple: Final = tuple.__new__
_USUAL_SIZE: Final = 2048
_NO_NUMBERS: Final = (0, 0)
_KNOWN_NUMBERS: Final = {bytes((2, 1, n, 2, 1, m)): (n, m) for n in range(32) for m in range(128)}
"""Two INTEGERs of one octet each: non-repeaters and max-repetitions."""
_MOST_HEADS: Final = 256


def parse_request_pdu(data: bytes, offset: int, end: int) -> Request:
    """
    Parse the request PDU of a v3 scopedPDU, which ends at `end` (RFC 3412 section 6).

    Raises:
        DecodeError: as `parse_request`.
    """
    whole = data if end == len(data) else data[:end]
    usual = _usual_pdu(whole, offset, _HEAD_V3, b"") if end < _USUAL_SIZE else None
    return usual if usual is not None else _parse_pdu(whole, offset, _V3, b"", b"")


_HEAD_V3: Final = KnownHead(_V3, b"", _REQUESTS)


def _parse_pdu(data: bytes, offset: int, version: Version, community: bytes, head: bytes) -> Request:
    size = len(data)
    tag, offset, end = read_tlv(data, offset, size)
    pdu_type = _REQUESTS_OF[version].get(tag)
    if pdu_type is None:
        wrong = UnexpectedPduError if tag in TYPES_OF[version] else DecodeError
        raise wrong(f"PDU tag 0x{tag:02x} is no request of SNMP{version.name.lower()}")
    if end != size:
        raise DecodeError(f"{size - end} octets after the PDU")
    start = offset
    _, offset = _integer(data, offset, end)
    request_id_tlv = data[start:offset]
    if data[offset : offset + 6] == b"\x02\x01\x00\x02\x01\x00":
        non_repeaters = max_repetitions = 0
        offset += 6
    else:
        non_repeaters, offset = _integer(data, offset, end)
        max_repetitions, offset = _integer(data, offset, end)
    if pdu_type is not _GET_BULK:
        non_repeaters = max_repetitions = 0
    tag, offset, stop = read_tlv(data, offset, end)
    if tag != SEQUENCE or stop != end:
        raise DecodeError("variable-bindings do not end where the PDU ends")
    return Request(
        version, community, pdu_type, max(non_repeaters, 0), max(max_repetitions, 0),
        data[offset:end], head, request_id_tlv,
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


def encode_response(request: Request, error_status: int, error_index: int, varbinds: bytes) -> bytes:
    """
    Encode the SNMPv1 or SNMPv2c response to `request` from varbinds that are already encoded.

    An error response repeats the request's own: pass `request.varbinds`
    (RFC 3416 section 4.2). For tooBig pass b"".
    """
    head, request_id = request.head, request.request_id_tlv
    size = len(varbinds)
    length = LENGTHS[size] if size < 4096 else encode_length(size)
    status = _NO_ERROR
    if error_status:
        status = encode_integer(error_status) + encode_integer(error_index) + b"\x30"
    inner = len(request_id) + len(status) + len(length) + size
    pdu = LENGTHS[inner] if inner < 4096 else encode_length(inner)
    total = len(head) + 1 + len(pdu) + inner
    whole = LENGTHS[total] if total < 4096 else encode_length(total)
    return b"".join((b"0", whole, head, b"\xa2", pdu, request_id, status, length, varbinds))


_NO_ERROR: Final = b"\x02\x01\x00\x02\x01\x00\x30"


def encode_response_pdu(request: Request, error_status: int, error_index: int, varbinds: bytes) -> bytes:
    """Encode the Response PDU alone, for a scopedPDU (RFC 3416 section 3)."""
    size = len(varbinds)
    length = LENGTHS[size] if size < 4096 else encode_length(size)
    request_id = request.request_id_tlv
    status = _NO_ERROR
    if error_status:
        status = encode_integer(error_status) + encode_integer(error_index) + b"\x30"
    total = len(request_id) + len(status) + len(length) + size
    return b"".join(
        (
            b"\xa2",
            LENGTHS[total] if total < 4096 else encode_length(total),
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
    room = max_size - _MESSAGE_OVERHEAD - len(request.head) - len(request.request_id_tlv)
    return room if room > 0 else 0


def response_overhead(request: Request) -> int:
    """Octets of a Response PDU around its varbinds, every number in its longest form."""
    return _PDU_OVERHEAD + len(request.request_id_tlv)


_PDU_OVERHEAD: Final = 4 + (3 + 6) + 4
_MESSAGE_OVERHEAD: Final = 4 + _PDU_OVERHEAD
