"""Notifications from varbinds that are encoded already: the same varbinds go to many receivers."""

from __future__ import annotations

from typing import Final

from gateway.wire import ber
from gateway.wire.ber import Oid
from gateway.wire.pdu import PduType, Version
from gateway.wire.translation import SNMP_TRAP_OID, SYS_UP_TIME

_UP_TIME: Final = ber.encode_oid(SYS_UP_TIME)
_TRAP_OID: Final = ber.encode_oid(SNMP_TRAP_OID)
_NO_ERROR: Final = ber.encode_integer(0) * 2


def encode_notification(pdu_type: PduType, request_id: int, uptime_ticks: int, trap_oid: Oid, varbinds: bytes) -> bytes:
    """A whole TRAP or INFORM PDU with the two varbinds that lead it (RFC 3416 section 4.2.6)."""
    head = ber.encode_sequence(_UP_TIME, ber.encode_time_ticks(uptime_ticks))
    head += ber.encode_sequence(_TRAP_OID, ber.encode_oid(trap_oid))
    listed = ber.encode_tlv(ber.SEQUENCE, head + varbinds)
    return ber.encode_tlv(pdu_type, ber.encode_integer(request_id) + _NO_ERROR + listed)


def encode_in_community(version: Version, community: bytes, pdu: bytes) -> bytes:
    """A message of SNMPv1 or v2c around an encoded PDU."""
    return ber.encode_sequence(ber.encode_integer(version), ber.encode_octets(community), pdu)
