"""Selection: which events a receiver is told of. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from gateway.model.conditions import Severity
from gateway.model.entities import EntityKind
from gateway.model.events import RELOCATIONS, WINDOWS, Event, EventKind
from gateway.model.relations import RelationKind
from gateway.model.rows import Entity
from gateway.model.snapshot import Snapshot

_DOWN = frozenset({RelationKind.RUNS_ON, RelationKind.PART_OF, RelationKind.MEMBER_OF})
"""What leads from a thing to the site where it is."""
_FURTHEST = 12


@dataclass(frozen=True, slots=True)
class Selection:
    """
    Empty parts let everything through; all parts must agree.

    `least`: alarms below it are left out; what clears one passes as what raised it did, and relocations pass whatever
    their severity is: they are chosen by `kinds`. `labels`: attributes that the entity, or a host of what moved, must
    have, with that value. `sites`: names of sites, in one of which the entity, or a host of what moved, must be.
    """

    kinds: frozenset[EventKind] = frozenset()
    least: Severity | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    sites: frozenset[str] = frozenset()

    def takes(self, event: Event, snapshot: Snapshot) -> bool:
        """Whether the receiver is told; labels and sites are those of now."""
        if self.kinds and event.kind not in self.kinds:
            return False
        if self.least is not None and event.kind not in RELOCATIONS and not _severe(event.severity, self.least):
            return False
        return self._labelled(event, snapshot) and self._there(event, snapshot)

    def _labelled(self, event: Event, snapshot: Snapshot) -> bool:
        if not self.labels:
            return True
        wanted = self.labels.items()
        return any(
            all(str(entity.attributes.get(key, "")) == value for key, value in wanted)
            for entity in _concerned(event, snapshot)
        )

    def _there(self, event: Event, snapshot: Snapshot) -> bool:
        if not self.sites:
            return True
        return any(
            site.name in self.sites for entity in _concerned(event, snapshot) for site in sites(entity, snapshot)
        )


def sites(entity: Entity, snapshot: Snapshot) -> Iterator[Entity]:
    """The sites below an entity: where it runs, what that is part of, and so on."""
    seen, layer = {entity.index}, [entity]
    for _ in range(_FURTHEST):
        yield from (each for each in layer if each.kind is EntityKind.SITE)
        found = {below.index: below for each in layer for below in _below(each, snapshot) if below.index not in seen}
        seen |= set(found)
        layer = list(found.values())


def _below(entity: Entity, snapshot: Snapshot) -> Iterator[Entity]:
    placement = snapshot.placements.get(entity.index)
    indexes = [claim.lower for claim in snapshot.claims_of(entity) if claim.kind in _DOWN]
    for index in [*indexes, placement.host] if placement is not None else indexes:
        found = snapshot.entity(index)
        if found is not None:
            yield found


def _concerned(event: Event, snapshot: Snapshot) -> Iterator[Entity]:
    moved = event.condition is None  # of an alarm the entity decides, which is the same when it is raised and cleared
    others = event.members if event.kind in WINDOWS else ()  # what a window names may be in several places
    for ref in (event.entity, event.old_host, event.new_host, *others) if moved else (event.entity,):
        found = snapshot.entity(ref.index) if ref is not None else None
        if found is not None:
            yield found


def _severe(severity: Severity, least: Severity) -> bool:
    """CRITICAL is the smallest number; INDETERMINATE and CLEARED are below all and say nothing."""
    return severity in (Severity.INDETERMINATE, Severity.CLEARED) or severity <= least
