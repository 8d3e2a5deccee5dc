"""Notification log: how nlmLogTable is kept, and what it has counted (NOTIFICATION-LOG-MIB, RFC 3014), read-only."""

from collections.abc import Callable
from typing import Final

from gateway.publishers.snmp.recent import KEPT
from gateway.publishers.snmp.render import Renderer
from gateway.publishers.snmp.segments import ScalarColumn, ServedColumn
from gateway.publishers.snmp.static import StaticRow, static_columns
from gateway.schema.snmp import syntax
from gateway.schema.snmp.notification_log import LOG_MIB, NAMELESS
from gateway.wire.ber import Oid, encode_integer, encode_octets

_CONFIG: Final[Oid] = (*LOG_MIB, 1)
_STATS: Final[Oid] = (*LOG_MIB, 2)
_FILTER_TABLE: Final[Oid] = (1, 3, 6, 1, 6, 3, 13, 1, 3, 1)
_EVERYTHING: Final = b"all"
"""The filter profile of the log: it lets everything through. A log without one would log nothing."""
_ENABLED, _OPERATIONAL, _READ_ONLY, _ACTIVE, _INCLUDED = map(encode_integer, (1, 2, 5, 1, 1))


def log_columns(renderer: Renderer) -> list[ServedColumn]:
    """nlmConfig, nlmStats, and the filter that nlmConfig names (snmpNotifyFilterTable, RFC 3413)."""
    logged = _counter(lambda: renderer.logged)
    bumped = _counter(lambda: renderer.recent.bumped)
    return [
        ScalarColumn((*_CONFIG, 1), lambda: syntax.UNSIGNED.encode(KEPT)),
        ScalarColumn((*_CONFIG, 2), lambda: syntax.UNSIGNED.encode(0)),
        *static_columns((*_CONFIG, 3, 1), [StaticRow(NAMELESS, _CONFIGURED)]),
        ScalarColumn((*_STATS, 1), logged),
        ScalarColumn((*_STATS, 2), bumped),
        # The nameless log's row has the instance 0, like a scalar.
        ScalarColumn((*_STATS, 3, 1, 1), logged),
        ScalarColumn((*_STATS, 3, 1, 2), bumped),
        *static_columns(_FILTER_TABLE, [_filter()]),
    ]


_CONFIGURED: Final = {
    2: encode_octets(_EVERYTHING),
    3: syntax.UNSIGNED.encode(KEPT),
    4: _ENABLED,
    5: _OPERATIONAL,
    6: _READ_ONLY,
    7: _ACTIVE,
}
"""nlmConfigLogEntry of the one log."""


def _counter(value: Callable[[], int]) -> Callable[[], bytes]:
    return lambda: syntax.COUNTER.encode(value())


def _filter() -> StaticRow:
    """snmpNotifyFilterEntry, INDEX { profile, IMPLIED subtree }: the subtree 1.3 and all below it."""
    index = (len(_EVERYTHING), *_EVERYTHING, 1, 3)
    return StaticRow(index, {2: encode_octets(b""), 3: _INCLUDED, 4: _READ_ONLY, 5: _ACTIVE})
