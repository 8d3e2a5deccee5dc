"""Keys that are proved to be one: groups of them, each called by its first key."""

from collections.abc import Iterable

Pair = tuple[str, str]
"""Two keys that are one, in order."""


class Unions:
    """
    Groups of keys: what is proved of two holds for all that are one with either. Pure.

    Asking costs the same however large the groups are.
    """

    def __init__(self, pairs: Iterable[Pair] = ()) -> None:
        self._first: dict[str, str] = {}
        self._members: dict[str, list[str]] = {}
        """By the first key of each group."""
        self._pairs: tuple[Pair, ...] | None = None
        for one, other in pairs:
            self.unite(one, other)

    def __contains__(self, key: str) -> bool:
        """It is one with another key."""
        return key in self._first

    def first(self, key: str) -> str:
        """The first, in order, of all keys that are one with this."""
        return self._first.get(key, key)

    def unite(self, one: str, other: str) -> list[str]:
        """Two keys are one. Returns those that have another first key now, or were not one with any other before."""
        first, second = sorted((self.first(one), self.first(other)))
        if first == second:
            return []
        moved = self._members.pop(second, [second])
        members = self._members.setdefault(first, [first])
        changed = moved + members if len(members) == 1 else moved
        self._members[first] = members + moved
        self._first.update(dict.fromkeys(changed, first))
        self._pairs = None
        return changed

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """The first key of each group with each other one of it, in order; the same object until something changes."""
        if self._pairs is None:
            self._pairs = tuple(sorted((first, key) for key, first in self._first.items() if first != key))
        return self._pairs
