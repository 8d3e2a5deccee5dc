"""Sinks: which kind of receiver is served by which, with its settings class."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.config.settings import Settings
from gateway.model.ports import Sink
from gateway.schema.snmp.engine import SnmpEngine
from gateway.support.clock import Clock


@dataclass(frozen=True, slots=True)
class SinkContext:
    """What a sink gets from the house. All SNMP sinks share one engine."""

    engine: SnmpEngine
    clock: Clock


@dataclass(frozen=True, slots=True)
class ReceiverKind:
    """One kind of receiver: `create(name, settings, context)` makes its sink."""

    settings: type[Settings]
    create: Callable[[str, Any, SinkContext], Sink]


RECEIVER_KINDS: Mapping[str, ReceiverKind] = {}
