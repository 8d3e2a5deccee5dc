"""Credentials: what people write for a user of SNMPv3, checked, and made into USM's keys."""

from dataclasses import dataclass, field

from gateway.wire.errors import SecurityConfigError
from gateway.wire.usm import AuthProtocol, PrivProtocol, UsmCredentials
from gateway.wire.usm.keys import SHORTEST_PASSWORD


def known_protocol(protocols: type[AuthProtocol] | type[PrivProtocol], name: str, *, weak: bool = False) -> str:
    """
    The name of a protocol that we have; `weak`: MD5 and DES are allowed.

    Raises:
        ValueError: we have not; says which to use.
    """
    try:
        protocols.parse(name, weak=weak)
    except SecurityConfigError as error:
        raise ValueError(str(error)) from error
    return name


def check_password(password: str) -> None:
    """
    Raises:
        ValueError: too short for a key.
    """
    if len(password.encode()) < SHORTEST_PASSWORD:
        raise ValueError(f"a password is too short: RFC 3414 wants at least {SHORTEST_PASSWORD} characters")


@dataclass(frozen=True, slots=True)
class V3Credentials:
    """Protocols by the names of net-snmp; None: not used. Without `priv_password` privacy uses the other one."""

    auth: str | None = None
    auth_password: str | None = field(default=None, repr=False)
    priv: str | None = None
    priv_password: str | None = field(default=None, repr=False)

    def misfits(self) -> list[tuple[str, str]]:
        """(key, what to do) for each that does not fit the others."""
        found = []
        if self.priv is not None and self.auth is None:
            found.append(("auth", "priv needs auth: there is no privacy without authentication in SNMPv3. Add auth"))
        if (self.auth is None) != (self.auth_password is None):
            missing = "auth" if self.auth is None else "auth_password"
            found.append((missing, "auth and auth_password belong together. Give both or none"))
        if self.priv is None and self.priv_password is not None:
            found.append(("priv", "priv_password without priv. Add priv, or take the password out"))
        return found

    def keys(self, user: str) -> UsmCredentials:
        """
        The keys of a user, not yet localized. Hashing a password takes milliseconds, on purpose.

        Whether weak protocols are allowed was asked when the names were checked.
        """
        return UsmCredentials.from_passwords(
            user.encode(),
            AuthProtocol.parse(self.auth, weak=True) if self.auth else None,
            (self.auth_password or "").encode(),
            PrivProtocol.parse(self.priv, weak=True) if self.priv else None,
            (self.priv_password or "").encode(),
        )
