"""The values of SNMP, typed: ObjectSyntax and the exceptions (RFC 2578 section 2, RFC 3416)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, assert_never

from gateway.wire import ber
from gateway.wire.ber import Oid
from gateway.wire.errors import DecodeError


@dataclass(frozen=True, slots=True)
class Integer:
    """INTEGER or Integer32: -2**31..2**31-1."""

    value: int


@dataclass(frozen=True, slots=True)
class OctetString:
    """OCTET STRING, at most 65535 octets."""

    value: bytes


@dataclass(frozen=True, slots=True)
class ObjectIdentifier:
    """OBJECT IDENTIFIER."""

    value: Oid


@dataclass(frozen=True, slots=True)
class IpAddress:
    """IpAddress: four octets in network order."""

    value: bytes


@dataclass(frozen=True, slots=True)
class Counter32:
    """Counter32: 0..2**32-1."""

    value: int


@dataclass(frozen=True, slots=True)
class Gauge32:
    """Gauge32 or Unsigned32: 0..2**32-1."""

    value: int


@dataclass(frozen=True, slots=True)
class TimeTicks:
    """TimeTicks, hundredths of a second: 0..2**32-1."""

    value: int


@dataclass(frozen=True, slots=True)
class Opaque:
    """Opaque: BER inside an octet string."""

    value: bytes


@dataclass(frozen=True, slots=True)
class Counter64:
    """Counter64: 0..2**64-1; not in SNMPv1."""

    value: int


class Empty(IntEnum):
    """The values without content, by tag: unSpecified and the exceptions (RFC 3416 section 3)."""

    NULL = ber.NULL
    NO_SUCH_OBJECT = ber.NO_SUCH_OBJECT
    NO_SUCH_INSTANCE = ber.NO_SUCH_INSTANCE
    END_OF_MIB_VIEW = ber.END_OF_MIB_VIEW


Value = (
    Integer | OctetString | ObjectIdentifier | IpAddress | Counter32 | Gauge32 | TimeTicks | Opaque | Counter64 | Empty
)


@dataclass(frozen=True, slots=True)
class VarBind:
    """A variable binding: a name and its value (RFC 3416 section 2.3)."""

    oid: Oid
    value: Value = Empty.NULL


def encode_value(value: Value) -> bytes:
    """
    Encode a value as a whole TLV.

    Raises:
        EncodeError: out of range.
    """
    match value:
        case Integer(number):
            return ber.encode_integer(number)
        case OctetString(octets):
            return ber.encode_octets(octets)
        case ObjectIdentifier(oid):
            return ber.encode_oid(oid)
        case IpAddress(octets):
            return ber.encode_ip_address(octets)
        case Counter32(number):
            return ber.encode_counter32(number)
        case Gauge32(number):
            return ber.encode_gauge32(number)
        case TimeTicks(number):
            return ber.encode_time_ticks(number)
        case Opaque(octets):
            return ber.encode_opaque(octets)
        case Counter64(number):
            return ber.encode_counter64(number)
        case Empty():
            return bytes((value, 0))
    assert_never(value)


def decode_value(data: bytes, offset: int, end: int) -> tuple[Value, int]:
    """
    Decode the value at `offset`, inside an encoding that ends at `end`.

    Returns:
        (value, offset after it).

    Raises:
        DecodeError: malformed, or a type that SNMP does not have.
    """
    tag, start, stop = ber.read_tlv(data, offset, end)
    decoder = _DECODERS.get(tag)
    if decoder is None:
        raise DecodeError(f"tag 0x{tag:02x} is no type of SNMP")
    return decoder(data[start:stop]), stop


def _decode_ip_address(content: bytes) -> IpAddress:
    if len(content) != 4:
        raise DecodeError(f"IpAddress of {len(content)} octets: exactly 4 are needed")
    return IpAddress(content)


def _decode_empty(value: Empty) -> Callable[[bytes], Empty]:
    def decode(content: bytes) -> Empty:
        if content:
            raise DecodeError(f"{value.name} with {len(content)} octets of content")
        return value

    return decode


_DECODERS: Final[dict[int, Callable[[bytes], Value]]] = {
    ber.INTEGER: lambda content: Integer(ber.decode_integer(content)),
    ber.OCTET_STRING: OctetString,
    ber.OBJECT_IDENTIFIER: lambda content: ObjectIdentifier(ber.decode_oid_content(content)),
    ber.IP_ADDRESS: _decode_ip_address,
    ber.COUNTER32: lambda content: Counter32(ber.decode_unsigned32(content)),
    ber.GAUGE32: lambda content: Gauge32(ber.decode_unsigned32(content)),
    ber.TIME_TICKS: lambda content: TimeTicks(ber.decode_unsigned32(content)),
    ber.OPAQUE: Opaque,
    ber.COUNTER64: lambda content: Counter64(ber.decode_unsigned64(content)),
    **{int(empty): _decode_empty(empty) for empty in Empty},
}


def encode_varbind(oid_tlv: bytes, value_tlv: bytes) -> bytes:
    """Join a name and a value that are already encoded to a VarBind."""
    return b"0" + ber.encode_length(len(oid_tlv) + len(value_tlv)) + oid_tlv + value_tlv


def encode_varbinds(varbinds: Iterable[VarBind]) -> bytes:
    """Encode varbinds one after the other, without the SEQUENCE around them."""
    return b"".join([encode_varbind(ber.encode_oid(v.oid), encode_value(v.value)) for v in varbinds])


def decode_varbinds(content: bytes) -> tuple[VarBind, ...]:
    """
    Decode the content of a VarBindList (RFC 3416 section 3).

    Raises:
        DecodeError: malformed.
    """
    varbinds = []
    offset, size = 0, len(content)
    while offset < size:
        start, end = ber.expect(content, offset, size, ber.SEQUENCE, "varbind")
        name, stop = ber.expect(content, start, end, ber.OBJECT_IDENTIFIER, "name of a varbind")
        value, after = decode_value(content, stop, end)
        ber.expect_end(after, end, "varbind")
        varbinds.append(VarBind(ber.decode_oid_content(content[name:stop]), value))
        offset = end
    return tuple(varbinds)
