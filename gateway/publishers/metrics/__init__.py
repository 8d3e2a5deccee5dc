"""The metrics publisher: the gateway and its topology in the text format of Prometheus."""

from gateway.publishers.metrics.registry import Metrics

__all__ = ["Metrics"]
