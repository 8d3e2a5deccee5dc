"""Settings of the SNMP agent: where it listens, who may ask, and what they see."""

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Annotated, Final

from pydantic import AfterValidator, Field, SecretStr, field_validator, model_validator

from gateway.config.addresses import parse_address
from gateway.config.misfits import Misfit, misfits
from gateway.config.settings import Settings
from gateway.schema.snmp.arcs import DOCUMENTATION, parse_root
from gateway.schema.snmp.user_fields import UserFields
from gateway.schema.snmp.views import parse_subtree
from gateway.wire.ber import Oid
from gateway.wire.errors import DecodeError
from gateway.wire.snmp import SMALLEST_MAX_SIZE
from gateway.wire.usm.message import LARGEST_MESSAGE

ALL: Final = "all"
"""The view that is always there."""
LOOPBACK: Final = ("127.0.0.0/8", "::1/128")
_WELL_KNOWN: Final = ("public", "private")


def _network(text: str) -> str:
    """A network as it is written; not an address in it with the network's length, which nobody reads as all of it."""
    network = str(ipaddress.ip_network(text, strict=False))
    if "/" in text and ipaddress.ip_interface(text).ip != ipaddress.ip_network(network).network_address:
        raise ValueError(f"{text!r} is an address in {network}. Give that network, or the address without its length")
    return network


def _subtree(text: str) -> str:
    """What a view may have."""
    try:
        parse_subtree(text)
    except DecodeError as error:
        raise ValueError(str(error)) from error
    return text


def _listening(text: str) -> str:
    """An address to listen on."""
    parse_address(text)
    return text


_Network = Annotated[str, AfterValidator(_network)]
_Subtree = Annotated[str, AfterValidator(_subtree)]
_Listen = Annotated[str, AfterValidator(_listening)]


class AskerSettings(Settings):
    """What a community and a user have in common."""

    allow: tuple[_Network, ...] = Field(default=(), description='List networks such as "192.0.2.0/24"; empty: any.')
    """Networks from which it may be used; empty: from anywhere."""
    view: str = Field(default=ALL, description="Name a view, or leave it out.")
    contexts: tuple[str, ...] = Field(default=("*",), description='List contexts, such as "hv-*"; "*" is any.')
    """Which contexts may be asked beside the default one."""


class CommunitySettings(AskerSettings):
    """`[publishers.snmp.communities.NAME]`: a community, for SNMPv1 and v2c. Its name here is only a label."""

    community: SecretStr = Field(min_length=1, max_length=255, description="Give the community, or community_file.")
    context: str = Field(default="", max_length=32, description="Name a context for a console that knows none.")
    """The one context that it opens; empty: the default one, and others as COMMUNITY@CONTEXT."""


class UserSettings(AskerSettings, UserFields):
    """`[publishers.snmp.users.NAME]`: a user of SNMPv3. It is answered only at its highest security level."""

    @classmethod
    def unread(cls, name: str) -> str:
        return "Make them: gateway snmp user add NAME" if name == "keys" else super().unread(name)

    @model_validator(mode="after")
    def _fitting(self) -> "UserSettings":
        if found := self.credentials().misfits():
            raise misfits([((key,), said) for key, said in found])
        return self


class ViewSettings(Settings):
    """`[publishers.snmp.views.NAME]`: parts of the tree: OIDs of whole columns or of what is above, or our names."""

    include: tuple[_Subtree, ...] = Field(description='List OIDs such as "1.3.6.1.2.1.1".')
    exclude: tuple[_Subtree, ...] = Field(default=(), description="List OIDs below those that are included.")


class SnmpSettings(Settings):
    """`[publishers.snmp]`. Nobody may ask but the communities and users that are named."""

    enabled: bool = Field(default=True, description="Give true or false.")
    listen: tuple[_Listen, ...] = Field(
        default=("127.0.0.1:1161",), min_length=1, description='List addresses such as "127.0.0.1:1161" or "[::]:161".'
    )
    enterprise: str = Field(default=f"{DOCUMENTATION}.7163", description="IANA lists them by organisation.")
    """Where our MIB hangs below `enterprises`, in the agent and in all notifications."""
    contact: str = Field(default="", max_length=255, description="Name who looks after this gateway (sysContact).")
    name: str = Field(default="", max_length=255, description="Give the gateway's name (sysName); empty: the host's.")
    location: str = Field(default="", max_length=255, description="Say where it is (sysLocation).")
    max_message_size: int = Field(
        default=LARGEST_MESSAGE,
        ge=SMALLEST_MAX_SIZE,
        le=LARGEST_MESSAGE,
        description="Give octets; 1472 avoids fragments on Ethernet.",
    )
    authentication_traps: bool = Field(default=True, description="Give true or false.")
    """Whether receivers are told when somebody asks with wrong credentials."""
    communities: dict[str, CommunitySettings] = Field(default_factory=dict, description="Write a table for each.")
    users: dict[str, UserSettings] = Field(default_factory=dict, description="Write a table for each.")
    views: dict[str, ViewSettings] = Field(default_factory=dict, description="Write a table for each.")

    @field_validator("enterprise", mode="before")
    @classmethod
    def _root(cls, enterprise: object) -> str:
        text = str(enterprise)
        parse_root(text)
        return text

    @property
    def root(self) -> Oid:
        """The OID of `enterprise`."""
        return parse_root(self.enterprise)

    @field_validator("users")
    @classmethod
    def _names(cls, users: dict[str, UserSettings]) -> dict[str, UserSettings]:
        if wrong := [name for name in users if not 1 <= len(name.encode()) <= 32]:
            said = "a user of SNMPv3 has a name of 1 to 32 octets, this one has {}. Choose another one"
            raise misfits([((name,), said.format(len(name.encode()))) for name in wrong])
        return users

    @model_validator(mode="after")
    def _safe_and_consistent(self) -> "SnmpSettings":
        if found := [*self._unknown_views(), *self._same_communities(), *self._too_open()]:
            raise misfits(found)
        return self

    def _unknown_views(self) -> Iterator[Misfit]:
        known = ", ".join([ALL, *self.views])
        sections: tuple[tuple[str, Mapping[str, CommunitySettings | UserSettings]], ...]
        sections = (("communities", self.communities), ("users", self.users))
        for section, tables in sections:
            for label, each in tables.items():
                if each.view != ALL and each.view not in self.views:
                    yield (section, label, "view"), f"{each.view!r} is no view. Known: {known}"

    def _same_communities(self) -> Iterator[Misfit]:
        seen: dict[str, str] = {}
        for label, each in self.communities.items():
            other = seen.setdefault(each.community.get_secret_value(), label)
            if other != label:
                said = f"two communities are the same, this one and {other!r}. Give one table with both networks"
                yield ("communities", label, "community"), said

    def _too_open(self) -> Iterator[Misfit]:
        address = next((text for text in self.listen if not parse_address(text).loopback), None)
        if address is None:
            return
        if not self.communities and not self.users:
            yield (
                ("listen",),
                f"{address!r} is reachable from other machines and nobody is configured who may ask. "
                "Add [publishers.snmp.users.NAME] (SNMPv3) or [publishers.snmp.communities.NAME]",
            )
        for name, user in self.users.items():
            if user.auth is None:
                yield (
                    ("users", name, "auth"),
                    f"{address!r} is reachable from other machines and this user needs no password. "
                    "Add auth and auth_password, or listen on 127.0.0.1 only",
                )
        for label, each in self.communities.items():
            if each.community.get_secret_value().lower() in _WELL_KNOWN:
                yield (
                    ("listen",),
                    f"{address!r} is reachable from other machines and communities.{label} is a community "
                    "that everybody knows. Choose another one, or listen on 127.0.0.1 only",
                )
