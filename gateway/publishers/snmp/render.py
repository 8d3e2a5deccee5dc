"""
Render: from a snapshot to segments, encoded when somebody first reads them.

Segments are kept from snapshot to snapshot. A segment is true as long as all shards that its column looked at are
the same objects; when one is another, the column's values are read again, and encoded again only if they differ.
"""

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from gateway.model.events import Event
from gateway.model.rows import Source, SourceState
from gateway.model.shelf import Shelf
from gateway.model.snapshot import Snapshot
from gateway.publishers.snmp.hosts import HostShards
from gateway.publishers.snmp.recent import KEPT, RecentEvents
from gateway.publishers.snmp.segments import ColumnEncoder, Segment
from gateway.publishers.snmp.tracked_lookup import NONE_SILENT, SHELVES, Touched, TrackedLookup
from gateway.schema.snmp.affected import affected_address
from gateway.schema.snmp.arcs import ENTERPRISE, under
from gateway.schema.snmp.entity_mib import ENTITY_TABLES
from gateway.schema.snmp.notification_log import LOG_TABLES
from gateway.schema.snmp.recent import RECENT_TABLE
from gateway.schema.snmp.table import Column, Table
from gateway.schema.snmp.tables import ALARM_TABLE, TABLES
from gateway.topology.ages import STALE_INTERVALS, scope_is_stale
from gateway.topology.scopes import sources_shown
from gateway.wire.ber import Oid, encode_sub_identifiers

SERVED: Final = (*TABLES, RECENT_TABLE, *LOG_TABLES, *ENTITY_TABLES)
"""All tables of what changes."""


class _ShardRows:
    """The conceptual rows of one shard of a table, with their encoded indexes; all its columns share them."""

    __slots__ = ("keys", "rows", "serial", "suffixes", "touched")

    def __init__(
        self, serial: int, touched: Touched, keys: Sequence[Any], rows: list[Any], suffixes: list[bytes]
    ) -> None:
        self.serial = serial
        self.touched = touched
        self.keys = keys
        self.rows = rows
        self.suffixes = suffixes


class _Values(Segment):
    """A segment with what it was made from."""

    __slots__ = ("rows", "touched", "values")

    rows: list[Any]
    touched: Touched
    values: list[Any]


class TableColumn:
    """One column of a table, as the walk sees it."""

    __slots__ = ("_column", "_encoder", "_table", "bits", "count", "in_v1", "prefix", "rows_of", "segments", "single")

    def __init__(self, table: "TableRenderer", column: Column) -> None:
        self.prefix = under(table.look.root, table.table.prefix(column))
        self.single = table.table.single
        self.in_v1 = column.syntax.in_v1
        self.bits = table.table.bits
        self.count = 0
        self.rows_of: object = table
        self.segments: dict[int, _Values] = {}
        self._table = table
        self._column = column
        self._encoder = ColumnEncoder(self.prefix)

    def following(self, number: int) -> int:
        return self._table.following(number)

    def refresh(self, number: int) -> Segment:
        segment = self.segments.get(number)
        look = self._table.look
        serial = self._table.serial
        shard = self._table.shard_rows(number)
        if segment is not None and segment.rows is shard.rows and look.holds(segment.touched):
            segment.serial = serial
            return segment
        look.touched = {}
        value = self._column.value
        values = [value(row, look) for row in shard.rows]
        if segment is None or segment.keys is not shard.keys or segment.values != values:
            ends, blob = self._encoder.encode(shard.suffixes, [self._column.syntax.encode(each) for each in values])
            segment = self.segments[number] = _Values(serial, shard.keys, ends, blob)
        segment.serial, segment.rows, segment.touched, segment.values = serial, shard.rows, look.touched, values
        return segment


class TableRenderer:
    """One table over the snapshot in use."""

    def __init__(self, table: Table, look: TrackedLookup) -> None:
        self.table = table
        self.look = look
        self.serial = 0
        self.columns = tuple(TableColumn(self, column) for column in table.columns)
        self._shards: dict[int, _ShardRows] = {}

    def use(self, serial: int) -> None:
        """The snapshot is another one."""
        self.serial = serial
        count = len(self.look.shelves[self.table.shelf])
        for column in self.columns:
            column.count = count

    def shard_rows(self, number: int) -> _ShardRows:
        """The rows of a shard, made again only when what they were made from has changed."""
        known = self._shards.get(number)
        if known is not None and (known.serial == self.serial or self.look.holds(known.touched)):
            known.serial = self.serial
            return known
        base = self.look.shard(self.table.shelf, number)
        self.look.touched = {}
        made = self.table.rows(base, self.look)
        found: list[Any] = [key for key, _ in made]
        keys: Sequence[Any] = array("I", found) if self.table.single else found
        touched = {**self.look.touched, (self.table.shelf, number): base}
        if known is not None and known.keys == keys:
            keys, suffixes = known.keys, known.suffixes
        else:
            suffixes = [encode_sub_identifiers((key,) if isinstance(key, int) else key) for key in keys]
        fresh = _ShardRows(self.serial, touched, keys, [row for _, row in made], suffixes)
        self._shards[number] = fresh
        return fresh

    def following(self, number: int) -> int:
        """The next shard that may have rows, or their count."""
        shelf = self.look.shelves[self.table.shelf]
        if isinstance(shelf, RecentEvents | HostShards):
            return shelf.following(number)
        number += 1
        while number < len(shelf) and not shelf[number]:
            number += 1
        return number

    def row_count(self) -> int:
        """Number of conceptual rows."""
        shelf = self.look.shelves[self.table.shelf]
        return sum(len(self.shard_rows(number).keys) for number in range(len(shelf)) if shelf[number])


class Renderer:
    """All tables of the MIB over one snapshot after the other. Belongs to one thread."""

    def __init__(
        self,
        now: Callable[[], int] | None = None,
        stale_intervals: int = STALE_INTERVALS,
        root: Oid = ENTERPRISE,
        started_at: int = 0,
        engine_id: bytes = b"",
    ) -> None:
        """
        `now`: microseconds UTC; without it a snapshot is as old as when it was made. `root`: where our MIB hangs.
        `started_at`: when sysUpTime was 0, in microseconds UTC.
        """
        self._started_at = started_at
        self._now = now
        self._stale_intervals = stale_intervals
        self.snapshot = Snapshot()
        """The one in use; not yet any of the gateway's until `use` is called."""
        self.serial = 0
        self.look = TrackedLookup(root, started_at, engine_id)
        self.tables = tuple(TableRenderer(table, self.look) for table in SERVED)
        self.columns = tuple(column for table in self.tables for column in table.columns)
        self._alarms = next(table for table in self.tables if table.table is ALARM_TABLE)
        self._sources: Mapping[str, Source] | None = None
        self._silent = NONE_SILENT
        self.logged = 0
        """Notifications put into the log since the start."""

    def use(self, snapshot: Snapshot) -> None:
        """Answer from this snapshot from now on."""
        if snapshot is self.snapshot:
            return
        self.snapshot = snapshot
        self.serial += 1
        shelves = self.look.shelves
        for name in SHELVES:
            shelves[name] = getattr(snapshot, name).shards
        self._use_sources(sources_shown(snapshot))
        silent = snapshot.silent_scopes()
        self._use_silence(silent)
        shelves["freshness"] = snapshot.freshness.buckets
        self._use_freshness(snapshot, silent)
        for table in self.tables:
            table.use(self.serial)

    def remember(self, events: Iterable[Event], snapshot: Snapshot | None = None) -> None:
        """Show these among the recent events, with the addresses that the hosts have in `snapshot`."""
        new = tuple(events)
        found = ((event.seq, affected_address(event, snapshot or self.snapshot)) for event in new if event.notify)
        addresses = {**self.look.addresses, **{seq: address for seq, address in found if address is not None}}
        self.look.addresses = {seq: addresses[seq] for seq in sorted(addresses)[-KEPT:]}
        self.look.shelves["events"] = self.recent.with_these(new)
        self.logged += sum(event.notify and event.at >= self._started_at for event in new)
        self._look_again()

    def use_runbook(self, runbook: str) -> None:
        """Show this as topoEventRunbook from now on, `{kind}` and `{condition}` filled in."""
        self.look.shelves["runbook"] = (runbook,)
        self._look_again()

    @property
    def recent(self) -> RecentEvents:
        """The recent events."""
        recent = self.look.shelves["events"]
        assert isinstance(recent, RecentEvents)
        return recent

    def use_stale_intervals(self, stale_intervals: int) -> None:
        """So many intervals of silence make data stale, from now on."""
        self._stale_intervals = stale_intervals
        snapshot, self.snapshot = self.snapshot, Snapshot()
        self.use(snapshot)

    def _look_again(self) -> None:
        """What is beside the snapshot has changed."""
        self.serial += 1
        for table in self.tables:
            table.use(self.serial)

    def _use_sources(self, sources: Mapping[str, Source]) -> None:
        """Sources are few and no shelf: put on one, by index."""
        if sources == self._sources:
            return
        self._sources = sources
        rows: Mapping[int, Source | None] = {source.index: source for source in sources.values()}
        shelf: Shelf[Source] = Shelf()
        self.look.shelves["sources"] = shelf.evolve(rows).shards
        stale = {name: source for name, source in sources.items() if source.state is SourceState.STALE}
        if self.look.shelves["stale"][0].keys() != stale.keys():
            self.look.shelves["stale"] = (stale,)

    def _use_silence(self, silent: frozenset[str]) -> None:
        """Only the buckets of scopes that fell silent, or answer again, become others."""
        ended: dict[str, bool | None] = {key: None for key, _ in self._silent.items() if key not in silent}
        self._silent = self._silent.evolve(ended | {key: True for key in silent if key not in self._silent})
        self.look.shelves["silent"] = self._silent.buckets

    def _use_freshness(self, snapshot: Snapshot, silent: frozenset[str]) -> None:
        """What is stale by the rule of all publishers, as of now; kept as it is while nothing becomes it."""
        now, sources = self._now() if self._now is not None else snapshot.at, snapshot.sources
        fresh = frozenset(
            key
            for key, seen_at in snapshot.freshness.items()
            if key not in silent
            and (source := sources.get(key.partition("\x00")[0])) is not None
            and not scope_is_stale(source, seen_at, now, self._stale_intervals)
        )
        told = ((frozenset(sources), fresh),)
        if self.look.shelves["fresh"] != told:
            self.look.shelves["fresh"] = told

    @property
    def active_alarms(self) -> int:
        """Number of raised alarms."""
        return self._alarms.row_count()

    @property
    def stale_sources(self) -> int:
        """Number of sources that are stale, or of which a part is silent."""
        stale = {source.name for source in self.snapshot.sources.values() if source.state is SourceState.STALE}
        return len(stale | {key.partition("\x00")[0] for key, _ in self._silent.items()})
