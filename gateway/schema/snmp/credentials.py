"""Credentials: what people write for a user of SNMPv3, checked, and made into USM's keys."""

from dataclasses import dataclass, field

from gateway.schema.snmp.keys import LocalizedKeys
from gateway.wire.errors import SecurityConfigError
from gateway.wire.usm import AuthProtocol, PrivProtocol, UsmCredentials, UsmUser
from gateway.wire.usm.keys import SHORTEST_PASSWORD


def known_protocol(
    protocols: type[AuthProtocol] | type[PrivProtocol], name: str, *, weak: bool = False, allowing: str
) -> str:
    """
    The name of a protocol that we have; `weak`: MD5 and DES are allowed, which one writes as `allowing`.

    Raises:
        ValueError: we have not; says which to use.
    """
    try:
        protocols.parse(name, weak=weak)
    except SecurityConfigError as error:
        allowed = "" if weak or not _is_known(protocols, name) else f"; {allowing} takes it all the same"
        raise ValueError(f"{error}{allowed}") from error
    return name


def _is_known(protocols: type[AuthProtocol] | type[PrivProtocol], name: str) -> bool:
    """Weak or not."""
    try:
        protocols.parse(name, weak=True)
    except SecurityConfigError:
        return False
    return True


def check_password(password: str) -> None:
    """
    Raises:
        ValueError: too short for a key.
    """
    if len(password.encode()) < SHORTEST_PASSWORD:
        raise ValueError(f"a password is too short: RFC 3414 wants at least {SHORTEST_PASSWORD} characters")


@dataclass(frozen=True, slots=True)
class V3Credentials:
    """
    Protocols by the names of net-snmp; None: not used. The secrets are passwords, or keys of one engine.

    Without `priv_password` privacy uses the other one.
    """

    auth: str | None = None
    auth_password: str | None = field(default=None, repr=False)
    priv: str | None = None
    priv_password: str | None = field(default=None, repr=False)
    localized: LocalizedKeys | None = None

    @property
    def auth_protocol(self) -> AuthProtocol | None:
        """Whether weak protocols are allowed was asked when the names were checked."""
        return AuthProtocol.parse(self.auth, weak=True) if self.auth else None

    @property
    def priv_protocol(self) -> PrivProtocol | None:
        return PrivProtocol.parse(self.priv, weak=True) if self.priv else None

    def misfits(self) -> list[tuple[str, str]]:
        """(key, what to do) for each that does not fit the others."""
        found = []
        if self.priv is not None and self.auth is None:
            found.append(("auth", "priv needs auth: there is no privacy without authentication in SNMPv3. Add auth"))
        if self.localized is not None:
            return found + self._misfits_of_keys(self.localized)
        if (self.auth is None) != (self.auth_password is None):
            missing = "auth" if self.auth is None else "auth_password"
            found.append((missing, "auth and auth_password (or keys) belong together. Give both or none"))
        if self.priv is None and self.priv_password is not None:
            found.append(("priv", "priv_password without priv. Add priv, or take the password out"))
        return found

    def _misfits_of_keys(self, given: LocalizedKeys) -> list[tuple[str, str]]:
        if self.auth_password is not None or self.priv_password is not None:
            return [("keys", "there are keys and a password. Keep one of them")]
        if self.auth is None:
            return [("auth", "keys without auth. Add the protocols with which the keys were made")]
        try:
            given.user("x", self.auth_protocol, self.priv_protocol)
        except SecurityConfigError as error:
            return [("keys", f"{error}. Give the protocols with which they were made, or make them anew")]
        return []

    def keys(self, user: str) -> UsmCredentials:
        """The keys of a user at any engine, from passwords. Hashing one takes milliseconds, on purpose."""
        return UsmCredentials.from_passwords(
            user.encode(),
            self.auth_protocol,
            (self.auth_password or "").encode(),
            self.priv_protocol,
            (self.priv_password or "").encode(),
        )

    def at(self, user: str, engine_id: bytes) -> UsmUser:
        """
        A user at one engine.

        Raises:
            SecurityConfigError: the keys are those of another engine.
        """
        if self.localized is None:
            return self.keys(user).localize(engine_id)
        if self.localized.engine_id != engine_id:
            raise SecurityConfigError(
                f"the keys (keys_file or keys) were made for the engine {self.localized.engine_id.hex()}, and this one "
                f"is {engine_id.hex()}"
            )
        return self.localized.user(user, self.auth_protocol, self.priv_protocol)
