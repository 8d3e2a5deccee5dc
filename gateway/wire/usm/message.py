"""
A v3 message with its UsmSecurityParameters in octets (RFC 3412 section 6, RFC 3414 section 2.4).

`parse_envelope` reads everything before the scopedPDU; `UserSecurity` seals and opens messages
of one user, with the constant parts of its headers encoded in advance.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from gateway.wire.ber import (
    LENGTHS,
    OCTET_STRING,
    SEQUENCE,
    encode_integer,
    encode_length,
    encode_octets,
    expect,
    expect_end,
    expect_integer,
    expect_octets,
    read_tlv,
)
from gateway.wire.errors import DecodeError, DecryptionError, InvalidFlagsError, UnknownSecurityModelError
from gateway.wire.snmp import SECURITY_MODEL_USM, SMALLEST_MAX_SIZE, MessageFlags
from gateway.wire.usm.crypto import Authenticator, cipher
from gateway.wire.usm.keys import SecurityLevel, UsmUser

MAX_BOOTS: Final = 2**31 - 1
TIME_WINDOW_S: Final = 150
LARGEST_MESSAGE: Final = 65507
"""What a UDP datagram over IPv4 carries."""


# Bound once: in Python 3.11 each look-up of an enum's member calls a Python function.
_NO_AUTH_NO_PRIV: Final = SecurityLevel.NO_AUTH_NO_PRIV
_AUTH_PRIV: Final = SecurityLevel.AUTH_PRIV
_REPORTABLE: Final = int(MessageFlags.REPORTABLE)


class Envelope(NamedTuple):
    """Header and security parameters of a v3 message; offsets are into the datagram."""

    msg_id: int
    max_size: int
    reportable: bool
    level: SecurityLevel
    engine_id: bytes
    boots: int
    time_s: int
    user_name: bytes
    mac_start: int
    mac_end: int
    salt: bytes
    data_start: int
    """First octet of msgData's TLV."""


_LEVELS: Final = (SecurityLevel.NO_AUTH_NO_PRIV, SecurityLevel.AUTH_NO_PRIV, None,
                  SecurityLevel.AUTH_PRIV)  # fmt: skip
_FLAGS: Final = {
    SecurityLevel.NO_AUTH_NO_PRIV: MessageFlags.NONE,
    SecurityLevel.AUTH_NO_PRIV: MessageFlags.AUTH,
    SecurityLevel.AUTH_PRIV: MessageFlags.AUTH | MessageFlags.PRIV,
}


def parse_envelope(data: bytes) -> Envelope:
    """
    Parse a v3 message up to its msgData (RFC 3412 section 7.2 steps 2 to 5, RFC 3414 3.2.1).

    Raises:
        DecodeError: malformed, another security model, or privacy without authentication.
    """
    size = len(data)
    offset, end = expect(data, 0, size, SEQUENCE, "message")
    expect_end(end, size, "datagram")
    if data[offset : offset + 3] != b"\x02\x01\x03":
        raise DecodeError("the message is not SNMPv3")
    start, offset = expect(data, offset + 3, end, SEQUENCE, "msgGlobalData")
    msg_id, start = expect_integer(data, start, offset, "msgID")
    max_size, start = expect_integer(data, start, offset, "msgMaxSize")
    if data[start : start + 2] != b"\x04\x01" or start + 3 > offset:
        raise DecodeError("msgFlags are not one octet")
    model, end_of_model = expect_integer(data, start + 3, offset, "msgSecurityModel")
    expect_end(end_of_model, offset, "msgGlobalData")
    if msg_id < 0 or max_size < SMALLEST_MAX_SIZE or model < 1:
        raise DecodeError("a field of msgGlobalData is out of range (RFC 3412 section 6)")
    if model != SECURITY_MODEL_USM:
        raise UnknownSecurityModelError(f"security model {model} is not USM")
    flags = data[start + 2]
    level = _LEVELS[flags & 3]
    if level is None:
        raise InvalidFlagsError("privacy without authentication")
    # UsmSecurityParameters, a SEQUENCE inside an OCTET STRING
    start, offset = expect(data, offset, end, OCTET_STRING, "msgSecurityParameters")
    start, stop = expect(data, start, offset, SEQUENCE, "UsmSecurityParameters")
    expect_end(stop, offset, "msgSecurityParameters")
    engine_id, start = expect_octets(data, start, stop, "msgAuthoritativeEngineID")
    boots, start = expect_integer(data, start, stop, "msgAuthoritativeEngineBoots")
    time_s, start = expect_integer(data, start, stop, "msgAuthoritativeEngineTime")
    user_name, start = expect_octets(data, start, stop, "msgUserName")
    mac_start, mac_end = expect(data, start, stop, OCTET_STRING, "msgAuthenticationParameters")
    salt, start = expect_octets(data, mac_end, stop, "msgPrivacyParameters")
    expect_end(start, stop, "UsmSecurityParameters")
    if boots < 0 or time_s < 0 or len(user_name) > 32 or len(engine_id) > 32:
        raise DecodeError("a field of UsmSecurityParameters is out of range (RFC 3414 2.4)")
    reportable = bool(flags & _REPORTABLE)
    return Envelope(
        msg_id, max_size, reportable, level, engine_id, boots, time_s, user_name,
        mac_start, mac_end, salt, offset,
    )  # fmt: skip


class ScopedHeader(NamedTuple):
    """A scopedPDU up to its PDU; offsets are into `data`."""

    data: bytes
    context_engine_id: bytes
    context_name: bytes
    pdu_start: int
    pdu_end: int


def parse_scoped_header(data: bytes, offset: int) -> ScopedHeader:
    """
    Parse contextEngineID and contextName of the scopedPDU at `offset` (RFC 3412 section 6.8).

    Octets after it are left alone: they may be the padding of a cipher.

    Raises:
        DecodeError: malformed.
    """
    start, end = expect(data, offset, len(data), SEQUENCE, "scopedPDU")
    engine_id, start = expect_octets(data, start, end, "contextEngineID")
    name, start = expect_octets(data, start, end, "contextName")
    return ScopedHeader(data, engine_id, name, start, end)


def encode_scoped(context: bytes, pdu: bytes) -> bytes:
    """Encode a scopedPDU from its context, two OCTET STRINGs already encoded, and its PDU."""
    size = len(context) + len(pdu)
    return b"".join((b"0", LENGTHS[size] if size < 4096 else encode_length(size), context, pdu))


def seal_unsecured(
    engine_id: bytes,
    user_name: bytes,
    reportable: bool,
    msg_id: int,
    boots: int,
    time_s: int,
    max_size: int,
    scoped: bytes,
) -> bytes:
    """Encode a noAuthNoPriv message of anybody: a discovery, most Reports."""
    flags = MessageFlags.REPORTABLE if reportable else MessageFlags.NONE
    header = b"".join(
        (
            encode_integer(msg_id),
            encode_integer(max_size),
            encode_octets(bytes((flags,))),
            encode_integer(SECURITY_MODEL_USM),
        )
    )
    parameters = b"".join(
        (
            encode_octets(engine_id),
            encode_integer(boots),
            encode_integer(time_s),
            encode_octets(user_name),
            b"\x04\x00\x04\x00",
        )
    )
    return _assemble(header, parameters, scoped)


def _assemble(header: bytes, parameters: bytes, scoped: bytes) -> bytes:
    """Put the frames of a message around its three parts (RFC 3412 section 6)."""
    inner = len(parameters)
    outer = inner + 1 + len(LENGTHS[inner])
    message = b"".join(
        (
            b"\x02\x01\x03\x30",
            LENGTHS[len(header)],
            header,
            b"\x04",
            LENGTHS[outer],
            b"\x30",
            LENGTHS[inner],
            parameters,
            scoped,
        )
    )
    size = len(message)
    return b"".join((b"0", LENGTHS[size] if size < 4096 else encode_length(size), message))


class _Frame(NamedTuple):
    """What the messages of a user repeat within a second."""

    global_size: int
    """Octets of msgGlobalData after msgID."""
    head: bytes
    """From after msgID to the content of the digest."""
    zeros: bytes
    """The digest while it is computed."""
    tail: bytes
    """What follows the digest, up to a salt."""


class UserSecurity:
    """
    What USM does for one user at one authoritative engine: sign, verify, encrypt, decrypt.

    Belongs to one thread. Its repr shows no key.
    """

    __slots__ = ("_auth", "_cipher", "_engine", "_last_frame", "_levels", "_name", "_salt", "level", "user")

    def __init__(self, user: UsmUser, *, first_salt: int, max_size: int) -> None:
        self.user = user
        self.level = user.level
        self._salt = first_salt & 0xFFFFFFFFFFFFFFFF
        self._auth = Authenticator(user.auth_key, user.auth) if user.auth else None
        self._cipher = cipher(user.priv_key, user.priv) if user.priv else None
        self._engine = encode_octets(user.engine_id)
        self._name = encode_octets(user.name)
        # By level and reportableFlag: what follows msgID in msgGlobalData.
        self._levels = {
            (level, reportable): encode_integer(max_size)
            + bytes((4, 1, _FLAGS[level] | (MessageFlags.REPORTABLE if reportable else 0)))
            + encode_integer(SECURITY_MODEL_USM)
            for level in SecurityLevel
            if level <= self.level
            for reportable in (False, True)
        }
        self._last_frame: tuple[object, _Frame] = (None, _Frame(0, b"", b"", b""))

    def __repr__(self) -> str:
        return f"UserSecurity({self.user!r})"

    def authentic(self, data: bytes, envelope: Envelope) -> bool:
        """Whether the user's key made the HMAC of this message (RFC 3414 section 6.3.2)."""
        return self._auth is not None and self._auth.verify(data, envelope.mac_start, envelope.mac_end)

    def plaintext(self, data: bytes, envelope: Envelope) -> tuple[bytes, int]:
        """
        The octets in which the scopedPDU of a message is, and its offset.

        Raises:
            DecryptionError: no salt of 8 octets (RFC 3414 8.1.1.3, RFC 3826 3.1.4), no ciphertext.
        """
        offset = envelope.data_start
        if envelope.level is not _AUTH_PRIV:
            return data, offset
        tag, start, end = read_tlv(data, offset, len(data))
        if tag != OCTET_STRING or end != len(data) or len(envelope.salt) != 8:
            raise DecryptionError("no encryptedPDU with a salt of 8 octets")
        if self._cipher is None:
            raise DecryptionError("the user has no privacy key")
        return self._cipher.open(envelope.boots, envelope.time_s, envelope.salt, data[start:end]), 0

    def seal(
        self,
        level: SecurityLevel,
        reportable: bool,
        msg_id: int,
        boots: int,
        time_s: int,
        scoped: bytes,
    ) -> bytes:
        """Encode, encrypt and sign a message (RFC 3414 section 3.1)."""
        key = (level, reportable, boots, time_s)
        if self._last_frame[0] != key:
            self._last_frame = (key, self._frame(level, reportable, boots, time_s))
        global_size, head, mac, tail = self._last_frame[1]
        if level is _AUTH_PRIV:
            assert self._cipher is not None
            self._salt = (self._salt + 1) & 0xFFFFFFFFFFFFFFFF
            salt, scoped = self._cipher.seal(boots, time_s, self._salt, scoped)
            size = len(scoped)
            tail = b"".join((tail, salt, b"\x04", LENGTHS[size] if size < 4096 else encode_length(size), scoped))
        else:
            tail += scoped
        number = encode_integer(msg_id)
        start = b"".join((b"\x02\x01\x03\x30", LENGTHS[len(number) + global_size], number, head))
        size = len(start) + len(mac) + len(tail)
        start = b"".join((b"0", LENGTHS[size] if size < 4096 else encode_length(size), start))
        if mac and self._auth is not None:
            mac = self._auth.mac(b"".join((start, mac, tail)))
        return b"".join((start, mac, tail))

    def _frame(self, level: SecurityLevel, reportable: bool, boots: int, time_s: int) -> _Frame:
        header = self._levels[level, reportable]
        mac = b"" if level is _NO_AUTH_NO_PRIV or self._auth is None else self._auth.zeros
        salt_size = 8 if level is _AUTH_PRIV else 0
        known = b"".join((self._engine, encode_integer(boots), encode_integer(time_s), self._name))
        inner = len(known) + 2 + len(mac) + 2 + salt_size
        outer = inner + 1 + len(LENGTHS[inner])
        parts = (header, b"\x04", LENGTHS[outer], b"\x30", LENGTHS[inner], known, bytes((4, len(mac))))
        return _Frame(len(header), b"".join(parts), mac, bytes((4, salt_size)))

    def overhead(self, level: SecurityLevel, context: bytes) -> int:
        """Octets around the PDU of a message below 64 KiB, every number in its longest form."""
        frames = 4 + 3 + (2 + 6 + 6 + 3 + 3) + (3 + 3) + (6 + 6) + 4
        if level is _AUTH_PRIV:
            frames += 8 + 4 + 7  # the salt, the encryptedPDU, the padding of DES
        mac = self._auth.mac_size if self._auth is not None else 0
        return frames + len(self._engine) + len(self._name) + 2 + mac + 2 + len(context)
