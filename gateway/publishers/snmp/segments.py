"""
Segments: encoded varbinds of one column and one shard, and the columns that hand them out.

A segment keeps the varbinds of up to 64 rows (of what one host affects: of all) in one blob, so that a GETBULK is a
slice of it and a truncation a bisect. Everything is in the order of the index: numbers and tuples, for BER octets do
not sort like OIDs.
"""

from array import array
from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise
from typing import Any, Protocol

from gateway.model.shelf import BITS
from gateway.schema.snmp.table import Key
from gateway.wire.ber import Oid, encode_length, encode_oid_content


class Segment:
    """
    Varbinds of one column and one shard: the one with `keys[i]` is `blob[ends[i]:ends[i + 1]]`.

    `serial` says for which snapshot that was found to be true; the renderer decides.
    """

    __slots__ = ("blob", "ends", "keys", "serial", "varbinds")

    def __init__(self, serial: int, keys: Sequence[Any], ends: Sequence[int], blob: bytes) -> None:
        self.serial = serial
        self.keys = keys
        self.ends = ends
        self.blob = blob
        self.varbinds: list[bytes] = []
        """One by one; made by `cut` for those who read row by row."""

    def cut(self) -> list[bytes]:
        """Fill `varbinds`."""
        blob, ends = self.blob, self.ends
        self.varbinds = [blob[begin:end] for begin, end in pairwise(ends)]
        return self.varbinds


class ServedColumn(Protocol):
    """A columnar object or a scalar, as the walk sees it."""

    prefix: Oid
    single: bool
    """An index is one sub-identifier, and `Segment.keys` are plain numbers; else they are tuples."""
    in_v1: bool
    bits: int
    """A row is in the shard whose number is the first sub-identifier of its index without so many bits."""
    count: int
    """Number of shards now."""
    rows_of: object
    """Columns with the same one have the same rows: `Segment.keys` are equal, shard by shard."""
    segments: dict[int, Any]
    """By shard number; one whose serial is not that of the snapshot has to be refreshed."""

    def refresh(self, number: int) -> Segment:
        """The segment of a shard below `count`, true for the snapshot in use."""

    def following(self, number: int) -> int:
        """The next shard after one without rows that may have some, or `count`: a table may have many gaps."""


class ColumnEncoder:
    """Joins the name of a column, the suffix of a row and a value to varbinds (RFC 3416 section 3)."""

    __slots__ = ("_content", "_names")

    def __init__(self, prefix: Oid) -> None:
        self._content = encode_oid_content(prefix)
        self._names: dict[int, bytes] = {}

    def encode(self, suffixes: Sequence[bytes], values: Sequence[bytes]) -> tuple[Sequence[int], bytes]:
        """
        (ends, blob) of a segment, from encoded indexes and encoded values.

        `ends` are an array: a read touches a few octets of it, not an object for each number.
        """
        varbinds = []
        for suffix, value in zip(suffixes, values, strict=True):
            name = self._names.get(len(suffix)) or self._name(len(suffix))
            size = len(name) + len(suffix) + len(value)
            varbinds.append(b"0" + encode_length(size) + name + suffix + value)
        return array("I", accumulate(map(len, varbinds), initial=0)), b"".join(varbinds)

    def _name(self, suffix: int) -> bytes:
        """What leads the name of a row whose index is that many octets long."""
        name = b"\x06" + encode_length(len(self._content) + suffix) + self._content
        self._names[suffix] = name
        return name


class ScalarColumn:
    """A scalar: its value is asked for each time, so counters and times are never old."""

    __slots__ = ("_encoder", "_value", "count", "in_v1", "prefix", "rows_of", "segments", "single")
    bits = BITS

    def __init__(self, prefix: Oid, value: Callable[[], bytes], *, in_v1: bool = True) -> None:
        self.prefix = prefix
        self.single = True
        self.in_v1 = in_v1
        self.count = 1
        self.rows_of: object = _INSTANCE
        self.segments: dict[int, Segment] = {}
        self._value = value
        self._encoder = ColumnEncoder(prefix)

    def refresh(self, number: int) -> Segment:
        ends, blob = self._encoder.encode((b"\0",), (self._value(),))
        return Segment(0, _INSTANCE, ends, blob)

    def following(self, number: int) -> int:
        return number + 1


_INSTANCE: tuple[Key, ...] = (0,)
