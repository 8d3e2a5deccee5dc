"""
Receivers: who is told, as SNMP-TARGET-MIB and SNMP-NOTIFICATION-MIB (RFC 3413) show it, read-only and without a secret.
"""

from collections.abc import Iterable
from typing import Final

from gateway.publishers.snmp.segments import ServedColumn
from gateway.publishers.snmp.short_names import short_name
from gateway.publishers.snmp.static import StaticRow, StaticTable
from gateway.schema.snmp.targets import Target, transport
from gateway.wire.ber import Oid, encode_integer, encode_octets, encode_oid
from gateway.wire.oid import IndexPart, IndexType, encode_index

_TARGET_MIB: Final[Oid] = (1, 3, 6, 1, 6, 3, 12, 1)
_NOTIFICATION_MIB: Final[Oid] = (1, 3, 6, 1, 6, 3, 13, 1)
_READ_ONLY: Final = encode_integer(5)
"""StorageType readOnly."""
_ACTIVE: Final = encode_integer(1)
"""RowStatus active."""
_IMPLIED: Final = (IndexPart(IndexType.IMPLIED_STRING),)


class ReceiverTables:
    """snmpTargetAddrTable, snmpTargetParamsTable and snmpNotifyTable; receivers come and go."""

    def __init__(self) -> None:
        self._addresses = StaticTable((*_TARGET_MIB, 2, 1), range(2, 10))
        self._parameters = StaticTable((*_TARGET_MIB, 3, 1), range(2, 8))
        self._notify = StaticTable((*_NOTIFICATION_MIB, 1, 1), range(2, 6))

    @property
    def columns(self) -> list[ServedColumn]:
        return [*self._addresses.columns, *self._parameters.columns, *self._notify.columns]

    def show(self, targets: Iterable[Target]) -> None:
        """From now on these are the receivers."""
        receivers = tuple(targets)
        self._addresses.show(map(_address, receivers))
        self._parameters.show(map(_parameters, receivers))
        self._notify.show(map(_notify, receivers))


def _row(name: str, values: Iterable[tuple[int, bytes]]) -> StaticRow:
    return StaticRow(encode_index(_IMPLIED, (name.encode(),)), dict(values))


def _text(value: str) -> bytes:
    return encode_octets(value.encode())


def _address(target: Target) -> StaticRow:
    """snmpTargetAddrEntry."""
    domain, address = transport(target.host, target.port)
    timeout, retries = encode_integer(round(target.timeout_s * 100)), encode_integer(target.retries)
    name = short_name(target.name)
    values = (encode_oid(domain), encode_octets(address), timeout, retries, _text(target.name), _text(name))
    return _row(name, enumerate((*values, _READ_ONLY, _ACTIVE), 2))


def _parameters(target: Target) -> StaticRow:
    """snmpTargetParamsEntry; SnmpMessageProcessingModel is one less than the security model (RFC 3411)."""
    model, level = int(target.model), int(target.level)
    values = (encode_integer(model - 1 if model < 3 else 3), encode_integer(model), _text(target.security_name))
    return _row(short_name(target.name), enumerate((*values, encode_integer(level), _READ_ONLY, _ACTIVE), 2))


def _notify(target: Target) -> StaticRow:
    """snmpNotifyEntry: its tag is the name of the receiver."""
    kind = encode_integer(2 if target.inform else 1)
    values = enumerate((_text(target.name), kind, _READ_ONLY, _ACTIVE), 2)
    return _row(short_name(target.name), values)
