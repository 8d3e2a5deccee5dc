"""The SNMP trap sink: one event becomes one trap of SNMPv1, v2c or v3."""

import asyncio
import os
import socket
from collections.abc import Iterable
from itertools import count

from gateway.model.errors import DeliveryError
from gateway.model.events import Event
from gateway.model.snapshot import Snapshot
from gateway.notifier.sinks.affected import affected_address
from gateway.notifier.sinks.snmp_settings import SnmpTrapSettings
from gateway.schema.snmp.arcs import COLD_START, under
from gateway.schema.snmp.engine import SnmpEngine
from gateway.schema.snmp.notifications import notification_of, varbinds_of
from gateway.support.clock import Clock
from gateway.wire.ber import Oid
from gateway.wire.errors import EncodeError
from gateway.wire.pdu import Pdu, PduType, Version, encode_pdu
from gateway.wire.snmp import CommunityMessage, encode_message
from gateway.wire.translation import SNMP_TRAP_ADDRESS, notification, trap_to_v1
from gateway.wire.usm import AuthoritativeEngine
from gateway.wire.values import IpAddress, VarBind

RESOLVE_S = 5.0
"""How long the resolver may take."""
RESOLVED_FOR_S = 60.0
"""How long an address is believed: receivers move, too."""
_LARGEST_NUMBER = 0x7FFFFFFF
_UNKNOWN_ADDRESS = bytes(4)


class SnmpTrapSink:
    """
    Sends traps to one receiver. The gateway's engine is authoritative for them (RFC 3414 section 1.5.1).

    The first is coldStart, unless `told` says that the receiver had it. A trap is not acknowledged: delivered means
    sent, and not refused by the receiver's machine when that is known at once.
    """

    def __init__(self, name: str, settings: SnmpTrapSettings, engine: SnmpEngine, clock: Clock) -> None:
        self.name = name
        self._settings = settings
        self._engine = engine
        self._clock = clock
        self._numbers = count(int.from_bytes(os.urandom(3), "big"))
        self._v3 = _V3(settings, engine) if settings.version == "3" else None
        self._socket: socket.socket | None = None
        self._resolved_at = 0.0
        self.told = False
        """The receiver knows that the gateway has started."""

    async def start(self) -> None:
        """
        Tell the receiver that the gateway has started (coldStart); `deliver` does it when nobody has.

        Raises:
            DeliveryError: it could not be sent.
        """
        await self._send(COLD_START, (), None)
        self.told = True

    async def deliver(self, event: Event, snapshot: Snapshot) -> None:
        """
        Send the trap of an event.

        Raises:
            DeliveryError: it could not be sent; it may be tried again.
        """
        if not self.told:
            await self.start()
        root = self._engine.root
        trap = under(root, notification_of(event.kind).oid)
        await self._send(trap, varbinds_of(event, root), affected_address(event, snapshot))

    async def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    async def _send(self, trap: Oid, varbinds: Iterable[VarBind], address: bytes | None) -> None:
        opened = await self._connected()
        about = VarBind(SNMP_TRAP_ADDRESS, IpAddress(address or _own_address(opened)))
        ticks = self._engine.uptime_ticks(self._clock.monotonic())
        number = next(self._numbers) & _LARGEST_NUMBER
        pdu = notification(PduType.TRAP, number, ticks, trap, (*varbinds, about))
        try:
            message = self._message(pdu, number)
        except EncodeError as error:
            raise DeliveryError(f"receiver {self.name}: the trap cannot be encoded: {error}") from error
        try:
            # An ICMP answer to an earlier trap must not count for this one.
            opened.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            opened.send(message)
            refused = opened.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        except OSError as error:
            raise await self._failure(error) from error
        if refused:
            raise await self._failure(OSError(refused, os.strerror(refused)))

    def _message(self, pdu: Pdu, number: int) -> bytes:
        settings = self._settings
        if self._v3 is not None:
            return self._v3.seal(pdu, number, self._engine.time_s(self._clock.monotonic()))
        assert settings.community is not None
        community = settings.community.get_secret_value().encode()
        if settings.version == "1":
            return encode_message(CommunityMessage(Version.V1, community, trap_to_v1(pdu)))
        return encode_message(CommunityMessage(Version.V2C, community, pdu))

    async def _connected(self) -> socket.socket:
        """A socket to the receiver; its name is looked up again from time to time and after each failure."""
        now = self._clock.monotonic()
        if self._socket is not None and now - self._resolved_at < RESOLVED_FOR_S:
            return self._socket
        await self.close()
        settings = self._settings
        try:
            async with asyncio.timeout(RESOLVE_S):
                loop = asyncio.get_running_loop()
                found = await loop.getaddrinfo(settings.host, settings.port, type=socket.SOCK_DGRAM)
        except (OSError, TimeoutError) as error:
            said = getattr(error, "strerror", None) or "no answer from the resolver"
            raise DeliveryError(
                f"receiver {self.name}: {settings.host}: {said}. Correct receivers.{self.name}.host"
            ) from error
        family, kind, protocol, _, address = found[0]
        opened = socket.socket(family, kind, protocol)
        try:
            opened.setblocking(False)
            opened.connect(address)
        except OSError as error:
            opened.close()
            raise await self._failure(error) from error
        self._socket, self._resolved_at = opened, now
        return opened

    async def _failure(self, error: OSError) -> DeliveryError:
        await self.close()
        settings = self._settings
        return DeliveryError(f"receiver {self.name}: {settings.host} port {settings.port}: {error.strerror or error}")


def _own_address(opened: socket.socket) -> bytes:
    """The gateway's IPv4 address towards the receiver; 0.0.0.0 when it goes by IPv6 (RFC 3584 section 3.1)."""
    if opened.family != socket.AF_INET:
        return _UNKNOWN_ADDRESS
    return socket.inet_aton(opened.getsockname()[0])


class _V3:
    """The one user of a v3 receiver, at its highest security level."""

    def __init__(self, settings: SnmpTrapSettings, engine: SnmpEngine) -> None:
        assert settings.user is not None
        self._user = settings.credentials().keys(settings.user).localize(engine.engine_id)
        salt = int.from_bytes(os.urandom(8), "big")
        self._usm = AuthoritativeEngine(engine.engine_id, engine.boots, (self._user,), first_salt=salt)

    def seal(self, pdu: Pdu, number: int, now_s: int) -> bytes:
        return self._usm.seal_notification(self._user.name, self._user.level, encode_pdu(pdu), number, now_s)
