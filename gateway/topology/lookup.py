"""Lookup: which entity a person means by a name, an index or an id."""

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum

from gateway.model.entities import EntityKind
from gateway.model.errors import AmbiguousName, UnknownEntity
from gateway.model.ports import TopologyView
from gateway.model.relations import RelationKind
from gateway.model.rows import Entity
from gateway.topology.scopes import unread
from gateway.topology.unheard import moment

_KINDS = {kind.value: kind for kind in EntityKind}
_COMPARED = 2_000
"""At most so many names are compared letter by letter for "did you mean"."""
_SHOWN = 10
_PLACES = frozenset({RelationKind.RUNS_ON, RelationKind.PART_OF, RelationKind.CONNECTS_TO, RelationKind.BACKED_BY})
_PLACES_SHOWN = 3
_DEEPEST = 64
"""Steps from a name down to the last layer of it; a real chain has about ten."""
MAX_INDEX = 2**31 - 1
"""Indexes are INDEX values of SNMP tables: 1..2147483647 (RFC 2578 7.7)."""


class End(Enum):
    """Which of the layers of one machine a name means that all of them have."""

    TOP = "top"
    """The layer that depends on the others: to ask where it is shows them all."""
    BOTTOM = "bottom"
    """The layer that the others depend on: its loss is the loss of all of them."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a name means. `others`: the layers of the same name that are `end`'s rest, from the top down."""

    entity: Entity
    others: tuple[Entity, ...] = ()
    end: End = End.TOP

    @property
    def note(self) -> str:
        """`n1: ha_node; also guest_os, vm of that name below it`; empty when nothing else has that name."""
        if not self.others:
            return ""
        where = "below" if self.end is End.TOP else "above"
        if any(other.name.lower() != self.entity.name.lower() for other in self.others):
            others = ", ".join(f"{other.kind.value} {other.name}" for other in self.others)
            return f"{self.entity.name}: {self.entity.kind.value}; also {others} {where} it"
        kinds = ", ".join(other.kind.value for other in self.others)
        return f"{self.entity.name}: {self.entity.kind.value}; also {kinds} of that name {where} it"


def resolve(view: TopologyView, wanted: str, kind: EntityKind | None = None) -> Entity:
    """
    The entity that is meant by a name (any case), an index (`12` or `#12`), an id, `KIND:NAME` or `KIND/NAME`.

    `KIND:NAME` means first what is shown by that name, then what a source calls so, or what has that index.

    Raises:
        UnknownEntity: nothing is called that; the message offers close names.
        AmbiguousName: the message lists what it may mean, in words that `resolve` takes.
    """
    name, found = _found(view, wanted, kind)
    if len(found) == 1:
        return found[0]
    raise AmbiguousName(_ambiguous(view, name, found))


def meaning(view: TopologyView, wanted: str, end: End, kind: EntityKind | None = None) -> Meaning:
    """
    As `resolve`; but when everything of that name runs on one another (node, guest OS and VM of one machine), one end
    of that chain is meant.

    Raises:
        UnknownEntity, AmbiguousName: as `resolve`.
    """
    name, found = _found(view, wanted, kind)
    chain = _chain(view, found)
    if not chain:
        raise AmbiguousName(_ambiguous(view, name, found))
    if end is End.TOP:
        return Meaning(chain[0], tuple(chain[1:]), end)
    return Meaning(chain[-1], tuple(chain[:-1]), end)


def split_kind(wanted: str) -> tuple[EntityKind | None, str]:
    """`vm:web` or `vm/web` -> (vm, "web"); anything else -> (None, as it is)."""
    for separator in ":/":
        prefix, found, rest = wanted.partition(separator)
        if found and rest and prefix.lower() in _KINDS:
            return _KINDS[prefix.lower()], rest
    return None, wanted


def as_index(wanted: str) -> int | None:
    """`12` and `#12` -> 12; None for what is no index."""
    digits = wanted.removeprefix("#")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 10:
        return None
    index = int(digits)
    return index if 0 < index <= MAX_INDEX else None


def names_of(view: TopologyView, entity: Entity) -> frozenset[str]:
    """What it is called, in small letters: by a person who declared it, and by each source that knows it."""
    if len(entity.records) == 1:
        return frozenset({entity.name.lower()})
    records = (view.record(index) for index in entity.records)
    return frozenset(record.name.lower() for record in records if record is not None)


def _found(view: TopologyView, wanted: str, kind: EntityKind | None) -> tuple[str, list[Entity]]:
    """(the words without blanks around them, what they may mean: at least one)."""
    wanted = wanted.strip()
    asked_kind, name = split_kind(wanted)
    found = _candidates(view, wanted, kind)
    if not found and asked_kind is not None and kind in (None, asked_kind):
        found = _candidates(view, name, asked_kind)
        shown = [entity for entity in found if entity.name.lower() == name.lower()]
        found = shown if len(shown) == 1 else found
    if not found:
        raise UnknownEntity(_unknown(view, name, kind or asked_kind))
    return wanted, found


def _chain(view: TopologyView, found: list[Entity]) -> list[Entity]:
    """All of them from the top down when each runs on the next, with others between them or not; else none."""
    if len(found) > _SHOWN or not frozenset.intersection(*(names_of(view, entity) for entity in found)):
        return []
    wanted = {entity.index for entity in found}
    carriers = {entity.index: wanted & set(_carriers(view, entity)) for entity in found}
    chain = sorted(found, key=lambda entity: -len(carriers[entity.index]))
    below = list(range(len(found) - 1, -1, -1))
    return chain if [len(carriers[entity.index]) for entity in chain] == below else []


def _carriers(view: TopologyView, entity: Entity) -> Iterator[int]:
    """The indexes of what carries the entity, as long as each step has one host only; a ring ends where it began."""
    passed = {entity.index}
    for _ in range(_DEEPEST):
        host = _host(view, entity)
        if host is None or host.index in passed:
            return
        passed.add(host.index)
        yield host.index
        entity = host


def _host(view: TopologyView, entity: Entity) -> Entity | None:
    """The one host (of an HA resource that is a VM: that VM), None when there is none, or more."""
    if entity.kind is EntityKind.HA_RESOURCE:
        managed = (view.entity(c.upper) for c in view.claims_on(entity) if c.kind is RelationKind.MANAGED_BY)
        vms = {vm.index: vm for vm in managed if vm is not None and vm.kind is EntityKind.VM}
        if len(vms) == 1:
            return vms.popitem()[1]
    placement = view.placement(entity)
    if placement is not None:
        return view.entity(placement.host) if placement.open else None
    claimed = (view.entity(claim.lower) for claim in view.claims_of(entity) if claim.kind is RelationKind.RUNS_ON)
    hosts = {host.index: host for host in claimed if host is not None}
    return hosts.popitem()[1] if len(hosts) == 1 else None


def _candidates(view: TopologyView, wanted: str, kind: EntityKind | None) -> list[Entity]:
    """By name, and by index or id: a VM may well be called `101`."""
    found = {} if wanted.startswith("#") else {entity.index: entity for entity in view.named(wanted)}
    index = as_index(wanted)
    by_number = view.entity(index) if index is not None else view.with_id(wanted)
    if by_number is not None:
        found[by_number.index] = by_number
    return [entity for _, entity in sorted(found.items()) if kind is None or entity.kind is kind]


def _ambiguous(view: TopologyView, wanted: str, found: list[Entity]) -> str:
    listed = ", ".join(_unmistakable(view, entity, found) for entity in found[:_SHOWN])
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return f"{wanted!r} may mean {len(found)} things: {listed}{more}. Say which: one of these, without its brackets."


def _unmistakable(view: TopologyView, entity: Entity, among: list[Entity]) -> str:
    """`KIND:NAME`; when that still means several, the index, with where each is (no `#`: it begins shell comments)."""
    twins = [other for other in among if (other.kind, other.name.lower()) == (entity.kind, entity.name.lower())]
    words = f"{entity.kind.value}:{entity.name}"
    if len(twins) == 1:
        return words
    hosts = (view.entity(claim.lower) for claim in view.claims_of(entity) if claim.kind in _PLACES)
    names = sorted({host.name for host in hosts if host is not None})
    place = f" on {', '.join(names[:_PLACES_SHOWN])}" if names else ""
    index = f"'#{entity.index}'" if view.named(str(entity.index)) else str(entity.index)
    return f"{index} ({words}{place}, source {', '.join(entity.sources)})"


def _unknown(view: TopologyView, name: str, kind: EntityKind | None) -> str:
    what = kind.value if kind is not None else "entity"
    for source, scope in unread(view):
        if scope.name.lower() == name.lower():
            return (
                f"no {what} is called {name[:80]!r} {view.when}, but source {source} has a part of that name. "
                f"Nothing is known of it; no read has succeeded since {moment(scope.failing_since)}: {scope.error}"
            )
    close = _close(view, name, kind)
    hint = (
        f" Did you mean {', '.join(close)}?"
        if close
        else " Nothing resembles it: check the spelling, or ask by index or id."
    )
    return f"no {what} is called {name[:80]!r} {view.when}.{hint}"


def _close(view: TopologyView, name: str, kind: EntityKind | None) -> list[str]:
    """Up to 5 `KIND:NAME` that resemble the name. Cheap: only names that share an end or a part are compared."""
    low = name.lower()[:80]
    likely: dict[str, str] = {}
    begin = low.rstrip("0123456789") or low  # `hv-9` and `hv` mean one of hv-001, hv-002, ...
    for entity in _resembling(view, low, begin, kind):
        likely.setdefault(entity.name.lower(), f"{entity.kind.value}:{entity.name}")
        if len(likely) >= _COMPARED:
            break
    close = get_close_matches(low, likely, n=5, cutoff=0.6)
    if not close:
        close = sorted(other for other in likely if other.startswith(begin))
    return [likely[match] for match in close[:5]]


def _resembling(view: TopologyView, low: str, begin: str, kind: EntityKind | None) -> Iterator[Entity]:
    head, tail = low[:2], low[-2:]
    for entity in view.all_entities(kind=kind):
        other = entity.name.lower()
        near = abs(len(other) - len(low)) <= 6 and (other.startswith(head) or other.endswith(tail) or low in other)
        if near or other.startswith(begin):
            yield entity
