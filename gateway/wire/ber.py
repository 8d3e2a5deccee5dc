"""
BER as SNMP restricts it (X.690; RFC 3417 section 8): definite lengths, primitive strings.

Encoders return a whole TLV. Decoders of content take the content octets only. Nothing here
recurses: SNMP's nesting is fixed, so its decoders spell it out and the depth is bounded.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from gateway.wire.errors import DecodeError, EncodeError

Oid = tuple[int, ...]

INTEGER: Final = 0x02
OCTET_STRING: Final = 0x04
NULL: Final = 0x05
OBJECT_IDENTIFIER: Final = 0x06
SEQUENCE: Final = 0x30
# Application types of SNMPv2-SMI (RFC 2578 section 2).
IP_ADDRESS: Final = 0x40
COUNTER32: Final = 0x41
GAUGE32: Final = 0x42
TIME_TICKS: Final = 0x43
OPAQUE: Final = 0x44
COUNTER64: Final = 0x46
# Exceptions of a varbind (RFC 3416 section 3).
NO_SUCH_OBJECT: Final = 0x80
NO_SUCH_INSTANCE: Final = 0x81
END_OF_MIB_VIEW: Final = 0x82

NULL_TLV: Final = b"\x05\x00"
NO_SUCH_OBJECT_TLV: Final = b"\x80\x00"
NO_SUCH_INSTANCE_TLV: Final = b"\x81\x00"
END_OF_MIB_VIEW_TLV: Final = b"\x82\x00"

MAX_SUB_IDENTIFIER: Final = 2**32 - 1
MAX_OID_LENGTH: Final = 128  # sub-identifiers (RFC 2578 section 3.5)
_MAX_LENGTH: Final = 2**31 - 1


def encode_length(length: int) -> bytes:
    """Encode length octets in their shortest form (X.690 8.1.3.4, 8.1.3.5)."""
    if length < len(LENGTHS):
        return LENGTHS[length]
    if length < 0x10000:
        return b"\x82" + length.to_bytes(2, "big")
    if length > _MAX_LENGTH:
        raise EncodeError(f"a length of {length} octets does not fit an SNMP message")
    size = (length.bit_length() + 7) >> 3
    return bytes((0x80 | size,)) + length.to_bytes(size, "big")


def _short_lengths() -> tuple[bytes, ...]:
    one = [bytes((n,)) for n in range(0x80)]
    two = [bytes((0x81, n)) for n in range(0x80, 0x100)]
    three = [b"\x82" + n.to_bytes(2, "big") for n in range(0x100, 0x1000)]
    return (*one, *two, *three)


LENGTHS: Final = _short_lengths()
"""Length octets of 0..4095, by length: what nearly every datagram needs."""


def _lengths_in() -> tuple[bytes, ...]:
    found = [b"!"] * len(LENGTHS)
    for content, length in enumerate(LENGTHS):
        if (whole := 1 + len(length) + content) < len(found):
            found[whole] = length
    return tuple(found)


LENGTH_IN: Final = _lengths_in()
"""Length octets in their shortest form, by the octets of the whole TLV; b"!" when no TLV has that many."""


def decode_length(data: bytes, offset: int = 0) -> tuple[int, int]:
    """
    Decode BER length octets (X.690 8.1.3).

    Returns:
        (content length in octets, offset of the first content octet).

    Raises:
        DecodeError: truncated, longer than 4 octets, or the indefinite form,
            which SNMP forbids (RFC 3417 section 8).
    """
    if offset >= len(data):
        raise DecodeError(f"truncated before the length at octet {offset}")
    first = data[offset]
    offset += 1
    if first < 0x80:
        return first, offset
    size = first & 0x7F
    if size == 0:
        raise DecodeError("the indefinite length form is forbidden in SNMP")
    if size > 4:
        raise DecodeError(f"a length of {size} octets: at most 4 are accepted")
    end = offset + size
    if end > len(data):
        raise DecodeError("truncated inside a length")
    return int.from_bytes(data[offset:end], "big"), end


def read_tlv(data: bytes, offset: int, end: int) -> tuple[int, int, int]:
    """
    Read the tag and the length at `offset`, inside an encoding that ends at `end`.

    Returns:
        (tag octet, offset of the first content octet, offset after the content).

    Raises:
        DecodeError: truncated, a multi-octet tag, or content that passes `end`.
    """
    if offset >= end:
        raise DecodeError(f"truncated before the tag at octet {offset}")
    tag = data[offset]
    if offset + 1 < end and tag & 0x1F != 0x1F:  # what nearly every TLV is: short and whole
        stop = offset + 2 + data[offset + 1]
        if stop <= end and data[offset + 1] < 0x80:
            return tag, offset + 2, stop
    if tag & 0x1F == 0x1F:
        raise DecodeError(f"tag 0x{tag:02x}: SNMP has no multi-octet tags")
    length, start = decode_length(data, offset + 1)
    stop = start + length
    if stop > end:
        raise DecodeError(f"the content of tag 0x{tag:02x} passes the end of its container")
    return tag, start, stop


def expect(data: bytes, offset: int, end: int, tag: int, what: str) -> tuple[int, int]:
    """Like `read_tlv`, for a known tag; returns (first content octet, offset after it)."""
    if offset + 1 < end and data[offset] == tag:  # as in read_tlv, without the call
        stop = offset + 2 + data[offset + 1]
        if stop <= end and data[offset + 1] < 0x80:
            return offset + 2, stop
    found, start, stop = read_tlv(data, offset, end)
    if found != tag:
        raise DecodeError(f"{what}: tag 0x{found:02x} instead of 0x{tag:02x}")
    return start, stop


def expect_integer(data: bytes, offset: int, end: int, what: str) -> tuple[int, int]:
    """Read an INTEGER of 32 bits; returns (value, offset after it)."""
    start, stop = expect(data, offset, end, INTEGER, what)
    if not 0 < stop - start <= 4:
        raise DecodeError(f"{what}: an INTEGER of {stop - start} octets: 1 to 4 are accepted")
    return int.from_bytes(data[start:stop], "big", signed=True), stop


def expect_octets(data: bytes, offset: int, end: int, what: str) -> tuple[bytes, int]:
    """Read an OCTET STRING; returns (content, offset after it)."""
    start, stop = expect(data, offset, end, OCTET_STRING, what)
    return data[start:stop], stop


def expect_end(offset: int, end: int, what: str) -> None:
    """Raise DecodeError when octets are left over."""
    if offset != end:
        raise DecodeError(f"{what}: {end - offset} octets too many")


# -- integers -------------------------------------------------------------------------------


def encode_integer(value: int) -> bytes:
    """Encode INTEGER, that is Integer32: -2**31..2**31-1 (RFC 2578 section 7.1.1)."""
    if 0 <= value < 0x80:
        return _SMALL_INTEGERS[value]
    if not -0x80000000 <= value <= 0x7FFFFFFF:
        raise EncodeError(f"INTEGER {value} is outside -2147483648..2147483647")
    size = ((value if value >= 0 else ~value).bit_length() >> 3) + 1
    return bytes((INTEGER, size)) + value.to_bytes(size, "big", signed=True)


_SMALL_INTEGERS: Final = tuple(bytes((INTEGER, 1, n)) for n in range(0x80))


def _encode_unsigned(tag: int, value: int, largest: int, name: str) -> bytes:
    if not 0 <= value <= largest:
        raise EncodeError(f"{name} {value} is outside 0..{largest}")
    size = (value.bit_length() >> 3) + 1
    return bytes((tag, size)) + value.to_bytes(size, "big")


def encode_counter32(value: int) -> bytes:
    """Encode Counter32; the caller wraps it (RFC 2578 section 7.1.6)."""
    return _encode_unsigned(COUNTER32, value, 0xFFFFFFFF, "Counter32")


def encode_gauge32(value: int) -> bytes:
    """Encode Gauge32 or Unsigned32, which share a tag (RFC 2578 sections 7.1.7, 7.1.11)."""
    return _encode_unsigned(GAUGE32, value, 0xFFFFFFFF, "Gauge32")


def encode_time_ticks(value: int) -> bytes:
    """Encode TimeTicks, hundredths of a second; the caller wraps it (RFC 2578 section 7.1.8)."""
    return _encode_unsigned(TIME_TICKS, value, 0xFFFFFFFF, "TimeTicks")


def encode_counter64(value: int) -> bytes:
    """Encode Counter64 (RFC 2578 section 7.1.10); SNMPv1 cannot carry it."""
    return _encode_unsigned(COUNTER64, value, 0xFFFFFFFFFFFFFFFF, "Counter64")


def decode_integer(content: bytes) -> int:
    """Decode Integer32 content; redundant leading octets are tolerated up to 4 octets."""
    if not 0 < len(content) <= 4:
        raise DecodeError(f"INTEGER of {len(content)} octets: 1 to 4 are accepted")
    return int.from_bytes(content, "big", signed=True)


def decode_unsigned32(content: bytes) -> int:
    """Decode Counter32, Gauge32 or TimeTicks content: 0..2**32-1, at most 5 octets."""
    return _decode_unsigned(content, 5)


def decode_unsigned64(content: bytes) -> int:
    """Decode Counter64 content: 0..2**64-1, at most 9 octets."""
    return _decode_unsigned(content, 9)


def _decode_unsigned(content: bytes, limit: int) -> int:
    if not 0 < len(content) <= limit:
        raise DecodeError(f"unsigned integer of {len(content)} octets: 1 to {limit} are accepted")
    value = int.from_bytes(content, "big", signed=True)
    if value < 0 or value >> (8 * (limit - 1)):
        raise DecodeError(f"{value} is no unsigned integer of {limit - 1} octets")
    return value


# -- strings --------------------------------------------------------------------------------


def encode_tlv(tag: int, content: bytes) -> bytes:
    """Put a tag and a length before content that is already encoded."""
    return bytes((tag,)) + encode_length(len(content)) + content


def encode_sequence(*members: bytes) -> bytes:
    """Encode a SEQUENCE of members that are already encoded."""
    return encode_tlv(SEQUENCE, b"".join(members))


def encode_octets(value: bytes) -> bytes:
    """Encode OCTET STRING, at most 65535 octets (RFC 2578 section 7.1.2)."""
    length = len(value)
    if length < 0x80:
        return _SHORT_OCTETS[length] + value
    if length > 0xFFFF:
        raise EncodeError(f"OCTET STRING of {length} octets: at most 65535 are allowed")
    return b"\x04" + encode_length(length) + value


_SHORT_OCTETS: Final = tuple(bytes((OCTET_STRING, n)) for n in range(0x80))


def encode_opaque(value: bytes) -> bytes:
    """Encode Opaque, whose content is itself BER (RFC 2578 section 7.1.9)."""
    if len(value) > 0xFFFF:
        raise EncodeError(f"Opaque of {len(value)} octets: at most 65535 are allowed")
    return encode_tlv(OPAQUE, value)


def encode_ip_address(value: bytes) -> bytes:
    """Encode IpAddress from its four octets in network order (RFC 2578 section 7.1.5)."""
    if len(value) != 4:
        raise EncodeError(f"IpAddress of {len(value)} octets: exactly 4 are needed")
    return b"\x40\x04" + value


# -- object identifiers ---------------------------------------------------------------------


def encode_oid(oid: Oid) -> bytes:
    """Encode OBJECT IDENTIFIER as a whole TLV (X.690 8.19)."""
    content = encode_oid_content(oid)
    return b"\x06" + LENGTHS[len(content)] + content


def encode_oid_content(oid: Oid) -> bytes:
    """
    Encode the content octets of an OBJECT IDENTIFIER, without tag and length (X.690 8.19).

    Raises:
        EncodeError: fewer than 2 or more than 128 sub-identifiers, or one out of range.
    """
    if not 2 <= len(oid) <= MAX_OID_LENGTH:
        raise EncodeError(f"an OID of {len(oid)} sub-identifiers: 2 to 128 can be encoded")
    top, second = oid[0], oid[1]
    if not 0 <= top <= 2 or second < 0 or (second >= 40 and top < 2):
        raise EncodeError(f"no OID begins with {top}.{second} (X.690 8.19.4)")
    if second > MAX_SUB_IDENTIFIER:
        raise EncodeError(f"sub-identifier {second} is outside 0..4294967295")
    first = top * 40 + second
    if first > MAX_SUB_IDENTIFIER:  # 2.4294967216 and above
        return _base_128(first) + encode_sub_identifiers(oid[2:])
    cache = _SUB_IDENTIFIERS
    return b"".join([cache[first], *[cache[n] for n in oid[2:]]])


def encode_sub_identifiers(sub_identifiers: Iterable[int]) -> bytes:
    """
    Encode sub-identifiers alone (X.690 8.19.2).

    A table is encoded faster as encode_oid_content(column) + encode_sub_identifiers(index).
    """
    cache = _SUB_IDENTIFIERS
    return b"".join([cache[n] for n in sub_identifiers])


class _SubIdentifiers(dict[int, bytes]):
    """Encodings of sub-identifiers already met; bounded, for indexes can be anything."""

    def __missing__(self, value: int) -> bytes:
        if not 0 <= value <= MAX_SUB_IDENTIFIER:
            raise EncodeError(f"sub-identifier {value} is outside 0..4294967295")
        encoded = _base_128(value)
        if len(self) < 0x10000:
            self[value] = encoded
        return encoded


_SUB_IDENTIFIERS: Final = _SubIdentifiers()


def _base_128(value: int) -> bytes:
    """Seven bits an octet, the most significant first, bit 8 on all but the last."""
    octets = [value & 0x7F]
    while value := value >> 7:
        octets.append(value & 0x7F | 0x80)
    octets.reverse()
    return bytes(octets)


def decode_oid_content(content: bytes) -> Oid:
    """
    Decode the content octets of an OBJECT IDENTIFIER (X.690 8.19).

    Empty content is read as 0.0, which net-snmp sends and accepts for it.

    Raises:
        DecodeError: truncated, padded, a sub-identifier above 2**32-1, or more than 128.
    """
    if not content:
        return (0, 0)
    if content.isascii():  # every sub-identifier has one octet
        subs: Iterable[int] = content
    else:
        subs = _decode_sub_identifiers(content)
    first, *rest = subs
    if len(rest) > MAX_OID_LENGTH - 2:
        raise DecodeError(f"an OID of {len(rest) + 2} sub-identifiers: at most 128 are allowed")
    top = 2 if first >= 80 else first // 40
    return (top, first - 40 * top, *rest)


def _decode_sub_identifiers(content: bytes) -> list[int]:
    if len(content) > MAX_OID_LENGTH * 5:
        raise DecodeError(f"an OID of {len(content)} octets has too many sub-identifiers")
    subs: list[int] = []
    value = 0
    for octet in content:
        if octet == 0x80 and not value:
            raise DecodeError("a sub-identifier begins with padding (X.690 8.19.2)")
        if octet & 0x80:
            value = value << 7 | octet & 0x7F
        else:
            value = value << 7 | octet
            # 2.x: the first sub-identifier holds 80 + x
            if value > MAX_SUB_IDENTIFIER + (0 if subs else 80):
                raise DecodeError(f"sub-identifier {value} is above 4294967295")
            subs.append(value)
            value = 0
    if content[-1] & 0x80:
        raise DecodeError("the last sub-identifier is truncated")
    return subs
