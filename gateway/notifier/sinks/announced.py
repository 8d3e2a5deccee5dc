"""Announced: the first that a receiver hears is that the gateway has started."""

import asyncio

from gateway.model.events import Event, EventKind
from gateway.model.notices import Notice, NoticeKind
from gateway.model.ports import Sink
from gateway.model.snapshot import Snapshot


class Announced:
    """A sink that tells of the start before anything else, once."""

    def __init__(self, sink: Sink, start: Notice | None) -> None:
        """`start`: what it tells; None: the receiver knows already."""
        self.name = sink.name
        self._sink = sink
        self._start = start
        self._announcing = asyncio.Lock()

    @property
    def knows(self) -> bool:
        """Whether the receiver was told, or is not to be."""
        return self._start is None

    async def announce(self) -> None:
        """
        Tell it now; `deliver` and `tell` do it when nobody has.

        Raises:
            DeliveryError: it is told later.
        """
        if self._start is None:
            return
        async with self._announcing:  # a heartbeat may come while an event does
            if self._start is not None:
                if self._sink.takes(self._start.kind):
                    await self._sink.tell(self._start)
                self._start = None

    def takes(self, kind: EventKind | NoticeKind) -> bool:
        return self._sink.takes(kind)

    async def deliver(self, event: Event, snapshot: Snapshot) -> None:
        await self.announce()
        await self._sink.deliver(event, snapshot)

    async def tell(self, notice: Notice) -> None:
        await self.announce()
        await self._sink.tell(notice)

    async def close(self) -> None:
        await self._sink.close()
