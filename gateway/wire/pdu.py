"""PDUs of SNMPv1, v2c and v3, complete and typed (RFC 1157 section 4.1, RFC 3416 section 3)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from gateway.wire import ber
from gateway.wire.ber import Oid
from gateway.wire.errors import DecodeError, EncodeError
from gateway.wire.values import Counter64, Empty, VarBind, decode_varbinds, encode_varbinds


class Version(IntEnum):
    """The version field of a message (RFC 1157, RFC 1901, RFC 3412)."""

    V1 = 0
    V2C = 1
    V3 = 3


class PduType(IntEnum):
    """PDUs by their tag octet."""

    GET = 0xA0
    GET_NEXT = 0xA1
    RESPONSE = 0xA2
    SET = 0xA3
    TRAP_V1 = 0xA4
    GET_BULK = 0xA5
    INFORM = 0xA6
    TRAP = 0xA7
    REPORT = 0xA8


class ErrorStatus(IntEnum):
    """error-status of a Response (RFC 3416 section 3); SNMPv1 knows the first six."""

    NO_ERROR = 0
    TOO_BIG = 1
    NO_SUCH_NAME = 2
    BAD_VALUE = 3
    READ_ONLY = 4
    GEN_ERR = 5
    NO_ACCESS = 6
    WRONG_TYPE = 7
    WRONG_LENGTH = 8
    WRONG_ENCODING = 9
    WRONG_VALUE = 10
    NO_CREATION = 11
    INCONSISTENT_VALUE = 12
    RESOURCE_UNAVAILABLE = 13
    COMMIT_FAILED = 14
    UNDO_FAILED = 15
    AUTHORIZATION_ERROR = 16
    NOT_WRITABLE = 17
    INCONSISTENT_NAME = 18


@dataclass(frozen=True, slots=True)
class Pdu:
    """
    Every PDU but the v1 trap.

    In a GETBULK the second and third field are named non-repeaters and max-repetitions; the
    octets are the same (RFC 3416 section 3), so the properties give them those names.
    """

    type: PduType
    request_id: int
    error_status: int = 0
    error_index: int = 0
    varbinds: tuple[VarBind, ...] = ()

    @property
    def non_repeaters(self) -> int:
        """GETBULK: how many of the first names are asked once."""
        return self.error_status

    @property
    def max_repetitions(self) -> int:
        """GETBULK: how often the other names are repeated."""
        return self.error_index


@dataclass(frozen=True, slots=True)
class TrapV1Pdu:
    """The Trap-PDU of SNMPv1 (RFC 1157 section 4.1.6)."""

    enterprise: Oid
    agent_addr: bytes
    generic_trap: int
    specific_trap: int
    time_stamp_ticks: int
    varbinds: tuple[VarBind, ...] = ()


AnyPdu = Pdu | TrapV1Pdu

_V2_TYPES: Final = frozenset(PduType) - {PduType.TRAP_V1}
TYPES_OF: Final = {
    Version.V1: frozenset({PduType.GET, PduType.GET_NEXT, PduType.RESPONSE, PduType.SET, PduType.TRAP_V1}),
    Version.V2C: _V2_TYPES,
    Version.V3: _V2_TYPES,
}
"""The PDUs that a version has."""


def check_version(version: Version, pdu: AnyPdu) -> str | None:
    """Say why this version cannot carry `pdu`, or None (RFC 3584 section 4.2)."""
    kind = PduType.TRAP_V1 if isinstance(pdu, TrapV1Pdu) else pdu.type
    if kind not in TYPES_OF[version]:
        return f"SNMP{version.name.lower()} has no {kind.name} PDU"
    if version is not Version.V1:
        return None
    for varbind in pdu.varbinds:
        value = varbind.value
        if isinstance(value, Counter64) or (isinstance(value, Empty) and value is not Empty.NULL):
            return f"SNMPv1 has no value of the type of {value!r}"
    return None


def encode_pdu(pdu: AnyPdu) -> bytes:
    """
    Encode a PDU as a whole TLV.

    Raises:
        EncodeError: a field is out of its range.
    """
    varbinds = ber.encode_tlv(ber.SEQUENCE, encode_varbinds(pdu.varbinds))
    if isinstance(pdu, TrapV1Pdu):
        return ber.encode_tlv(
            PduType.TRAP_V1,
            ber.encode_oid(pdu.enterprise)
            + ber.encode_ip_address(pdu.agent_addr)
            + ber.encode_integer(pdu.generic_trap)
            + ber.encode_integer(pdu.specific_trap)
            + ber.encode_time_ticks(pdu.time_stamp_ticks)
            + varbinds,
        )
    if pdu.type is PduType.TRAP_V1:
        raise EncodeError("a v1 trap is a TrapV1Pdu")
    return ber.encode_tlv(
        pdu.type,
        ber.encode_integer(pdu.request_id)
        + ber.encode_integer(pdu.error_status)
        + ber.encode_integer(pdu.error_index)
        + varbinds,
    )


def decode_pdu(data: bytes, offset: int, end: int) -> tuple[AnyPdu, int]:
    """
    Decode the PDU at `offset`, inside an encoding that ends at `end`.

    Returns:
        (PDU, offset after it).

    Raises:
        DecodeError: malformed.
    """
    tag, offset, stop = ber.read_tlv(data, offset, end)
    if tag == PduType.TRAP_V1:
        return _decode_trap_v1(data, offset, stop), stop
    if tag not in _PDU_TYPES:
        raise DecodeError(f"tag 0x{tag:02x} is no PDU")
    request_id, offset = ber.expect_integer(data, offset, stop, "request-id")
    status, offset = ber.expect_integer(data, offset, stop, "error-status")
    index, offset = ber.expect_integer(data, offset, stop, "error-index")
    varbinds = _decode_varbind_list(data, offset, stop)
    return Pdu(PduType(tag), request_id, status, index, varbinds), stop


_PDU_TYPES: Final = frozenset(int(t) for t in PduType)


def _decode_trap_v1(data: bytes, offset: int, end: int) -> TrapV1Pdu:
    start, offset = ber.expect(data, offset, end, ber.OBJECT_IDENTIFIER, "enterprise")
    enterprise = ber.decode_oid_content(data[start:offset])
    start, offset = ber.expect(data, offset, end, ber.IP_ADDRESS, "agent-addr")
    agent_addr = data[start:offset]
    if len(agent_addr) != 4:
        raise DecodeError(f"agent-addr of {len(agent_addr)} octets: exactly 4 are needed")
    generic, offset = ber.expect_integer(data, offset, end, "generic-trap")
    specific, offset = ber.expect_integer(data, offset, end, "specific-trap")
    start, offset = ber.expect(data, offset, end, ber.TIME_TICKS, "time-stamp")
    ticks = ber.decode_unsigned32(data[start:offset])
    varbinds = _decode_varbind_list(data, offset, end)
    return TrapV1Pdu(enterprise, agent_addr, generic, specific, ticks, varbinds)


def _decode_varbind_list(data: bytes, offset: int, end: int) -> tuple[VarBind, ...]:
    start, stop = ber.expect(data, offset, end, ber.SEQUENCE, "variable-bindings")
    ber.expect_end(stop, end, "PDU")
    return decode_varbinds(data[start:stop])
