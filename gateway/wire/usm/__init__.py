"""User-based Security Model (RFC 3414) with AES (RFC 3826) and HMAC-SHA-2 (RFC 7860)."""

from gateway.wire.usm.authoritative import AuthoritativeEngine, OpenedRequest
from gateway.wire.usm.keys import (
    AuthProtocol,
    PrivProtocol,
    SecurityLevel,
    UsmCredentials,
    UsmUser,
    password_to_key,
)
from gateway.wire.usm.session import RemoteSession, Reply

__all__ = [
    "AuthProtocol",
    "AuthoritativeEngine",
    "OpenedRequest",
    "PrivProtocol",
    "RemoteSession",
    "Reply",
    "SecurityLevel",
    "UsmCredentials",
    "UsmUser",
    "password_to_key",
]
