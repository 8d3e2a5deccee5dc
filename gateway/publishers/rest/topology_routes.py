"""Routes of what holds the topology together: relations, and the sources that tell of it."""

from collections.abc import Iterable, Iterator
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from gateway.model.ports import TopologyView
from gateway.model.relations import RelationKind
from gateway.model.rows import Claim, Entity
from gateway.publishers.rest import models as m
from gateway.publishers.rest import render
from gateway.publishers.rest.desk import Desk
from gateway.publishers.rest.entity_routes import referenced
from gateway.publishers.rest.paging import page_of
from gateway.publishers.rest.parameters import At, Cursor, Key, KnownAt, Limit, known_parameters, read_cursor
from gateway.topology.scopes import sources_shown


def topology_routes(desk: Desk) -> APIRouter:
    """Reads of relations and sources, now and then."""
    router = APIRouter(prefix="/api/v1", tags=["topology"], dependencies=[Depends(known_parameters)])

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

    @router.get("/sources", response_model=m.Page[m.SourceModel], summary="Sources and how they are doing")
    async def list_sources(request: Request, at: At = None, known_at: KnownAt = None) -> Response:
        def page(view: TopologyView, now: int) -> m.Page[m.SourceModel]:
            found = sorted(sources_shown(view).values(), key=lambda source: source.index)
            items = [render.source_model(view, source, now, past=at is not None) for source in found]
            return m.Page(items=items, next=None, revision=view.revision, at=render.moment(now))

        return await desk.answer(request, at, known_at, page)

    return router


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
