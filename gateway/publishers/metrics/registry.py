"""The registry: all metrics, collected from the current snapshot when somebody asks."""

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from gateway.model.ports import CurrentTopology, Delivery
from gateway.publishers.metrics.topology import Counts, TopologyCollector
from gateway.support.clock import Clock


class Metrics:
    """`render` gives the text of /metrics. Needs no thread of its own; may be called from any."""

    def __init__(
        self,
        topology: CurrentTopology,
        clock: Clock,
        version: str,
        deliveries: Callable[[], Iterable[Delivery]] | None = None,
        counts: Counts | None = None,
    ) -> None:
        """`deliveries`: how each receiver is doing (it may block). `counts`: further counters, such as drops."""
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(TopologyCollector(topology, clock, version, deliveries, counts))
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        GCCollector(registry=self._registry)

    def render(self) -> tuple[bytes, str]:
        """The text and its content type. May block when `deliveries` does."""
        return generate_latest(self._registry), CONTENT_TYPE_LATEST
