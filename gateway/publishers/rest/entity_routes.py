"""Routes of the entities: which there are, one of them, and where it was."""

from collections.abc import Iterable, Iterator
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from gateway.model.entities import EntityKind, EntityState
from gateway.model.errors import UnknownEntity
from gateway.model.ports import Interval, TopologyView
from gateway.model.rows import Entity
from gateway.publishers.rest import models as m
from gateway.publishers.rest import render
from gateway.publishers.rest.desk import Desk, written
from gateway.publishers.rest.paging import index_after, page_of
from gateway.publishers.rest.parameters import (
    At,
    Cursor,
    KnownAt,
    Limit,
    known_parameters,
    name_pattern,
    read_cursor,
)
from gateway.topology.lookup import as_index, names_of, resolve

Reference = Annotated[
    str, Path(max_length=255, description="Integer index, id, name, KIND:NAME or KIND/NAME.", examples=["vm:web-1"])
]


def entity_routes(desk: Desk) -> APIRouter:
    """Reads of entities, now and then."""
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
        after = index_after(cursor)

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
    return (entity for entity in view.all_entities(after) if any(map(pattern.fullmatch, names_of(view, entity))))
