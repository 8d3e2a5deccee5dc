"""A trap receiver of our own, on pysnmp: shows people of the demo what a console would get, decoded by our MIB."""

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from pysnmp.carrier.asyncio.dgram import udp
from pysnmp.entity import config
from pysnmp.entity.engine import SnmpEngine
from pysnmp.entity.rfc3413.ntfrcv import NotificationReceiver

from gateway.schema.snmp import enums
from gateway.schema.snmp.arcs import COLD_START
from gateway.schema.snmp.notifications import EVENT_OBJECTS, NOTIFICATION_TYPES

TRAP_OID = (1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0)
NAMES: Mapping[tuple[int, ...], str] = {
    **{tuple(wanted.oid): wanted.name for wanted in NOTIFICATION_TYPES},
    **{(*wanted.oid, 0): wanted.name for wanted in EVENT_OBJECTS},
    tuple(COLD_START): "coldStart",
    (1, 3, 6, 1, 2, 1, 1, 3, 0): "sysUpTime",
    (1, 3, 6, 1, 6, 3, 18, 1, 3, 0): "snmpTrapAddress",
}
_TRUTH = {1: "yes", 2: "no"}


def _word(member: Enum) -> str:
    return member.value if isinstance(member.value, str) else member.name.lower()


WORDS: Mapping[str, Mapping[int, str]] = {
    **{
        wanted.name: {number: _word(member) for member, number in enums.CONVENTIONS[wanted.syntax.name].items()}
        for wanted in EVENT_OBJECTS
        if wanted.syntax.name in enums.CONVENTIONS
    },
    **{wanted.name: _TRUTH for wanted in EVENT_OBJECTS if wanted.syntax.name == "TruthValue"},
}
"""The words of each enumerated object of a notification."""


@dataclass(frozen=True, slots=True)
class Trap:
    """One notification as it arrived: the name of its type, and its objects by name."""

    name: str
    objects: Mapping[str, str] = field(default_factory=dict)


class TrapReceiver:
    """Listens for SNMPv2c traps and informs on a free UDP port of loopback. Make it inside the running event loop."""

    def __init__(self, community: str, on_trap: Callable[[Trap], None]) -> None:
        self._on_trap = on_trap
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.setblocking(False)
        self._engine = SnmpEngine()
        transport = udp.UdpTransport().open_server_mode(sock=self._socket)
        config.add_transport(self._engine, udp.DOMAIN_NAME, transport)
        config.add_v1_system(self._engine, "demo", community)
        self._receiver = NotificationReceiver(self._engine, self._received)

    @property
    def address(self) -> tuple[str, int]:
        """(address, UDP port) to send to."""
        host, port = self._socket.getsockname()
        return host, port

    def close(self) -> None:
        self._receiver.close(self._engine)
        self._engine.close_dispatcher()
        self._socket.close()

    def _received(self, _engine: Any, _reference: Any, _id: Any, _context: Any, varbinds: Any, _data: Any) -> None:
        self._on_trap(decode([(tuple(oid), value) for oid, value in varbinds]))


def decode(varbinds: list[tuple[tuple[int, ...], Any]]) -> Trap:
    """Varbinds of a notification in the MIB's words; what it does not define keeps its OID."""
    name = ""
    objects: dict[str, str] = {}
    for oid, value in varbinds:
        if oid == TRAP_OID:
            name = NAMES.get(tuple(value), str(value))
            continue
        called = NAMES.get(oid, ".".join(map(str, oid)))
        objects[called] = _text(called, value)
    return Trap(name, objects)


def _text(called: str, value: Any) -> str:
    if called in WORDS:
        return WORDS[called].get(int(value), str(int(value)))
    raw: bytes | None = value.asOctets() if hasattr(value, "asOctets") else None
    if called in ("topoEventTime", "topoEventStartedAt") and raw is not None and len(raw) == 11:
        year = int.from_bytes(raw[:2], "big")
        return f"{year:04}-{raw[2]:02}-{raw[3]:02}T{raw[4]:02}:{raw[5]:02}:{raw[6]:02}.{raw[7]}Z"
    if raw is not None and called != "snmpTrapAddress":
        return raw.decode("utf-8", "replace")
    pretty: str = value.prettyPrint()
    return pretty
