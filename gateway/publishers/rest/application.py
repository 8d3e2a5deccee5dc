"""The REST application: routes, access and errors put together."""

from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

from gateway.model.ports import Administration, CurrentTopology, History, ReceiverDesk, WindowDesk
from gateway.publishers.rest import problems
from gateway.publishers.rest.access import Access, TokenCache
from gateway.publishers.rest.alarm_routes import alarm_routes
from gateway.publishers.rest.desk import Desk
from gateway.publishers.rest.entity_routes import entity_routes
from gateway.publishers.rest.event_routes import event_routes
from gateway.publishers.rest.guard import Guard
from gateway.publishers.rest.health_routes import Awaited, RenderMetrics, health_routes
from gateway.publishers.rest.ingest_routes import Ingest, ingest_routes
from gateway.publishers.rest.openapi import document
from gateway.publishers.rest.question_routes import question_routes
from gateway.publishers.rest.receiver_routes import receiver_routes
from gateway.publishers.rest.stream import EventTail, Subscribe
from gateway.publishers.rest.topology_routes import topology_routes
from gateway.publishers.rest.window_routes import window_routes
from gateway.support.clock import Clock
from gateway.topology.ages import STALE_INTERVALS


def create_app(
    topology: CurrentTopology,
    history: History,
    administration: Administration,
    *,
    subscribe: Subscribe,
    ingest: Ingest,
    clock: Clock,
    version: str,
    metrics: RenderMetrics | None = None,
    awaited: Awaited = tuple,
    open_metrics: bool = False,
    stale_intervals: int = STALE_INTERVALS,
    receivers: ReceiverDesk | None = None,
    windows: WindowDesk | None = None,
) -> FastAPI:
    """
    The application. Needs no start or stop: its threads and its event tail begin with the first question.

    `subscribe()` yields something after each committed revision. `open_metrics`: /metrics needs no token.
    `awaited()`: the sources of which the first read is waited for; while there are any it is not ready.
    `stale_intervals`: so many intervals of silence make data stale.
    `receivers`: what is known of and done to receivers of notifications; without it there are no such routes.
    `windows`: declares and ends planned windows; without it they can only be read.
    A scope that `access.trusting` marked needs no token at all (the UNIX socket). `app.state.tail.close()` ends the
    event streams.
    """
    desk = Desk(topology, history, clock, stale_intervals)
    tail = EventTail(desk, subscribe)
    app = FastAPI(
        title="CIM/SNMP gateway",
        summary="What runs where, what moved, and what a loss affects",
        version=version,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        generate_unique_id_function=_operation_id,
        redirect_slashes=False,
    )
    app.state.desk = desk
    app.state.tail = tail
    app.include_router(event_routes(desk, tail))
    app.include_router(entity_routes(desk))
    app.include_router(topology_routes(desk))
    app.include_router(alarm_routes(desk))
    app.include_router(question_routes(desk))
    app.include_router(window_routes(desk, windows))
    if receivers is not None:
        app.include_router(receiver_routes(desk, receivers))
    app.include_router(ingest_routes(ingest))
    app.include_router(health_routes(desk, version, metrics, awaited))
    app.include_router(_openapi_route(app))
    problems.install(app)
    app.add_middleware(Access, TokenCache(administration, desk, clock), open_metrics)
    app.add_middleware(Guard)
    return app


def _operation_id(route: APIRoute) -> str:
    return route.name


def _openapi_route(app: FastAPI) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/api/v1/openapi.json")
    async def get_openapi_document() -> dict[str, Any]:
        return document(app)

    return router
