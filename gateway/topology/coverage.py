"""
Coverage: what a planned window covers: the entities that it names, what they carry, and what is part of them.

Everything is followed along the carrying relations; of what has one placement, that place is where it is or was last.
"""

from collections.abc import Collection, Iterable, Iterator

from gateway.model.ports import TopologyView
from gateway.model.relations import CARRYING, RelationKind
from gateway.model.rows import Entity
from gateway.model.windows import Window, WindowState
from gateway.topology.draft import Draft
from gateway.topology.reach import beneath


def covered_by(view: TopologyView, entity: Entity) -> list[Window]:
    """The windows that go on now and cover the entity, by index."""
    active = [window for window in view.open_windows() if window.state is WindowState.ACTIVE]
    if not active:
        return []
    under = beneath([entity.index], lambda index: _lowers_in_view(view, index))
    return [window for window in active if any(_shown(view, named) in under for named in window.entities)]


def covers(view: TopologyView, window: Window) -> list[Entity]:
    """
    Everything that the window covers, by index; the entities that it names among them.

    What is stopped and registered nowhere is left out, though it is covered where it was last.
    """
    under = beneath([_shown(view, named) for named in window.entities], lambda index: _uppers_in_view(view, index))
    return [entity for index in sorted(under) if (entity := view.entity(index)) is not None]


def covering(
    draft: Draft, windows: Iterable[Window], entity: int, places: Collection[int] | None = None
) -> list[Window]:
    """Those of the windows that cover an entity. `places`: what counts as the hosts of what moved."""

    def lowers_of(index: int) -> Iterator[int]:
        return _lowers(draft, index, places if index == entity else None)

    under = beneath([entity], lowers_of)
    return [window for window in windows if any(draft.entity_of(named) in under for named in window.entities)]


def above(draft: Draft, entities: Iterable[int]) -> set[int]:
    """All that depends on these entities, as `covers`, without them."""
    named = set(entities)
    return beneath(named, lambda index: _uppers(draft, index)) - named


def _lowers(draft: Draft, entity: int, places: Collection[int] | None) -> Iterator[int]:
    placement = draft.placement(entity) if places is None else None
    hosts = [placement.host] if placement is not None else places
    if hosts is not None:
        yield from map(draft.entity_of, hosts)
    for kind in CARRYING:
        if kind is not RelationKind.RUNS_ON or hosts is None:
            yield from draft.entities_under(entity, kind)


def _uppers(draft: Draft, entity: int) -> Iterator[int]:
    for kind in CARRYING:
        for upper in draft.entities_on(entity, kind):
            placement = draft.placement(upper) if kind is RelationKind.RUNS_ON else None
            if placement is None or draft.entity_of(placement.host) == entity:
                yield upper


def _lowers_in_view(view: TopologyView, index: int) -> Iterator[int]:
    entity = view.entity(index)
    if entity is None:
        return
    placement = view.placement(entity)
    if placement is not None:
        yield _shown(view, placement.host)
    for claim in view.claims_of(entity):
        if claim.kind in CARRYING and (claim.kind is not RelationKind.RUNS_ON or placement is None):
            yield _shown(view, claim.lower)


def _uppers_in_view(view: TopologyView, index: int) -> Iterator[int]:
    entity = view.entity(index)
    for claim in view.claims_on(entity) if entity is not None else ():
        upper = view.entity(claim.upper)
        if upper is None or claim.kind not in CARRYING:
            continue
        placement = view.placement(upper) if claim.kind is RelationKind.RUNS_ON else None
        if placement is None or _shown(view, placement.host) == index:
            yield upper.index


def _shown(view: TopologyView, index: int) -> int:
    """The entity that shows a record; the record itself when it is gone."""
    found = view.entity(index)
    return found.index if found is not None else index
