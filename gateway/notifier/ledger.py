"""
The ledger: what the receivers' lines read of the outbox, and what they note, written for all of them together.

One task writes, one transaction at a time: what is noted meanwhile goes with the next one. So the number of
transactions does not grow with that of receivers, and what a `kill -9` makes be sent twice is what was sent during
one transaction.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from gateway.model.errors import StoreError
from gateway.model.events import Event
from gateway.model.ports import GivenUp, Marks, Missed, Outbox, Progress
from gateway.support.backoff import Backoff
from gateway.support.tasks import Health
from gateway.support.threads import pool

logger = logging.getLogger(__name__)
Answer = TypeVar("Answer")

PAGE = 200
"""Events that are read at once; receivers that are equally far share a page."""
LAST_MARK_S = 5.0
"""How long a transaction may hold up the end."""
STORE_PATIENCE = Backoff(first_s=0.5, longest_s=30.0)


class Ledger:
    """Delivery state in memory, and its way to the database. Belongs to one event loop."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        # Threads of its own: names that are looked up elsewhere may keep the default ones for a long time.
        self._threads = pool(3, "outbox")
        self._health = Health("outbox", (StoreError,))
        self._noted: dict[str, Progress] = {}
        self._missed: list[tuple[str, int, int, str]] = []
        self._replayed: list[tuple[str, int]] = []
        self._something = asyncio.Event()
        self._nothing = asyncio.Event()
        self._nothing.set()
        self._page: tuple[int, tuple[Event, ...]] = (0, ())
        self._known: dict[str, Event | None] = {}
        self.given_up_changed = asyncio.Event()
        """Set when what receivers missed may be another."""

    async def begin(self, receiver: str) -> Progress:
        """Where a receiver stands; one that is new begins at the end of the log."""
        return await self._asked(lambda: self._outbox.begin(receiver))

    async def after(self, position: int) -> tuple[Event, ...]:
        """Some events above this number that are told, or that have a root, in the order of the log."""
        start, page = self._page
        if start <= position and page and position < page[-1].seq:
            return tuple(event for event in page if event.seq > position)
        page = await self._asked(lambda: self._outbox.after(position, PAGE))
        self._page = (position, page)
        return page

    async def ahead(self, position: int) -> tuple[int, int]:
        """(how many events `after` would give in all, number of the last event of the log)."""
        return await self._asked(lambda: self._outbox.ahead(position))

    async def event(self, identity: str) -> Event | None:
        """
        The event with this id, such as the root of many; None: it is not in the log any more.

        The last few are kept: what is asked of it, its kind, severity and traits, does not change.
        """
        if identity not in self._known:
            if len(self._known) >= PAGE:
                self._known.clear()
            self._known[identity] = await self._asked(lambda: self._outbox.event(identity))
        return self._known[identity]

    async def given_up(self, limit: int) -> GivenUp:
        """What receivers missed, with the newest `limit` of it."""
        return await self._asked(lambda: self._outbox.given_up(limit))

    async def wanted(self, receiver: str) -> tuple[Missed, ...]:
        """Some of what was asked for again; call it when what was replayed before is written."""
        return await self._asked(lambda: self._outbox.wanted(receiver, PAGE))

    def note(self, progress: Progress) -> None:
        """This is where a receiver stands now."""
        self._noted[progress.receiver] = progress
        self._stir()

    def note_missed(self, receiver: str, event: Event, now: int, why: str) -> None:
        """An event is given up for a receiver."""
        self._missed.append((receiver, event.seq, now, why))
        self._stir()

    def note_replayed(self, receiver: str, event: Event) -> None:
        """What was asked for again was sent."""
        self._replayed.append((receiver, event.seq))
        self._stir()

    async def run(self) -> None:
        """Write what is noted, until cancelled."""
        while True:
            await self._something.wait()
            self._something.clear()
            marks = Marks(tuple(self._noted.values()), tuple(self._missed), tuple(self._replayed))
            self._noted.clear()
            self._missed.clear()
            self._replayed.clear()
            # Shielded: a transaction that has begun goes on while we are cancelled, and what it holds is not lost.
            writing = asyncio.ensure_future(self._asked(partial(self._outbox.mark, marks)))
            try:
                await asyncio.shield(writing)
            except asyncio.CancelledError:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LAST_MARK_S):
                        await writing
                raise
            if marks.missed or marks.replayed:
                self.given_up_changed.set()
            if not self._something.is_set():
                self._nothing.set()

    async def written(self) -> None:
        """Wait until everything that was noted is written, but not for long while the database refuses."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_MARK_S):
                await self._nothing.wait()

    def close(self) -> None:
        """Ask nothing more."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _stir(self) -> None:
        self._nothing.clear()
        self._something.set()

    async def _asked(self, ask: Callable[[], Answer]) -> Answer:
        """Ask the outbox in a thread, again and again while the database refuses: nothing is sent twice for it."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                answer = await loop.run_in_executor(self._threads, ask)
            except StoreError as error:
                self._health.failed(error)
                await asyncio.sleep(STORE_PATIENCE.delay_s(self._health.failures))
            else:
                self._health.succeeded()
                return answer
