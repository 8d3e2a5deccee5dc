"""What SNMPv1 hears of newer PDUs (RFC 3584): traps, error-status; and a notification's head."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from gateway.wire.ber import Oid
from gateway.wire.errors import EncodeError
from gateway.wire.pdu import ErrorStatus, Pdu, PduType, TrapV1Pdu
from gateway.wire.values import (
    Counter64,
    Empty,
    IpAddress,
    ObjectIdentifier,
    TimeTicks,
    VarBind,
)

SYS_UP_TIME: Final = (1, 3, 6, 1, 2, 1, 1, 3, 0)
SNMP_TRAP_OID: Final = (1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0)
SNMP_TRAP_ENTERPRISE: Final = (1, 3, 6, 1, 6, 3, 1, 1, 4, 3, 0)
SNMP_TRAP_ADDRESS: Final = (1, 3, 6, 1, 6, 3, 18, 1, 3, 0)
SNMP_TRAPS: Final = (1, 3, 6, 1, 6, 3, 1, 1, 5)
"""Below it are coldStart (1) to egpNeighborLoss (6): generic-trap 0 to 5."""

_ENTERPRISE_SPECIFIC: Final = 6
_UNKNOWN_ADDRESS: Final = bytes(4)


def notification(
    pdu_type: PduType,
    request_id: int,
    uptime_ticks: int,
    trap_oid: Oid,
    varbinds: Iterable[VarBind] = (),
) -> Pdu:
    """Build a TRAP or INFORM with the two varbinds that lead it (RFC 3416 section 4.2.6)."""
    head = (
        VarBind(SYS_UP_TIME, TimeTicks(uptime_ticks)),
        VarBind(SNMP_TRAP_OID, ObjectIdentifier(trap_oid)),
    )
    return Pdu(pdu_type, request_id, varbinds=(*head, *varbinds))


def trap_to_v1(pdu: Pdu, own_address: bytes = _UNKNOWN_ADDRESS) -> TrapV1Pdu:
    """
    Translate a v2 notification to an SNMPv1 Trap-PDU (RFC 3584 section 3.2).

    agent-addr is snmpTrapAddress.0 of the notification, or else `own_address`: the IPv4 address of
    the originator, zeros when it sends over something else.

    Raises:
        EncodeError: no notification, or a value that SNMPv1 lacks (Counter64): such a
            notification must not be sent to a v1 receiver.
    """
    names = tuple(v.oid for v in pdu.varbinds[:2])
    if pdu.type not in (PduType.TRAP, PduType.INFORM) or names != (SYS_UP_TIME, SNMP_TRAP_OID):
        raise EncodeError("no notification: it does not begin with sysUpTime, snmpTrapOID")
    uptime, trap_oid = pdu.varbinds[0].value, pdu.varbinds[1].value
    if not isinstance(uptime, TimeTicks) or not isinstance(trap_oid, ObjectIdentifier):
        raise EncodeError("sysUpTime.0 or snmpTrapOID.0 has a wrong type")
    varbinds = pdu.varbinds[2:]
    for varbind in varbinds:
        if isinstance(varbind.value, (Counter64, Empty)):
            raise EncodeError(f"SNMPv1 has no value of the type of {varbind.value!r}")
    enterprise, generic, specific = _v1_identity(trap_oid.value, varbinds)
    return TrapV1Pdu(enterprise, _trap_address(varbinds) or own_address, generic, specific, uptime.value, varbinds)


def error_status_to_v1(status: ErrorStatus) -> ErrorStatus:
    """Translate the error-status of a Response for an SNMPv1 manager (RFC 3584 section 4.4)."""
    return _V1_STATUS.get(status, status)


_V1_STATUS: Final = {
    ErrorStatus.WRONG_VALUE: ErrorStatus.BAD_VALUE,
    ErrorStatus.WRONG_ENCODING: ErrorStatus.BAD_VALUE,
    ErrorStatus.WRONG_TYPE: ErrorStatus.BAD_VALUE,
    ErrorStatus.WRONG_LENGTH: ErrorStatus.BAD_VALUE,
    ErrorStatus.INCONSISTENT_VALUE: ErrorStatus.BAD_VALUE,
    ErrorStatus.NO_ACCESS: ErrorStatus.NO_SUCH_NAME,
    ErrorStatus.NOT_WRITABLE: ErrorStatus.NO_SUCH_NAME,
    ErrorStatus.NO_CREATION: ErrorStatus.NO_SUCH_NAME,
    ErrorStatus.INCONSISTENT_NAME: ErrorStatus.NO_SUCH_NAME,
    ErrorStatus.AUTHORIZATION_ERROR: ErrorStatus.NO_SUCH_NAME,
    ErrorStatus.RESOURCE_UNAVAILABLE: ErrorStatus.GEN_ERR,
    ErrorStatus.COMMIT_FAILED: ErrorStatus.GEN_ERR,
    ErrorStatus.UNDO_FAILED: ErrorStatus.GEN_ERR,
}


def _v1_identity(trap_oid: Oid, varbinds: tuple[VarBind, ...]) -> tuple[Oid, int, int]:
    """(enterprise, generic-trap, specific-trap), section 3.2 steps 1, 3 and 4."""
    if trap_oid[:-1] == SNMP_TRAPS and 1 <= trap_oid[-1] <= 6:
        enterprise: Oid = SNMP_TRAPS
        for varbind in varbinds:
            if varbind.oid == SNMP_TRAP_ENTERPRISE and isinstance(varbind.value, ObjectIdentifier):
                enterprise = varbind.value.value
        return enterprise, trap_oid[-1] - 1, 0
    if len(trap_oid) < 4:
        raise EncodeError(f"snmpTrapOID {trap_oid} is too short to have an enterprise")
    kept = -2 if trap_oid[-2] == 0 else -1
    return trap_oid[:kept], _ENTERPRISE_SPECIFIC, trap_oid[-1]


def _trap_address(varbinds: tuple[VarBind, ...]) -> bytes | None:
    for varbind in varbinds:
        if varbind.oid == SNMP_TRAP_ADDRESS and isinstance(varbind.value, IpAddress):
            return varbind.value.value
    return None
