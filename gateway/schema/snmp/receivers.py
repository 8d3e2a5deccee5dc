"""Receivers: how the receivers of notifications are doing, and what was given up for them."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from gateway.model.ports import Missed
from gateway.model.standings import Standing
from gateway.schema.snmp import syntax
from gateway.schema.snmp.arcs import under
from gateway.schema.snmp.lookup import Lookup
from gateway.schema.snmp.notifications import notification_of
from gateway.schema.snmp.syntax import Syntax
from gateway.schema.snmp.table import Column, Rows, Table
from gateway.wire.ber import Oid


def _receivers(shard: Mapping[int, Standing], look: Lookup) -> Rows:
    return sorted(((_index(each.receiver), each) for each in shard.values()), key=lambda row: row[0])


def _missed(shard: Mapping[int, Missed], look: Lookup) -> Rows:
    rows = (((*_index(each.receiver), each.event.seq), each) for each in shard.values())
    return sorted(rows, key=lambda row: row[0])


def _index(name: str) -> Oid:
    """A string that is not IMPLIED: its length, then its octets (RFC 2578 section 7.7)."""
    octets = name.encode()
    return (len(octets), *octets)


def _notification(missed: Missed, look: Lookup) -> Oid:
    return under(look.root, notification_of(missed.event.kind).oid)


def _receiver(number: int, name: str, kind: Syntax, value: Callable[[Standing], Any]) -> Column:
    return Column(number, f"topoReceiver{name}", kind, lambda row, look: value(row))


def _given_up(number: int, name: str, kind: Syntax, value: Callable[[Missed], Any]) -> Column:
    return Column(number, f"topoMissed{name}", kind, lambda row, look: value(row))


RECEIVER_TABLE: Final = Table(
    11,
    "topoReceiverTable",
    "receivers",
    ("topoReceiverName",),
    (
        _receiver(2, "Address", syntax.TEXT, lambda r: r.address),
        _receiver(3, "Protocol", syntax.TEXT, lambda r: r.protocol),
        _receiver(4, "Acknowledges", syntax.TRUTH, lambda r: r.acknowledges),
        _receiver(5, "State", syntax.RECEIVER_STATE, lambda r: r.health),
        _receiver(6, "Waiting", syntax.GAUGE, lambda r: r.waiting),
        _receiver(7, "Sent", syntax.COUNTER, lambda r: r.sent),
        _receiver(8, "Acknowledged", syntax.COUNTER, lambda r: r.acknowledged),
        _receiver(9, "Retries", syntax.COUNTER, lambda r: r.retried),
        _receiver(10, "GivenUp", syntax.COUNTER, lambda r: r.given_up),
        _receiver(11, "Filtered", syntax.COUNTER, lambda r: r.left_out),
        _receiver(12, "Summarised", syntax.COUNTER, lambda r: r.summarised),
        _receiver(13, "Missed", syntax.GAUGE, lambda r: r.missed),
        _receiver(14, "Replaying", syntax.GAUGE, lambda r: r.replaying),
        _receiver(15, "LastSent", syntax.UNSIGNED, lambda r: r.last_sent),
        _receiver(16, "Position", syntax.UNSIGNED, lambda r: r.position),
        _receiver(17, "LastSuccess", syntax.TIME, lambda r: r.delivered_at),
        _receiver(18, "LastError", syntax.LONG_TEXT, lambda r: r.error),
    ),
    _receivers,
)
MISSED_TABLE: Final = Table(
    12,
    "topoMissedTable",
    "missed",
    ("topoReceiverName", "topoMissedNumber"),
    (
        _given_up(2, "EventId", syntax.UUID, lambda m: m.event.id),
        Column(3, "topoMissedNotification", syntax.OBJECT, _notification),
        _given_up(4, "EntityName", syntax.TEXT, lambda m: m.event.entity.name),
        _given_up(5, "Time", syntax.TIME, lambda m: m.event.at),
        _given_up(6, "GivenUpAt", syntax.TIME, lambda m: m.at),
        _given_up(7, "Why", syntax.LONG_TEXT, lambda m: m.error),
        _given_up(8, "Replaying", syntax.TRUTH, lambda m: m.wanted),
    ),
    _missed,
)
LONGEST_NAME: Final = 64
"""Octets of a receiver's name."""
DELIVERY_TABLES: Final = (RECEIVER_TABLE, MISSED_TABLE)
"""They follow no snapshot: `rows` gets all there is, by any number."""
