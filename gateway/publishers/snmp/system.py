"""System: the standard groups that every agent serves (SNMPv2-MIB, SNMP-FRAMEWORK-MIB, MPD and USM statistics)."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Final

from gateway.publishers.snmp.segments import ScalarColumn, ServedColumn
from gateway.publishers.snmp.static import StaticColumn, StaticRow, static_columns
from gateway.schema.snmp import syntax
from gateway.schema.snmp.arcs import (
    ENGINE_GROUP,
    ENTERPRISE,
    MPD_STATS,
    PRODUCT,
    SNMP_GROUP,
    SYSTEM,
    UNAVAILABLE_CONTEXTS,
    UNKNOWN_CONTEXTS,
    USM_STATS,
    under,
)
from gateway.schema.snmp.engine import SnmpEngine
from gateway.wire.ber import Oid, encode_counter32, encode_integer, encode_octets, encode_oid, encode_time_ticks
from gateway.wire.errors import UsmCounter
from gateway.wire.usm import AuthoritativeEngine

_SERVICES: Final = 72
"""sysServices: application (64) and end-to-end (8) layers."""
_ENABLED, _DISABLED = 1, 2
"""snmpEnableAuthenTraps."""


@dataclass(slots=True)
class Counters:
    """What the message layer counts; Counter32 wraps when it is encoded."""

    in_packets: int = 0
    bad_versions: int = 0
    bad_community_names: int = 0
    bad_community_uses: int = 0
    parse_errors: int = 0
    silent_drops: int = 0
    unknown_security_models: int = 0
    invalid_messages: int = 0
    unknown_pdu_handlers: int = 0
    unknown_contexts: int = 0
    unknown_sources: int = 0
    """Not in a MIB: authentic requests of v3 users from networks that their settings do not allow."""
    internal_errors: int = 0
    """Not in a MIB: requests that failed by a fault of ours."""

    def figures(self) -> Iterator[tuple[str, str, Mapping[str, str], float]]:
        """All of them for /metrics: (name, help, labels, value)."""
        yield "snmp_packets", "SNMP messages that came in", {}, self.in_packets
        for counted in fields(self):
            if counted.name not in ("in_packets", "internal_errors"):
                unanswered = "SNMP messages not answered as asked, by reason"
                yield "snmp_packets_refused", unanswered, {"reason": counted.name}, getattr(self, counted.name)
        yield "snmp_internal_errors", "SNMP requests that failed by a fault of the gateway", {}, self.internal_errors


@dataclass(frozen=True, slots=True)
class Identity:
    """What the agent says of itself."""

    description: str
    contact: str
    name: str
    location: str


def system_columns(
    identity: Identity,
    engine: SnmpEngine,
    usm: AuthoritativeEngine,
    counters: Counters,
    monotonic: Callable[[], float],
    authentication_traps: bool,
) -> list[ServedColumn]:
    """All standard groups. `authentication_traps`: whether authenticationFailure is sent."""
    return [
        *_system_group(identity, engine, monotonic),
        *_counter_columns(counters),
        _fixed((*SNMP_GROUP, 30), encode_integer(_ENABLED if authentication_traps else _DISABLED)),
        *_engine_group(engine, usm, monotonic),
        *_supported_modules(engine.root),
        _fixed(_SET_SERIAL, encode_integer(0)),
        *(_usm_counter(usm, counter) for counter in UsmCounter),
    ]


_SET_SERIAL: Final[Oid] = (1, 3, 6, 1, 6, 3, 1, 1, 6, 1)
"""snmpSetSerialNo: nothing can be set, so it stays 0."""
_MODULES: Final[tuple[tuple[Oid, str], ...]] = (
    ((1, 3, 6, 1, 6, 3, 1), "SNMPv2-MIB (RFC 3418)"),
    ((1, 3, 6, 1, 6, 3, 10, 3, 1, 1), "SNMP-FRAMEWORK-MIB (RFC 3411)"),
    ((1, 3, 6, 1, 6, 3, 11, 3, 1, 1), "SNMP-MPD-MIB (RFC 3412)"),
    ((1, 3, 6, 1, 6, 3, 12), "SNMP-TARGET-MIB (RFC 3413), read-only"),
    ((1, 3, 6, 1, 6, 3, 13), "SNMP-NOTIFICATION-MIB (RFC 3413), read-only"),
    ((1, 3, 6, 1, 6, 3, 15, 2, 1, 1), "SNMP-USER-BASED-SM-MIB (RFC 3414), read-only"),
    ((1, 3, 6, 1, 6, 3, 16, 2, 1, 1), "SNMP-VIEW-BASED-ACM-MIB (RFC 3415), read-only"),
    ((1, 3, 6, 1, 2, 1, 236), "VM-MIB (RFC 7666): a part of it, read-only, one context for each hypervisor"),
    ((1, 3, 6, 1, 2, 1, 25), "HOST-RESOURCES-MIB (RFC 2790): the gateway itself, read-only"),
    ((1, 3, 6, 1, 2, 1, 47), "ENTITY-MIB (RFC 6933), read-only: machines, racks, hypervisors with their contexts"),
    ((1, 3, 6, 1, 2, 1, 92), "NOTIFICATION-LOG-MIB (RFC 3014), read-only, one log"),
    (ENTERPRISE, "TOPOLOGY-GATEWAY-MIB"),
)
"""sysORTable: what is served, since the start."""


def _supported_modules(root: Oid) -> list[StaticColumn]:
    zero = encode_time_ticks(0)
    rows = [
        StaticRow((number,), {2: encode_oid(under(root, oid)), 3: syntax.TEXT.encode(text), 4: zero})
        for number, (oid, text) in enumerate(_MODULES, 1)
    ]
    return [*static_columns((*SYSTEM, 9, 1), rows), *static_columns(SYSTEM, [StaticRow((0,), {8: zero})])]


def _fixed(prefix: Oid, value: bytes) -> ScalarColumn:
    return ScalarColumn(prefix, lambda: value)


def _system_group(identity: Identity, engine: SnmpEngine, monotonic: Callable[[], float]) -> list[ScalarColumn]:
    def up_time() -> bytes:
        return encode_time_ticks(engine.uptime_ticks(monotonic()))

    return [
        _fixed((*SYSTEM, 1), syntax.TEXT.encode(identity.description)),
        _fixed((*SYSTEM, 2), encode_oid(under(engine.root, PRODUCT))),
        ScalarColumn((*SYSTEM, 3), up_time),
        _fixed((*SYSTEM, 4), syntax.TEXT.encode(identity.contact)),
        _fixed((*SYSTEM, 5), syntax.TEXT.encode(identity.name)),
        _fixed((*SYSTEM, 6), syntax.TEXT.encode(identity.location)),
        _fixed((*SYSTEM, 7), encode_integer(_SERVICES)),
    ]


def _engine_group(engine: SnmpEngine, usm: AuthoritativeEngine, monotonic: Callable[[], float]) -> list[ScalarColumn]:
    return [
        _fixed((*ENGINE_GROUP, 1), encode_octets(engine.engine_id)),
        _fixed((*ENGINE_GROUP, 2), encode_integer(engine.boots)),
        ScalarColumn((*ENGINE_GROUP, 3), lambda: encode_integer(engine.time_s(monotonic()))),
        _fixed((*ENGINE_GROUP, 4), encode_integer(usm.max_size)),
    ]


_COUNTED: Final[dict[Oid, str]] = {
    (*SNMP_GROUP, 1): "in_packets",
    (*SNMP_GROUP, 3): "bad_versions",
    (*SNMP_GROUP, 4): "bad_community_names",
    (*SNMP_GROUP, 5): "bad_community_uses",
    (*SNMP_GROUP, 6): "parse_errors",
    (*SNMP_GROUP, 31): "silent_drops",
    (*MPD_STATS, 1): "unknown_security_models",
    (*MPD_STATS, 2): "invalid_messages",
    (*MPD_STATS, 3): "unknown_pdu_handlers",
    UNKNOWN_CONTEXTS: "unknown_contexts",
}
_NEVER: Final[tuple[Oid, ...]] = ((*SNMP_GROUP, 32), UNAVAILABLE_CONTEXTS)
"""snmpProxyDrops, snmpUnavailableContexts: this agent has neither proxies nor contexts that come and go."""


def _counter_columns(counters: Counters) -> list[ScalarColumn]:
    def counted(attribute: str) -> Callable[[], bytes]:
        return lambda: syntax.COUNTER.encode(getattr(counters, attribute))

    return [
        *(ScalarColumn(prefix, counted(attribute)) for prefix, attribute in _COUNTED.items()),
        *(_fixed(prefix, encode_counter32(0)) for prefix in _NEVER),
    ]


def _usm_counter(usm: AuthoritativeEngine, counter: UsmCounter) -> ScalarColumn:
    return ScalarColumn((*USM_STATS, int(counter)), lambda: syntax.COUNTER.encode(usm.stats[counter]))
