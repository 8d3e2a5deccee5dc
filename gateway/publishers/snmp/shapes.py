"""
Shapes: which columns of one row a request names, found without decoding its names.

A manager asks for the same columns of one row after the other, so its requests differ in the last sub-identifier
only. What is left of the varbinds without it is looked up as a whole.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from gateway.publishers.snmp.segments import ServedColumn
from gateway.wire.ber import NULL_TLV
from gateway.wire.errors import DecodeError
from gateway.wire.names import read_names


class Cells(NamedTuple):
    """Columns of one table, as a request names them, each with the same index of one sub-identifier."""

    number: int
    """Place of the first column in the view."""
    columns: tuple[ServedColumn, ...]


class Shapes:
    """The shapes of requests that one view has met."""

    def __init__(self, columns: Iterable[ServedColumn]) -> None:
        self._columns = {column.prefix: (number, column) for number, column in enumerate(columns) if column.single}
        self._known: dict[bytes | tuple[bytes, ...], Cells] = {}

    def find(self, varbinds: bytes) -> tuple[Cells, int] | None:
        """
        The cells and the index that variable-bindings name, each with the value NULL.

        None when they name anything else, or are malformed: then they have to be read one by one.
        """
        size = len(varbinds)
        if size < _SHORTEST or varbinds[size - 2 :] != NULL_TLV:
            return None
        index = varbinds[-3]
        place = size - 4
        if index & 0x80:
            return None
        shift = 7
        while varbinds[place] & 0x80 and shift <= 21:  # above 2**28 the other way has to check it
            index |= (varbinds[place] & 0x7F) << shift
            shift += 7
            place -= 1
        place += 1
        if varbinds[place] == 0x80:  # padding, which is forbidden
            return None
        shape: bytes | tuple[bytes, ...]
        if varbinds[1] == size - 2:
            shape = varbinds[:place]
        else:
            parts = varbinds.split(varbinds[place:])
            parts[-1] = b"%d" % (size - place)  # was empty; the lengths in the other parts are good for this one
            shape = tuple(parts)
        cells = self._known.get(shape)
        if cells is None:
            cells = self._learn(varbinds, shape, index)
            if cells is None:
                return None
        return cells, index

    def _learn(self, varbinds: bytes, shape: bytes | tuple[bytes, ...], index: int) -> Cells | None:
        try:
            oids, encoded = read_names(varbinds)
        except DecodeError:
            return None
        found = [self._columns.get(oid[:-1]) for oid in oids]
        cells = [each for each in found if each is not None]
        if (
            len(cells) < len(found)
            or any(oid[-1] != index for oid in oids)
            or len({id(column.rows_of) for _, column in cells}) > 1
            or sum(map(len, encoded)) + 4 * len(encoded) != len(varbinds)  # a value is not NULL, a length not short
            or (isinstance(shape, tuple) and len(shape) != len(oids) + 1)
        ):
            return None
        if len(self._known) >= _MOST_SHAPES:
            self._known.clear()
        known = self._known[shape] = Cells(cells[0][0], tuple(column for _, column in cells))
        return known


_SHORTEST: Final = 10
_MOST_SHAPES: Final = 4096
