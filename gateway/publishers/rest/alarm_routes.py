"""Route of the alarms: those that are raised, and with the log also those that were."""

import heapq
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from gateway.model.conditions import Category, ConditionKind
from gateway.model.ports import TopologyView
from gateway.model.rows import Alarm
from gateway.publishers.rest import models as m
from gateway.publishers.rest import render
from gateway.publishers.rest.desk import Desk
from gateway.publishers.rest.paging import index_after, page_of
from gateway.publishers.rest.parameters import At, Cursor, KnownAt, Limit, known_parameters


def alarm_routes(desk: Desk) -> APIRouter:
    """Reads of alarms, now and then."""
    router = APIRouter(prefix="/api/v1", tags=["topology"], dependencies=[Depends(known_parameters)])

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
        after = index_after(cursor)
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

    return router


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
