"""Shelves: persistent mappings that change cheaply, so that an immutable snapshot costs what changed."""

from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

Row = TypeVar("Row")

BITS = 6
"""64 rows a shard: a change of one row copies one small dict (measured: see ARCHITECTURE.md)."""


class Shelf(Generic[Row]):
    """
    Integer index -> frozen row, in shards of 64 rows.

    `shards` is public: a publisher that caches what it made of a shard compares it by identity (`is`).
    Indexes start at 1. Iteration is in index order.
    """

    __slots__ = ("count", "shards")

    def __init__(self, shards: tuple[Mapping[int, Row], ...] = (), count: int = 0) -> None:
        self.shards = shards
        self.count = count

    def get(self, index: int) -> Row | None:
        number = index >> BITS
        if 0 <= number < len(self.shards):
            return self.shards[number].get(index)
        return None

    def __len__(self) -> int:
        return self.count

    def __contains__(self, index: int) -> bool:
        return self.get(index) is not None

    def __iter__(self) -> Iterator[int]:
        for shard in self.shards:
            yield from sorted(shard)

    def rows(self, after: int = 0) -> Iterator[tuple[int, Row]]:
        """(index, row) in index order, only those with an index above `after`."""
        for number in range(max(after, 0) >> BITS, len(self.shards)):
            shard = self.shards[number]
            for index in sorted(shard):
                if index > after:
                    yield index, shard[index]

    def evolve(self, changes: Mapping[int, Row | None]) -> "Shelf[Row]":
        """A shelf with these rows put in (None: taken out); copies the touched shards only."""
        if not changes:
            return self
        shards = list(self.shards)
        own: dict[int, dict[int, Row]] = {}
        count = self.count
        for index, row in changes.items():
            number = index >> BITS
            while number >= len(shards):
                shards.append({})
            shard = own.get(number)
            if shard is None:
                shard = dict(shards[number])
                own[number] = shard
                shards[number] = shard
            if row is None:
                if shard.pop(index, None) is not None:
                    count -= 1
            else:
                if index not in shard:
                    count += 1
                shard[index] = row
        return Shelf(tuple(shards), count)


class Buckets(Generic[Row]):
    """
    String -> value, spread over a tuple of small dicts by hash. Grows by doubling; a change copies one bucket.
    """

    __slots__ = ("buckets", "count")

    def __init__(self, buckets: tuple[Mapping[str, Row], ...] = ({},), count: int = 0) -> None:
        self.buckets = buckets
        self.count = count

    def get(self, key: str) -> Row | None:
        return self.buckets[hash(key) & (len(self.buckets) - 1)].get(key)

    def __contains__(self, key: str) -> bool:
        return self.get(key) is not None

    def __len__(self) -> int:
        return self.count

    def items(self) -> Iterator[tuple[str, Row]]:
        for bucket in self.buckets:
            yield from bucket.items()

    def evolve(self, changes: Mapping[str, Row | None]) -> "Buckets[Row]":
        """Buckets with these values put in (None: taken out)."""
        if not changes:
            return self
        buckets = list(self.buckets)
        count = self.count
        if count + len(changes) > 32 * len(buckets) and len(buckets) < 1 << 14:
            buckets = _spread(buckets, count + len(changes))
        mask = len(buckets) - 1
        own: set[int] = set()
        for key, row in changes.items():
            number = hash(key) & mask
            if number not in own:
                own.add(number)
                buckets[number] = dict(buckets[number])
            bucket = buckets[number]
            assert isinstance(bucket, dict)
            if row is None:
                if bucket.pop(key, None) is not None:
                    count -= 1
            else:
                if key not in bucket:
                    count += 1
                bucket[key] = row
        return Buckets(tuple(buckets), count)


def _spread(buckets: list[Mapping[str, Row]], size: int) -> list[Mapping[str, Row]]:
    """The same content over enough buckets for `size` keys, 16 each."""
    number = len(buckets)
    while number * 16 < size and number < 1 << 14:
        number *= 2
    spread: list[dict[str, Row]] = [{} for _ in range(number)]
    for bucket in buckets:
        for key, row in bucket.items():
            spread[hash(key) & (number - 1)][key] = row
    return list(spread)
