"""Settings of the SNMP agent: where it listens, who may ask, and what they see."""

import ipaddress
from typing import Final

from pydantic import Field, SecretStr, field_validator, model_validator

from gateway.config.settings import Settings
from gateway.schema.snmp.credentials import V3Credentials
from gateway.wire.errors import DecodeError
from gateway.wire.oid import parse_oid
from gateway.wire.snmp import SMALLEST_MAX_SIZE
from gateway.wire.usm.message import LARGEST_MESSAGE

ALL: Final = "all"
"""The view that is always there."""
LOOPBACK: Final = ("127.0.0.0/8", "::1/128")
_WELL_KNOWN: Final = ("public", "private")


class CommunitySettings(Settings):
    """`[publishers.snmp.communities.NAME]`: a community, for SNMPv1 and v2c. Its name here is only a label."""

    community: SecretStr = Field(min_length=1, max_length=255, description="Give the community, or community_file.")
    allow: tuple[str, ...] = Field(default=(), description='List networks such as "192.0.2.0/24"; empty: any.')
    """Networks from which it may be used; empty: from anywhere."""
    view: str = Field(default=ALL, description="Name a view, or leave it out.")

    @field_validator("allow")
    @classmethod
    def _networks(cls, allow: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(str(ipaddress.ip_network(text, strict=False)) for text in allow)


class UserSettings(Settings):
    """`[publishers.snmp.users.NAME]`: a user of SNMPv3. It is answered only at its highest security level."""

    auth: str | None = Field(default=None, description='Give "SHA-256" or another SHA.')
    auth_password: SecretStr | None = Field(default=None, description="Give a password of at least 8 characters.")
    priv: str | None = Field(default=None, description='Give "AES" or "AES-256".')
    priv_password: SecretStr | None = Field(default=None, description="Give a password of at least 8 characters.")
    view: str = Field(default=ALL, description="Name a view, or leave it out.")

    @model_validator(mode="after")
    def _fitting(self) -> "UserSettings":
        self.credentials().check()
        return self

    def credentials(self) -> V3Credentials:
        """The secrets themselves."""
        passwords = (self.auth_password, self.priv_password)
        auth, priv = (each.get_secret_value() if each is not None else None for each in passwords)
        return V3Credentials(self.auth, auth, self.priv, priv)


class ViewSettings(Settings):
    """`[publishers.snmp.views.NAME]`: parts of the tree, by numeric OIDs of whole columns or of what is above them."""

    include: tuple[str, ...] = Field(description='List OIDs such as "1.3.6.1.2.1.1".')
    exclude: tuple[str, ...] = Field(default=(), description="List OIDs below those that are included.")

    @field_validator("include", "exclude")
    @classmethod
    def _numeric(cls, oids: tuple[str, ...]) -> tuple[str, ...]:
        try:
            for text in oids:
                parse_oid(text)
        except DecodeError as error:
            raise ValueError(str(error)) from error
        return oids


class SnmpSettings(Settings):
    """`[publishers.snmp]`. Without communities and users, `public` may ask from this machine."""

    enabled: bool = Field(default=True, description="Give true or false.")
    listen: tuple[str, ...] = Field(
        default=("127.0.0.1:1161",), min_length=1, description='List addresses such as "127.0.0.1:1161" or "[::]:161".'
    )
    contact: str = Field(default="", max_length=255, description="Name who looks after this gateway (sysContact).")
    name: str = Field(default="", max_length=255, description="Give the gateway's name (sysName); empty: the host's.")
    location: str = Field(default="", max_length=255, description="Say where it is (sysLocation).")
    max_message_size: int = Field(
        default=LARGEST_MESSAGE,
        ge=SMALLEST_MAX_SIZE,
        le=LARGEST_MESSAGE,
        description="Give octets; 1472 avoids fragments on Ethernet.",
    )
    communities: dict[str, CommunitySettings] = Field(default_factory=dict, description="Write a table for each.")
    users: dict[str, UserSettings] = Field(default_factory=dict, description="Write a table for each.")
    views: dict[str, ViewSettings] = Field(default_factory=dict, description="Write a table for each.")

    @field_validator("listen")
    @classmethod
    def _addresses(cls, listen: tuple[str, ...]) -> tuple[str, ...]:
        for text in listen:
            parse_address(text)
        return listen

    @field_validator("users")
    @classmethod
    def _names(cls, users: dict[str, UserSettings]) -> dict[str, UserSettings]:
        for name in users:
            if not 1 <= len(name.encode()) <= 32:
                raise ValueError(f"the user name {name!r} has more than 32 octets. Shorten it")
        return users

    @model_validator(mode="after")
    def _safe_and_consistent(self) -> "SnmpSettings":
        views = [(label, each.view) for label, each in self.communities.items()]
        views += [(label, each.view) for label, each in self.users.items()]
        for label, view in views:
            if view != ALL and view not in self.views:
                known = ", ".join([ALL, *self.views])
                raise ValueError(f"{label}.view = {view!r} is no view. Known: {known}")
        secrets = [each.community.get_secret_value() for each in self.communities.values()]
        if len(set(secrets)) != len(secrets):
            raise ValueError("two communities are the same. Give one table with both networks")
        open_to_others = [text for text in self.listen if not is_loopback(text)]
        if open_to_others:
            self._check_open(open_to_others[0])
        return self

    def _check_open(self, address: str) -> None:
        if not self.communities and not self.users:
            raise ValueError(
                f"listen = {address!r} is reachable from other machines and nobody is configured who may ask. "
                "Add [publishers.snmp.users.NAME] (SNMPv3) or [publishers.snmp.communities.NAME]"
            )
        for label, each in self.communities.items():
            if each.community.get_secret_value().lower() in _WELL_KNOWN:
                raise ValueError(
                    f"listen = {address!r} is reachable from other machines and communities.{label} is a community "
                    "that everybody knows. Choose another one, or listen on 127.0.0.1 only"
                )


def parse_address(text: str) -> tuple[str, int]:
    """
    (address, port) of "127.0.0.1:1161" or "[::1]:1161".

    Raises:
        ValueError: not of that form.
    """
    host, colon, port = text.rpartition(":")
    if not colon or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise ValueError(f'{text!r} is no address with a port. Write "127.0.0.1:1161" or "[::1]:1161"')
    plain = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    try:
        address = ipaddress.ip_address(plain)
    except ValueError:
        raise ValueError(f'{host!r} is no IP address. Write "127.0.0.1:1161" or "[::1]:1161"') from None
    if (address.version == 6) != (plain is not host):
        raise ValueError(f'{text!r}: write an IPv6 address as "[::1]:1161", an IPv4 address without brackets')
    return plain, int(port)


def is_loopback(text: str) -> bool:
    """Whether only this machine can reach the address."""
    return ipaddress.ip_address(parse_address(text)[0]).is_loopback
