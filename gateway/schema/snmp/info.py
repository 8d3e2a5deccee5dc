"""Info: the scalars of TOPOLOGY-GATEWAY-MIB."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from gateway.schema.snmp import syntax
from gateway.schema.snmp.arcs import INFO
from gateway.schema.snmp.syntax import Syntax
from gateway.wire.ber import Oid


@dataclass(frozen=True, slots=True)
class InfoFacts:
    """What the scalars say. `last_change_ticks`: sysUpTime of the last change; `last_change`: microseconds UTC."""

    version: str
    instance: str
    revision: int
    last_change_ticks: int
    last_change: int
    entities: int
    sources: int
    active_alarms: int
    stale_sources: int
    failing_receivers: Callable[[], int]
    """Asked for only when somebody reads it."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """A scalar object; its one instance is `.0`."""

    number: int
    name: str
    syntax: Syntax
    value: Callable[[InfoFacts], Any]

    @property
    def oid(self) -> Oid:
        return (*INFO, self.number)


SCALARS: Final = (
    Scalar(1, "topoInfoVersion", syntax.TEXT, lambda f: f.version),
    Scalar(2, "topoInfoInstance", syntax.TEXT, lambda f: f.instance),
    Scalar(3, "topoInfoRevision", syntax.COUNTER64, lambda f: f.revision),
    Scalar(4, "topoInfoLastChange", syntax.TIME_STAMP, lambda f: f.last_change_ticks),
    Scalar(5, "topoInfoLastChangeTime", syntax.TIME, lambda f: f.last_change),
    Scalar(6, "topoInfoEntities", syntax.GAUGE, lambda f: f.entities),
    Scalar(7, "topoInfoSources", syntax.GAUGE, lambda f: f.sources),
    Scalar(8, "topoInfoActiveAlarms", syntax.GAUGE, lambda f: f.active_alarms),
    Scalar(9, "topoInfoStaleSources", syntax.GAUGE, lambda f: f.stale_sources),
    Scalar(10, "topoInfoFailingReceivers", syntax.GAUGE, lambda f: f.failing_receivers()),
)
