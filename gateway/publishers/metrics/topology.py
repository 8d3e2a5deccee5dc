"""What is measured: the topology, its sources, alarms and receivers, read from one snapshot per scrape."""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from gateway.model.conditions import Category
from gateway.model.entities import EntityKind
from gateway.model.errors import StoreError
from gateway.model.ports import CurrentTopology, Delivery
from gateway.model.rows import Entity, Source, SourceState
from gateway.model.shelf import Shelf
from gateway.model.snapshot import Snapshot
from gateway.model.windows import WindowState
from gateway.support.clock import Clock
from gateway.topology.scopes import sources_shown

logger = logging.getLogger(__name__)

Count = tuple[str, str, Mapping[str, str], float]
"""A figure of a part of the gateway, counted since the start: (name, help, labels, value)."""
Counts = Callable[[], Iterable[Count]]


class KindCounter:
    """How many entities of each kind; a shard that did not change is not counted again."""

    def __init__(self) -> None:
        self._shards: list[tuple[Mapping[int, Entity], Counter[EntityKind]]] = []

    def count(self, entities: Shelf[Entity]) -> Counter[EntityKind]:
        known = self._shards
        fresh = []
        for number, shard in enumerate(entities.shards):
            if number < len(known) and known[number][0] is shard:
                fresh.append(known[number])
            else:
                fresh.append((shard, Counter(entity.kind for entity in shard.values())))
        self._shards = fresh
        total: Counter[EntityKind] = Counter()
        for _, counted in fresh:
            total.update(counted)
        return total


class TopologyCollector(Collector):
    """A custom collector: nothing is kept between scrapes but the counts of unchanged shards."""

    def __init__(
        self,
        topology: CurrentTopology,
        clock: Clock,
        version: str,
        deliveries: Callable[[], Iterable[Delivery]] | None,
        counts: Counts | None,
    ) -> None:
        self._topology = topology
        self._clock = clock
        self._version = version
        self._deliveries = deliveries
        self._counts = counts
        self._kinds = KindCounter()

    def collect(self) -> Iterator[Metric]:
        snapshot, now = self._topology.snapshot, self._clock.now()
        yield InfoMetricFamily("gateway_build", "Version of the gateway", {"version": self._version})
        yield from self._topology_figures(snapshot, now)
        yield from _alarms(snapshot)
        yield from _windows(snapshot)
        yield from _sources(sources_shown(snapshot).values(), now)
        yield from self._receivers(now)
        yield from self._further()

    def _further(self) -> Iterator[Metric]:
        families: dict[str, CounterMetricFamily] = {}
        for name, text, labels, value in self._counts() if self._counts is not None else ():
            family = families.setdefault(name, CounterMetricFamily(f"gateway_{name}", text, labels=list(labels)))
            family.add_metric(list(labels.values()), value)
        yield from families.values()

    def _topology_figures(self, snapshot: Snapshot, now: int) -> Iterator[Metric]:
        yield GaugeMetricFamily("gateway_topology_revision", "Revision of the topology", snapshot.revision)
        if snapshot.at:
            age = max(now - snapshot.at, 0) / 1e6
            yield GaugeMetricFamily("gateway_topology_unchanged_seconds", "Time since the last revision", age)
        entities = GaugeMetricFamily("gateway_entities", "Entities in the topology", labels=["kind"])
        counted = self._kinds.count(snapshot.entities)
        for kind in EntityKind:
            entities.add_metric([kind.value], counted[kind])
        yield entities

    def _receivers(self, now: int) -> Iterator[Metric]:
        if self._deliveries is None:
            return
        try:
            deliveries = list(self._deliveries())
        except StoreError as error:
            logger.warning("metrics: the state of deliveries is left out: %s", error)
            return
        pending = GaugeMetricFamily(
            "gateway_notifications_pending", "Notifications that wait for a receiver", labels=["receiver"]
        )
        oldest = GaugeMetricFamily(
            "gateway_notifications_oldest_pending_seconds", "Age of the oldest one that waits", labels=["receiver"]
        )
        outcome = CounterMetricFamily(
            "gateway_notifications", "Notifications by outcome", labels=["receiver", "outcome"]
        )
        for delivery in deliveries:
            pending.add_metric([delivery.receiver], delivery.pending)
            since = delivery.oldest_pending_at
            oldest.add_metric([delivery.receiver], max(now - since, 0) / 1e6 if since is not None else 0)
            outcome.add_metric([delivery.receiver, "delivered"], delivery.delivered)
            outcome.add_metric([delivery.receiver, "failed"], delivery.failed)
        yield from (pending, oldest, outcome)


def _alarms(snapshot: Snapshot) -> Iterator[Metric]:
    raised = Counter(alarm.category for alarm in snapshot.active_alarms())
    family = GaugeMetricFamily("gateway_alarms", "Raised alarms", labels=["category"])
    for category in Category:
        family.add_metric([category.value], raised[category])
    yield family


def _windows(snapshot: Snapshot) -> Iterator[Metric]:
    found = Counter(window.state for window in snapshot.open_windows())
    family = GaugeMetricFamily("gateway_planned_windows", "Planned windows that have not ended", labels=["state"])
    for state in (WindowState.SCHEDULED, WindowState.ACTIVE):
        family.add_metric([state.value], found[state])
    yield family


def _sources(sources: Iterable[Source], now: int) -> Iterator[Metric]:
    labels = ["source", "kind"]
    state = GaugeMetricFamily("gateway_source_state", "1 for the state it is in", labels=[*labels, "state"])
    up = GaugeMetricFamily("gateway_source_up", "1 when it and all its parts can be read", labels=labels)
    reads = CounterMetricFamily("gateway_source_reads", "Reads since the start", labels=labels)
    failures = CounterMetricFamily("gateway_source_failures", "Failed reads since the start", labels=labels)
    duration = GaugeMetricFamily("gateway_source_read_duration_seconds", "Duration of the last read", labels=labels)
    success = GaugeMetricFamily("gateway_source_last_success_timestamp_seconds", "Last success", labels=labels)
    age = GaugeMetricFamily("gateway_source_age_seconds", "Age of what is known of it", labels=labels)
    for source in sources:
        named = [source.name, source.kind]
        for one in SourceState:
            state.add_metric([*named, one.value], source.state is one)
        up.add_metric(named, source.state is SourceState.OK)
        reads.add_metric(named, source.reads)
        failures.add_metric(named, source.failures)
        duration.add_metric(named, source.last_duration_us / 1e6)
        if source.last_success:
            success.add_metric(named, source.last_success / 1e6)
            age.add_metric(named, max(now - source.last_success, 0) / 1e6)
    yield from (state, up, reads, failures, duration, success, age)
