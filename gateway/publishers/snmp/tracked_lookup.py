"""Tracked lookup: the rows of the snapshot in use, noting the shards looked at."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from gateway.model.rows import Alarm, Claim, Entity, Placement, Record, Source
from gateway.model.shelf import BITS, Buckets
from gateway.model.snapshot import scope_key
from gateway.publishers.snmp.hosts import HostShards
from gateway.publishers.snmp.judged import impact_rows, layer_row
from gateway.publishers.snmp.recent import RecentEvents
from gateway.publishers.snmp.tracked_view import TrackedView
from gateway.schema.snmp.arcs import ENTERPRISE
from gateway.schema.snmp.layers import ImpactRow, LayerRow, Scopes
from gateway.schema.snmp.targets import transport
from gateway.wire.ber import Oid

Touched = dict[tuple[str, int] | tuple[str, int, int], object]
"""What was looked at: (shelf, shard number) -> the shard that was there, (shelf, shard number, index) -> the row."""
SHELVES = ("entities", "records", "claims", "dependents", "placements", "alarms", "entity_alarms", "windows")
NONE_SILENT: Buckets[bool] = Buckets(tuple({} for _ in range(64)))
"""Keys of the scopes that do not answer, spread so that one more touches few rows."""


class Shards(Protocol):
    """The shards of one shelf."""

    def __len__(self) -> int: ...
    def __getitem__(self, number: int, /) -> Any: ...


class TrackedLookup:
    """The schema's Lookup over one snapshot; `touched` gathers the shards that were looked at."""

    def __init__(self, root: Oid = ENTERPRISE, started_at: int = 0, engine_id: bytes = b"") -> None:
        """`root`: where our MIB hangs. `started_at`: when sysUpTime was 0, in microseconds UTC."""
        self.root = root
        self.engine_id = engine_id
        self.transport = transport("0.0.0.0", 0)
        self.addresses: Mapping[int, bytes] = {}
        self._started_at = started_at
        self.shelves: dict[str, Shards] = dict.fromkeys((*SHELVES, "sources", "fresh"), ())
        """`fresh`: names of all sources, and the keys of the scopes whose data are not stale."""
        self.shelves["events"] = RecentEvents()
        self.shelves["hosts"] = HostShards(self.shelves)
        self.shelves["contexts"] = ()
        """The one shard has the contexts by their hypervisors."""
        self.shelves["silent"] = NONE_SILENT.buckets
        self.shelves["stale"] = ({},)
        """The one shard has the stale sources by name, as they were when they became it."""
        self.shelves["freshness"] = ({},)
        """When each scope was read."""
        self.shelves["runbook"] = ("",)
        self.touched: Touched = {}
        self._by_row = False
        self._view = TrackedView(self)

    def shard(self, shelf: str, number: int) -> Any:
        """What is there now; None beyond the end of the shelf."""
        shards = self.shelves[shelf]
        return shards[number] if number < len(shards) else None

    def holds(self, touched: Touched) -> bool:
        """Whether all these shards and rows are still the same objects."""
        return all(self._there(*place) is seen for place, seen in touched.items())

    def _there(self, shelf: str, number: int, index: int | None = None) -> Any:
        shards = self.shelves[shelf]
        shard = shards[number] if number < len(shards) else None
        return shard if index is None or shard is None else shard.get(index)

    def _row(self, shelf: str, index: int) -> Any:
        number, shards = index >> BITS, self.shelves[shelf]
        shard = shards[number] if number < len(shards) else None
        row = shard.get(index) if shard is not None else None
        if self._by_row:
            self.touched[shelf, number, index] = row
        else:
            self.touched[shelf, number] = shard
        return row

    def entity(self, index: int) -> Entity | None:
        found: Entity | None = self._row("entities", index)
        if found is not None:
            return found
        record = self.record(index)
        shown: Entity | None = self._row("entities", record.entity) if record is not None else None
        return shown

    def record(self, index: int) -> Record | None:
        found: Record | None = self._row("records", index)
        return found

    def claims(self, record: int) -> tuple[Claim, ...]:
        return self._row("claims", record) or ()

    def dependents(self, record: int) -> tuple[int, ...]:
        """The records that depend on a record."""
        return self._row("dependents", record) or ()

    def placement(self, entity: int) -> Placement | None:
        found: Placement | None = self._row("placements", entity)
        return found

    def raised(self, entity: int) -> tuple[Alarm, ...]:
        found = (self._row("alarms", alarm) for alarm in self._row("entity_alarms", entity) or ())
        return tuple(alarm for alarm in found if alarm is not None and alarm.raised)

    def context(self, hypervisor: int) -> str:
        names: Mapping[int, str] | None = self.shard("contexts", 0)
        self.touched["contexts", 0] = names
        return names.get(hypervisor, "") if names is not None else ""

    def runbook(self) -> str:
        told: str = self.shard("runbook", 0)
        self.touched["runbook", 0] = told
        return told

    def ticks(self, at: int) -> int:
        return max(0, at - self._started_at) // 10_000

    def layers(self, entity: Entity) -> LayerRow:
        return layer_row(self._view, entity)

    def impact(self, host: Entity) -> Sequence[ImpactRow]:
        """What is noted are rows: what a host carries is scattered over most shards, in which others move."""
        self._by_row = True
        try:
            return impact_rows(self._view, host)
        finally:
            self._by_row = False

    def is_stale(self, record: Record) -> bool:
        return self.any_stale(frozenset((scope_key(record.source, record.scope),)))

    def any_stale(self, scopes: Scopes) -> bool:
        told = self.touched["fresh", 0] = self.shard("fresh", 0)
        sources, fresh = told
        return any(key not in fresh and key.partition("\x00")[0] in sources for key in scopes)

    def read_at(self, scopes: Scopes) -> int:
        return min((self._bucket("freshness", key).get(key, 0) for key in scopes), default=0)

    def is_silent(self, record: Record) -> bool:
        """True when an alarm says that the record's scope does not answer."""
        key = scope_key(record.source, record.scope)
        return key in self._bucket("silent", key)

    def stale_sources(self) -> Mapping[str, Source]:
        """Sources of which nothing answers."""
        found: Mapping[str, Source] = self.shard("stale", 0)
        self.touched["stale", 0] = found
        return found

    def _bucket(self, shelf: str, key: str) -> Any:
        number = hash(key) & (len(self.shelves[shelf]) - 1)
        bucket = self.touched[shelf, number] = self.shard(shelf, number)
        return bucket
