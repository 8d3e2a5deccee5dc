"""Static tables: conceptual rows that are made once, of what the configuration says."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from gateway.model.shelf import BITS
from gateway.publishers.snmp.segments import ColumnEncoder, Segment
from gateway.wire.ber import Oid, encode_sub_identifiers


@dataclass(frozen=True, slots=True)
class StaticRow:
    """A conceptual row: its index as sub-identifiers, and encoded values by column number."""

    index: Oid
    values: Mapping[int, bytes]


class StaticColumn:
    """One column of such a table. Rows may lack a value: then there is no such instance."""

    __slots__ = ("count", "in_v1", "prefix", "rows_of", "segments", "single")
    bits = BITS

    def __init__(self, prefix: Oid, cells: Iterable[tuple[Oid, bytes]]) -> None:
        self.prefix = prefix
        self.single = False
        self.in_v1 = True
        self.rows_of: object = self
        self.show(cells)

    def show(self, cells: Iterable[tuple[Oid, bytes]]) -> None:
        """From now on these are its rows. Call it in the event loop."""
        shards: dict[int, list[tuple[Oid, bytes]]] = {}
        for index, value in sorted(cells):
            shards.setdefault(index[0] >> BITS, []).append((index, value))
        self.count = max(shards, default=-1) + 1
        encoder = ColumnEncoder(self.prefix)
        self.segments = {number: _segment(encoder, cells) for number, cells in shards.items()}

    def refresh(self, number: int) -> Segment:
        return self.segments.get(number, _NO_ROWS)

    def following(self, number: int) -> int:
        return min((each for each in self.segments if each > number), default=self.count)


class StaticTable:
    """A table whose rows are replaced from time to time."""

    def __init__(self, entry: Oid, numbers: Iterable[int]) -> None:
        self._columns = {number: StaticColumn((*entry, number), ()) for number in numbers}

    @property
    def columns(self) -> tuple[StaticColumn, ...]:
        return tuple(self._columns.values())

    def show(self, rows: Iterable[StaticRow]) -> None:
        """From now on these are its rows. Call it in the event loop."""
        found = tuple(rows)
        for number, column in self._columns.items():
            column.show((row.index, row.values[number]) for row in found if number in row.values)


def static_columns(entry: Oid, rows: Iterable[StaticRow]) -> list[StaticColumn]:
    """The columns of a table whose entry has this OID."""
    cells: dict[int, list[tuple[Oid, bytes]]] = {}
    for row in rows:
        for number, value in row.values.items():
            cells.setdefault(number, []).append((row.index, value))
    return [StaticColumn((*entry, number), cells[number]) for number in sorted(cells)]


def _segment(encoder: ColumnEncoder, cells: list[tuple[Oid, bytes]]) -> Segment:
    keys = [index for index, _ in cells]
    ends, blob = encoder.encode([encode_sub_identifiers(key) for key in keys], [value for _, value in cells])
    return Segment(0, keys, ends, blob)


_NO_ROWS: Final = Segment(0, (), (0,), b"")
