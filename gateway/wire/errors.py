"""
Errors of the codecs, one small tree.

    WireError
    ├── EncodeError               a value that the standard cannot express
    ├── SecurityConfigError       protocols or secrets of a user that we refuse
    └── DecodeError               octets that are not what they claim to be
        ├── UnknownVersionError   counted apart (RFC 3418, RFC 3412 section 7.2), as are the next three
        ├── UnknownSecurityModelError
        ├── InvalidFlagsError
        ├── UnexpectedPduError    a PDU that is no request
        └── UsmError              RFC 3414 section 3.2: discard, count, perhaps send a Report
            ├── UnsupportedSecurityLevelError
            ├── NotInTimeWindowError
            ├── UnknownUserNameError
            ├── UnknownEngineIdError
            ├── WrongDigestError
            └── DecryptionError
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar


class WireError(Exception):
    """Base of everything that a codec raises."""


class EncodeError(WireError):
    """A value is out of the range or the size that the standard allows."""


class DecodeError(WireError):
    """The octets are truncated, malformed, or outside the limits that we accept."""


class UnknownVersionError(DecodeError):
    """Neither SNMPv1, nor v2c, nor v3."""


class UnknownSecurityModelError(DecodeError):
    """An SNMPv3 message of another security model than USM."""


class InvalidFlagsError(DecodeError):
    """SNMPv3 flags that contradict each other: privacy without authentication."""


class UnexpectedPduError(DecodeError):
    """A PDU of its version, but nothing that an agent answers: a Response, a Report, a trap."""


class UsmCounter(IntEnum):
    """Last sub-identifier of a counter below usmStats, 1.3.6.1.6.3.15.1.1 (RFC 3414 section 5)."""

    UNSUPPORTED_SEC_LEVELS = 1
    NOT_IN_TIME_WINDOWS = 2
    UNKNOWN_USER_NAMES = 3
    UNKNOWN_ENGINE_IDS = 4
    WRONG_DIGESTS = 5
    DECRYPTION_ERRORS = 6

    @property
    def oid(self) -> tuple[int, ...]:
        """The instance that a Report carries, such as usmStatsUnknownEngineIDs.0."""
        return (1, 3, 6, 1, 6, 3, 15, 1, 1, int(self), 0)


@dataclass(frozen=True, slots=True)
class ReportTarget:
    """What a Report has to repeat from the message that caused it (RFC 3412 section 7.1)."""

    msg_id: int
    request_id: int
    user_name: bytes
    max_size: int


class UsmError(DecodeError):
    """
    A v3 message that USM refuses (RFC 3414 section 3.2).

    `report_to` says to whom a Report is due; it is None for a PDU that nobody answers, or when the
    PDU cannot be read and the sender did not set the reportableFlag (RFC 3412 section 7.1 step 3).
    """

    counter: ClassVar[UsmCounter]

    def __init__(self, message: str, report_to: ReportTarget | None = None) -> None:
        super().__init__(message)
        self.report_to = report_to


class UnsupportedSecurityLevelError(UsmError):
    """The user is known but not configured for this security level (3.2 step 5)."""

    counter = UsmCounter.UNSUPPORTED_SEC_LEVELS


class NotInTimeWindowError(UsmError):
    """Authentic, but boots or time are outside the window of 150 s (3.2 step 7)."""

    counter = UsmCounter.NOT_IN_TIME_WINDOWS


class UnknownUserNameError(UsmError):
    """No such user here (3.2 step 4)."""

    counter = UsmCounter.UNKNOWN_USER_NAMES


class UnknownEngineIdError(UsmError):
    """Addressed to another engine, or a discovery (3.2 step 3, section 4)."""

    counter = UsmCounter.UNKNOWN_ENGINE_IDS


class WrongDigestError(UsmError):
    """The message is not authentic (3.2 step 6)."""

    counter = UsmCounter.WRONG_DIGESTS


class DecryptionError(UsmError):
    """Authentic, but it could not be decrypted (3.2 step 8)."""

    counter = UsmCounter.DECRYPTION_ERRORS


class SecurityConfigError(WireError, ValueError):
    """A user's protocols or secrets are unknown, too weak, or do not fit together."""
