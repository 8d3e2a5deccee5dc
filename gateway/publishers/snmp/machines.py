"""The machines of each hypervisor: those that are there, and those that are off and belong there."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from itertools import zip_longest
from typing import Any, Final

from gateway.model.entities import EntityKind
from gateway.model.rows import Placement, Record
from gateway.model.shelf import BITS
from gateway.model.snapshot import scope_key

_NONE: Final[Mapping[int, Any]] = {}
_KINDS: Final = (EntityKind.VM, EntityKind.HYPERVISOR)
Shards = Sequence[Mapping[int, Any]]


class Machines:
    """
    The machines of each hypervisor in `shelves`: like the shards of a shelf, and sought when somebody asks.

    A machine that is off belongs to the hypervisor whose scope tells of it, also when it never ran; to the one where
    it ran last when that scope has none, or several. What has not changed is the same object.
    """

    def __init__(self, shelves: Mapping[str, Any]) -> None:
        self._shelves = shelves
        self._placed = _Groups(_host_of)
        self._told = _Groups(_told_of)
        self._fresh: dict[int, tuple[int, ...]] = {}
        """Of those who were asked for since something changed, and `_known` as they were before."""
        self._known: dict[int, tuple[int, ...]] = {}

    def __len__(self) -> int:
        return len(self._shelves["entities"]) << BITS

    def __getitem__(self, hypervisor: int) -> tuple[int, ...]:
        """Indexes of the entities, in order."""
        changed = (self._placed.follow(self._shelves["placements"]), self._told.follow(self._shelves["records"]))
        if any(changed):
            self._known |= self._fresh
            self._fresh = {}
        if hypervisor not in self._fresh:
            found, before = self._found(hypervisor), self._known.get(hypervisor)
            self._fresh[hypervisor] = before if before == found else found
        return self._fresh[hypervisor]

    def _found(self, hypervisor: int) -> tuple[int, ...]:
        entity = self._row("entities", hypervisor)
        candidates = set(self._placed.of(hypervisor))
        for index in entity.records if entity is not None else ():
            scope = _scope(self._row("records", index))
            if self._alone(scope) == hypervisor:
                candidates |= {self._row("records", told).entity for told in self._told.of((EntityKind.VM, scope))}
        return tuple(sorted(vm for vm in candidates if self._home(vm) == hypervisor))

    def _home(self, vm: int) -> int:
        """The hypervisor of a machine; 0: nobody tells, or it is none."""
        entity, placement = self._row("entities", vm), self._row("placements", vm)
        if entity is None or entity.kind is not EntityKind.VM:
            return 0
        if placement is not None and placement.open:
            return int(placement.host)
        scopes = (_scope(self._row("records", index)) for index in entity.records)
        alone = next((found for scope in scopes if (found := self._alone(scope))), 0)
        return alone or (int(placement.host) if placement is not None else 0)

    def _alone(self, scope: str) -> int:
        """The one hypervisor of a scope; 0: it has none, or several."""
        there = self._told.of((EntityKind.HYPERVISOR, scope))
        return int(self._row("records", next(iter(there))).entity) if len(there) == 1 else 0

    def _row(self, shelf: str, index: int) -> Any:
        shards, number = self._shelves[shelf], index >> BITS
        return shards[number].get(index) if number < len(shards) else None


class _Groups:
    """The indexes of rows by what they have in common; None: such a row is in no group."""

    def __init__(self, common: Callable[[Any], Hashable | None]) -> None:
        self._common = common
        self._shards: Shards = ()
        self._groups: dict[Hashable, set[int]] = {}

    def of(self, common: Hashable) -> set[int]:
        return self._groups.get(common, set())

    def follow(self, shards: Shards) -> bool:
        """These are the shards now: only what is another than before is looked through. False: nothing is."""
        if shards is self._shards:
            return False
        for before, now in zip_longest(self._shards, shards, fillvalue=_NONE):
            if before is not now:
                self._look_through(before, now)
        self._shards = shards
        return True

    def _look_through(self, before: Mapping[int, Any], now: Mapping[int, Any]) -> None:
        for index, row in before.items():
            if now.get(index) is not row and (common := self._common(row)) is not None:
                self._groups[common].discard(index)
        for index, row in now.items():
            if before.get(index) is not row and (common := self._common(row)) is not None:
                self._groups.setdefault(common, set()).add(index)


def _host_of(placement: Placement) -> int:
    return placement.host


def _told_of(record: Record) -> tuple[EntityKind, str] | None:
    kind = record.key.kind
    return (kind, _scope(record)) if kind in _KINDS and not record.gone else None


def _scope(record: Record) -> str:
    return scope_key(record.source, record.scope)
