"""Routes of the topology: entities, relations, alarms, sources, and their past."""

import heapq
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from gateway.model.conditions import Category, ConditionKind
from gateway.model.entities import EntityKind, EntityState
from gateway.model.errors import UnknownEntity
from gateway.model.ports import Interval, TopologyView
from gateway.model.relations import RelationKind
from gateway.model.rows import Alarm, Claim, Entity
from gateway.publishers.rest import models as m
from gateway.publishers.rest import render
from gateway.publishers.rest.desk import Desk, written
from gateway.publishers.rest.parameters import (
    At,
    Cursor,
    Key,
    KnownAt,
    Limit,
    known_parameters,
    name_pattern,
    read_cursor,
    write_cursor,
)
from gateway.topology.lookup import MAX_INDEX, as_index, resolve

Row = TypeVar("Row")
Shown = TypeVar("Shown")

Reference = Annotated[
    str, Path(max_length=255, description="Integer index, id, name, KIND:NAME or KIND/NAME.", examples=["vm:web-1"])
]


def topology_routes(desk: Desk) -> APIRouter:
    """Reads of the topology, now and then."""
    router = APIRouter(prefix="/api/v1", tags=["topology"], dependencies=[Depends(known_parameters)])

    @router.get("/entities", response_model=m.Page[m.EntityModel], summary="Entities, by index")
    async def list_entities(
        request: Request,
        kind: Annotated[list[EntityKind], Query(description="Any of these kinds.")] = [],  # noqa: B006
        name: Annotated[str | None, Query(max_length=255, description="In any case; * and ? are wildcards.")] = None,
        source: Annotated[str | None, Query(max_length=255)] = None,
        state: Annotated[list[EntityState], Query(description="Any of these states.")] = [],  # noqa: B006
        cursor: Cursor = None,
        limit: Limit = 100,
        at: At = None,
        known_at: KnownAt = None,
    ) -> Response:
        after = _index_after(cursor)

        def page(view: TopologyView, now: int) -> m.Page[m.EntityModel]:
            found = _entities(view, after, frozenset(kind), name, source, frozenset(state))
            return page_of(
                view,
                now,
                found,
                limit,
                lambda e: [e.index],
                lambda e: render.entity_model(view, e, now, desk.stale_intervals),
            )

        return await desk.answer(request, at, known_at, page)

    @router.get(
        "/entities/{entity:path}/history",
        response_model=m.Page[m.IntervalModel],
        summary="Where an entity was, newest first",
    )
    async def get_entity_history(
        request: Request, entity: Reference, cursor: Cursor = None, limit: Limit = 100, at: At = None
    ) -> Response:
        now, then = desk.clock.now(), desk.moment(at)
        key = read_cursor(cursor, int, int)
        before = (int(key[0]), int(key[1])) if key is not None else None

        def answer() -> Response:
            view = desk.view(then)
            stays = iter(_stays(desk, view, entity, then, before, limit + 1))
            page = page_of(
                view,
                now if then is None else then,
                stays,
                limit,
                lambda stay: [stay.since, stay.number],
                lambda stay: render.interval_model(view, stay),
            )
            return written(request, page, view.revision)

        return await desk.ask(answer, of=then)

    @router.get(
        "/entities/{entity:path}", response_model=m.EntityDetail, summary="One entity, with placement and raised alarms"
    )
    async def get_entity(request: Request, entity: Reference, at: At = None, known_at: KnownAt = None) -> Response:
        def detail(view: TopologyView, now: int) -> m.EntityDetail:
            return render.entity_detail(view, referenced(view, entity), now, desk.stale_intervals)

        return await desk.answer(request, at, known_at, detail)

    @router.get("/relations", response_model=m.Page[m.RelationModel], summary="Relations, by their upper end")
    async def list_relations(
        request: Request,
        upper: Annotated[str | None, Query(max_length=255, description="What depends: index, id or name.")] = None,
        lower: Annotated[str | None, Query(max_length=255, description="On what: index, id or name.")] = None,
        kind: Annotated[list[RelationKind], Query(description="Any of these kinds.")] = [],  # noqa: B006
        cursor: Cursor = None,
        limit: Limit = 100,
        at: At = None,
        known_at: KnownAt = None,
    ) -> Response:
        after = read_cursor(cursor, int, str, int, str, str, str, int)

        def page(view: TopologyView, now: int) -> m.Page[m.RelationModel]:
            found = _relations(view, upper, lower, frozenset(kind), after)

            def shown(relation: Relation) -> m.RelationModel:
                upper, lower, claim = relation
                return render.relation_model(view, claim, upper, lower, now, desk.stale_intervals)

            return page_of(view, now, found, limit, _relation_key, shown)

        return await desk.answer(request, at, known_at, page)

    @router.get("/alarms", response_model=m.Page[m.AlarmModel], tags=["events"], summary="Alarms, by index")
    async def list_alarms(
        request: Request,
        active: Annotated[bool, Query(description="false: also those that were cleared by then.")] = True,
        category: Annotated[list[Category], Query()] = [],  # noqa: B006
        condition: Annotated[list[ConditionKind], Query()] = [],  # noqa: B006
        cursor: Cursor = None,
        limit: Limit = 100,
        at: At = None,
        known_at: KnownAt = None,
    ) -> Response:
        after = _index_after(cursor)
        categories, conditions = frozenset(category), frozenset(condition)

        def wanted(alarm: Alarm) -> bool:
            return (not categories or alarm.category in categories) and (
                not conditions or alarm.condition in conditions
            )

        def raised(view: TopologyView, now: int) -> m.Page[m.AlarmModel]:
            found = (alarm for alarm in view.active_alarms() if wanted(alarm) and alarm.index > after)
            smallest = iter(heapq.nsmallest(limit + 1, found, key=lambda alarm: alarm.index))
            return page_of(view, now, smallest, limit, lambda a: [a.index], lambda a: render.alarm_model(view, a))

        if active:
            return await desk.answer(request, at, known_at, raised)
        then, known = desk.moment(at), desk.moment(known_at, "known_at")
        rows = await desk.ask(lambda: _logged_alarms(desk, after, limit + 1, wanted, then, known))

        def all_alarms(view: TopologyView, now: int) -> m.Page[m.AlarmModel]:
            return page_of(
                view, now, iter(rows), limit, lambda r: [r[0].index], lambda r: render.alarm_model(view, r[0], r[1])
            )

        return await desk.answer(request, at, known_at, all_alarms)

    @router.get("/sources", response_model=m.Page[m.SourceModel], summary="Sources and how they are doing")
    async def list_sources(request: Request, at: At = None, known_at: KnownAt = None) -> Response:
        def page(view: TopologyView, now: int) -> m.Page[m.SourceModel]:
            found = sorted(view.sources.values(), key=lambda source: source.index)
            items = [render.source_model(view, source, now, past=at is not None) for source in found]
            return m.Page(items=items, next=None, revision=view.revision, at=render.moment(now))

        return await desk.answer(request, at, known_at, page)

    return router


def referenced(view: TopologyView, wanted: str) -> Entity:
    """
    The entity that a path names. Digits are always an index here, so that a link stays good.

    Raises:
        UnknownEntity, AmbiguousName: as `resolve`.
    """
    index = as_index(wanted)
    if index is None:
        return resolve(view, wanted)
    entity = view.entity(index)
    if entity is None:
        raise UnknownEntity(f"no entity has the index {index} {view.when}.")
    return entity


def _stays(
    desk: Desk, view: TopologyView, wanted: str, at: int | None, before: tuple[int, int] | None, count: int
) -> tuple[Interval, ...]:
    """Where an entity was, newest first; digits are an index, also of what is gone. Blocking."""
    index = as_index(wanted)
    entity = view.entity(index) if index is not None else resolve(view, wanted)
    index = entity.index if entity is not None else index or 0
    stays = desk.history.placements(index, count, at=at, before=before)
    if not stays and entity is None and before is None:
        raise UnknownEntity(
            f"no entity has, or had, the index {index} {view.when}. /api/v1/entities lists all that are known."
        )
    return stays


def page_of(
    view: TopologyView,
    now: int,
    rows: Iterator[Row],
    limit: int,
    key: Callable[[Row], Key],
    show: Callable[[Row], Shown],
) -> m.Page[Shown]:
    """The first `limit` rows; `next` carries the key of the last, so that no change in between shifts a page."""
    taken = list(islice(rows, limit + 1))
    more = len(taken) > limit
    taken = taken[:limit]
    return m.Page(
        items=[show(row) for row in taken],
        next=write_cursor(key(taken[-1])) if more else None,
        revision=view.revision,
        at=render.moment(now),
    )


def _index_after(cursor: str | None) -> int:
    key = read_cursor(cursor, int)
    return min(int(key[0]), MAX_INDEX) if key is not None else 0


def _entities(
    view: TopologyView,
    after: int,
    kinds: frozenset[EntityKind],
    name: str | None,
    source: str | None,
    states: frozenset[EntityState],
) -> Iterator[Entity]:
    for entity in _named(view, after, name) if name is not None else view.all_entities(after):
        if kinds and entity.kind not in kinds:
            continue
        if source is not None and source not in entity.sources:
            continue
        if not states or entity.state in states:
            yield entity


def _named(view: TopologyView, after: int, name: str) -> Iterable[Entity]:
    """A plain name is looked up, a pattern is compared with each name."""
    if not set(name) & set("*?["):
        return (entity for entity in sorted(view.named(name), key=lambda e: e.index) if entity.index > after)
    pattern = name_pattern(name)
    return (entity for entity in view.all_entities(after) if pattern.fullmatch(entity.name))


Relation = tuple[Entity, Entity, Claim]


def _relation_key(relation: Relation) -> Key:
    upper, lower, claim = relation
    return [upper.index, claim.kind.value, lower.index, claim.source, claim.scope, claim.role, claim.upper]


def _relations(
    view: TopologyView, upper: str | None, lower: str | None, kinds: frozenset[RelationKind], after: Key | None
) -> Iterator[Relation]:
    below = referenced(view, lower) if lower is not None else None
    if upper is not None:
        uppers: Iterable[Entity] = [referenced(view, upper)]
    elif below is not None:
        found = (view.entity(claim.upper) for claim in view.claims_on(below))
        uppers = [e for _, e in sorted({e.index: e for e in found if e is not None}.items())]
    else:
        uppers = view.all_entities(int(after[0]) - 1 if after is not None else 0)
    for entity in uppers:
        if after is not None and entity.index < int(after[0]):
            continue
        for relation in sorted(_relations_of(view, entity, kinds), key=_relation_key):
            if (below is None or relation[1].index == below.index) and (
                after is None or _relation_key(relation) > after
            ):
                yield relation


def _relations_of(view: TopologyView, entity: Entity, kinds: frozenset[RelationKind]) -> Iterator[Relation]:
    for claim in view.claims_of(entity):
        lower = view.entity(claim.lower)
        if lower is not None and (not kinds or claim.kind in kinds):
            yield entity, lower, claim


def _logged_alarms(
    desk: Desk,
    after: int,
    count: int,
    wanted: Callable[[Alarm], bool],
    at: int | None,
    known_at: int | None,
) -> list[tuple[Alarm, int | None]]:
    """Alarms of the log, raised or cleared, until `count` are found. Blocking."""
    found: list[tuple[Alarm, int | None]] = []
    while len(found) < count:
        rows = desk.history.alarms(active_only=False, after=after, limit=1_000, at=at, known_at=known_at)
        found += [(alarm, cleared) for alarm, cleared in rows if wanted(alarm)]
        if len(rows) < 1_000:
            break
        after = rows[-1][0].index
    return found[:count]
