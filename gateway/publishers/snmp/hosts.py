"""Hosts: what somebody reboots, each alone in its shard, so that what is worked out of one is worked out by itself."""

from bisect import bisect_right
from collections.abc import Mapping
from typing import Any, Final

from gateway.model.rows import Entity
from gateway.model.shelf import BITS
from gateway.schema.snmp.layers import HOSTS

_NONE: Final[Mapping[int, Entity]] = {}


class HostShards:
    """
    The hosts of the entities in `shelves`, by index: like the shards of a shelf, and sought when somebody asks.

    A host that has not changed is in the same object.
    """

    def __init__(self, shelves: Mapping[str, Any]) -> None:
        self._shelves = shelves
        self._entities: tuple[Mapping[int, Entity], ...] = ()
        self._shards: dict[int, Mapping[int, Entity]] = {}
        self._numbers: list[int] = []

    def __len__(self) -> int:
        return len(self._shelves["entities"]) << BITS

    def __getitem__(self, index: int) -> Mapping[int, Entity]:
        self._look()
        return self._shards.get(index, _NONE)

    def following(self, index: int) -> int:
        """The index of the next host, or how many indexes there are."""
        self._look()
        place = bisect_right(self._numbers, index)
        return self._numbers[place] if place < len(self._numbers) else len(self)

    def _look(self) -> None:
        """Only shards of entities that are other objects than before are looked through."""
        entities, before = self._shelves["entities"], self._entities
        if entities is before:
            return
        self._entities = entities
        for number, shard in enumerate(entities):
            if number >= len(before) or shard is not before[number]:
                self._look_through(number, shard)
        for number in range(len(entities), len(before)):
            self._look_through(number, {})
        self._numbers = sorted(self._shards)

    def _look_through(self, number: int, shard: Mapping[int, Entity]) -> None:
        for index in range(number << BITS, (number + 1) << BITS):
            entity = shard.get(index)
            if entity is None or entity.kind not in HOSTS:
                self._shards.pop(index, None)
            elif self._shards.get(index, _NONE).get(index) is not entity:
                self._shards[index] = {index: entity}
