"""Receivers: a sink and a line for each, and what a new configuration changes of them."""

import asyncio
import contextlib
import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from gateway.app.sinks import SinkContext, create_sink
from gateway.config.settings import Settings
from gateway.engine.reconciler import Reconciler
from gateway.model.errors import ConfigError, DeliveryError, StoreError
from gateway.model.events import Event
from gateway.model.ids import uuid7
from gateway.model.notices import Notice, NoticeKind
from gateway.model.snapshot import Snapshot
from gateway.notifier.dispatcher import Dispatcher
from gateway.notifier.settings import ReceiverSettings
from gateway.notifier.sinks.announced import Announced
from gateway.notifier.sinks.snmp_settings import SnmpTrapSettings
from gateway.schema.snmp.targets import Target
from gateway.schema.snmp.views import Subtrees
from gateway.store.database import Database
from gateway.support.tasks import supervise
from gateway.wire.ber import Oid

logger = logging.getLogger(__name__)

START_S = 10.0
"""Longest that telling a receiver of the start may take."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a new configuration changes: whom to stop, whom to start, and who receives then."""

    stop: tuple[str, ...]
    start: Mapping[str, tuple[ReceiverSettings, Announced]]
    wanted: Mapping[str, ReceiverSettings]
    context: SinkContext


@dataclass(frozen=True, slots=True)
class _Running:
    settings: ReceiverSettings
    sink: Announced
    tasks: tuple[asyncio.Task[None], ...]


class Receivers:
    """Delivers to the configured receivers; one can change without the others. Make it inside the event loop."""

    def __init__(
        self,
        database: Database,
        reconciler: Reconciler,
        context: SinkContext,
        start: NoticeKind = NoticeKind.COLD_START,
    ) -> None:
        """`start`: what receivers are told when they are served for the first time."""
        self._database = database
        self._context = context
        self._start_kind = start
        self._running: dict[str, _Running] = {}
        self._told: set[str] = set()
        self._topology = reconciler
        self.dispatcher = Dispatcher(database.outbox, reconciler, context.clock)
        writing = supervise("delivery state", self.dispatcher.run)
        self._writing = asyncio.create_task(writing, name="delivery state")
        reconciler.listen(self._wake)

    def plan(self, wanted: Mapping[str, Settings], views: Mapping[str, Subtrees] | None = None) -> Plan:
        """
        What has to change so that exactly `wanted` receive; those that did not change are left alone. `views`: those of
        the agent from now on, by name; None: as before.

        Raises:
            ConfigError: a new sink cannot be made.
        """
        before = self._context
        context = before if views is None else replace(before, views=views)
        enabled = {n: s for n, s in wanted.items() if isinstance(s, ReceiverSettings) and s.enabled}
        same = {
            name
            for name, running in self._running.items()
            if (given := enabled.get(name)) == running.settings and _view(given, before) == _view(given, context)
        }
        made = {n: (s, self._sink(n, s, context)) for n, s in enabled.items() if n not in same}
        return Plan(tuple(name for name in self._running if name not in same), made, enabled, context)

    async def carry_out(self, plan: Plan) -> None:
        """Do what a plan says. From now on each event that is told waits for exactly these receivers."""
        self._context = plan.context
        for name in plan.stop:
            logger.info("receiver %s: %s", name, "restarts" if name in plan.start else "is stopped")
        await self._stop(plan.stop)
        for name, (settings, sink) in plan.start.items():
            await self.dispatcher.enrol(name)
            self._begin(name, settings, sink)
        await self._forget(tuple(sorted(plan.wanted)))

    async def stop(self) -> None:
        """Stop all; what is not delivered waits in the log for the next start."""
        await self._stop(tuple(self._running))
        self._writing.cancel()
        await asyncio.gather(self._writing, return_exceptions=True)
        self.dispatcher.close()

    async def test(self, name: str) -> bool:
        """
        Send a test notification to a receiver, past what waits for it; True: it has acknowledged it.

        Raises:
            ConfigError: there is no such receiver.
            DeliveryError: it could not be sent, or was not acknowledged.
        """
        if name not in self._running:
            known = ", ".join(sorted(self._running)) or "none"
            raise ConfigError(f"there is no receiver {name!r} that is enabled. Known: {known}.")
        running = self._running[name]
        text = f"A test of the receiver {name}: somebody asked for it, nothing has happened"
        try:
            async with asyncio.timeout(running.settings.deliver_timeout_s):
                await running.sink.tell(self._notice(NoticeKind.TEST, text))
        except (DeliveryError, TimeoutError) as error:
            raise DeliveryError(f"receiver {name}: {str(error) or 'it did not take it in time'}") from error
        self._reached(name)
        return running.settings.acknowledges

    async def tell_all(self, kind: NoticeKind, text: str = "") -> None:
        """Tell every receiver that wants this kind, or has not named any, at once; it is not tried again."""
        notice = self._notice(kind, text)
        wanting = (each for each in self._running.values() if not each.settings.kinds or kind in each.settings.kinds)
        await asyncio.gather(*(self._tell(running.sink, running.settings, notice) for running in wanting))

    @property
    def root(self) -> Oid:
        """Where the MIB hangs in what they are told."""
        return self._context.engine.root

    @property
    def settings(self) -> Mapping[str, ReceiverSettings]:
        """Of the receivers that are served."""
        return {name: running.settings for name, running in self._running.items()}

    def targets(self) -> tuple[Target, ...]:
        """The receivers as the agent shows them (SNMP-TARGET-MIB)."""
        given = sorted(self.settings.items())
        return tuple(s.target(name) for name, s in given if isinstance(s, SnmpTrapSettings))

    def figures(self) -> Iterator[tuple[str, str, Mapping[str, str], float]]:
        """What became of notifications since the start, for /metrics: (name, help, labels, value)."""
        said = "Tries to deliver since the start, by outcome"
        for name, counted in list(self.dispatcher.counts.items()):
            for outcome in ("delivered", "failed", "given_up", "summarised", "left_out"):
                yield "delivery_tries", said, {"receiver": name, "outcome": outcome}, getattr(counted, outcome)

    def _sink(self, name: str, settings: ReceiverSettings, context: SinkContext) -> Announced:
        # A receiver whose settings changed is told no second time that the gateway has started: it has not.
        before = self._running.get(name)
        told = before.sink.knows if before is not None else name in self._told
        start = None if told else self._notice(self._start_kind, "")
        return Announced(create_sink(name, settings, context), start)

    def _begin(self, name: str, settings: ReceiverSettings, sink: Announced) -> None:
        async def serve() -> None:
            await self.dispatcher.serve(sink, settings.terms(), lambda: _announce(sink))

        ways = [asyncio.create_task(supervise(f"receiver {name}", serve), name=f"receiver {name}")]
        if settings.heartbeat_s:
            beating = self._beat(sink, settings)
            ways.append(asyncio.create_task(beating, name=f"heartbeat of receiver {name}"))
        self._running[name] = _Running(settings, sink, tuple(ways))

    async def _beat(self, sink: Announced, settings: ReceiverSettings) -> None:
        """Say from time to time that the gateway is alive; a beat that cannot be told is not told later."""
        while True:
            await asyncio.sleep(settings.heartbeat_s)
            await self._tell(sink, settings, self._notice(NoticeKind.HEARTBEAT, "The gateway is alive"))

    async def _tell(self, sink: Announced, settings: ReceiverSettings, notice: Notice) -> None:
        with contextlib.suppress(DeliveryError, TimeoutError):
            async with asyncio.timeout(settings.deliver_timeout_s):
                await sink.tell(notice)
            self._reached(sink.name)

    def _reached(self, name: str) -> None:
        """A receiver took something past what waits for it: that need not wait for the end of its pause."""
        line = self.dispatcher.line(name)
        if line is not None:
            line.reached()

    def _notice(self, kind: NoticeKind, text: str) -> Notice:
        now = self._context.clock.now()
        return Notice(kind, uuid7(now, os.urandom(10)), now, text, last=self.dispatcher.last)

    async def _stop(self, names: Iterable[str]) -> None:
        ended = {name: self._running.pop(name) for name in names}
        tasks = [task for running in ended.values() for task in running.tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(running.sink.close() for running in ended.values()), return_exceptions=True)
        self._told |= {name for name, running in ended.items() if running.sink.knows}

    async def _forget(self, names: tuple[str, ...]) -> None:
        try:
            waited = await asyncio.to_thread(self._database.outbox.forget_all_but, names)
        except StoreError as error:
            logger.error("receivers: those that are gone could not be forgotten: %s", error)
            return
        self.dispatcher.wake()
        if waited:
            logger.warning("receivers: %d notifications for receivers that are gone are given up", waited)

    def _wake(self, _snapshot: Snapshot, events: tuple[Event, ...]) -> None:
        if events:
            self.dispatcher.heard(events)


def _view(settings: Settings | None, context: SinkContext) -> Subtrees | None:
    """What of the tree a receiver may be told; None: its view is not there, or it has none."""
    return context.views.get(settings.view or "") if isinstance(settings, SnmpTrapSettings) else None


async def _announce(sink: Announced) -> None:
    try:
        async with asyncio.timeout(START_S):
            await sink.announce()
    except (DeliveryError, TimeoutError) as error:
        why = str(error) or f"no answer within {START_S:.0f} s"
        logger.warning("receiver %s: %s; that the gateway has started is told later", sink.name, why)
