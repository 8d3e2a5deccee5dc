"""Messages of SNMPv1, v2c and v3, complete and typed (RFC 1157, RFC 1901, RFC 3412 section 6)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntFlag
from typing import Final

from gateway.wire import ber
from gateway.wire.errors import DecodeError, EncodeError
from gateway.wire.pdu import AnyPdu, Version, check_version, decode_pdu, encode_pdu

SECURITY_MODEL_USM: Final = 3
SMALLEST_MAX_SIZE: Final = 484
"""Every engine can receive that many octets (RFC 3412 section 6, msgMaxSize)."""


@dataclass(frozen=True, slots=True)
class CommunityMessage:
    """A message of SNMPv1 or SNMPv2c. The community is a password: it is not in the repr."""

    version: Version
    community: bytes = field(repr=False)
    pdu: AnyPdu


class MessageFlags(IntFlag):
    """msgFlags (RFC 3412 section 6.4)."""

    NONE = 0
    AUTH = 1
    PRIV = 2
    REPORTABLE = 4


@dataclass(frozen=True, slots=True)
class ScopedPdu:
    """A PDU with the context that it is about (RFC 3412 section 6.8)."""

    context_engine_id: bytes
    context_name: bytes
    pdu: AnyPdu


@dataclass(frozen=True, slots=True)
class V3Message:
    """
    A message of SNMPv3.

    `security_parameters` are opaque here, `wire.usm` reads them. `data` is a ScopedPdu, or the
    octets of the encryptedPDU when the PRIV flag is set.
    """

    msg_id: int
    max_size: int
    flags: MessageFlags
    security_model: int
    security_parameters: bytes
    data: ScopedPdu | bytes


Message = CommunityMessage | V3Message


def encode_message(message: Message) -> bytes:
    """
    Encode a message.

    Raises:
        EncodeError: a value is out of range, or the version does not know the PDU or a value.
    """
    if isinstance(message, V3Message):
        return _encode_v3(message)
    if message.version is Version.V3:
        raise EncodeError("an SNMPv3 message is a V3Message")
    problem = check_version(message.version, message.pdu)
    if problem:
        raise EncodeError(problem)
    return ber.encode_sequence(
        ber.encode_integer(message.version),
        ber.encode_octets(message.community),
        encode_pdu(message.pdu),
    )


def _encode_v3(message: V3Message) -> bytes:
    scoped = message.data
    data = ber.encode_octets(scoped) if isinstance(scoped, bytes) else encode_scoped_pdu(scoped)
    return ber.encode_sequence(
        ber.encode_integer(Version.V3),
        ber.encode_sequence(
            ber.encode_integer(message.msg_id),
            ber.encode_integer(message.max_size),
            ber.encode_octets(bytes((message.flags,))),
            ber.encode_integer(message.security_model),
        ),
        ber.encode_octets(message.security_parameters),
        data,
    )


def encode_scoped_pdu(scoped: ScopedPdu) -> bytes:
    """Encode a scopedPDU as a whole TLV, which is also the plaintext of an encryptedPDU."""
    problem = check_version(Version.V3, scoped.pdu)
    if problem:
        raise EncodeError(problem)
    return ber.encode_sequence(
        ber.encode_octets(scoped.context_engine_id),
        ber.encode_octets(scoped.context_name),
        encode_pdu(scoped.pdu),
    )


def decode_message(data: bytes) -> Message:
    """
    Decode one whole datagram.

    Raises:
        DecodeError: malformed, octets left over, an unknown version, or a PDU or value that
            the version does not know.
    """
    offset, end = ber.expect(data, 0, len(data), ber.SEQUENCE, "message")
    ber.expect_end(end, len(data), "datagram")
    number, offset = ber.expect_integer(data, offset, end, "version")
    if number == Version.V3:
        return _decode_v3(data, offset, end)
    if number not in (Version.V1, Version.V2C):
        raise DecodeError(f"version {number} is no SNMP that we know")
    version = Version(number)
    community, offset = ber.expect_octets(data, offset, end, "community")
    pdu, offset = decode_pdu(data, offset, end)
    ber.expect_end(offset, end, "message")
    problem = check_version(version, pdu)
    if problem:
        raise DecodeError(problem)
    return CommunityMessage(version, community, pdu)


def _decode_v3(data: bytes, offset: int, end: int) -> V3Message:
    start, offset = ber.expect(data, offset, end, ber.SEQUENCE, "msgGlobalData")
    msg_id, start = ber.expect_integer(data, start, offset, "msgID")
    max_size, start = ber.expect_integer(data, start, offset, "msgMaxSize")
    flags, start = ber.expect_octets(data, start, offset, "msgFlags")
    model, start = ber.expect_integer(data, start, offset, "msgSecurityModel")
    ber.expect_end(start, offset, "msgGlobalData")
    if msg_id < 0 or max_size < SMALLEST_MAX_SIZE or len(flags) != 1 or model < 1:
        raise DecodeError("a field of msgGlobalData is out of range (RFC 3412 section 6)")
    parameters, offset = ber.expect_octets(data, offset, end, "msgSecurityParameters")
    if flags[0] & MessageFlags.PRIV:
        scoped: ScopedPdu | bytes
        scoped, offset = ber.expect_octets(data, offset, end, "encryptedPDU")
    else:
        scoped, offset = decode_scoped_pdu(data, offset, end)
    ber.expect_end(offset, end, "message")
    return V3Message(msg_id, max_size, MessageFlags(flags[0] & 7), model, parameters, scoped)


def decode_scoped_pdu(data: bytes, offset: int, end: int) -> tuple[ScopedPdu, int]:
    """
    Decode the scopedPDU at `offset`; octets after it are the padding of a cipher.

    Returns:
        (scopedPDU, offset after it).

    Raises:
        DecodeError: malformed, or a PDU that SNMPv3 does not know.
    """
    offset, stop = ber.expect(data, offset, end, ber.SEQUENCE, "scopedPDU")
    engine_id, offset = ber.expect_octets(data, offset, stop, "contextEngineID")
    name, offset = ber.expect_octets(data, offset, stop, "contextName")
    pdu, offset = decode_pdu(data, offset, stop)
    ber.expect_end(offset, stop, "scopedPDU")
    problem = check_version(Version.V3, pdu)
    if problem:
        raise DecodeError(problem)
    return ScopedPdu(engine_id, name, pdu), stop
