"""
A line: one receiver's way through the log, in its order, with its pauses and its health.

Delivery is at least once: what was sent and not yet written down when the gateway was killed is sent again, with the
same event id. New events go before those that were asked for again.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from uuid import NAMESPACE_OID, uuid5

from gateway.model.errors import DeliveryError, GatewayError
from gateway.model.events import Event
from gateway.model.notices import Notice, NoticeKind
from gateway.model.ports import CurrentTopology, Progress, Sink
from gateway.model.standings import ReceiverHealth
from gateway.notifier.ahead import Ahead
from gateway.notifier.ledger import Ledger
from gateway.notifier.storm import Storm
from gateway.notifier.terms import Terms
from gateway.support.clock import Clock
from gateway.support.tasks import Health

logger = logging.getLogger(__name__)

BROKEN_AFTER = 5
"""Tries after which a notification that the sink cannot even handle (a fault of ours) is given up."""
NAMED = 50
"""Of so many entities a summary gives the names."""


@dataclass(slots=True)
class Counts:
    """What became of a receiver's notifications since the start."""

    delivered: int = 0
    failed: int = 0
    """Tries that failed."""
    given_up: int = 0
    summarised: int = 0
    left_out: int = 0
    """Not for this receiver."""
    sent: int = 0
    """Notifications that were sent, each counted once however often it was tried."""
    retried: int = 0
    """Tries after the first of a notification."""
    last: int = 0
    """Number of the last event that was delivered."""


class Line:
    """One receiver and its sink."""

    def __init__(
        self,
        sink: Sink,
        terms: Terms,
        counts: Counts,
        ledger: Ledger,
        topology: CurrentTopology,
        clock: Clock,
        idle_s: float,
    ) -> None:
        self.counts = counts
        self.bell = asyncio.Event()
        self.ahead = Ahead()
        self._sink = sink
        self._terms = terms
        self._ledger = ledger
        self._topology = topology
        self._clock = clock
        self._idle_s = idle_s
        self._health = Health(f"receiver {sink.name}", (DeliveryError,))
        self._storm = Storm(terms.storm)
        self.progress = Progress(sink.name)
        self._read = 0
        """All of the log up to here was looked at; what a storm holds is behind it."""
        self._gave_up = False
        self._reached = asyncio.Event()
        self._rests_until = 0.0
        """When the pause that follows the last failure ends, whether anything waits for it or not; steady seconds."""
        self.next_try_at = 0
        """When what failed is tried again, microseconds UTC; 0: nothing waits for that."""

    def reached(self) -> None:
        """The receiver took something past this line (a heartbeat, a test): what failed is tried again now."""
        self._reached.set()
        self._rests_until = 0.0

    async def begin(self) -> None:
        """Find out where the receiver stands; call it before `run`."""
        self.progress = await self._ledger.begin(self._sink.name)
        self._read = self.progress.position
        self.ahead.counted(*await self._ledger.ahead(self._read))

    async def run(self) -> None:
        """Deliver until cancelled."""
        while True:
            self.bell.clear()
            await self._summarise()
            if events := await self._ledger.after(self._read):
                for event in events:
                    await self._take(event)
                    await self._summarise()
            elif not await self._replay():
                await self._wait_for_bell()

    @property
    def health(self) -> ReceiverHealth:
        """How the receiver is doing."""
        if self._gave_up:
            return ReceiverHealth.GIVING_UP
        if self.progress.error:
            return ReceiverHealth.FAILING
        return ReceiverHealth.OK if self.progress.delivered_at else ReceiverHealth.IDLE

    # -- one event after the other -----------------------------------------------------------------------------

    async def _take(self, event: Event) -> None:
        if not await self._is_for(event):
            self.counts.left_out += 1
            self.ahead.done(1)
        elif self._storm.admits(event, self._clock.monotonic()):
            if await self._sent(event.at, self._handing_over(event), event.kind.value, event.id):
                self.counts.last = event.seq
                self._done(delivered=1)
            else:
                self._give_up(event)
            self.ahead.done(1)
        self._read = event.seq
        self._advance()

    async def _is_for(self, event: Event) -> bool:
        """Whether the receiver is told; of what has a root only when it asks for that, or is not told of the root."""
        if not self._sink.takes(event.kind) or not await self._is_selected(event):
            return False
        if not event.has_root or self._terms.selection.consequences:
            return True
        root = await self._ledger.event(event.caused_by)
        return root is None or not await self._is_for(root)

    async def _is_selected(self, event: Event) -> bool:
        selection = self._terms.selection
        began = await self._ledger.event(event.ends) if event.ends and selection.looks_around else None
        return selection.takes(event, self._topology.snapshot, began)

    async def _summarise(self) -> None:
        """Tell what was held, of the windows that are over."""
        for root, held in self._storm.due(self._clock.monotonic()):  # what is not told yet stays held
            notice = summary(self._sink.name, root, held, self._clock.now())
            if not self._sink.takes(notice.kind):
                self.counts.left_out += len(held)
                self.ahead.done(len(held))
                self._advance()
                continue
            sent = await self._sent(notice.at, partial(self._sink.tell, notice), "summary", notice.id)
            if sent:
                self.counts.summarised += len(held)
                self._done(summarised=len(held))
            else:
                for event in held:
                    self._give_up(event)
            self.ahead.done(len(held))
            self._advance()

    async def _replay(self) -> bool:
        """
        Send a page of what was asked for again; False when there is nothing.

        What was given up was for this receiver; of what is wanted because of its time that is looked at now.
        """
        await self._ledger.written()
        wanted = await self._ledger.wanted(self._sink.name)
        for missed in wanted:
            event = missed.event
            if not self._sink.takes(event.kind) or not (missed.error or await self._is_for(event)):
                self.counts.left_out += 1
                self._ledger.note_replayed(self._sink.name, event)
                self._ledger.note(self.progress)
            elif await self._sent(self._clock.now(), self._handing_over(event), event.kind.value, event.id):
                self.counts.last = event.seq
                self._ledger.note_replayed(self._sink.name, event)
                self._done(delivered=1)
                self._ledger.note(self.progress)
            else:
                self._give_up(event)
        return bool(wanted)

    def _handing_over(self, event: Event) -> Callable[[], Awaitable[None]]:
        return lambda: self._sink.deliver(event, self._topology.snapshot)

    # -- trying until it is done, or given up ------------------------------------------------------------------

    async def _sent(self, since: int, send: Callable[[], Awaitable[None]], what: str, identity: str) -> bool:
        """
        Try until the receiver has it; False when it is given up. `since`: from when its age counts.

        What is too old already is not tried in the pause after one that was given up: it would keep younger ones
        waiting. After that pause what is next is tried, however old: the receiver may be back.
        """
        tries = 0
        while True:
            resting = not tries and self._clock.monotonic() < self._rests_until
            if self._gave_up and resting and self._is_too_old(since):
                self._tell_given_up(what, identity, self.progress.error)
                return False
            if tries:
                self.counts.retried += 1
            else:
                self.counts.sent += 1
            tries += 1
            try:
                async with asyncio.timeout(self._terms.deliver_timeout_s):
                    await send()
            except TimeoutError:
                error: Exception = DeliveryError(f"no answer within {self._terms.deliver_timeout_s:g} s")
            except Exception as raised:  # a sink that trips over one event must not stop the others for ever
                error = raised
            else:
                self._health.succeeded()
                self._gave_up = False
                self.counts.delivered += 1
                return True
            if not await self._again(error, since):
                self._tell_given_up(what, identity, self.progress.error)
                return False

    async def _again(self, error: Exception, since: int) -> bool:
        """Note a failed try and pause; False when there is to be no other."""
        self.counts.failed += 1
        self._health.failed(error)
        pause_s = self._terms.patience.delay_s(self._health.failures)
        self._rests_until = self._clock.monotonic() + pause_s
        said = str(error) if isinstance(error, GatewayError) else f"{type(error).__name__} (see the log)"
        self.progress = replace(self.progress, attempts=self.progress.attempts + 1, error=said)
        broken = not isinstance(error, DeliveryError) and self.progress.attempts >= BROKEN_AFTER
        tired = 0 < self._terms.give_up_attempts <= self.progress.attempts
        if broken or tired or self._is_too_old(since):
            return False
        self._ledger.note(self.progress)
        await self._pause(pause_s)
        return True

    async def _pause(self, pause_s: float) -> None:
        """New notifications queue up behind the one that failed: no bell shortens this, only that it was reached."""
        self._reached.clear()
        self.next_try_at = self._clock.now() + round(pause_s * 1e6)
        try:
            async with asyncio.timeout(pause_s):
                await self._reached.wait()
        except TimeoutError:
            pass
        finally:
            self.next_try_at = 0

    def _is_too_old(self, since: int) -> bool:
        return self._clock.now() - since >= self._terms.give_up_after_s * 1e6

    def _tell_given_up(self, what: str, identity: str, said: str) -> None:
        """One ERROR when it begins; what follows is counted."""
        log = logger.debug if self._gave_up else logger.error
        log(
            "receiver %s: event %s (%s) is given up: %s. Check the receiver; then `gateway notifications replay "
            "--receiver %s` sends again what it missed.",
            self._sink.name,
            identity,
            what,
            said,
            self._sink.name,
        )
        self._gave_up = True

    def _give_up(self, event: Event) -> None:
        self.counts.given_up += 1
        self._ledger.note_missed(self._sink.name, event, self._clock.now(), self.progress.error)
        self.progress = replace(self.progress, attempts=0, given_up=self.progress.given_up + 1)
        self._ledger.note(self.progress)

    # -- where it stands ---------------------------------------------------------------------------------------

    def _done(self, delivered: int = 0, summarised: int = 0) -> None:
        before = self.progress
        self.progress = replace(
            before,
            attempts=0,
            error="",
            delivered=before.delivered + delivered,
            summarised=before.summarised + summarised,
            delivered_at=self._clock.now(),
        )

    def _advance(self) -> None:
        """What a storm holds is not done: after a crash it comes again."""
        held = self._storm.oldest_held
        self.progress = replace(self.progress, position=self._read if held is None else held - 1)
        self._ledger.note(self.progress)

    async def _wait_for_bell(self) -> None:
        ends = self._storm.ends
        wait_s = self._idle_s if ends is None else min(self._idle_s, max(ends - self._clock.monotonic(), 0))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self.bell.wait()


def summary(receiver: str, root: str, held: tuple[Event, ...], now: int) -> Notice:
    """The notice that stands for these events. Its id is that of the same summary sent once more."""
    first, last = held[0], held[-1]
    names = tuple(dict.fromkeys(event.entity.name for event in held))
    kinds = ", ".join(sorted({event.kind.value.replace("_", " ") for event in held}))
    why = "of one cause" if root else "above the receiver's rate"
    return Notice(
        NoticeKind.SUMMARY,
        str(uuid5(NAMESPACE_OID, f"{receiver} {first.id} {last.id} {len(held)}")),
        now,
        f"{len(held)} events {why} were not sent one by one: {kinds}. The log has them, numbers {first.seq} to "
        f"{last.seq}",
        count=len(held),
        first=first.seq,
        last=last.seq,
        caused_by=first.caused_by if root else "",
        names=names[:NAMED],
        severity=min((event.severity for event in held), key=_gravity),
    )


def _gravity(severity: int) -> tuple[bool, int]:
    """Critical first; what says nothing last."""
    return severity < 3, severity
