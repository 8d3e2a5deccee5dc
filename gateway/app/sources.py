"""Sources: the collectors that run, and what a new configuration changes of them."""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from gateway.app.plugins import collector_plugin
from gateway.config.settings import SourceSettings
from gateway.engine.reconciler import Reconciler
from gateway.engine.supervisor import SupervisedSource
from gateway.model.conditions import SettleTimes
from gateway.model.entities import EntityState
from gateway.model.errors import StoreUnavailable
from gateway.model.ports import Collector, CollectorContext
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
    collector: Collector
    task: asyncio.Task[None]


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

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._running)

    def collector(self, name: str) -> Collector | None:
        """The running collector of a source, None when there is none of that name."""
        running = self._running.get(name)
        return running.collector if running is not None else None

    def collectors(self) -> Mapping[str, Collector]:
        """All running collectors by the name of their source."""
        return {name: running.collector for name, running in self._running.items()}

    async def apply(self, wanted: Mapping[str, SourceSettings]) -> None:
        """
        Run exactly the enabled ones of `wanted`; those that did not change are left alone.

        Raises:
            ConfigError: a new collector cannot be made; nothing has changed then.
        """
        enabled = {name: settings for name, settings in wanted.items() if settings.enabled}
        same = {n for n, r in self._running.items() if enabled.get(n) == r.settings}
        made = {n: create_collector(n, s, self._context) for n, s in enabled.items() if n not in same}
        for name in [name for name in self._running if name not in same]:
            await self._stop([name])
            logger.info("source %s: %s", name, "restarts with its new settings" if name in made else "is stopped")
        for name, collector in made.items():
            self._start(name, enabled[name], collector)
        await self._disable(set(self._reconciler.snapshot.sources) - set(enabled))

    async def stop(self) -> None:
        """Stop all."""
        await self._stop(list(self._running))

    def _start(self, name: str, settings: SourceSettings, collector: Collector) -> None:
        supervised = SupervisedSource(name, settings.kind, collector, self._reconciler, self._clock, self._settle)
        task = asyncio.create_task(supervise(f"supervision of source {name}", supervised.run), name=f"source {name}")
        self._running[name] = _Running(settings, collector, task)

    async def _stop(self, names: Iterable[str]) -> None:
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
