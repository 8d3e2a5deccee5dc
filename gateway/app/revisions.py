"""Revisions: wakes those who wait for the next committed topology."""

import asyncio
from collections.abc import AsyncIterator

from gateway.model.events import Event
from gateway.model.snapshot import Snapshot


class Revisions:
    """A listener of the reconciler; any number may wait. Who is slow gets the latest and misses those between."""

    def __init__(self) -> None:
        self._latest = Snapshot()
        self._next: asyncio.Event = asyncio.Event()

    def tell(self, snapshot: Snapshot, _events: tuple[Event, ...]) -> None:
        """A revision was committed. Called in the event loop."""
        self._latest = snapshot
        reached, self._next = self._next, asyncio.Event()
        reached.set()

    async def subscribe(self) -> AsyncIterator[Snapshot]:
        """The snapshot of each revision from now on."""
        while True:
            awaited = self._next
            await awaited.wait()
            yield self._latest
