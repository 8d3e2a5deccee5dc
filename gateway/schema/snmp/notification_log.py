"""
NOTIFICATION-LOG-MIB (RFC 3014): the notifications of late, so that a console can fetch what it missed.

There is one log, the nameless one; its indexes are the numbers of the gateway's own log. All of it originates here,
so the columns that name an engine are empty, as the MIB wants it of such a log, and the address is that of the agent.
"""

from collections.abc import Callable, Mapping
from enum import IntEnum
from functools import lru_cache
from typing import Any, Final

from gateway.model.events import Event
from gateway.schema.snmp import syntax
from gateway.schema.snmp.arcs import under
from gateway.schema.snmp.lookup import Lookup
from gateway.schema.snmp.notifications import notification_of, varbinds_of
from gateway.schema.snmp.syntax import Syntax
from gateway.schema.snmp.table import Column, Rows, Table
from gateway.wire.ber import Oid
from gateway.wire.translation import SNMP_TRAP_ADDRESS
from gateway.wire.values import (
    Counter32,
    Counter64,
    Gauge32,
    Integer,
    IpAddress,
    ObjectIdentifier,
    OctetString,
    Opaque,
    TimeTicks,
    Value,
    VarBind,
    encode_value,
)

LOG_MIB: Final[Oid] = (1, 3, 6, 1, 2, 1, 92, 1)
LOG: Final[Oid] = (*LOG_MIB, 3)
NAMELESS: Final[Oid] = (0,)
"""nlmLogName of the default log, as an index: a string of no octets."""


def _told(shard: Mapping[int, Event], look: Lookup) -> Rows:
    return [(seq, event) for seq, event in sorted(shard.items()) if event.notify]


def _notification(event: Event, look: Lookup) -> Oid:
    return under(look.root, notification_of(event.kind).oid)


def _log(number: int, name: str, kind: Syntax, value: Any) -> Column:
    """A column that is the same for all."""
    return Column(number, name, kind, lambda event, look: value)


LOG_TABLE: Final = Table(
    1,
    "nlmLogTable",
    "events",
    ("nlmLogName", "nlmLogIndex"),
    (
        Column(2, "nlmLogTime", syntax.TIME_STAMP, lambda event, look: look.ticks(event.at)),
        Column(3, "nlmLogDateAndTime", syntax.TIME, lambda event, look: event.at),
        _log(4, "nlmLogEngineID", syntax.ENGINE_ID, b""),
        Column(5, "nlmLogEngineTAddress", syntax.TRANSPORT_ADDRESS, lambda event, look: look.transport[1]),
        Column(6, "nlmLogEngineTDomain", syntax.TRANSPORT_DOMAIN, lambda event, look: look.transport[0]),
        _log(7, "nlmLogContextEngineID", syntax.ENGINE_ID, b""),
        _log(8, "nlmLogContextName", syntax.TEXT, ""),
        Column(9, "nlmLogNotificationID", syntax.OID, _notification),
    ),
    _told,
    LOG,
    NAMELESS,
)


class ValueType(IntEnum):
    """nlmLogVariableValueType."""

    COUNTER32 = 1
    UNSIGNED32 = 2
    TIME_TICKS = 3
    INTEGER32 = 4
    IP_ADDRESS = 5
    OCTET_STRING = 6
    OBJECT_ID = 7
    COUNTER64 = 8
    OPAQUE = 9


_TYPES: Final[Mapping[type[Value], ValueType]] = {
    Counter32: ValueType.COUNTER32,
    Gauge32: ValueType.UNSIGNED32,
    TimeTicks: ValueType.TIME_TICKS,
    Integer: ValueType.INTEGER32,
    IpAddress: ValueType.IP_ADDRESS,
    OctetString: ValueType.OCTET_STRING,
    ObjectIdentifier: ValueType.OBJECT_ID,
    Counter64: ValueType.COUNTER64,
    Opaque: ValueType.OPAQUE,
}


def _variables(shard: Mapping[int, Event], look: Lookup) -> Rows:
    found: Rows = []
    for seq, event in sorted(shard.items()):
        if event.notify:
            varbinds = _varbinds(event, look.runbook(), look.root, look.addresses.get(seq))
            found += [((seq, number), each) for number, each in enumerate(varbinds, 1)]
    return found


def _of_type(wanted: ValueType) -> Callable[[Mapping[int, Event], Lookup], Rows]:
    def rows(shard: Mapping[int, Event], look: Lookup) -> Rows:
        return [(key, varbind) for key, varbind in _variables(shard, look) if _TYPES[type(varbind.value)] is wanted]

    return rows


@lru_cache(maxsize=1024)
def _varbinds(event: Event, runbook: str, root: Oid, address: bytes | None) -> tuple[VarBind, ...]:
    """As they are sent, but for our address towards a receiver."""
    told = varbinds_of(event, runbook, root)
    return told if address is None else (*told, VarBind(SNMP_TRAP_ADDRESS, IpAddress(address)))


def _variable_table(columns: tuple[Column, ...], rows: Callable[[Mapping[int, Event], Lookup], Rows]) -> Table:
    index = ("nlmLogName", "nlmLogIndex", "nlmLogVariableIndex")
    return Table(2, "nlmLogVariableTable", "events", index, columns, rows, LOG, NAMELESS)


def _value_table(number: int, name: str, kind: ValueType, syntax_name: str) -> Table:
    """A column of values: there is an instance only where the variable is of its type."""
    encoded = Syntax(syntax_name, encode_value)
    column = Column(number, f"nlmLogVariable{name}Val", encoded, lambda varbind, look: varbind.value)
    return _variable_table((column,), _of_type(kind))


LOG_TABLES: Final = (
    LOG_TABLE,
    _variable_table(
        (
            Column(2, "nlmLogVariableID", syntax.OID, lambda varbind, look: varbind.oid),
            Column(3, "nlmLogVariableValueType", syntax.INTEGER, lambda varbind, look: _TYPES[type(varbind.value)]),
        ),
        _variables,
    ),
    _value_table(4, "Counter32", ValueType.COUNTER32, "Counter32"),
    _value_table(5, "Unsigned32", ValueType.UNSIGNED32, "Unsigned32"),
    _value_table(6, "TimeTicks", ValueType.TIME_TICKS, "TimeTicks"),
    _value_table(7, "Integer32", ValueType.INTEGER32, "Integer32"),
    _value_table(8, "OctetString", ValueType.OCTET_STRING, "OCTET STRING"),
    _value_table(9, "IpAddress", ValueType.IP_ADDRESS, "IpAddress"),
    _value_table(10, "Oid", ValueType.OBJECT_ID, "OBJECT IDENTIFIER"),
    _value_table(11, "Counter64", ValueType.COUNTER64, "Counter64"),
    _value_table(12, "Opaque", ValueType.OPAQUE, "Opaque"),
)
"""The rows of nlmLogVariableTable have one value each, so its columns of values are tables by themselves here."""
