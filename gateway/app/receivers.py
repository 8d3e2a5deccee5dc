"""Receivers: a sink and a dispatcher for each, and what a new configuration changes of them."""

import asyncio
import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from gateway.app.sinks import RECEIVER_KINDS, SinkContext, TellsStart
from gateway.config.settings import Settings
from gateway.engine.reconciler import Reconciler
from gateway.model.errors import DeliveryError, StoreError
from gateway.model.events import Event
from gateway.model.ports import Sink
from gateway.model.snapshot import Snapshot
from gateway.notifier.dispatcher import Dispatcher
from gateway.store.database import Database
from gateway.support.tasks import supervise

logger = logging.getLogger(__name__)

START_S = 10.0
"""Longest that telling a receiver of the start may take."""


def create_sink(name: str, settings: Settings, context: SinkContext) -> Sink:
    """
    The sink of one configured receiver; nothing is sent yet.

    Raises:
        ConfigError: its settings cannot work.
    """
    kind: str = settings.model_dump(include={"kind"})["kind"]
    return RECEIVER_KINDS[kind].create(name, settings, context)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a new configuration changes: whom to stop, whom to start, and who receives then."""

    stop: tuple[str, ...]
    start: Mapping[str, tuple[Settings, Sink]]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Running:
    settings: Settings
    sink: Sink
    dispatcher: Dispatcher
    task: asyncio.Task[None]


class Receivers:
    """Delivers to the configured receivers; each has its own dispatcher, so that one can change without the others."""

    def __init__(self, database: Database, reconciler: Reconciler, context: SinkContext) -> None:
        self._database = database
        self._reconciler = reconciler
        self._context = context
        self._running: dict[str, _Running] = {}
        reconciler.listen(self._wake)

    def plan(self, wanted: Mapping[str, Settings]) -> Plan:
        """
        What has to change so that exactly `wanted` receive; those that did not change are left alone.

        Raises:
            ConfigError: a new sink cannot be made.
        """
        enabled = {name: settings for name, settings in wanted.items() if getattr(settings, "enabled", True)}
        same = {name for name, running in self._running.items() if enabled.get(name) == running.settings}
        made = {n: (s, create_sink(n, s, self._context)) for n, s in enabled.items() if n not in same}
        return Plan(tuple(name for name in self._running if name not in same), made, tuple(sorted(enabled)))

    async def carry_out(self, plan: Plan) -> None:
        """Do what a plan says. From now on each event that is told is kept for exactly these receivers."""
        self._database.repository.receivers = plan.names
        for name in plan.stop:
            logger.info("receiver %s: %s", name, "restarts" if name in plan.start else "is stopped")
        before = {name: self._running[name].sink for name in plan.stop}
        await self._stop(plan.stop)
        for name, (settings, sink) in plan.start.items():
            _take_over(sink, before.get(name))
            self._start(name, settings, sink)
        await self._abandon(plan.names)

    async def stop(self) -> None:
        """Stop all; what is not delivered waits in the outbox for the next start."""
        await self._stop(tuple(self._running))

    def figures(self) -> Iterator[tuple[str, str, Mapping[str, str], float]]:
        """What became of tries to deliver, for /metrics: (name, help, labels, value)."""
        for name, running in list(self._running.items()):
            counted = running.dispatcher.counts[name]
            for outcome in ("delivered", "failed", "given_up"):
                labels = {"receiver": name, "outcome": outcome}
                yield (
                    "delivery_tries",
                    "Tries to deliver since the start, by outcome",
                    labels,
                    getattr(counted, outcome),
                )

    def _start(self, name: str, settings: Settings, sink: Sink) -> None:
        dispatcher = Dispatcher(self._database.outbox, {name: sink}, self._reconciler, self._context.clock)

        async def serve() -> None:
            await _tell_start(name, sink)
            await dispatcher.run()

        task = asyncio.create_task(supervise(f"receiver {name}", serve), name=f"receiver {name}")
        self._running[name] = _Running(settings, sink, dispatcher, task)

    async def _stop(self, names: Iterable[str]) -> None:
        ended = [self._running.pop(name) for name in names]
        for running in ended:
            running.task.cancel()
        await asyncio.gather(*(running.task for running in ended), return_exceptions=True)
        await asyncio.gather(*(running.sink.close() for running in ended), return_exceptions=True)

    async def _abandon(self, names: tuple[str, ...]) -> None:
        try:
            given_up = await asyncio.to_thread(self._database.outbox.abandon_all_but, names)
        except StoreError as error:
            logger.error("receivers: what waits for those that are gone could not be given up: %s", error)
            return
        if given_up:
            logger.warning("receivers: %d notifications for receivers that are gone are given up", given_up)

    def _wake(self, _snapshot: Snapshot, _events: tuple[Event, ...]) -> None:
        for running in self._running.values():
            running.dispatcher.wake()


def _take_over(sink: Sink, before: Sink | None) -> None:
    """A receiver whose settings changed is told no second time that the gateway has started: it has not."""
    if isinstance(sink, TellsStart) and isinstance(before, TellsStart):
        sink.told = before.told


async def _tell_start(name: str, sink: Sink) -> None:
    if isinstance(sink, TellsStart) and not sink.told:
        try:
            async with asyncio.timeout(START_S):
                await sink.start()
        except (DeliveryError, TimeoutError) as error:
            why = str(error) or f"receiver {name}: no answer within {START_S:.0f} s"
            logger.warning("%s; that the gateway has started is told later", why)
