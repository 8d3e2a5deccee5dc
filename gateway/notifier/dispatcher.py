"""
The dispatcher: carries what the log says to its receivers.

Each receiver has a line of its own, so one that is slow or down delays no other; what they note is written together.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence

from gateway.model.events import Event
from gateway.model.ports import CurrentTopology, GivenUp, Outbox, Sink
from gateway.notifier.ledger import Ledger
from gateway.notifier.line import Counts, Line
from gateway.notifier.missing import Missing
from gateway.notifier.terms import Terms
from gateway.support.clock import Clock

IDLE_S = 5.0
"""How long a receiver's line sleeps when nobody wakes it."""


class Dispatcher:
    """The only writer of delivery state. Belongs to the event loop that it is made in."""

    def __init__(self, outbox: Outbox, topology: CurrentTopology, clock: Clock, *, idle_s: float = IDLE_S) -> None:
        self._loop = asyncio.get_running_loop()
        self._ledger = Ledger(outbox)
        self._missing = Missing(self._ledger)
        self._topology = topology
        self._clock = clock
        self._idle_s = idle_s
        self._lines: dict[str, Line] = {}
        self.last = 0
        """Number of the last event of the log that we heard of."""
        self.counts: defaultdict[str, Counts] = defaultdict(Counts)
        """What became of notifications since the start, by receiver."""

    def wake(self) -> None:
        """Something was committed, or asked for again: look now. May be called from any thread."""
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._look)

    def heard(self, events: Sequence[Event]) -> None:
        """These were committed. Call it in the event loop."""
        self.last = max(self.last, events[-1].seq)
        told = [event.seq for event in events if event.notify or event.has_root]
        for line in self._lines.values():
            line.ahead.hear(told)
        self._ring()

    async def run(self) -> None:
        """Write down what becomes of notifications, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._ledger.run())
            tasks.create_task(self._missing.run())

    def line(self, receiver: str) -> Line | None:
        """The line of a receiver; None: it is not served."""
        return self._lines.get(receiver)

    @property
    def given_up(self) -> GivenUp:
        """What receivers missed, half a second ago at the most."""
        return self._missing.now

    async def enrol(self, receiver: str) -> None:
        """From now on what is told waits for this receiver."""
        self.last = max(self.last, (await self._ledger.begin(receiver)).position)

    async def serve(self, sink: Sink, terms: Terms, first: Callable[[], Awaitable[None]] | None = None) -> None:
        """Deliver to one receiver until cancelled, after `first`. What was sent is written before this returns."""
        counts = self.counts[sink.name]
        line = Line(sink, terms, counts, self._ledger, self._topology, self._clock, self._idle_s)
        self._lines[sink.name] = line
        try:
            await line.begin()
            if first is not None:
                await first()
            await line.run()
        finally:
            if self._lines.get(sink.name) is line:
                del self._lines[sink.name]
            await self._ledger.written()

    def close(self) -> None:
        """Ask the database nothing more."""
        self._ledger.close()

    def _look(self) -> None:
        self._ledger.given_up_changed.set()
        self._ring()

    def _ring(self) -> None:
        for line in self._lines.values():
            line.bell.set()
