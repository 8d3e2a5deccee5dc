"""Recent events: the objects of notifications once more, as columns of a table of what happened lately."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from gateway.model.events import Event
from gateway.schema.snmp import syntax
from gateway.schema.snmp.arcs import under
from gateway.schema.snmp.lookup import Lookup
from gateway.schema.snmp.notifications import LOGGED_OBJECTS, EventObject, notification_of
from gateway.schema.snmp.table import Column, Rows, Table
from gateway.wire.ber import Oid


def _rows(shard: Mapping[int, Event], look: Lookup) -> Rows:
    return sorted(shard.items())


def _notification(event: Event, look: Lookup) -> Oid:
    return under(look.root, notification_of(event.kind).oid)


def _column(wanted: EventObject) -> Column:
    value: Callable[[Event], Any] = wanted.value
    name = wanted.name.replace("topoEvent", "topoRecent")
    return Column(wanted.number + 2, name, wanted.syntax, lambda event, look: value(event))


RECENT_TABLE: Final = Table(
    10,
    "topoRecentTable",
    "events",
    ("topoRecentNumber",),
    (
        Column(2, "topoRecentNotification", syntax.OBJECT, _notification),
        *map(_column, LOGGED_OBJECTS),
    ),
    _rows,
)
"""Its index is the number of the log; `events`: the shelf of events by that number."""
