"""
The other role: the receiver is authoritative, as for informs and for a manager's requests.

A session learns the engine ID of one peer and its boots and time (RFC 3414 section 4), then
seals requests and opens replies. Time is an argument: any steady clock, in seconds.

    discovery ──► Report unknownEngineIDs (engine ID) ──► seal ──► Report notInTimeWindows,
    authentic (boots, time) ──► seal again ──► Response
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.wire.ber import encode_octets
from gateway.wire.errors import (
    DecodeError,
    DecryptionError,
    EncodeError,
    NotInTimeWindowError,
    UnknownEngineIdError,
    UnknownUserNameError,
    UnsupportedSecurityLevelError,
    UsmCounter,
    WrongDigestError,
)
from gateway.wire.pdu import AnyPdu, Pdu, PduType, encode_pdu
from gateway.wire.snmp import decode_scoped_pdu
from gateway.wire.usm.keys import SecurityLevel, UsmCredentials, UsmUser
from gateway.wire.usm.message import (
    LARGEST_MESSAGE,
    MAX_BOOTS,
    TIME_WINDOW_S,
    Envelope,
    UserSecurity,
    encode_scoped,
    parse_envelope,
    seal_unsecured,
)


@dataclass(frozen=True, slots=True)
class Reply:
    """A message from the peer that passed USM."""

    msg_id: int
    level: SecurityLevel
    pdu: AnyPdu
    report: UsmCounter | None
    """The usmStats counter of a Report that has one."""


class RemoteSession:
    """
    One user's conversation with one authoritative peer. Belongs to one thread.

    Args:
        credentials: the user, keys not localized.
        level: of everything that is sealed, and the least for a Response.
        first_salt: 64 random bits, new for each session (RFC 3826 section 3.1.2.1).

    Raises:
        EncodeError: the user does not have this level.
    """

    def __init__(
        self,
        credentials: UsmCredentials,
        level: SecurityLevel,
        *,
        first_salt: int,
        max_size: int = LARGEST_MESSAGE,
    ) -> None:
        highest = 3 if credentials.priv else 2 if credentials.auth else 1
        if level > highest:
            raise EncodeError(f"user {credentials.name!r} has no {level.name}")
        self._credentials = credentials
        self._level = level
        self._salt = first_salt
        self._max_size = max_size
        self._security: UserSecurity | None = None
        self._discovery_msg_id: int | None = None
        self.forget()

    def forget(self) -> None:
        """Start over with discovery, for a peer that was replaced."""
        self._security = None
        self._boots = 0
        self._latest_time_s = 0
        self._offset_s: int | None = None

    @property
    def engine_id(self) -> bytes | None:
        """The peer's engine ID, None before discovery."""
        return self._security.user.engine_id if self._security else None

    @property
    def synchronised(self) -> bool:
        """Whether the next sealed message will pass the peer's time window, as far as we know."""
        if self._security is None:
            return False
        return self._level is SecurityLevel.NO_AUTH_NO_PRIV or self._offset_s is not None

    def discovery(self, msg_id: int) -> bytes:
        """Encode the request whose Report tells the engine ID (RFC 3414 section 4)."""
        self._discovery_msg_id = msg_id
        pdu = encode_pdu(Pdu(PduType.GET, msg_id))
        scoped = encode_scoped(b"\x04\x00\x04\x00", pdu)
        return seal_unsecured(b"", b"", True, msg_id, 0, 0, self._max_size, scoped)

    def learn_engine_id(self, engine_id: bytes) -> None:
        """Take an engine ID that is known otherwise, as from configuration."""
        user = self._credentials.localize(engine_id)
        self.forget()
        self._salt += 1 << 48
        self._security = UserSecurity(user, first_salt=self._salt, max_size=self._max_size)

    def seal(self, pdu: bytes, msg_id: int, now_s: int, *, context_name: bytes = b"") -> bytes:
        """
        Encode a confirmed PDU, such as an inform, for the peer.

        Before the peer's time is known an authenticated message says zero, and the peer
        answers with its time in an authentic Report; then seal it again.

        Raises:
            EncodeError: before discovery, or larger than max_size.
        """
        security = self._security
        if security is None:
            raise EncodeError("the peer's engine ID is not known yet: send discovery() first")
        time_s = 0 if self._offset_s is None else min(now_s - self._offset_s, MAX_BOOTS)
        context = encode_octets(security.user.engine_id) + encode_octets(context_name)
        scoped = encode_scoped(context, pdu)
        message = security.seal(self._level, True, msg_id, self._boots, time_s, scoped)
        if len(message) > self._max_size:
            raise EncodeError(f"a message of {len(message)} octets: above {self._max_size}")
        return message

    def open(self, data: bytes, now_s: int) -> Reply:
        """
        Check and decode a reply (RFC 3414 section 3.2), and learn from it what it proves.

        An engine ID is believed once, as the answer to `discovery`; boots and time only when
        they are authentic. Pair `msg_id` and the PDU's request-id with what was sent.

        Raises:
            UsmError: it does not come from the peer, or is not as secure as asked for.
            DecodeError: malformed.
        """
        envelope = parse_envelope(data)
        if self._security is None:
            return self._open_discovery(data, envelope)
        self._check(data, envelope, self._security, now_s)
        plaintext, offset = self._security.plaintext(data, envelope)
        try:
            scoped, end = decode_scoped_pdu(plaintext, offset, len(plaintext))
        except DecodeError as error:
            if envelope.level is SecurityLevel.AUTH_PRIV:
                raise DecryptionError("the plaintext is no scopedPDU") from error
            raise
        if plaintext is data and end != len(data):
            raise DecodeError("octets after the scopedPDU")
        counter = _usm_counter(scoped.pdu)
        if envelope.level < self._level and not _is_report(scoped.pdu):
            raise UnsupportedSecurityLevelError("a reply less secure than its request")
        return Reply(envelope.msg_id, envelope.level, scoped.pdu, counter)

    def _open_discovery(self, data: bytes, envelope: Envelope) -> Reply:
        if envelope.level is not SecurityLevel.NO_AUTH_NO_PRIV:
            raise UnknownEngineIdError("an authenticated message before discovery")
        scoped, end = decode_scoped_pdu(data, envelope.data_start, len(data))
        counter = _usm_counter(scoped.pdu)
        if (
            end != len(data)
            or counter is not UsmCounter.UNKNOWN_ENGINE_IDS
            or envelope.msg_id != self._discovery_msg_id
            or not 5 <= len(envelope.engine_id) <= 32
        ):
            raise UnknownEngineIdError("not the answer to our discovery")
        self.learn_engine_id(envelope.engine_id)
        self._discovery_msg_id = None
        return Reply(envelope.msg_id, envelope.level, scoped.pdu, counter)

    def _check(self, data: bytes, envelope: Envelope, security: UserSecurity, now_s: int) -> None:
        user: UsmUser = security.user
        if envelope.engine_id != user.engine_id:
            raise UnknownEngineIdError("a message from another engine")
        if envelope.level is SecurityLevel.NO_AUTH_NO_PRIV:
            return
        if envelope.user_name != user.name:
            raise UnknownUserNameError("a message for another user")
        if envelope.level > user.level:
            raise UnsupportedSecurityLevelError(f"the user has no {envelope.level.name}")
        if not security.authentic(data, envelope):
            raise WrongDigestError("the message is not authentic")
        self._synchronise(envelope.boots, envelope.time_s, now_s)

    def _synchronise(self, boots: int, time_s: int, now_s: int) -> None:
        """Move our notion of the peer's time forward, never back (3.2 step 7 b)."""
        if boots > self._boots or (boots == self._boots and time_s > self._latest_time_s):
            self._boots, self._latest_time_s = boots, time_s
            self._offset_s = now_s - time_s
        elif self._offset_s is None:
            self._offset_s = now_s - time_s
        expected = now_s - self._offset_s
        if boots == MAX_BOOTS or boots < self._boots or time_s < expected - TIME_WINDOW_S:
            raise NotInTimeWindowError("a reply from the past")


def _is_report(pdu: AnyPdu) -> bool:
    return isinstance(pdu, Pdu) and pdu.type is PduType.REPORT


def _usm_counter(pdu: AnyPdu) -> UsmCounter | None:
    if _is_report(pdu):
        for varbind in pdu.varbinds:
            for counter in UsmCounter:
                if varbind.oid == counter.oid:
                    return counter
    return None
