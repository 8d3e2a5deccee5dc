"""`[sources.NAME]` of a libvirt fleet."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator

from gateway.collectors.libvirt.address import EXAMPLE, Address, parse_uri
from gateway.config.misfits import Misfit, misfits
from gateway.config.settings import Settings, SourceSettings

MOST_HOSTS = 2000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


class HostSettings(Settings):
    """One host: its URI, or a table with these keys."""

    uri: str = Field(max_length=2000, description=f'Give a libvirt URI such as "{EXAMPLE}".')
    agent_uri: str = Field(default="", max_length=2000, description="Give a libvirt URI that may write.")
    """Where guest agents are asked (`guest_agent`): needs more rights than reading; default: `uri`."""

    @model_validator(mode="after")
    def _are_uris(self) -> Self:
        found: list[Misfit] = []
        for key, uri in (("uri", self.uri), ("agent_uri", self.agent_uri)):
            try:
                if uri or key == "uri":
                    parse_uri(uri)
            except ValueError as error:
                found.append(((key,), str(error)))
        if found:
            raise misfits(found)
        return self

    @property
    def address(self) -> Address:
        return parse_uri(self.uri)

    @property
    def agent_address(self) -> Address:
        return parse_uri(self.agent_uri or self.uri)


class LibvirtSettings(SourceSettings):
    """A fleet: its hosts, and how they are followed. Events come at once; the intervals are for what has none."""

    interval_s: float = Field(default=60.0, ge=1, le=86_400, description="Give 1 to 86400 seconds.")
    """How often the list of domains of a host is read at the least."""
    hosts: dict[str, HostSettings] = Field(
        min_length=1, max_length=MOST_HOSTS, description=f'Give a table of hosts: h1 = "{EXAMPLE}".'
    )
    """By the name that they have in the topology."""
    username: str = Field(default="", max_length=200, description="Give the SASL user.")
    password: SecretStr | None = Field(default=None, description="Give the SASL password, best by password_file.")
    connect_timeout_s: float = Field(default=3.0, gt=0, le=60, description="Give 0.1 to 60 seconds.")
    """How long a host may take to accept a connection and say a first word."""
    open_timeout_s: float = Field(default=20.0, gt=0, le=300, description="Give 1 to 300 seconds.")
    """How long libvirt may take to open the connection (TLS, SASL, ssh)."""
    call_timeout_s: float = Field(default=10.0, gt=0, le=300, description="Give 1 to 300 seconds.")
    """How long one call may take."""
    keepalive_s: int = Field(default=5, ge=1, le=300, description="Give 1 to 300 seconds.")
    keepalive_count: int = Field(default=3, ge=1, le=20, description="Give 1 to 20.")
    """A host that leaves so many questions unanswered, one each `keepalive_s`, is unreachable."""
    coalesce_s: float = Field(default=0.1, ge=0, le=10, description="Give 0 to 10 seconds.")
    """From an event to the read that it asks for: what comes in between is read together."""
    definitions_s: float = Field(default=900.0, ge=10, le=86_400, description="Give 10 to 86400 seconds.")
    """How often definitions, pools and networks are read again though nothing told of a change."""
    guest_agent: bool = Field(default=False, description="Give true or false.")
    """Ask guest agents; needs a connection that may write."""
    agent_interval_s: float = Field(default=300.0, ge=10, le=86_400, description="Give 10 to 86400 seconds.")
    agent_timeout_s: float = Field(default=5.0, gt=0, le=60, description="Give 0.1 to 60 seconds.")
    shared_pools: tuple[str, ...] = Field(
        default=(), max_length=1000, description='Give names or target paths of pools, such as "images".'
    )
    """Pools whose definition does not prove that all hosts that have them share them, and do."""

    record: Path | None = Field(default=None, description="Name a folder that the gateway may write to.")
    """Where what hosts tell is recorded, for `gateway replay libvirt FILE`; a file for each start."""

    @field_validator("hosts", mode="before")
    @classmethod
    def _short_form(cls, hosts: Any) -> Any:
        """`h1 = "URI"` is `h1 = { uri = "URI" }`."""
        if not isinstance(hosts, Mapping):
            return hosts
        return {name: {"uri": host} if isinstance(host, str) else host for name, host in hosts.items()}

    @field_validator("shared_pools")
    @classmethod
    def _are_names(cls, pools: tuple[str, ...]) -> tuple[str, ...]:
        if any(not pool.strip() for pool in pools):
            raise ValueError("an empty name in it")
        return pools

    @property
    def addresses(self) -> Mapping[str, str]:
        return {host.address.place: f"hosts.{name}" for name, host in self.hosts.items()}

    @field_validator("record")
    @classmethod
    def _can_be_written(cls, record: Path | None, info: ValidationInfo) -> Path | None:
        """The folder, or the next above it that is there, takes files; it is made when the recording begins."""
        if record is None:
            return None
        base: Path = (info.context or {}).get("base", Path())
        folder = (base / record.expanduser()).absolute()
        there = next(each for each in (folder, *folder.parents) if each.exists())
        if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
            why = f"{there} is no folder" if not there.is_dir() else f"{there} may not be written to by this user"
            raise ValueError(f"cannot take recordings: {why}. Name a folder that the gateway may write to")
        return record

    @model_validator(mode="after")
    def _are_apart(self) -> Self:
        """Each URI is one host; two names for it would make two places of one."""
        found: list[Misfit] = []
        first: dict[str, str] = {}
        for name, host in self.hosts.items():
            if not _NAME.fullmatch(name):
                found.append((("hosts", name), "is no usable name. Use letters, digits, '.', '_' and '-', at most 128"))
            same = first.setdefault(host.address.place, name)
            if same != name:
                found.append((("hosts", name), f"is the same host as hosts.{same}. Leave one of them out"))
        if self.password is not None and not self.username:
            found.append((("username",), "is missing. Name the SASL user whose password is given"))
        if self.username and self.password is None:
            found.append((("password_file",), "is missing. Name a file with the SASL password of the user"))
        if found:
            raise misfits(found)
        return self
