"""The metrics publisher: the gateway and its topology in the text format of Prometheus."""

from gateway.publishers.metrics.registry import Metrics
from gateway.publishers.metrics.topology import Count, Counts

__all__ = ["Count", "Counts", "Metrics"]
