"""Twins: two hosts of a fleet that lead to one daemon, and would make two places, and a split brain, of one."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from gateway.collectors.libvirt.records import HostFacts
from gateway.collectors.libvirt.settings import LibvirtSettings


@dataclass(frozen=True, slots=True)
class Daemon:
    """What a daemon says of itself, and its domains (UUIDs; None: it was not read since the start)."""

    identity: str
    """Empty: it says too little to be told from another."""
    domains: frozenset[str] | None = None


class Twins:
    """
    Which daemon each host is. Pure.

    The host that was read first keeps its daemon, also while it is silent and over a restart: were the other one read
    in its place, what runs there would seem to have moved.
    """

    def __init__(self, settings: LibvirtSettings, known: Mapping[str, str]) -> None:
        """`known`: `identities` of an earlier process."""
        self._settings = settings
        self._daemons = {host: Daemon(known[host]) for host in settings.hosts if host in known}

    @property
    def identities(self) -> dict[str, str]:
        """By host, what its daemon says of itself."""
        return {host: daemon.identity for host, daemon in self._daemons.items()}

    def refusal(self, host: str, facts: HostFacts, domains: Collection[str]) -> str:
        """Why a host that was read is to be left out; empty: it is itself, and is remembered."""
        found = Daemon(_identity(self._settings.hosts[host].address.uri, facts), frozenset(domains))
        before = self._daemons.pop(host, None)
        was_apart = before is not None and before.identity == found.identity
        for name, other in self._daemons.items():
            if _are_one(found, other, was_apart):
                agree = f"machine, host name {facts.host_name} and domains agree"
                return (
                    f"it is the same host as {name}: {agree}. Take it out of hosts: {name} is the one that is followed"
                )
        self._daemons[host] = found
        return ""


def _identity(uri: str, facts: HostFacts) -> str:
    """The machine, the driver and whose domains they are (system, session)."""
    uuid = facts.uuid or facts.system_uuid
    parts = (facts.driver.upper(), uuid, facts.host_name, urlsplit(uri).path.strip("/"))
    return "/".join(parts) if uuid and facts.host_name else ""


def _are_one(found: Daemon, other: Daemon, was_apart: bool) -> bool:
    """Two daemons of one machine, in containers, say the same of the machine; each has domains of its own."""
    if not found.identity or found.identity != other.identity:
        return False
    if other.domains is None or found.domains is None:
        return not was_apart
    return found.domains == other.domains or not found.domains.isdisjoint(other.domains)
