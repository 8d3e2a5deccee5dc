"""Localized keys: the secret of a user of SNMPv3 at one engine (RFC 3414 section 2.6), worth nothing at another one."""

from dataclasses import dataclass, field

from gateway.wire.errors import SecurityConfigError
from gateway.wire.usm import AuthProtocol, PrivProtocol, UsmUser

_FORM = "must be ENGINE:KEY or ENGINE:KEY:KEY in hexadecimal digits, as gateway snmp user add writes it"


@dataclass(frozen=True, slots=True)
class LocalizedKeys:
    """Keys of one engine, for authentication and for privacy (empty: none). They are in neither repr nor str."""

    engine_id: bytes
    auth_key: bytes = field(repr=False)
    priv_key: bytes = field(default=b"", repr=False)

    @classmethod
    def of(cls, user: UsmUser) -> "LocalizedKeys":
        """What has to be kept of a user."""
        return cls(user.engine_id, user.auth_key, user.priv_key)

    @classmethod
    def parse(cls, text: str) -> "LocalizedKeys":
        """
        Read what `text` gives.

        Raises:
            ValueError: it is not of that form; what was given is not repeated.
        """
        try:
            engine_id, auth_key, *priv_key = (bytes.fromhex(part) for part in text.strip().split(":"))
        except ValueError:
            raise ValueError(_FORM) from None
        if len(priv_key) > 1 or not auth_key or not 5 <= len(engine_id) <= 32:
            raise ValueError(_FORM)
        return cls(engine_id, auth_key, *priv_key)

    def text(self) -> str:
        """One line: a secret."""
        return ":".join(part.hex() for part in (self.engine_id, self.auth_key, self.priv_key) if part)

    def user(self, name: str, auth: AuthProtocol | None, priv: PrivProtocol | None) -> UsmUser:
        """
        The user that has these keys.

        Raises:
            SecurityConfigError: they have not the lengths of these protocols.
        """
        if self.priv_key and priv is None:
            raise SecurityConfigError("there is a key for privacy, and no protocol")
        return UsmUser(name.encode(), self.engine_id, auth, self.auth_key, priv, self.priv_key)
