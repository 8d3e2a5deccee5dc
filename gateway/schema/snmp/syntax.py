"""Syntaxes: how a value of the model becomes a BER value of the type that the MIB gives the object."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import lru_cache
from typing import Any, Final

from gateway.schema.snmp import enums
from gateway.wire import ber


@dataclass(frozen=True, slots=True)
class Syntax:
    """A type of the MIB by its name there; `encode` makes a whole TLV."""

    name: str
    encode: Callable[[Any], bytes]

    @property
    def in_v1(self) -> bool:
        """SNMPv1 has no Counter64 (RFC 3584 section 4.2.2.1)."""
        return self.name != "Counter64"


NO_TIME: Final = bytes(8)
"""DateAndTime of a moment that is not known, or has not come: eight zero octets."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_SECOND: Final = 253_402_300_799
_LARGEST: Final = 0xFFFFFFFF


@lru_cache(maxsize=4096)
def date_and_time(at: int) -> bytes:
    """DateAndTime (RFC 2579) in UTC of microseconds since 1970; 0 is `NO_TIME`."""
    if at <= 0:
        return NO_TIME
    when = _EPOCH + timedelta(microseconds=min(at, _LAST_SECOND * 1_000_000))
    fields = (when.month, when.day, when.hour, when.minute, when.second, when.microsecond // 100_000)
    return when.year.to_bytes(2, "big") + bytes(fields) + b"+\0\0"


def cut(text: str, octets: int) -> bytes:
    """UTF-8 of at most `octets`, cut between characters; what cannot be encoded becomes a question mark."""
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= octets:
        return encoded
    return encoded[:octets].decode("utf-8", "ignore").encode()


def one_line(text: str) -> str:
    """Without line breaks and other control characters: consoles match line by line, and print to terminals."""
    return text if text.isprintable() else _CONTROLS.sub(" ", text).strip()


_CONTROLS: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def _text(octets: int) -> Callable[[str], bytes]:
    def encode(text: str) -> bytes:
        encoded = one_line(text).encode("utf-8", "replace")
        return ber.encode_octets(encoded if len(encoded) <= octets else cut(one_line(text), octets))

    return encode


def _time(at: int) -> bytes:
    return ber.encode_octets(date_and_time(at))


def _gauge(value: int) -> bytes:
    return ber.encode_gauge32(min(max(value, 0), _LARGEST))


def _counter(value: int) -> bytes:
    return ber.encode_counter32(value & _LARGEST)


def _counter64(value: int) -> bytes:
    return ber.encode_counter64(value & 0xFFFFFFFFFFFFFFFF)


def _ticks(value: int) -> bytes:
    return ber.encode_time_ticks(value & _LARGEST)


_TRUTH: Final = (ber.encode_integer(2), ber.encode_integer(1))


def _truth(value: bool) -> bytes:
    return _TRUTH[bool(value)]


def _enumeration(name: str) -> Syntax:
    encoded: dict[Enum, bytes] = {
        member: ber.encode_integer(number) for member, number in enums.CONVENTIONS[name].items()
    }
    return Syntax(name, encoded.__getitem__)


OBJECT: Final = Syntax("AutonomousType", ber.encode_oid)
ROW_POINTER: Final = Syntax("RowPointer", ber.encode_oid)
OID: Final = Syntax("OBJECT IDENTIFIER", ber.encode_oid)
ENGINE_ID: Final = Syntax("SnmpEngineID", ber.encode_octets)
TRANSPORT_DOMAIN: Final = Syntax("TDomain", ber.encode_oid)
TRANSPORT_ADDRESS: Final = Syntax("TAddress", ber.encode_octets)
TEXT: Final = Syntax("SnmpAdminString", _text(255))
LONG_TEXT: Final = Syntax("TopologyText", _text(1020))
TIME: Final = Syntax("DateAndTime", _time)
INTEGER: Final = Syntax("Integer32", ber.encode_integer)
UNSIGNED: Final = Syntax("Unsigned32", _gauge)
GAUGE: Final = Syntax("Gauge32", _gauge)
COUNTER: Final = Syntax("Counter32", _counter)
COUNTER64: Final = Syntax("Counter64", _counter64)
TIME_STAMP: Final = Syntax("TimeStamp", _ticks)
TRUTH: Final = Syntax("TruthValue", _truth)
INDEX: Final = Syntax("TopologyIndex", _gauge)
INDEX_OR_ZERO: Final = Syntax("TopologyIndexOrZero", _gauge)
UUID: Final = Syntax("TopologyUuid", _text(36))
ENTITY_KIND: Final = _enumeration("TopologyEntityKind")
ENTITY_STATE: Final = _enumeration("TopologyEntityState")
PHASE: Final = _enumeration("TopologyPhase")
CAUSE: Final = _enumeration("TopologyCause")
CONDITION: Final = _enumeration("TopologyCondition")
CATEGORY: Final = _enumeration("TopologyCategory")
SEVERITY: Final = _enumeration("TopologySeverity")
SOURCE_STATE: Final = _enumeration("TopologySourceState")
WHEREABOUTS: Final = _enumeration("TopologyWhereabouts")
ARRIVAL: Final = _enumeration("TopologyArrival")
LAYER_STATUS: Final = _enumeration("TopologyLayerStatus")
EFFECT: Final = _enumeration("TopologyEffect")
VERDICT: Final = _enumeration("TopologyVerdict")
VERDICT_REASON: Final = _enumeration("TopologyVerdictReason")
RECEIVER_STATE: Final = _enumeration("TopologyReceiverState")
WINDOW_STATE: Final = _enumeration("TopologyWindowState")
