"""
From passwords to localized keys (RFC 3414 section 2.6, A.2; RFC 7860 section 9; RFC 3826).

MD5 and DES are for old managers and have to be asked for: MD5 is broken and a DES key falls to a
search in hours. SHA-1 stays for managers that know nothing better; RFC 7860 points to SHA-2.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import Enum, IntEnum

from gateway.wire.errors import SecurityConfigError

SHORTEST_PASSWORD = 8
"""Octets, RFC 3414 section 11.2."""


class SecurityLevel(IntEnum):
    """SnmpSecurityLevel (RFC 3411 section 5)."""

    NO_AUTH_NO_PRIV = 1
    AUTH_NO_PRIV = 2
    AUTH_PRIV = 3


class AuthProtocol(Enum):
    """HMAC protocols by the name that net-snmp gives them."""

    MD5 = "MD5"
    SHA = "SHA"
    SHA224 = "SHA-224"
    SHA256 = "SHA-256"
    SHA384 = "SHA-384"
    SHA512 = "SHA-512"

    @property
    def hash_name(self) -> str:
        """The name that hashlib knows."""
        return "sha1" if self is AuthProtocol.SHA else self.value.replace("-", "").lower()

    @property
    def mac_size(self) -> int:
        """Octets that remain of the HMAC (RFC 3414 section 6.3.1, RFC 7860 section 4.2.1)."""
        return _MAC_SIZES[self]

    @classmethod
    def parse(cls, name: str, *, weak: bool = False) -> AuthProtocol:
        """
        Read a name such as "SHA", "SHA-256" or "sha256"; `weak`: MD5 is wanted none the less.

        Raises:
            SecurityConfigError: unknown, or MD5, which is too weak.
        """
        plain = _plain(name)
        if plain == "MD5" and not weak:
            raise SecurityConfigError("MD5 is weak: use SHA-256 or better")
        for protocol in cls:
            if plain in (_plain(protocol.value), _ALIASES.get(protocol)):
                return protocol
        known = ", ".join(p.value for p in cls if p is not cls.MD5)
        raise SecurityConfigError(f"unknown authentication protocol {name!r}: use one of {known}")


_MAC_SIZES = {
    AuthProtocol.MD5: 12,
    AuthProtocol.SHA: 12,
    AuthProtocol.SHA224: 16,
    AuthProtocol.SHA256: 24,
    AuthProtocol.SHA384: 32,
    AuthProtocol.SHA512: 48,
}


class PrivProtocol(Enum):
    """
    AES-CFB, and CBC-DES, by the name that net-snmp gives them.

    AES-192 and AES-256 need more key than a short hash gives; draft-blumenthal-aes-usm-04 and
    draft-reeder-snmpv3-usm-3desede-00 extend it differently. The second is what net-snmp calls
    "-C", for Cisco. With SHA-256 and longer both agree on AES-256.
    """

    DES = "DES"
    AES = "AES"
    AES192 = "AES-192"
    AES256 = "AES-256"
    AES192_C = "AES-192-C"
    AES256_C = "AES-256-C"

    @property
    def key_size(self) -> int:
        """Octets of the AES key; of DES's key and pre-IV (RFC 3414 section 8.1.1.1)."""
        return {"19": 24, "25": 32}.get(self.value[4:6], 16)

    @property
    def reeder(self) -> bool:
        """Whether a short key is extended as Reeder says, and not as Blumenthal does."""
        return self.value.endswith("-C")

    @classmethod
    def parse(cls, name: str, *, weak: bool = False) -> PrivProtocol:
        """
        Read a name such as "AES", "AES-128", "AES-256" or "aes256c"; `weak`: DES is wanted none the less.

        Raises:
            SecurityConfigError: unknown, or DES, which is too weak.
        """
        plain = _plain(name)
        if plain == "3DES" or (plain == "DES" and not weak):
            raise SecurityConfigError(f"{name} is weak: use AES or AES-256")
        for protocol in cls:
            if plain in (_plain(protocol.value), _ALIASES.get(protocol)):
                return protocol
        known = ", ".join(p.value for p in cls if p is not cls.DES)
        raise SecurityConfigError(f"unknown privacy protocol {name!r}: use one of {known}")


_ALIASES: dict[Enum, str] = {AuthProtocol.SHA: "SHA1", PrivProtocol.AES: "AES128"}


def _plain(name: str) -> str:
    return name.replace("-", "").replace("_", "").upper()


def password_to_key(password: bytes, protocol: AuthProtocol) -> bytes:
    """
    Hash a password, repeated to 1,048,576 octets, to the key Ku (RFC 3414 A.2.2, RFC 7860 9.3).

    Takes a millisecond or more, on purpose.
    """
    if len(password) < SHORTEST_PASSWORD:
        raise SecurityConfigError(f"a password of {len(password)} octets: at least {SHORTEST_PASSWORD} are needed")
    return _stretch(password, protocol)


def _stretch(secret: bytes, protocol: AuthProtocol) -> bytes:
    size = 1 << 20
    digest = hashlib.new(protocol.hash_name)
    chunk = secret * max(1, 4096 // len(secret))
    whole, rest = divmod(size, len(chunk))
    for _ in range(whole):
        digest.update(chunk)
    digest.update(chunk[:rest])
    return digest.digest()


def localize_key(key: bytes, engine_id: bytes, protocol: AuthProtocol) -> bytes:
    """Derive the key Kul of one engine: H(Ku || engineID || Ku) (RFC 3414 section 2.6)."""
    return hashlib.new(protocol.hash_name, key + engine_id + key).digest()


def localize_priv_key(key: bytes, engine_id: bytes, auth: AuthProtocol, priv: PrivProtocol) -> bytes:
    """
    Derive the privacy key of one engine (RFC 3826 section 1.2, and the two drafts for longer keys).
    """
    localized = localize_key(key, engine_id, auth)
    while len(localized) < priv.key_size:
        if priv.reeder:
            localized += localize_key(_stretch(localized, auth), engine_id, auth)
        else:
            localized += hashlib.new(auth.hash_name, localized).digest()
    return localized[: priv.key_size]


@dataclass(frozen=True, slots=True)
class UsmUser:
    """
    A user of one engine, with keys localized to it (usmUserTable, RFC 3414 section 5).

    Keys are in neither repr nor str.
    """

    name: bytes
    engine_id: bytes
    auth: AuthProtocol | None = None
    auth_key: bytes = field(default=b"", repr=False)
    priv: PrivProtocol | None = None
    priv_key: bytes = field(default=b"", repr=False)

    def __post_init__(self) -> None:
        _check_user(self.name, self.auth, self.priv)
        if not 5 <= len(self.engine_id) <= 32:
            raise SecurityConfigError("an engine ID has 5 to 32 octets (RFC 3411 section 5)")
        if self.auth and len(self.auth_key) != hash_size(self.auth):
            raise SecurityConfigError(f"the localized {self.auth.value} key has a wrong length")
        if self.priv and len(self.priv_key) != self.priv.key_size:
            raise SecurityConfigError(f"the localized {self.priv.value} key has a wrong length")

    @property
    def level(self) -> SecurityLevel:
        """The highest security level that this user can have."""
        if self.priv:
            return SecurityLevel.AUTH_PRIV
        return SecurityLevel.AUTH_NO_PRIV if self.auth else SecurityLevel.NO_AUTH_NO_PRIV


@dataclass(frozen=True, slots=True)
class UsmCredentials:
    """
    A user of any engine: keys Ku, not localized yet; they are in neither repr nor str.

    Raises:
        SecurityConfigError: privacy without authentication, a name of 0 or above 32 octets.
    """

    name: bytes
    auth: AuthProtocol | None = None
    auth_master: bytes = field(default=b"", repr=False)
    priv: PrivProtocol | None = None
    priv_master: bytes = field(default=b"", repr=False)

    def __post_init__(self) -> None:
        _check_user(self.name, self.auth, self.priv)
        if self.auth and not self.auth_master:
            raise SecurityConfigError("authentication needs a password")
        if self.priv and not self.priv_master:
            raise SecurityConfigError("privacy needs a password")

    @classmethod
    def from_passwords(
        cls,
        name: bytes,
        auth: AuthProtocol | None = None,
        auth_password: bytes = b"",
        priv: PrivProtocol | None = None,
        priv_password: bytes = b"",
    ) -> UsmCredentials:
        """Hash the passwords; without `priv_password` privacy uses the first one."""
        if auth is None:
            return cls(name, priv=priv)
        auth_master = password_to_key(auth_password, auth)
        if priv is None:
            return cls(name, auth, auth_master)
        same = not priv_password or priv_password == auth_password
        priv_master = auth_master if same else password_to_key(priv_password, auth)
        return cls(name, auth, auth_master, priv, priv_master)

    def localize(self, engine_id: bytes) -> UsmUser:
        """The same user at one engine."""
        if self.auth is None:
            return UsmUser(self.name, engine_id)
        auth_key = localize_key(self.auth_master, engine_id, self.auth)
        if self.priv is None:
            return UsmUser(self.name, engine_id, self.auth, auth_key)
        priv_key = localize_priv_key(self.priv_master, engine_id, self.auth, self.priv)
        return UsmUser(self.name, engine_id, self.auth, auth_key, self.priv, priv_key)


def hash_size(protocol: AuthProtocol) -> int:
    """Octets of the whole hash, which is the length of a key."""
    return hashlib.new(protocol.hash_name).digest_size


def _check_user(name: bytes, auth: AuthProtocol | None, priv: PrivProtocol | None) -> None:
    if not 1 <= len(name) <= 32:
        raise SecurityConfigError("a user name has 1 to 32 octets (RFC 3414 section 5)")
    if priv and not auth:
        raise SecurityConfigError("privacy without authentication does not exist in USM")
