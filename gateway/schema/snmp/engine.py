"""The gateway's SNMP engine: its ID, how often it was started, its time. The agent and all trap sinks share it."""

from dataclasses import dataclass
from typing import Final

from gateway.schema.snmp.arcs import DOCUMENTATION, ENTERPRISE
from gateway.wire.ber import Oid

_OCTETS: Final = 5
"""Format 5 of SnmpEngineID: octets, administratively assigned (RFC 3411 section 5)."""
_LARGEST_TIME: Final = 2**31 - 1


def new_engine_id(random: bytes) -> bytes:
    """
    An snmpEngineID (RFC 3411 section 5) from 8 to 27 random octets.

    Made once and stored: a manager takes another ID for another agent.
    """
    if not 8 <= len(random) <= 27:
        raise ValueError(f"{len(random)} random octets: 8 to 27 are needed")
    return (0x80000000 | DOCUMENTATION).to_bytes(4, "big") + bytes((_OCTETS,)) + random


@dataclass(frozen=True, slots=True)
class SnmpEngine:
    """
    This start of the engine.

    `boots` was stored before the engine is used (RFC 3414 2.2). `started`: seconds of the monotonic clock, the same
    clock that gives every `now`. `root`: where this installation's MIB hangs (`arcs.under`).
    """

    engine_id: bytes
    boots: int
    started: float
    root: Oid = ENTERPRISE

    def time_s(self, now: float) -> int:
        """snmpEngineTime: whole seconds since the start."""
        return min(max(0, int(now - self.started)), _LARGEST_TIME)

    def uptime_ticks(self, now: float) -> int:
        """sysUpTime: hundredths of a second since the start, modulo 2**32."""
        return max(0, int((now - self.started) * 100)) & 0xFFFFFFFF
