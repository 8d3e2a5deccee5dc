"""
The authoritative engine: answers requests and informs, originates traps (RFC 3414 section 3).

Time is an argument: snmpEngineTime, whole seconds since snmpEngineBoots last changed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from gateway.wire.ber import LENGTH_IN, SEQUENCE, Oid, encode_octets
from gateway.wire.errors import (
    DecodeError,
    DecryptionError,
    EncodeError,
    NotInTimeWindowError,
    ReportTarget,
    SecurityConfigError,
    UnknownEngineIdError,
    UnknownUserNameError,
    UnsupportedSecurityLevelError,
    UsmCounter,
    UsmError,
    WrongDigestError,
)
from gateway.wire.fast import Request, encode_response_pdu, parse_request_pdu, response_overhead
from gateway.wire.pdu import Pdu, PduType, encode_pdu
from gateway.wire.usm.keys import SecurityLevel, UsmUser
from gateway.wire.usm.message import (
    LARGEST_MESSAGE,
    MAX_BOOTS,
    TIME_WINDOW_S,
    Envelope,
    UserSecurity,
    encode_scoped,
    parse_envelope,
    parse_scoped_header,
    seal_unsecured,
)
from gateway.wire.usm.usual import Envelopes
from gateway.wire.values import Counter32, VarBind

_NO_AUTH_NO_PRIV: Final = SecurityLevel.NO_AUTH_NO_PRIV
_AUTH_PRIV: Final = SecurityLevel.AUTH_PRIV
_new_tuple: Final = tuple.__new__


class OpenedRequest(NamedTuple):
    """A v3 request that passed USM, with what its response has to repeat."""

    request: Request
    user_name: bytes
    level: SecurityLevel
    context_engine_id: bytes
    context_name: bytes
    msg_id: int
    max_size: int
    """The largest response, in octets, that the sender and this engine can handle."""
    security: UserSecurity
    context: bytes
    """contextEngineID and contextName as encoded in the response."""


_CONFIRMED: Final = frozenset((PduType.GET, PduType.GET_NEXT, PduType.SET, PduType.GET_BULK, PduType.INFORM))


class AuthoritativeEngine:
    """
    One SNMP engine in the authoritative role. Belongs to one thread.

    Args:
        engine_id: snmpEngineID, 5 to 32 octets, the same for the life of the engine.
        boots: snmpEngineBoots, 1..2**31-1; stored, one more, before the engine is made.
        users: keys localized to `engine_id`.
        first_salt: 64 random bits, new at each start (RFC 3826 section 3.1.2.1).
        max_size: the largest message that this engine sends or receives.

    Raises:
        SecurityConfigError: a user of another engine, or two of the same name.
    """

    def __init__(
        self,
        engine_id: bytes,
        boots: int,
        users: Iterable[UsmUser],
        *,
        first_salt: int,
        max_size: int = LARGEST_MESSAGE,
    ) -> None:
        if not 1 <= boots <= MAX_BOOTS:
            raise SecurityConfigError(f"snmpEngineBoots {boots} is outside 1..{MAX_BOOTS}")
        self.engine_id = engine_id
        self.boots = boots
        self.max_size = max_size
        self.stats = dict.fromkeys(UsmCounter, 0)
        self._users: dict[bytes, UserSecurity] = {}
        for number, user in enumerate(users):
            if user.engine_id != engine_id or user.name in self._users:
                raise SecurityConfigError(f"user {user.name!r}: twice, or of another engine")
            # Users have keys of their own, mostly; with a shared one salts must still differ.
            salt = first_salt + (number << 40)
            self._users[user.name] = UserSecurity(user, first_salt=salt, max_size=max_size)
        self._envelopes = Envelopes()
        self._own_context = encode_octets(engine_id) + encode_octets(b"")

    def open(self, data: bytes, engine_time_s: int) -> OpenedRequest:
        """
        Check and decrypt a request or an inform (RFC 3414 section 3.2, in its order).

        Raises:
            UsmError: refused and counted; give it to `report`.
            DecodeError: malformed, or no request; there is no answer.
        """
        found = self._envelopes.find(data)
        envelope = parse_envelope(data) if found is None else found[0]
        try:
            security = self._user(envelope) if found is None else found[1]
            if envelope.level is not _NO_AUTH_NO_PRIV:
                self._authenticate(security, data, envelope, engine_time_s)
            plaintext, offset = security.plaintext(data, envelope)
        except UsmError as error:
            self.stats[error.counter] += 1
            error.report_to = _report_target(data, envelope)
            raise
        scoped = self._own_scoped(plaintext, offset)
        if scoped is None:
            scoped = self._scoped(data, envelope, plaintext, offset)
        context_engine_id, name, context, pdu_start, pdu_end = scoped
        if found is None:
            self._envelopes.remember(data, envelope, security)
        if plaintext is data and pdu_end != len(data):
            raise DecodeError("octets after the scopedPDU")
        request = parse_request_pdu(plaintext, pdu_start, pdu_end)
        return _new_tuple(
            OpenedRequest,
            (request, envelope.user_name, envelope.level, context_engine_id, name, envelope.msg_id,
             min(envelope.max_size, self.max_size), security, context),
        )  # fmt: skip

    def _own_scoped(self, plaintext: bytes, offset: int) -> tuple[bytes, bytes, bytes, int, int] | None:
        """The scopedPDU's header where it is our default context and ends with the plaintext, as nearly all do."""
        rest = len(plaintext) - offset
        if not 2 <= rest < len(LENGTH_IN) or plaintext[offset] != SEQUENCE:
            return None
        length = LENGTH_IN[rest]
        start = offset + 1 + len(length)
        end = start + len(self._own_context)
        if plaintext[offset + 1 : start] != length or plaintext[start:end] != self._own_context:
            return None
        return self.engine_id, b"", self._own_context, end, len(plaintext)

    def _scoped(
        self, data: bytes, envelope: Envelope, plaintext: bytes, offset: int
    ) -> tuple[bytes, bytes, bytes, int, int]:
        """The header of any scopedPDU: contextEngineID, contextName, both encoded, where the PDU begins and ends."""
        try:
            _, engine_id, name, pdu_start, pdu_end = parse_scoped_header(plaintext, offset)
        except DecodeError as error:
            if envelope.level is not _AUTH_PRIV:
                raise
            self.stats[UsmCounter.DECRYPTION_ERRORS] += 1
            target = _report_target(data, envelope)
            raise DecryptionError("the plaintext is no scopedPDU", target) from error
        return engine_id, name, encode_octets(engine_id) + encode_octets(name), pdu_start, pdu_end

    def _user(self, envelope: Envelope) -> UserSecurity:
        if envelope.engine_id != self.engine_id:  # step 3
            raise UnknownEngineIdError("the message is for another engine, or a discovery")
        security = self._users.get(envelope.user_name)  # step 4
        if security is None:
            raise UnknownUserNameError("no such user")
        if envelope.level > security.level:  # step 5
            raise UnsupportedSecurityLevelError(f"the user has no {envelope.level.name}")
        return security

    def _authenticate(self, security: UserSecurity, data: bytes, envelope: Envelope, engine_time_s: int) -> None:
        if not security.authentic(data, envelope):  # step 6
            raise WrongDigestError("the message is not authentic")
        if (  # step 7 a
            self.boots == MAX_BOOTS
            or envelope.boots != self.boots
            or abs(envelope.time_s - engine_time_s) > TIME_WINDOW_S
        ):
            raise NotInTimeWindowError("boots or time are outside the window")

    def seal(
        self,
        opened: OpenedRequest,
        error_status: int,
        error_index: int,
        varbinds: bytes,
        engine_time_s: int,
    ) -> bytes:
        """
        Encode the response to `opened` from varbinds that are already encoded.

        Raises:
            EncodeError: larger than the sender can receive; see `varbind_room`.
        """
        pdu = encode_response_pdu(opened.request, error_status, error_index, varbinds)
        return self._answer(opened, opened.level, pdu, engine_time_s)

    def seal_report(self, opened: OpenedRequest, counter: Oid, value: int, engine_time_s: int) -> bytes:
        """Encode a Report such as snmpUnknownContexts.0 for a request that passed USM."""
        pdu = _report_pdu(opened.request.request_id, counter, value)
        return self._answer(opened._replace(context=self._own_context), opened.level, pdu,
                            engine_time_s)  # fmt: skip

    def _answer(self, opened: OpenedRequest, level: SecurityLevel, pdu: bytes, engine_time_s: int) -> bytes:
        message = opened.security.seal(
            level, False, opened.msg_id, self.boots, engine_time_s,
            encode_scoped(opened.context, pdu),
        )  # fmt: skip
        if len(message) > opened.max_size:
            raise EncodeError(f"{len(message)} octets, {opened.max_size} can be received")
        return message

    def varbind_room(self, opened: OpenedRequest) -> int:
        """Octets of varbinds that surely fit the response to `opened`, at least 0."""
        around = opened.security.overhead(opened.level, opened.context)
        return max(0, opened.max_size - around - response_overhead(opened.request))

    def report(self, error: UsmError, engine_time_s: int) -> bytes | None:
        """
        Encode the Report that a refused message is due, or None (RFC 3412 section 7.1 step 3).

        Only notInTimeWindows is authenticated, so that its boots and time can be trusted
        (RFC 3414 section 3.2 step 7 a); the others tell nothing that is secret.
        """
        target = error.report_to
        if target is None:
            return None
        pdu = _report_pdu(target.request_id, error.counter.oid, self.stats[error.counter])
        scoped = encode_scoped(self._own_context, pdu)
        if error.counter is UsmCounter.NOT_IN_TIME_WINDOWS:
            return self._users[target.user_name].seal(
                SecurityLevel.AUTH_NO_PRIV, False, target.msg_id, self.boots, engine_time_s, scoped
            )
        return seal_unsecured(
            self.engine_id, target.user_name, False, target.msg_id, self.boots, engine_time_s,
            self.max_size, scoped,
        )  # fmt: skip

    def seal_notification(
        self,
        user_name: bytes,
        level: SecurityLevel,
        pdu: bytes,
        msg_id: int,
        engine_time_s: int,
        *,
        context_name: bytes = b"",
    ) -> bytes:
        """
        Encode a v3 trap: its sender is authoritative (RFC 3412 section 6.5).

        Raises:
            EncodeError: no such user, a level that it does not have, or larger than max_size.
        """
        security = self._users.get(user_name)
        if security is None or level > security.level:
            raise EncodeError(f"no user {user_name!r} with {level.name} at this engine")
        context = encode_octets(self.engine_id) + encode_octets(context_name)
        scoped = encode_scoped(context, pdu)
        message = security.seal(level, False, msg_id, self.boots, engine_time_s, scoped)
        if len(message) > self.max_size:
            raise EncodeError(f"a notification of {len(message)} octets: above {self.max_size}")
        return message


def _report_pdu(request_id: int, counter: Oid, value: int) -> bytes:
    varbind = VarBind(counter, Counter32(value & 0xFFFFFFFF))
    return encode_pdu(Pdu(PduType.REPORT, request_id, varbinds=(varbind,)))


def _report_target(data: bytes, envelope: Envelope) -> ReportTarget | None:
    """
    To whom a Report goes; None if none may be sent (RFC 3412 section 7.1 step 3).

    The class of the PDU decides; the reportableFlag only where that cannot be read (section 6.4).
    """
    request_id = None
    if envelope.level is not _AUTH_PRIV:
        try:
            scoped = parse_scoped_header(data, envelope.data_start)
            if data[scoped.pdu_start] not in _CONFIRMED:
                return None
            request_id = parse_request_pdu(data, scoped.pdu_start, scoped.pdu_end).request_id
        except (DecodeError, IndexError):
            pass
    if request_id is None and not envelope.reportable:
        return None
    # Where it "cannot be determined" (step 3 c) the request-id is 0.
    return ReportTarget(envelope.msg_id, request_id or 0, envelope.user_name, envelope.max_size)
