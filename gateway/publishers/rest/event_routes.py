"""Routes of the event log: pages of it, single events, and the stream."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from sse_starlette import EventSourceResponse

from gateway.model.errors import UnknownEntity
from gateway.model.events import Event, EventKind
from gateway.model.ports import EventFilter
from gateway.publishers.rest import models as m
from gateway.publishers.rest import render
from gateway.publishers.rest.desk import Desk, written
from gateway.publishers.rest.parameters import At, Cursor, Limit, known_parameters, read_cursor, write_cursor
from gateway.publishers.rest.problems import Refused
from gateway.publishers.rest.stream import EventTail, event_stream
from gateway.topology.lookup import as_index, resolve

LAST_SEQ = 2**63 - 1
Kinds = Annotated[list[EventKind], Query(description="Any of these kinds.")]
Told = Annotated[bool | None, Query(description="true: only what is sent to receivers.")]
Moment = Annotated[str | None, Query(max_length=64, description="A time, written as `at`.", examples=["-1h"])]


def event_routes(desk: Desk, tail: EventTail) -> APIRouter:
    """The log of what happened."""
    router = APIRouter(prefix="/api/v1", tags=["events"], dependencies=[Depends(known_parameters)])

    @router.get("/events", response_model=m.Page[m.EventModel], summary="The event log, oldest first")
    async def list_events(
        request: Request,
        kind: Kinds = [],  # noqa: B006
        entity: Annotated[str | None, Query(max_length=255, description="Index, id or name.")] = None,
        told: Told = None,
        since: Moment = None,
        until: Moment = None,
        newest_first: bool = False,
        cursor: Cursor = None,
        limit: Limit = 100,
        at: At = None,
    ) -> Response:
        now, then = desk.clock.now(), desk.moment(at)
        snapshot = desk.topology.snapshot
        passed = _seq_passed(cursor)
        index = await _entity_index(desk, entity, then) if entity is not None else None
        wanted = EventFilter(
            after=passed if passed is not None and not newest_first else 0,
            before=passed if newest_first else None,
            since=desk.moment(since, "since"),
            until=_earlier(desk.moment(until, "until"), then),
            kinds=frozenset(kind),
            entity=index,
            told_only=told is True,
            newest_first=newest_first,
            limit=limit + 1,
        )
        found = await desk.ask(lambda: _events(desk, wanted, told))
        page = m.Page[m.EventModel](
            items=[render.event_model(event) for event in found[:limit]],
            next=write_cursor([found[limit - 1].seq]) if len(found) > limit else None,
            revision=snapshot.revision,
            at=render.moment(now if then is None else then),
        )
        return written(request, page, snapshot.revision)

    @router.get(
        "/events/stream",
        summary="Events as they happen (Server-Sent Events)",
        response_class=EventSourceResponse,
        responses={
            200: {
                "description": "`id`: the event's `seq`; `event`: its kind; `data`: an EventModel as JSON",
                "content": {"text/event-stream": {"schema": {"type": "string"}}},
            }
        },
    )
    async def stream_events(
        kind: Kinds = [],  # noqa: B006
        told: Told = None,
        last_event_id: Annotated[
            str | None, Header(max_length=32, description="`seq` of the last event that arrived: goes on after it.")
        ] = None,
        after: Annotated[int | None, Query(ge=0, le=LAST_SEQ, description="As Last-Event-ID, which wins.")] = None,
    ) -> EventSourceResponse:
        kinds = frozenset(kind)

        def wanted(event: Event) -> bool:
            return (not kinds or event.kind in kinds) and (told is None or event.notify is told)

        return event_stream(tail, _last_event(last_event_id, after), wanted)

    @router.get("/events/{event_id}", response_model=m.EventModel, summary="One event")
    async def get_event(request: Request, event_id: Annotated[str, Path(max_length=64)], at: At = None) -> Response:
        then = desk.moment(at)
        event = await desk.ask(lambda: desk.history.event(event_id.lower()))
        if event is None:
            raise UnknownEntity(f"no event has the id {event_id!r}. /api/v1/events lists the log.")
        if then is not None and event.at > then:
            happened, asked = render.moment(event.at).isoformat(), render.moment(then).isoformat()
            raise UnknownEntity(f"event {event.id} happened at {happened}, later than {asked}.")
        return written(request, render.event_model(event), desk.topology.snapshot.revision)

    return router


def _events(desk: Desk, wanted: EventFilter, told: bool | None) -> list[Event]:
    """A page of the log; `told=False` (only what is sent to nobody) is sifted here. Blocking."""
    found = list(desk.history.events(wanted))
    if told is not False:
        return found
    sifted = [event for event in found if not event.notify]
    while len(found) == wanted.limit and len(sifted) < wanted.limit:
        wanted = _further(wanted, found[-1].seq)
        found = list(desk.history.events(wanted))
        sifted += [event for event in found if not event.notify]
    return sifted[: wanted.limit]


def _further(wanted: EventFilter, seq: int) -> EventFilter:
    return replace(wanted, before=seq) if wanted.newest_first else replace(wanted, after=seq)


def _seq_passed(cursor: str | None) -> int | None:
    key = read_cursor(cursor, int)
    return int(key[0]) if key is not None else None


async def _entity_index(desk: Desk, wanted: str, at: int | None) -> int:
    """Digits are an index, also of what is gone; anything else must be known then."""
    index = as_index(wanted)
    if index is None:
        return await desk.ask(lambda: resolve(desk.view(at), wanted).index, of=at)
    entity = desk.topology.snapshot.entity(index)
    return entity.index if entity is not None else index


def _earlier(until: int | None, at: int | None) -> int | None:
    """`until` excludes its time, `at` includes it."""
    ends = [end for end in (until, at + 1 if at is not None else None) if end is not None]
    return min(ends, default=None)


def _last_event(header: str | None, after: int | None) -> int | None:
    if header is None or not header.strip():
        return after
    header = header.strip()
    if not (header.isascii() and header.isdigit()) or int(header) > LAST_SEQ:
        raise Refused(422, "header.Last-Event-ID: must be the number (`id`) of an event of this stream")
    return int(header)
