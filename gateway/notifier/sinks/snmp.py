"""The SNMP sink: one event becomes one trap of SNMPv1, v2c or v3, or one inform of v2c or v3."""

import asyncio
import os
from itertools import count
from typing import Protocol

from gateway.model.errors import ConfigError, DeliveryError
from gateway.model.events import Event, EventKind
from gateway.model.notices import Notice, NoticeKind
from gateway.model.snapshot import Snapshot
from gateway.notifier.sinks.channel import Channel
from gateway.notifier.sinks.inform import CommunityInforms, Informing, UserInforms
from gateway.notifier.sinks.snmp_settings import SnmpTrapSettings
from gateway.schema.snmp.affected import affected_address
from gateway.schema.snmp.arcs import under
from gateway.schema.snmp.engine import SnmpEngine
from gateway.schema.snmp.notifications import (
    encoded_notice,
    encoded_varbinds,
    notice_oid,
    notification_names,
    notification_of,
)
from gateway.schema.snmp.views import EVERYTHING, Subtrees
from gateway.support.clock import Clock
from gateway.wire.ber import Oid, encode_ip_address, encode_oid, encode_sequence
from gateway.wire.errors import EncodeError, SecurityConfigError
from gateway.wire.notifications import encode_in_community, encode_notification
from gateway.wire.oid import format_oid
from gateway.wire.pdu import Pdu, PduType, Version, decode_pdu, encode_pdu
from gateway.wire.translation import SNMP_TRAP_ADDRESS, trap_to_v1
from gateway.wire.usm import AuthoritativeEngine

_LARGEST_NUMBER = 0x7FFFFFFF
_TRAP_ADDRESS = encode_oid(SNMP_TRAP_ADDRESS)


class SnmpTrapSink:
    """
    Sends notifications to one receiver. For traps the gateway's engine is authoritative (RFC 3414 section 1.5.1), for
    informs the receiver's.

    A trap is not acknowledged: delivered means sent, and not refused by the receiver's machine when that is known at
    once. An inform is delivered when the receiver has answered it. `view`: a notification is sent only when its name
    and those of all its objects are in it (RFC 3413 section 3.3), without snmpTrapAddress when only that is not; the
    agent-addr of SNMPv1 is then our own.
    """

    def __init__(
        self, name: str, settings: SnmpTrapSettings, engine: SnmpEngine, clock: Clock, view: Subtrees = EVERYTHING
    ) -> None:
        self.name = name
        self._settings = settings
        self._engine = engine
        self._clock = clock
        self._view = view
        self._tells_address = view.includes(SNMP_TRAP_ADDRESS)
        self._outside: dict[EventKind | NoticeKind, Oid | None] = {}
        self._numbers = count(int.from_bytes(os.urandom(3), "big"))
        self._one_by_one = asyncio.Lock()
        self._channel = Channel(name, settings.host, settings.port, clock)
        self._way: Informing = self._informs() if settings.inform else _Traps(self._channel, self._sealing())

    def takes(self, kind: EventKind | NoticeKind) -> bool:
        return self._left_out(kind) is None

    async def deliver(self, event: Event, snapshot: Snapshot) -> None:
        """
        Send the notification of an event.

        Raises:
            DeliveryError: it could not be sent, or was not acknowledged, and may be tried again; or `takes` says no.
        """
        self._check(event.kind)
        varbinds = encoded_varbinds(event, self._settings.runbook_url, self._engine.root)
        await self._send(notification_of(event.kind).oid, varbinds, affected_address(event, snapshot))

    async def tell(self, notice: Notice) -> None:
        """
        Send a notice.

        Raises:
            DeliveryError: as `deliver`.
        """
        self._check(notice.kind)
        await self._send(notice_oid(notice.kind), encoded_notice(notice, self._engine.root), None)

    async def close(self) -> None:
        self._channel.close()

    def _left_out(self, kind: EventKind | NoticeKind) -> Oid | None:
        """What the view lacks of a notification; worked out once for each kind."""
        if kind not in self._outside:
            names = notification_names(kind, self._engine.root)
            self._outside[kind] = next((name for name in names if not self._view.includes(name)), None)
        return self._outside[kind]

    def _check(self, kind: EventKind | NoticeKind) -> None:
        name = self._left_out(kind)
        if name is not None:
            raise DeliveryError(
                f"receiver {self.name}: what is told of kind {kind.value} is not sent, for its view "
                f"{self._settings.view!r} does not include {format_oid(name)}. Change "
                f"[publishers.snmp.views.{self._settings.view}], or give the receiver another view"
            )

    async def _send(self, name: Oid, varbinds: bytes, address: bytes | None) -> None:
        async with self._one_by_one:
            await self._through(under(self._engine.root, name), varbinds, address)

    async def _through(self, name: Oid, varbinds: bytes, address: bytes | None) -> None:
        await self._channel.open()
        if self._tells_address:
            told = address or self._channel.own_address
            varbinds += encode_sequence(_TRAP_ADDRESS, encode_ip_address(told))
        ticks = self._engine.uptime_ticks(self._clock.monotonic())
        number = next(self._numbers) & _LARGEST_NUMBER
        kind = PduType.INFORM if self._settings.inform else PduType.TRAP
        try:
            await self._way.inform(encode_notification(kind, number, ticks, name, varbinds), number)
        except EncodeError as error:
            raise DeliveryError(f"receiver {self.name}: the notification cannot be encoded: {error}") from error

    def _informs(self) -> Informing:
        settings = self._settings
        if settings.version == "3":
            assert settings.user is not None
            waits = settings.timeout_s, settings.retries
            return UserInforms(self._channel, settings.user, settings.credentials(), self._seconds, *waits)
        return CommunityInforms(self._channel, self._community(), settings.timeout_s, settings.retries)

    def _sealing(self) -> "_Sealing":
        match self._settings.version:
            case "3":
                return _V3(self.name, self._settings, self._engine, self._clock)
            case "1":
                return _V1(self._community(), self._channel)
        return _V2(self._community())

    def _community(self) -> bytes:
        assert self._settings.community is not None
        return self._settings.community.get_secret_value().encode()

    def _seconds(self) -> int:
        return int(self._clock.monotonic())


def other_engine(error: SecurityConfigError, user: str | None) -> str:
    """What to do about the keys of a receiver that are those of another engine."""
    why = "they were made without --for-traps, or the database is another one"
    return f"{error}: {why}. Make them anew: gateway snmp user add {user} --for-traps --force"


class _Sealing(Protocol):
    """Makes a message of a TRAP PDU."""

    def seal(self, pdu: bytes, number: int) -> bytes: ...


class _Traps:
    """What nobody answers."""

    def __init__(self, channel: Channel, sealing: _Sealing) -> None:
        self._channel = channel
        self._sealing = sealing

    async def inform(self, pdu: bytes, number: int) -> None:
        self._channel.send(self._sealing.seal(pdu, number))


class _V1:
    def __init__(self, community: bytes, channel: Channel) -> None:
        self._community = community
        self._channel = channel

    def seal(self, pdu: bytes, number: int) -> bytes:
        decoded, _ = decode_pdu(pdu, 0, len(pdu))
        assert isinstance(decoded, Pdu)
        trap = trap_to_v1(decoded, self._channel.own_address)
        return encode_in_community(Version.V1, self._community, encode_pdu(trap))


class _V2:
    def __init__(self, community: bytes) -> None:
        self._community = community

    def seal(self, pdu: bytes, number: int) -> bytes:
        return encode_in_community(Version.V2C, self._community, pdu)


class _V3:
    """The one user of a v3 receiver, at its highest security level."""

    def __init__(self, name: str, settings: SnmpTrapSettings, engine: SnmpEngine, clock: Clock) -> None:
        assert settings.user is not None
        try:
            self._user = settings.credentials().at(settings.user, engine.engine_id)
        except SecurityConfigError as error:
            raise ConfigError(f"receivers.{name}: {other_engine(error, settings.user)}") from error
        salt = int.from_bytes(os.urandom(8), "big")
        self._usm = AuthoritativeEngine(engine.engine_id, engine.boots, (self._user,), first_salt=salt)
        self._engine = engine
        self._clock = clock

    def seal(self, pdu: bytes, number: int) -> bytes:
        now_s = self._engine.time_s(self._clock.monotonic())
        return self._usm.seal_notification(self._user.name, self._user.level, pdu, number, now_s)
