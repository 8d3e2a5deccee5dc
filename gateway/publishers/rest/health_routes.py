"""/healthz, /readyz and /metrics: cheap, for probes and for Prometheus."""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection
from http import HTTPStatus

from fastapi import APIRouter, Response

from gateway.model.errors import StoreError
from gateway.model.ports import EventFilter
from gateway.publishers.rest import models as m
from gateway.publishers.rest.desk import Desk
from gateway.publishers.rest.problems import Refused
from gateway.topology.scopes import sources_shown

RenderMetrics = Callable[[], tuple[bytes, str]]
"""The text of /metrics and its content type. Blocking."""

Awaited = Callable[[], Collection[str]]
"""The sources that were not read and have not failed yet since the start."""

DATABASE_FRESH_S = 10.0
"""An answer of the database counts for so long."""
DATABASE_DEADLINE_S = 2.0
_NAMED = 10


class DatabaseProbe:
    """Has the database answered lately? Asks at most once in half of `DATABASE_FRESH_S`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._asked = float("-inf")
        self._answered = float("-inf")
        self._asking = asyncio.Lock()

    async def answers(self) -> bool:
        async with self._asking:
            now = self._desk.clock.monotonic()
            if now - self._asked >= DATABASE_FRESH_S / 2:
                self._asked = now
                await self._ask()
        return self._desk.clock.monotonic() - self._answered <= DATABASE_FRESH_S

    async def _ask(self) -> None:
        cheap = EventFilter(newest_first=True, limit=1)
        try:
            async with asyncio.timeout(DATABASE_DEADLINE_S):
                await self._desk.ask(lambda: self._desk.history.events(cheap))
        except (StoreError, Refused, TimeoutError):
            return
        self._answered = self._desk.clock.monotonic()


def health_routes(desk: Desk, version: str, metrics: RenderMetrics | None, awaited: Awaited) -> APIRouter:
    """What probes ask."""
    router = APIRouter(tags=["health"])
    probe = DatabaseProbe(desk)

    @router.api_route("/healthz", methods=["GET"], summary="Is the process alive?")
    async def get_health() -> m.Alive:
        return m.Alive(alive=True, version=version)

    @router.get(
        "/readyz",
        summary="Can it answer questions?",
        responses={503: {"model": m.Ready, "description": "Not ready; `reasons` says why"}},
    )
    async def get_readiness(response: Response) -> m.Ready:
        snapshot = desk.topology.snapshot
        database = await probe.answers()
        reasons = [] if database else ["the database does not answer"]
        if snapshot.revision == 0:
            reasons.append("no topology yet: no source has been read")
        if silent := sorted(awaited()):
            more = f" and {len(silent) - _NAMED} more" if len(silent) > _NAMED else ""
            reasons.append(f"sources that are read for the first time: {', '.join(silent[:_NAMED])}{more}")
        if reasons:
            response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
        states = Counter(source.state for source in sources_shown(snapshot).values())
        return m.Ready(
            ready=not reasons, reasons=reasons, revision=snapshot.revision, database=database, sources=dict(states)
        )

    if metrics is not None:

        @router.get(
            "/metrics",
            summary="The text format of Prometheus",
            response_class=Response,
            responses={200: {"description": "Metrics", "content": {"text/plain": {"schema": {"type": "string"}}}}},
        )
        async def get_metrics() -> Response:
            body, content_type = await desk.ask(metrics)
            return Response(body, media_type=content_type)

    return router
