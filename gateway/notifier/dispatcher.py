"""
The dispatcher: carries notifications from the outbox to their receivers.

Each receiver has a task of its own, so one that is down delays no other; its notifications go out in the order of the
log. Delivery is at least once: what was sent and not yet marked when the gateway was killed is sent again, with the
same event id, by which a receiver knows it. That window is small: marks are written when the queue is empty, after
`MARK_AFTER` notifications, or when the next one takes longer than `MARK_AFTER_S`.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from gateway.model.errors import DeliveryError, GatewayError, StoreError
from gateway.model.ports import CurrentTopology, Outbox, OutboxItem, Sink
from gateway.support.backoff import Backoff
from gateway.support.clock import Clock
from gateway.support.tasks import Health

logger = logging.getLogger(__name__)
Answer = TypeVar("Answer")

BATCH = 100
MARK_AFTER = 20
MARK_AFTER_S = 0.05
LAST_MARK_S = 5.0
"""How long a marking may hold up the end."""
IDLE_S = 5.0
"""How long a receiver's task sleeps when nobody wakes it."""
WHATEVER_PAUSE = (1 << 63) - 1
"""We keep the pauses ourselves; after a restart the next try is made at once, also when the clock was set back."""
BROKEN_AFTER = 5
"""Tries after which a notification that the sink cannot even handle (a fault of ours) is given up."""
PATIENCE = Backoff(first_s=1.0, longest_s=300.0, factor=2.0, jitter=0.2)
STORE_PATIENCE = Backoff(first_s=0.5, longest_s=30.0)


@dataclass(slots=True)
class Counts:
    """What became of a receiver's notifications since the start."""

    delivered: int = 0
    failed: int = 0
    """Tries that failed."""
    given_up: int = 0


class Dispatcher:
    """Delivers what waits in the outbox; the only writer of delivery state."""

    def __init__(
        self,
        outbox: Outbox,
        sinks: Mapping[str, Sink],
        topology: CurrentTopology,
        clock: Clock,
        *,
        give_up_after_s: float = 86_400.0,
        deliver_timeout_s: float = 30.0,
        backoff: Backoff = PATIENCE,
        idle_s: float = IDLE_S,
    ) -> None:
        """`sinks`: by receiver. `give_up_after_s`: age of an event whose delivery is not tried any more."""
        self.counts: Mapping[str, Counts] = {receiver: Counts() for receiver in sinks}
        self._outbox = outbox
        self._sinks = dict(sinks)
        self._topology = topology
        self._clock = clock
        self._give_up_after_us = round(give_up_after_s * 1e6)
        self._deliver_timeout_s = deliver_timeout_s
        self._backoff = backoff
        self._idle_s = idle_s
        self._bells = {receiver: asyncio.Event() for receiver in sinks}
        self._loop: asyncio.AbstractEventLoop | None = None

    def wake(self) -> None:
        """Something was committed: look into the outbox now. May be called from any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._ring)

    async def run(self) -> None:
        """Deliver until cancelled. What was sent is marked before this returns."""
        self._loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as tasks:
            for receiver, sink in self._sinks.items():
                line = _Line(self, receiver, sink)
                tasks.create_task(line.run(), name=f"receiver {receiver}")

    def _ring(self) -> None:
        for bell in self._bells.values():
            bell.set()


class _Line:
    """One receiver's way: its queue, its pauses, its health."""

    def __init__(self, house: Dispatcher, receiver: str, sink: Sink) -> None:
        self._house = house
        self._receiver = receiver
        self._sink = sink
        self._bell = house._bells[receiver]
        self._counts = house.counts[receiver]
        self._health = Health(f"receiver {receiver}", (DeliveryError,))
        self._store_health = Health(f"outbox of receiver {receiver}", (StoreError,))
        self._sent: list[int] = []
        self._gave_up = False
        self._clock = house._clock

    async def run(self) -> None:
        while True:
            self._bell.clear()
            items = await self._stored(partial(self._house._outbox.due, self._receiver, WHATEVER_PAUSE, BATCH))
            pause_s = await self._deliver_all(items)
            if pause_s > 0:
                # New notifications queue up behind the one that failed: no bell shortens this pause.
                await asyncio.sleep(pause_s)
            elif len(items) < BATCH:
                await self._wait_for_bell()

    async def _wait_for_bell(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._house._idle_s):
                await self._bell.wait()

    async def _deliver_all(self, items: tuple[OutboxItem, ...]) -> float:
        """Deliver in order, up to the first failure; returns the seconds to wait before the next try."""
        try:
            for item in items:
                pause_s = await self._deliver(item)
                if pause_s > 0:
                    return pause_s
                if len(self._sent) >= MARK_AFTER:
                    await self._mark()
            await self._mark()
        except asyncio.CancelledError:
            await self._mark_at_last()
            raise
        return 0.0

    async def _deliver(self, item: OutboxItem) -> float:
        try:
            async with asyncio.timeout(self._house._deliver_timeout_s):
                await self._handed_over(item)
        except TimeoutError:
            if item.id in self._sent:  # it was done just then
                return 0.0
            limit_s = self._house._deliver_timeout_s
            return await self._failed(item, DeliveryError(f"no answer within {limit_s:g} s"))
        except Exception as error:  # a sink that trips over one event must not stop the others for ever
            return await self._failed(item, error)
        return 0.0

    async def _handed_over(self, item: OutboxItem) -> None:
        """The sink has it; what was sent before is marked meanwhile when that takes long."""
        delivering = asyncio.ensure_future(self._sink.deliver(item.event, self._house._topology.snapshot))
        try:
            if self._sent:
                await asyncio.wait({delivering}, timeout=MARK_AFTER_S)
                if not delivering.done():
                    await self._mark()
            await delivering
            self._succeeded(item)
        except asyncio.CancelledError:
            if delivering.done() and not delivering.cancelled() and delivering.exception() is None:
                self._succeeded(item)
            raise
        finally:
            delivering.cancel()

    def _succeeded(self, item: OutboxItem) -> None:
        self._sent.append(item.id)
        self._counts.delivered += 1
        self._health.succeeded()
        self._gave_up = False

    async def _failed(self, item: OutboxItem, error: Exception) -> float:
        """Note the failure; returns the seconds to wait, 0 when the notification is given up."""
        self._counts.failed += 1
        self._health.failed(error)
        await self._mark()
        now = self._clock.now()
        said = str(error) if isinstance(error, GatewayError) else f"{type(error).__name__} (see the log)"
        broken = not isinstance(error, DeliveryError) and item.attempts + 1 >= BROKEN_AFTER
        if broken or now - item.event.at >= self._house._give_up_after_us:
            self._tell_given_up(item, said)
            await self._stored(lambda: self._house._outbox.given_up(item.id, now, said))
            return 0.0
        pause_s = self._house._backoff.delay_s(item.attempts + 1)
        retry_at = now + round(pause_s * 1e6)
        await self._stored(lambda: self._house._outbox.failed(item.id, now, retry_at, said))
        return pause_s

    def _tell_given_up(self, item: OutboxItem, said: str) -> None:
        """One ERROR when it begins; what follows is counted."""
        self._counts.given_up += 1
        log = logger.debug if self._gave_up else logger.error
        log(
            "receiver %s: event %s (%s) is given up and will not be sent again: %s. "
            "See `gateway events`; check the receiver.",
            self._receiver,
            item.event.id,
            item.event.kind.value,
            said,
        )
        self._gave_up = True

    async def _mark(self) -> None:
        """Write down what was sent."""
        ids = tuple(self._sent)
        if ids:
            await self._stored(lambda: self._house._outbox.delivered(ids, self._clock.now()))
            del self._sent[: len(ids)]

    async def _mark_at_last(self) -> None:
        """Write down what was sent while this task is being cancelled, unless the database keeps us too long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_MARK_S):
                await self._mark()

    async def _stored(self, ask: Callable[[], Answer]) -> Answer:
        """Ask the outbox in a thread, again and again while the database refuses: nothing is sent twice for it."""
        while True:
            try:
                answer = await asyncio.to_thread(ask)
            except StoreError as error:
                self._store_health.failed(error)
                await asyncio.sleep(STORE_PATIENCE.delay_s(self._store_health.failures))
            else:
                self._store_health.succeeded()
                return answer
