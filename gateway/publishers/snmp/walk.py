"""Walk: the columns of one view in the order of their OIDs; what is at an OID, and what comes after it."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence

from gateway.model.shelf import BITS
from gateway.publishers.snmp.segments import Segment, ServedColumn
from gateway.publishers.snmp.shapes import Shapes
from gateway.wire.ber import Oid

Position = tuple[int, int, int]
"""(column, shard, place in the segment); it may stand at the end of a segment."""


class Tree:
    """
    What one view sees. The columns are chosen once, so access control costs nothing per varbind.

    Every method gets the `serial` of the snapshot in use: one PDU sees one snapshot.
    """

    def __init__(self, columns: Iterable[ServedColumn]) -> None:
        self.columns = tuple(sorted(columns, key=lambda column: column.prefix))
        self._prefixes = [column.prefix for column in self.columns]
        self._single = {column.prefix: number for number, column in enumerate(self.columns) if column.single}
        self.shapes = Shapes(self.columns)

    def knows(self, oid: Oid) -> bool:
        """Whether an object of the view has this OID or is above this instance (noSuchInstance, noSuchObject)."""
        return self._column(oid) is not None

    def get(self, oid: Oid, serial: int) -> bytes | None:
        """The varbind of exactly this instance."""
        number = self._single.get(oid[:-1])
        if number is not None:
            column, key, shard = self.columns[number], oid[-1], oid[-1] >> BITS
            if shard >= column.count:
                return None
            return _exact(_segment(column, shard, serial), key)
        number = self._column(oid)
        if number is None:
            return None
        column = self.columns[number]
        rest = oid[len(column.prefix) :]
        if column.single or not rest or rest[0] >> column.bits >= column.count:
            return None
        return _exact(_segment(column, rest[0] >> column.bits, serial), rest)

    def after(self, oid: Oid, serial: int) -> Position:
        """The place of the first instance after an OID."""
        number = self._single.get(oid[:-1])
        return self._after_any(oid, serial) if number is None else self.after_index(number, oid[-1], serial)

    def after_index(self, number: int, index: int, serial: int) -> Position:
        """The place of the first instance after an index of a column whose index is one sub-identifier."""
        column = self.columns[number]
        shard = index >> BITS
        segment = column.segments.get(shard)
        if segment is None or segment.serial != serial:
            if shard >= column.count:
                return number + 1, 0, 0
            segment = column.refresh(shard)
        return number, shard, bisect_right(segment.keys, index)

    def _after_any(self, oid: Oid, serial: int) -> Position:
        number = bisect_right(self._prefixes, oid) - 1
        if number < 0:
            return 0, 0, 0
        column = self.columns[number]
        rest = oid[len(column.prefix) :]
        if oid[: len(column.prefix)] != column.prefix:
            return number + 1, 0, 0
        if not rest:
            return number, 0, 0
        shard = rest[0] >> column.bits
        if shard >= column.count:
            return number + 1, 0, 0
        key = rest[0] if column.single else rest
        return number, shard, bisect_right(_segment(column, shard, serial).keys, key)

    def take(self, position: Position, count: int, serial: int) -> tuple[list[bytes], Position]:
        """The next `count` varbinds one by one, fewer at the end of the view."""
        taken: list[bytes] = []
        number, shard, place = position
        columns = self.columns
        while count > 0 and number < len(columns):
            column = columns[number]
            if shard >= column.count:
                number, shard, place = number + 1, 0, 0
                continue
            segment = _segment(column, shard, serial)
            stop = min(place + count, len(segment.keys))
            if place < stop:
                blob, begin = segment.blob, segment.ends[place]
                for end in segment.ends[place + 1 : stop + 1]:
                    taken.append(blob[begin:end])
                    begin = end
                count -= stop - place
                place = stop
            if count:
                shard, place = shard + 1 if place else column.following(shard), 0
        return taken, (number, shard, place)

    def slices(self, position: Position, count: int, room: int, serial: int) -> tuple[list[bytes], bool, bytes]:
        """
        The next `count` varbinds in as few pieces as possible, as many as `room` octets hold.

        Returns:
            (the pieces, whether there is nothing more in the view, the last varbind or b"").
        """
        pieces: list[bytes] = []
        last = b""
        number, shard, place = position
        columns = self.columns
        while count > 0 and number < len(columns):
            column = columns[number]
            if shard >= column.count:
                number, shard, place = number + 1, 0, 0
                continue
            segment = column.segments.get(shard)
            if segment is None or segment.serial != serial:
                segment = column.refresh(shard)
            size = len(segment.keys)
            if place < size:
                ends = segment.ends
                stop = place + count
                if stop > size:
                    stop = size
                begin = ends[place]
                if ends[stop] - begin > room:
                    stop = bisect_right(ends, begin + room, place, stop) - 1
                    pieces.append(segment.blob[begin : ends[stop]])
                    return pieces, False, last
                pieces.append(segment.blob[begin : ends[stop]])
                room -= ends[stop] - begin
                count -= stop - place
                if count:  # an endOfMibView may follow, and repeats the last name
                    last = segment.blob[ends[stop - 1] : ends[stop]]
                shard += 1
            else:
                shard = shard + 1 if size else column.following(shard)
            place = 0
        return pieces, count > 0, last

    def _column(self, oid: Oid) -> int | None:
        number = bisect_right(self._prefixes, oid) - 1
        if number < 0 or oid[: len(self._prefixes[number])] != self._prefixes[number]:
            return None
        return number


def _segment(column: ServedColumn, shard: int, serial: int) -> Segment:
    segment: Segment | None = column.segments.get(shard)
    if segment is None or segment.serial != serial:
        return column.refresh(shard)
    return segment


def _exact(segment: Segment, key: int | Oid) -> bytes | None:
    place = bisect_left(segment.keys, key)
    if place == len(segment.keys) or segment.keys[place] != key:
        return None
    return segment.blob[segment.ends[place] : segment.ends[place + 1]]


def cells(columns: Sequence[ServedColumn], index: int, serial: int, *, after: bool) -> bytes | None:
    """
    The varbinds of one row, or (`after`) of the next one in the same shard; None when there is none.

    The columns have the same rows, so the place in one segment is the place in all.
    """
    shard = index >> BITS
    column = columns[0]
    segment = column.segments.get(shard)
    if segment is None or segment.serial != serial:
        if shard >= column.count:
            return None
        segment = column.refresh(shard)
    keys = segment.keys
    if after:
        place = bisect_right(keys, index)
        if place == len(keys):
            return None
    else:
        place = bisect_left(keys, index)
        if place == len(keys) or keys[place] != index:
            return None
    ends = segment.ends
    first: bytes = segment.blob[ends[place] : ends[place + 1]]
    if len(columns) == 1:
        return first
    varbinds = [first]
    for column in columns[1:]:
        segment = _segment(column, shard, serial)
        ends = segment.ends
        varbinds.append(segment.blob[ends[place] : ends[place + 1]])
    return b"".join(varbinds)


def run_after(column: ServedColumn, index: int, count: int, room: int, serial: int) -> bytes | None:
    """The `count` varbinds of one column after an index; None when it has fewer, or `room` octets do not hold them."""
    shard = index >> BITS
    place = -1
    pieces: list[bytes] = []
    while shard < column.count:
        segment = column.segments.get(shard)
        if segment is None or segment.serial != serial:
            segment = column.refresh(shard)
        keys, ends = segment.keys, segment.ends
        if place < 0:
            place = bisect_right(keys, index)
        stop = place + count
        size = len(keys)
        if stop <= size:
            pieces.append(segment.blob[ends[place] : ends[stop]])
            run = b"".join(pieces)
            return run if len(run) <= room else None
        pieces.append(segment.blob[ends[place] :])
        count = stop - size
        place = 0
        shard = shard + 1 if size else column.following(shard)
    return None


def rows_after(columns: Sequence[ServedColumn], index: int, count: int, room: int, serial: int) -> list[bytes] | None:
    """
    The varbinds of the `count` rows after an index, row by row, as many as `room` octets hold.

    None when the table has fewer rows. The columns have the same rows.
    """
    varbinds: list[bytes] = []
    shard = index >> BITS
    place = -1
    while shard < columns[0].count:
        found = []
        for column in columns:
            segment = column.segments.get(shard)
            if segment is None or segment.serial != serial:
                segment = column.refresh(shard)
            if place < 0:
                place = bisect_right(segment.keys, index)
            found.append((segment.varbinds or segment.cut())[place : place + count])
        begin = len(varbinds)
        for row in zip(*found, strict=True):
            varbinds += row
        count -= len(found[0])
        room -= sum(map(len, varbinds[begin:]))
        if room < 0:
            while room < 0:
                room += len(varbinds.pop())
            return varbinds
        if not count:
            return varbinds
        shard = shard + 1 if found[0] else columns[0].following(shard)
        place = 0
    return None
