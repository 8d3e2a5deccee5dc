"""
Envelopes that were met before, but for msgID, digest and salt: found as a whole, in a fifth of the time.

A manager repeats all else within a second: sizes, flags, engine, boots, time and user. Only what passed all
checks of RFC 3414 section 3.2 up to the digest is remembered; digest and time are checked for each message.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from gateway.wire.ber import LENGTH_IN, SEQUENCE
from gateway.wire.usm.message import Envelope, UserSecurity


class _Frame(NamedTuple):
    """Where the parts of a usual message are."""

    key: bytes
    msg_id: int
    mac_start: int


class Envelopes:
    """The envelopes that one engine has lately met, and whose they are. Bounded."""

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[Envelope, UserSecurity]] = {}

    def find(self, data: bytes) -> tuple[Envelope, UserSecurity] | None:
        """What `parse_envelope` returns, and the user; None for what was not met."""
        frame = _frame(data)
        if frame is None:
            return None
        known = self._known.get(frame[0])
        if known is None:
            return None
        envelope, security = known
        mac_start = frame[2]
        mac_end = mac_start + envelope.mac_end - envelope.mac_start
        start = mac_end + 2 + len(envelope.salt)
        if data[mac_end : mac_end + 2] != (_NO_SALT if start == mac_end + 2 else _SALT):
            return None
        return _new_tuple(
            Envelope,
            (frame[1], *envelope[1:8], mac_start, mac_end, data[mac_end + 2 : start], start),
        ), security

    def remember(self, data: bytes, envelope: Envelope, security: UserSecurity) -> None:
        """Know this envelope from now on, if it is a usual one."""
        frame = _frame(data)
        if frame is None or frame.mac_start != envelope.mac_start or len(envelope.salt) not in (0, 8):
            return
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[frame.key] = (envelope, security)


_MOST: Final = 256
_NO_SALT: Final = b"\x04\x00"
_SALT: Final = b"\x04\x08"
_new_tuple: Final = tuple.__new__


def _frame(data: bytes) -> _Frame | None:
    """
    Step over a message to its digest, by the lengths that a usual one has (RFC 3412 section 6, RFC 3414 2.4).

    Whether they are what they should be is known of a key that was remembered.
    """
    size = len(data)
    if size >= len(LENGTH_IN):
        return None
    try:
        length = LENGTH_IN[size]
        start = 1 + len(length)
        rest = start + 7 + data[start + 6]  # after msgID
        if data[0] != SEQUENCE or data[1:start] != length or data[start + 7] & 0x80:
            return None
        place = rest + 13 + data[rest + 1]  # msgMaxSize, msgFlags, model, two headers: the engine's length
        place += data[place] + 2  # boots
        place += data[place] + 2  # time
        place += data[place] + 2  # user
        place += data[place] + 3  # the digest
    except IndexError:
        return None
    key = data[start : start + 7] + data[rest:place]
    return _new_tuple(_Frame, (key, int.from_bytes(data[start + 7 : rest], "big"), place))
