"""Sinks: which kind of receiver is served by which, with its settings class."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.model.errors import ConfigError
from gateway.model.ports import Sink
from gateway.notifier.settings import ReceiverSettings
from gateway.notifier.sinks.snmp import SnmpTrapSink
from gateway.notifier.sinks.snmp_settings import SnmpTrapSettings
from gateway.schema.snmp.engine import SnmpEngine
from gateway.schema.snmp.views import EVERYTHING, Subtrees
from gateway.support.clock import Clock


@dataclass(frozen=True, slots=True)
class SinkContext:
    """What a sink gets from the house. All SNMP sinks share one engine. `views`: those of the agent, by name."""

    engine: SnmpEngine
    clock: Clock
    views: Mapping[str, Subtrees] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReceiverKind:
    """One kind of receiver: `create(name, settings, context)` makes its sink."""

    settings: type[ReceiverSettings]
    create: Callable[[str, Any, SinkContext], Sink]


def create_sink(name: str, settings: ReceiverSettings, context: SinkContext) -> Sink:
    """
    The sink of one receiver; nothing is sent yet.

    Raises:
        ConfigError: its settings cannot work.
    """
    return RECEIVER_KINDS[settings.kind].create(name, settings, context)


def _snmp(name: str, settings: SnmpTrapSettings, context: SinkContext) -> Sink:
    view = EVERYTHING
    if settings.view is not None:
        if settings.view not in context.views:
            known = ", ".join(context.views) or "none"
            raise ConfigError(
                f"receivers.{name}.view = {settings.view!r}: no such view (known: {known}). "
                f"Write [publishers.snmp.views.{settings.view}]."
            )
        view = context.views[settings.view]
    return SnmpTrapSink(name, settings, context.engine, context.clock, view)


RECEIVER_KINDS: Mapping[str, ReceiverKind] = {"snmp": ReceiverKind(SnmpTrapSettings, _snmp)}
