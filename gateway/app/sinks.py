"""Sinks: which kind of receiver is served by which, with its settings class."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from gateway.config.settings import Settings
from gateway.model.ports import Sink
from gateway.notifier.sinks.snmp import SnmpTrapSink
from gateway.notifier.sinks.snmp_settings import SnmpTrapSettings
from gateway.schema.snmp.engine import SnmpEngine
from gateway.support.clock import Clock


@dataclass(frozen=True, slots=True)
class SinkContext:
    """What a sink gets from the house. All SNMP sinks share one engine."""

    engine: SnmpEngine
    clock: Clock


@runtime_checkable
class TellsStart(Protocol):
    """A sink that tells its receiver when the gateway has started (coldStart), once."""

    told: bool
    """The receiver knows: set by the sink when it could tell it, or for a sink that takes another's place."""

    async def start(self) -> None:
        """
        Tell it.

        Raises:
            DeliveryError: it could not be sent; the sink tells it before its first event then.
        """


@dataclass(frozen=True, slots=True)
class ReceiverKind:
    """One kind of receiver: `create(name, settings, context)` makes its sink."""

    settings: type[Settings]
    create: Callable[[str, Any, SinkContext], Sink]


def _snmp(name: str, settings: SnmpTrapSettings, context: SinkContext) -> Sink:
    return SnmpTrapSink(name, settings, context.engine, context.clock)


RECEIVER_KINDS: Mapping[str, ReceiverKind] = {"snmp": ReceiverKind(SnmpTrapSettings, _snmp)}
