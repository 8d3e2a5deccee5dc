"""Traits: what the filters of receivers look at, as it is when an alarm is raised or a planned window begins."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from gateway.model.entities import EntityKind
from gateway.model.events import BEGINNINGS, WINDOWS, Event, Traits
from gateway.model.relations import RelationKind
from gateway.model.rows import Entity
from gateway.model.snapshot import Snapshot
from gateway.topology.reach import beneath

_DOWN = frozenset({RelationKind.RUNS_ON, RelationKind.PART_OF, RelationKind.MEMBER_OF})
"""What leads from a thing to the site where it is."""


def with_traits(events: Iterable[Event], snapshot: Snapshot) -> tuple[Event, ...]:
    """The events of a revision; what will end later says where it began, for its end goes to whom it was told."""
    return tuple(
        replace(event, traits=traits_of(event, snapshot)) if event.kind in BEGINNINGS else event for event in events
    )


def traits_of(event: Event, snapshot: Snapshot) -> Traits:
    """What filters look at, as of the snapshot."""
    found = list(_concerned(event, snapshot))
    attributes = tuple(tuple((key, str(value)) for key, value in sorted(each.attributes.items())) for each in found)
    names = sorted({site.name for entity in found for site in _sites(entity, snapshot)})
    return Traits(attributes, tuple(names))


def _concerned(event: Event, snapshot: Snapshot) -> Iterator[Entity]:
    """What an event is about: of an alarm its entity, of what moved its hosts too, of a window all that it names."""
    moved = event.condition is None
    others = event.members if event.kind in WINDOWS else ()
    for ref in (event.entity, event.old_host, event.new_host, *others) if moved else (event.entity,):
        found = snapshot.entity(ref.index) if ref is not None else None
        if found is not None:
            yield found


def _sites(entity: Entity, snapshot: Snapshot) -> Iterator[Entity]:
    """The sites below an entity: where it runs, what that is part of, and so on."""
    for index in beneath([entity.index], lambda upper: _below(upper, snapshot)):
        found = snapshot.entity(index)
        if found is not None and found.kind is EntityKind.SITE:
            yield found


def _below(index: int, snapshot: Snapshot) -> Iterator[int]:
    entity = snapshot.entity(index)
    if entity is None:
        return
    placement = snapshot.placements.get(index)
    lowers = [claim.lower for claim in snapshot.claims_of(entity) if claim.kind in _DOWN]
    for lower in [*lowers, placement.host] if placement is not None else lowers:
        found = snapshot.entity(lower)
        if found is not None:
            yield found.index
