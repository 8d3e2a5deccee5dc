"""Credentials: what people write for a user of SNMPv3, checked, and made into USM's keys."""

from dataclasses import dataclass, field

from gateway.wire.errors import SecurityConfigError
from gateway.wire.usm import AuthProtocol, PrivProtocol, UsmCredentials
from gateway.wire.usm.keys import SHORTEST_PASSWORD


@dataclass(frozen=True, slots=True)
class V3Credentials:
    """Protocols by the names of net-snmp; None: not used. Without `priv_password` privacy uses the other one."""

    auth: str | None = None
    auth_password: str | None = field(default=None, repr=False)
    priv: str | None = None
    priv_password: str | None = field(default=None, repr=False)

    def check(self) -> None:
        """
        Raises:
            ValueError: they do not fit together; says what to do.
        """
        try:
            if self.auth is not None:
                AuthProtocol.parse(self.auth)
            if self.priv is not None:
                PrivProtocol.parse(self.priv)
        except SecurityConfigError as error:
            raise ValueError(str(error)) from error
        if self.priv is not None and self.auth is None:
            raise ValueError("priv needs auth: there is no privacy without authentication in SNMPv3. Add auth")
        if (self.auth is None) != (self.auth_password is None):
            raise ValueError("auth and auth_password belong together. Give both or none")
        if self.priv is None and self.priv_password is not None:
            raise ValueError("priv_password without priv. Add priv, or take the password out")
        for password in (self.auth_password, self.priv_password):
            if password is not None and len(password.encode()) < SHORTEST_PASSWORD:
                raise ValueError(f"a password is too short: RFC 3414 wants at least {SHORTEST_PASSWORD} characters")

    def keys(self, user: str) -> UsmCredentials:
        """The keys of a user, not yet localized. Hashing a password takes milliseconds, on purpose."""
        return UsmCredentials.from_passwords(
            user.encode(),
            AuthProtocol.parse(self.auth) if self.auth else None,
            (self.auth_password or "").encode(),
            PrivProtocol.parse(self.priv) if self.priv else None,
            (self.priv_password or "").encode(),
        )
