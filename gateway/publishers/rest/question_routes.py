"""Routes of the questions: where is it, and what is affected."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from gateway.model.entities import EntityKind
from gateway.model.ports import TopologyView
from gateway.publishers.rest import models as m
from gateway.publishers.rest import render
from gateway.publishers.rest.advice import advice
from gateway.publishers.rest.desk import Desk
from gateway.publishers.rest.entity_routes import Reference
from gateway.publishers.rest.parameters import At, KnownAt, known_parameters
from gateway.topology.impact import Impact, impact
from gateway.topology.lookup import End, meaning
from gateway.topology.where import where

OfKind = Annotated[EntityKind | None, Query(description="When several things have that name.")]

Shown = Annotated[int, Query(ge=1, le=1_000_000, description="Affected entities shown at most; all are counted.")]


def question_routes(desk: Desk) -> APIRouter:
    """Answers that a person needs at three in the morning."""
    router = APIRouter(prefix="/api/v1", tags=["questions"], dependencies=[Depends(known_parameters)])

    @router.get("/where/{name:path}", response_model=m.WhereModel, summary="Where it is, layer by layer")
    async def get_where(
        request: Request, name: Reference, kind: OfKind = None, at: At = None, known_at: KnownAt = None
    ) -> Response:
        def answer(view: TopologyView, now: int) -> m.WhereModel:
            meant = meaning(view, name, End.TOP, kind)
            found = where(view, meant.entity, now, desk.stale_intervals)
            hints = advice(view, found) if at is None else ()
            notes = (*filter(None, [meant.note]), *found.notes, *hints)
            return render.where_model(view, replace(found, notes=notes), desk.stale_intervals)

        return await desk.answer(request, at, known_at, answer)

    @router.get("/impact", response_model=m.ImpactModel, summary="What is affected if all of these are lost")
    async def get_impact_of_all(
        request: Request,
        entity: Annotated[list[str], Query(min_length=1, max_length=500, description="Indexes, ids or names.")],
        kind: OfKind = None,
        limit: Shown = 10_000,
        at: At = None,
        known_at: KnownAt = None,
    ) -> Response:
        def answer(view: TopologyView, now: int) -> m.ImpactModel:
            return _answer(view, _impact(view, entity, kind, now, desk.stale_intervals), limit)

        return await desk.answer(request, at, known_at, answer)

    @router.get("/impact/{name:path}", response_model=m.ImpactModel, summary="What is affected if this is lost")
    async def get_impact(
        request: Request,
        name: Reference,
        kind: OfKind = None,
        limit: Shown = 10_000,
        at: At = None,
        known_at: KnownAt = None,
    ) -> Response:
        def answer(view: TopologyView, now: int) -> m.ImpactModel:
            return _answer(view, _impact(view, [name], kind, now, desk.stale_intervals), limit)

        return await desk.answer(request, at, known_at, answer)

    return router


def _impact(view: TopologyView, names: list[str], kind: EntityKind | None, now: int, stale_after: int) -> Impact:
    """Of the lowest layer that has the name: its loss is the loss of those above it. Said when there are others."""
    meant = [meaning(view, name, End.BOTTOM, kind) for name in names]
    answer = impact(view, [one.entity for one in meant], now, stale_after)
    notes = "".join(f" ({one.note})" for one in meant if one.note)
    return replace(answer, said=answer.said + notes)


def _answer(view: TopologyView, found: Impact, limit: int) -> m.ImpactModel:
    return render.impact_model(found, limit, render.covers(view, found.lost))
