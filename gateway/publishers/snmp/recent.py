"""Recent: the last events, by the number of the log, in shards as the renderer wants them."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from typing import Final

from gateway.model.events import Event
from gateway.model.shelf import BITS

KEPT: Final = 512
_EMPTY: Final[Mapping[int, Event]] = {}


class RecentEvents:
    """
    The last `KEPT` events. Immutable: `with_these` gives another one.

    Like the shards of a shelf by number, but those before the oldest event are not there at all. A shard that has not
    changed is the same object.
    """

    def __init__(self, shards: Mapping[int, Mapping[int, Event]] | None = None, bumped: int = 0) -> None:
        self._shards = dict(shards or {})
        self.bumped = bumped
        """How many that were told have left to make room."""
        self._numbers = sorted(self._shards)

    def __len__(self) -> int:
        return self._numbers[-1] + 1 if self._numbers else 0

    def __getitem__(self, number: int) -> Mapping[int, Event]:
        return self._shards.get(number, _EMPTY)

    def following(self, number: int) -> int:
        """The next shard that has events, or how many there are."""
        place = bisect_right(self._numbers, number)
        return self._numbers[place] if place < len(self._numbers) else len(self)

    def with_these(self, events: Iterable[Event]) -> "RecentEvents":
        """With newer events; the oldest leave."""
        shards: dict[int, dict[int, Event]] = {number: dict(shard) for number, shard in self._shards.items()}
        for event in events:
            if event.seq:
                shards.setdefault(event.seq >> BITS, {})[event.seq] = event
        every = sorted(seq for shard in shards.values() for seq in shard)
        bumped = self.bumped + sum(shards[seq >> BITS].pop(seq).notify for seq in every[:-KEPT])
        kept: dict[int, Mapping[int, Event]] = {}
        for number, shard in shards.items():
            before = self._shards.get(number)
            if shard:
                kept[number] = before if before is not None and before.keys() == shard.keys() else shard
        return RecentEvents(kept, bumped)
