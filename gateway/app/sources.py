"""Sources: the collectors that run, and what a new configuration changes of them."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from gateway.app.plugins import collector_plugin
from gateway.config.settings import SourceSettings
from gateway.engine.reconciler import Reconciler
from gateway.engine.supervisor import SupervisedSource
from gateway.model.conditions import SettleTimes
from gateway.model.entities import EntityState
from gateway.model.errors import StoreUnavailable
from gateway.model.ports import Collector, CollectorContext, TakesHints
from gateway.model.rows import SourceState
from gateway.support.clock import Clock
from gateway.support.tasks import supervise

logger = logging.getLogger(__name__)


def create_collector(name: str, settings: SourceSettings, context: CollectorContext) -> Collector:
    """
    The collector of one configured source; nothing is read yet.

    Raises:
        ConfigError: its settings cannot work.
    """
    return collector_plugin(settings.kind).create(name, settings, context)


@dataclass(frozen=True, slots=True)
class _Running:
    settings: SourceSettings
    task: asyncio.Task[None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a new configuration changes: whom to stop, whom to start, and who is enabled then."""

    stop: tuple[str, ...]
    start: Mapping[str, tuple[SourceSettings, Collector]]
    enabled: frozenset[str]
    settle: SettleTimes


class Sources:
    """Runs the configured sources; each has its own supervised task."""

    def __init__(
        self, reconciler: Reconciler, clock: Clock, settle: SettleTimes, state_dir: Path, config_dir: Path
    ) -> None:
        self._reconciler = reconciler
        self._clock = clock
        self._settle = settle
        self._context = CollectorContext(clock.now, state_dir, config_dir)
        self._running: dict[str, _Running] = {}
        self._hints: dict[str, Callable[[bytes], None]] = {}

    @property
    def hints(self) -> Mapping[str, Callable[[bytes], None]]:
        """By source: who takes pushed documents (`POST /ingest/SOURCE`). A live view."""
        return MappingProxyType(self._hints)

    def plan(self, wanted: Mapping[str, SourceSettings], settle: SettleTimes) -> Plan:
        """
        What has to change so that exactly the enabled ones of `wanted` run; those that did not change are left alone,
        unless it changed when a source is stale.

        Raises:
            ConfigError: a new collector cannot be made.
        """
        enabled = {name: settings for name, settings in wanted.items() if settings.enabled}
        same = {name for name, running in self._running.items() if enabled.get(name) == running.settings}
        if _staleness(settle) != _staleness(self._settle):
            same = set()
        made = {n: (s, create_collector(n, s, self._context)) for n, s in enabled.items() if n not in same}
        return Plan(tuple(name for name in self._running if name not in same), made, frozenset(enabled), settle)

    async def carry_out(self, plan: Plan) -> None:
        """Do what a plan says."""
        self._settle = plan.settle
        for name in plan.stop:
            logger.info("source %s: %s", name, "restarts with its new settings" if name in plan.start else "is stopped")
        await self._stop(plan.stop)
        for name, (settings, collector) in plan.start.items():
            self._start(name, settings, collector)
        await self._disable(set(self._reconciler.snapshot.sources) - plan.enabled)

    async def stop(self) -> None:
        """Stop all."""
        await self._stop(list(self._running))

    def _start(self, name: str, settings: SourceSettings, collector: Collector) -> None:
        supervised = SupervisedSource(name, settings.kind, collector, self._reconciler, self._clock, self._settle)
        task = asyncio.create_task(supervise(f"supervision of source {name}", supervised.run), name=f"source {name}")
        self._running[name] = _Running(settings, task)
        if isinstance(collector, TakesHints):
            self._hints[name] = collector.hint

    async def _stop(self, names: Iterable[str]) -> None:
        names = tuple(names)
        for name in names:
            self._hints.pop(name, None)
        tasks = [self._running.pop(name).task for name in names]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _disable(self, names: Iterable[str]) -> None:
        """What is known of a source that is not configured (any more) stays; its alarm of silence ends."""
        for name in sorted(names):
            source = self._reconciler.snapshot.sources[name]
            if source.state is SourceState.DISABLED:
                continue
            try:
                await self._reconciler.submit_update(replace(source, state=SourceState.DISABLED), EntityState.STOPPED)
            except StoreUnavailable as error:
                logger.error("source %s: that it is disabled cannot be saved: %s", name, error)


def _staleness(settle: SettleTimes) -> tuple[int, int]:
    """The settle times that the supervision of a running source holds."""
    return settle.stale_intervals, settle.stale_disconnect
