"""The REST publisher: the topology as JSON over HTTP, OpenAPI 3.1, and the stream of events."""

from gateway.publishers.rest.application import create_app
from gateway.publishers.rest.server import RestPublisher
from gateway.publishers.rest.settings import RestSettings

__all__ = ["RestPublisher", "RestSettings", "create_app"]
