"""The event stream: the log as Server-Sent Events, replayed from any number on, then live."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager, suppress

from sse_starlette import EventSourceResponse, ServerSentEvent
from sse_starlette.sse import SendTimeoutError
from starlette.types import Receive, Scope, Send

from gateway.model.errors import StoreError
from gateway.model.events import Event
from gateway.model.ports import EventFilter
from gateway.publishers.rest.desk import Desk
from gateway.publishers.rest.problems import Refused
from gateway.publishers.rest.render import event_model
from gateway.support.tasks import supervise

logger = logging.getLogger(__name__)

Subscribe = Callable[[], AsyncIterator[object]]
"""Yields something whenever a revision was committed; what it yields does not matter."""

BATCH = 500
KEPT = 2_000
"""Events in memory for all clients together; who is further behind reads the log."""
LOOK_S = 5.0
"""Longest time between two looks into the log while somebody listens."""
SEND_TIMEOUT_S = 20.0
"""A client that takes nothing for so long is cut off; it comes back with Last-Event-ID."""
PING_S = 15


class EventTail:
    """
    The end of the log, kept in memory while somebody listens.

    The log is the truth: a wake-up only makes us look. A client that is behind holds a number, no queue.
    """

    def __init__(self, desk: Desk, subscribe: Subscribe) -> None:
        self._desk = desk
        self._subscribe = subscribe
        self._tail: deque[Event] = deque()
        self._floor = 0
        """All events with a number above this are in `_tail`."""
        self._newest = 0
        self._grown = asyncio.Event()
        self._ready = asyncio.Event()
        self._clients = 0
        self._pump: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def clients(self) -> int:
        """How many listen."""
        return self._clients

    def close(self) -> None:
        """End all streams."""
        self._closed = True
        self._wake()

    async def events(self, after: int | None) -> AsyncGenerator[list[Event], None]:
        """Batches of events with a number above `after`, in order, for ever; None: from now on."""
        async with self._listening():
            await self._ready.wait()
            position = self._newest if after is None else min(after, self._newest)
            while not self._closed:
                grown = self._grown
                try:
                    batch = await self._batch(position)
                except (StoreError, Refused) as error:
                    logger.warning("rest: an event stream ends at event %d, to be resumed: %s", position, error)
                    return
                if batch:
                    position = batch[-1].seq
                    yield batch
                elif not self._closed:
                    await grown.wait()

    async def _batch(self, position: int) -> list[Event]:
        if position >= self._newest:
            return []
        if position >= self._floor:
            return [event for event in self._tail if event.seq > position][:BATCH]
        return await self._read(position)

    async def _read(self, position: int) -> list[Event]:
        wanted = EventFilter(after=position, limit=BATCH)
        return list(await self._desk.ask(lambda: self._desk.history.events(wanted)))

    @asynccontextmanager
    async def _listening(self) -> AsyncIterator[None]:
        """The pump runs while somebody listens, and belongs to all who do."""
        self._clients += 1
        if self._pump is None:
            self._pump = asyncio.create_task(
                supervise("rest event stream", self._follow, expected=(StoreError, Refused)), name="rest-event-tail"
            )
        try:
            yield
        finally:
            self._clients -= 1
            if self._clients == 0:
                pump, self._pump = self._pump, None
                self._ready.clear()
                pump.cancel()

    async def _follow(self) -> None:
        newest = await self._desk.ask(lambda: self._desk.history.events(EventFilter(newest_first=True, limit=1)))
        self._tail.clear()
        self._floor = self._newest = newest[0].seq if newest else 0
        self._ready.set()
        async with aclosing(_wakes(self._subscribe(), LOOK_S)) as wakes:
            async for _ in wakes:
                while await self._look():
                    pass

    async def _look(self) -> bool:
        """Take new events from the log; True when there may be more."""
        found = await self._read(self._newest)
        if not found:
            return False
        self._tail.extend(found)
        while len(self._tail) > KEPT:
            self._floor = self._tail.popleft().seq
        self._newest = found[-1].seq
        self._wake()
        return len(found) == BATCH

    def _wake(self) -> None:
        grown, self._grown = self._grown, asyncio.Event()
        grown.set()


async def _wakes(source: AsyncIterator[object], longest_s: float) -> AsyncGenerator[None, None]:
    """Once at the start, at every item of `source`, and whenever none came for `longest_s`."""
    waiting: asyncio.Task[object] | None = None
    over = False
    try:
        while True:
            if waiting is None and not over:
                waiting = asyncio.ensure_future(_next(source))
            yield
            if waiting is None:
                await asyncio.sleep(longest_s)
                continue
            done, _ = await asyncio.wait({waiting}, timeout=longest_s)
            if done:
                over = waiting.result() is _OVER
                waiting = None
    finally:
        if waiting is not None:
            waiting.cancel()
            with suppress(asyncio.CancelledError):
                await waiting
        if isinstance(source, AsyncGenerator):
            await source.aclose()


_OVER = object()


async def _next(source: AsyncIterator[object]) -> object:
    return await anext(source, _OVER)


class EventStream(EventSourceResponse):
    """A stream whose client may be too slow: its connection is closed, it comes back with Last-Event-ID."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        except SendTimeoutError:
            # Returning in the middle of a response makes the server close the connection.
            logger.info("rest: a listener took nothing for %.0f s and is cut off", SEND_TIMEOUT_S)


def event_stream(tail: EventTail, after: int | None, wanted: Callable[[Event], bool]) -> EventSourceResponse:
    """The response: `id` is the event's number, `event` its kind, `data` its JSON."""
    return EventStream(
        _messages(tail, after, wanted), ping=PING_S, send_timeout=SEND_TIMEOUT_S, cleanup_timeout=2.0, sep="\n"
    )


async def _messages(
    tail: EventTail, after: int | None, wanted: Callable[[Event], bool]
) -> AsyncIterator[ServerSentEvent]:
    yield ServerSentEvent(comment="resume with Last-Event-ID", retry=2_000)
    async with aclosing(tail.events(after)) as batches:
        async for batch in batches:
            for event in filter(wanted, batch):
                body = event_model(event).model_dump_json()
                yield ServerSentEvent(data=body, id=str(event.seq), event=event.kind.value)
