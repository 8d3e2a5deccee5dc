"""The supervision of collectors: one task for each source, its freshness, and the alarm when it stays silent."""

import asyncio
import logging
from contextlib import suppress
from dataclasses import replace

from gateway.engine.reconciler import Reconciler
from gateway.model.conditions import SECOND, SettleTimes
from gateway.model.entities import EntityState
from gateway.model.errors import SourceError, StoreError, StoreUnavailable
from gateway.model.observations import Report, ScopeFailure
from gateway.model.ports import Collector, TakesDoubts
from gateway.model.rows import Source, SourceState
from gateway.support.backoff import Backoff
from gateway.support.clock import Clock
from gateway.support.tasks import Health, supervise

logger = logging.getLogger(__name__)

IDLE_S = 3600.0
"""How long nobody looks at a source that cannot become stale; a change of it is looked at at once."""


class SupervisedSource:
    """
    Runs one collector for as long as the source is configured.

    A collector that fails is started again after a pause; logged once when it begins to fail and once when it is
    back. Three intervals without a success, or 15 s after it failed, the source is stale: its alarm is raised, and
    nothing of what is known of it is deleted. So does a source fail of which no scope answers; that single ones do not
    is judged in the topology.
    """

    def __init__(
        self,
        name: str,
        kind: str,
        collector: Collector,
        reconciler: Reconciler,
        clock: Clock,
        settle: SettleTimes,
        backoff: Backoff = Backoff(first_s=1.0, longest_s=30.0),  # noqa: B008 - frozen
    ) -> None:
        self.name = name
        self.collector = collector
        self._kind = kind
        self._reconciler = reconciler
        self._clock = clock
        self._settle = settle
        self._backoff = backoff
        self._health = Health(f"source {name}", (SourceError, StoreError))
        self._source: Source | None = None
        self._scopes: dict[str, Health] = {}
        """How each scope is that was reported on."""
        self._answered_at = 0
        self._failing_since = 0
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """Register the source, then collect and watch until cancelled."""
        interval_us = int(self.collector.interval_s * SECOND)
        known = self._reconciler.snapshot.sources.get(self.name)
        row = Source(0, "", self.name, self._kind, SourceState.STARTING, interval_us)
        if known is not None:
            state = SourceState.STARTING if known.state is SourceState.DISABLED else known.state
            row = replace(known, kind=self._kind, state=state, interval_us=interval_us, reads=0, failures=0)
        self._source = await self._register(row)
        self._answered_at = self._clock.now()
        if isinstance(self.collector, TakesDoubts):
            self._reconciler.pass_doubts(self.name, self.collector.doubt)
        try:
            await self._supervise()
        finally:
            self._reconciler.pass_doubts(self.name, None)

    async def _supervise(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(
                supervise(
                    f"source {self.name}",
                    self._collect,
                    backoff=self._backoff,
                    health=self._health,
                    steady_s=1e9,
                    on_failure=self._failed,
                )
            )
            tasks.create_task(self._watch())

    async def _register(self, row: Source) -> Source:
        health = Health(f"source {self.name}: its registration", (StoreUnavailable,))
        while True:
            try:
                source = await self._reconciler.submit_register(row)
                health.succeeded()
                return source
            except StoreUnavailable as error:
                health.failed(error)
                await asyncio.sleep(self._backoff.delay_s(health.failures))

    async def _collect(self) -> None:
        await self.collector.run(self._report)
        raise SourceError("the collector ended by itself")

    async def _report(self, report: Report) -> None:
        if isinstance(report, ScopeFailure):
            await self._scope_failed(report)
            return
        assert self._source is not None
        await self._reconciler.submit(report)
        self._scope(report.covers.scope).succeeded()
        now = self._clock.now()
        self._answered_at, self._failing_since = now, 0
        source = replace(
            self._source,
            state=SourceState.OK,
            last_success=now,
            failing_since=0,
            last_error="",
            reads=self._source.reads + 1,
            last_duration_us=max(now - report.at, 0),
        )
        self._health.succeeded()
        await self._become(source, EntityState.RUNNING)
        self._changed.set()

    async def _scope_failed(self, failure: ScopeFailure) -> None:
        """Hand on that a scope fails; when none answers any more, the source does not."""
        error = SourceError(f"{failure.scope}: {failure.error}")
        self._scope(failure.scope).failed(error)
        with suppress(StoreUnavailable):  # it is reported again with the next attempt
            await self._reconciler.submit_failure(failure)
        if all(health.failing for health in self._scopes.values()):
            await self._failed(error)
        else:
            await self._count_failure()

    async def _count_failure(self) -> None:
        assert self._source is not None
        self._source = replace(self._source, failures=self._source.failures + 1)
        await self._reconciler.submit_note(self._source)

    def _scope(self, scope: str) -> Health:
        return self._scopes.setdefault(scope, Health(f"source {self.name}: scope {scope}", (SourceError,)))

    async def _failed(self, error: Exception) -> None:
        assert self._source is not None
        now = self._clock.now()
        self._failing_since = self._failing_since or now
        stale = self._source.state is SourceState.STALE
        source = replace(
            self._source,
            state=SourceState.STALE if stale else SourceState.FAILING,
            failing_since=self._failing_since,
            last_error=str(error) or type(error).__name__,
            failures=self._source.failures + 1,
        )
        if stale:
            self._source = source
            await self._reconciler.submit_note(source)
        else:
            with suppress(StoreUnavailable):  # the next failure, or the alarm, says it again
                await self._become(source, EntityState.DEGRADED)
        self._changed.set()

    async def _become(self, source: Source, state: EntityState) -> None:
        """Commit a change of state; figures alone are not committed."""
        before, self._source = self._source, source
        assert before is not None
        if before.state is source.state:
            await self._reconciler.submit_note(source)
            return
        try:
            await self._reconciler.submit_update(source, state)
        except StoreUnavailable:
            if self._source is source:
                self._source = replace(source, state=before.state)
            raise

    async def _watch(self) -> None:
        """Raise the alarm when the source has been silent too long."""
        saving = Health(f"source {self.name}: that it is stale", (StoreUnavailable,))
        while True:
            self._changed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(max(self._stale_in_s(), 0.05)):
                    await self._changed.wait()
            assert self._source is not None
            if self._stale_in_s() <= 0 and self._source.state is not SourceState.STALE:
                try:
                    await self._go_stale(self._source)
                    saving.succeeded()
                except StoreUnavailable as error:
                    saving.failed(error)
                    await asyncio.sleep(1.0)

    def _stale_in_s(self) -> float:
        """Seconds until the source is stale: three intervals of silence, or 15 s after it failed."""
        assert self._source is not None
        dues = []
        if self._source.interval_us:
            dues.append(self._answered_at + self._settle.stale_intervals * self._source.interval_us)
        if self._failing_since:
            dues.append(self._failing_since + self._settle.stale_disconnect)
        if not dues or self._source.state is SourceState.STALE:
            return IDLE_S
        return (min(dues) - self._clock.now()) / SECOND

    async def _go_stale(self, source: Source) -> None:
        now = self._clock.now()
        silent_s = (now - self._answered_at) // SECOND
        why = f": {source.last_error}" if source.last_error else ""
        text = f"source {self.name} has not answered for {silent_s} s{why}"
        stale = replace(source, state=SourceState.STALE, failing_since=source.failing_since or now)
        self._source = stale
        try:
            await self._reconciler.submit_update(stale, EntityState.FAILED, stale=text)
        except StoreUnavailable:
            if self._source.state is SourceState.STALE:  # also when it failed again meanwhile: nobody was told yet
                self._source = replace(self._source, state=source.state)
            raise
