"""
Live tables: conceptual rows of what changes without a revision, asked for when somebody reads them.

The rows come from memory, in the event loop that answers, so that all values of one response are of one moment. What
did not change since the last request is not encoded again.
"""

from collections.abc import Callable
from typing import Any

from gateway.model.shelf import BITS
from gateway.publishers.snmp.segments import ColumnEncoder, Segment
from gateway.schema.snmp.arcs import under
from gateway.schema.snmp.lookup import Lookup
from gateway.schema.snmp.table import Column, Table
from gateway.wire.ber import encode_sub_identifiers


class LiveTable:
    """One such table. The first sub-identifier of its index, the length of a name, is at most `longest`."""

    def __init__(self, table: Table, ask: Callable[[], tuple[Any, ...]], look: Lookup, longest: int) -> None:
        self._table = table
        self._ask = ask
        self.look = look
        self._rows: tuple[Any, ...] = ()
        self._shards: dict[int, tuple[list[Any], list[bytes], list[Any]]] = {}
        self.columns = tuple(LiveColumn(self, table, column, (longest >> BITS) + 1) for column in table.columns)

    def shard(self, number: int) -> tuple[list[Any], list[bytes], list[Any]]:
        """(keys, encoded indexes, rows) of a shard, as of now."""
        rows = self._ask()
        if rows != self._rows:
            self._use(rows)
        return self._shards.get(number, ([], [], []))

    def _use(self, rows: tuple[Any, ...]) -> None:
        self._rows = rows
        self._shards = {}
        for key, row in self._table.rows(dict(enumerate(rows)), self.look):
            assert isinstance(key, tuple)
            keys, suffixes, found = self._shards.setdefault(key[0] >> BITS, ([], [], []))
            keys.append(key)
            suffixes.append(encode_sub_identifiers(key))
            found.append(row)
        for column in self.columns:
            column.made.clear()


class LiveColumn:
    """One column of such a table, as the walk sees it; `segments` stay empty, so that it is asked each time."""

    __slots__ = ("_column", "_encoder", "_table", "count", "in_v1", "made", "prefix", "rows_of", "segments", "single")
    bits = BITS

    def __init__(self, live: LiveTable, table: Table, column: Column, count: int) -> None:
        self.prefix = under(live.look.root, table.prefix(column))
        self.single = False
        self.in_v1 = column.syntax.in_v1
        self.count = count
        self.rows_of: object = self
        self.segments: dict[int, Segment] = {}
        self.made: dict[int, Segment] = {}
        self._table = live
        self._column = column
        self._encoder = ColumnEncoder(self.prefix)

    def refresh(self, number: int) -> Segment:
        keys, suffixes, rows = self._table.shard(number)
        made = self.made.get(number)
        if made is None:
            values = (self._column.value(row, self._table.look) for row in rows)
            ends, blob = self._encoder.encode(suffixes, [self._column.syntax.encode(value) for value in values])
            made = self.made[number] = Segment(0, keys, ends, blob)
        return made

    def following(self, number: int) -> int:
        return number + 1
