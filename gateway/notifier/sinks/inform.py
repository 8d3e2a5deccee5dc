"""
Informs: the receiver acknowledges each (RFC 3416 section 4.2.7). In SNMPv3 the receiver's engine is authoritative: its
ID, boots and time are learned first, and learned again when it was restarted or replaced.
"""

import os
from collections.abc import Callable
from typing import Protocol

from gateway.model.errors import DeliveryError
from gateway.notifier.sinks.channel import Channel
from gateway.schema.snmp.credentials import V3Credentials
from gateway.wire.errors import UnknownEngineIdError, UsmCounter, WireError
from gateway.wire.notifications import encode_in_community
from gateway.wire.pdu import ErrorStatus, Pdu, PduType, Version
from gateway.wire.snmp import CommunityMessage, decode_message
from gateway.wire.usm import RemoteSession, Reply, SecurityLevel

ROUNDS = 4
"""Discovery, its clock, the inform; once more for a receiver that was restarted meanwhile."""
_REMEDIES = {
    UsmCounter.UNKNOWN_USER_NAMES: "it does not know the user. Create it there, without an engine ID for informs",
    UsmCounter.WRONG_DIGESTS: "it has another authentication password or protocol. Correct one of the two",
    UsmCounter.DECRYPTION_ERRORS: "it has another privacy password or protocol. Correct one of the two",
    UsmCounter.UNSUPPORTED_SEC_LEVELS: "its user has not this security level. Correct one of the two",
}
_MUTE = "Does it take informs there, and by this community?"
_NOBODY = "Does it take informs of SNMPv3 there?"
_DEAF = "It was there before: is it up, and are privacy password and protocol the same on both sides?"


class Informing(Protocol):
    """How one version asks for an acknowledgement."""

    async def inform(self, pdu: bytes, number: int) -> None:
        """
        Deliver an INFORM whose request-id is `number`.

        Raises:
            DeliveryError: it was not acknowledged.
        """


class CommunityInforms:
    """SNMPv2c."""

    def __init__(self, channel: Channel, community: bytes, timeout_s: float, retries: int) -> None:
        self._channel = channel
        self._community = community
        self._waits = timeout_s, retries

    async def inform(self, pdu: bytes, number: int) -> None:
        message = encode_in_community(Version.V2C, self._community, pdu)
        _check(await self._channel.ask(message, lambda data: self._answer(data, number), *self._waits, _MUTE))

    def _answer(self, data: bytes, number: int) -> Pdu | None:
        try:
            message = decode_message(data)
        except WireError:
            return None
        if not isinstance(message, CommunityMessage) or message.community != self._community:
            return None
        return _response(message.pdu, number)


class UserInforms:
    """SNMPv3."""

    def __init__(
        self,
        channel: Channel,
        user: str,
        credentials: V3Credentials,
        now_s: Callable[[], int],
        timeout_s: float,
        retries: int,
    ) -> None:
        level = SecurityLevel.NO_AUTH_NO_PRIV
        if credentials.auth is not None:
            level = SecurityLevel.AUTH_PRIV if credentials.priv is not None else SecurityLevel.AUTH_NO_PRIV
        salt = int.from_bytes(os.urandom(8), "big")
        self._session = RemoteSession(credentials.keys(user), level, first_salt=salt)
        self._channel = channel
        self._now_s = now_s
        self._waits = timeout_s, retries

    async def inform(self, pdu: bytes, number: int) -> None:
        session = self._session
        for turn in range(ROUNDS):
            if session.engine_id is None:
                message, sent, doubt = session.discovery(number), number, _NOBODY
            else:
                doubt = _DEAF
                sent = number + turn & 0x7FFFFFFF
                message = session.seal(pdu, sent, self._now_s())
            try:
                reply = await self._channel.ask(message, self._reading(sent), *self._waits, doubt)
            except UnknownEngineIdError:
                session.forget()  # it was replaced: another engine answers
                continue
            except DeliveryError:
                session.forget()
                raise
            if reply.report is None:
                found = _response(reply.pdu, number)
                if found is not None:
                    _check(found)
                    return
            elif reply.report in _REMEDIES:
                raise DeliveryError(f"the receiver refuses the inform: {_REMEDIES[reply.report]}")
        raise DeliveryError("the receiver's engine keeps changing its ID or its clock. Is one address two receivers?")

    def _reading(self, sent: int) -> Callable[[bytes], Reply | None]:
        def read(data: bytes) -> Reply | None:
            try:
                reply = self._session.open(data, self._now_s())
            except UnknownEngineIdError:
                raise
            except WireError:
                return None  # not from the receiver, or an answer from before
            return reply if reply.msg_id == sent else None

        return read


def _response(pdu: object, number: int) -> Pdu | None:
    matches = isinstance(pdu, Pdu) and pdu.type is PduType.RESPONSE and pdu.request_id == number
    return pdu if isinstance(pdu, Pdu) and matches else None


def _check(answer: Pdu) -> None:
    if answer.error_status:
        known = answer.error_status in set(ErrorStatus)
        said = ErrorStatus(answer.error_status).name if known else f"error {answer.error_status}"
        raise DeliveryError(f"the receiver answers the inform with {said}. Its log may say why")
