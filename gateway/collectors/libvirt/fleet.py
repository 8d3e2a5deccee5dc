"""What the hosts of a fleet know of each other's domains: where each belongs."""

from collections.abc import Collection
from dataclasses import dataclass, field
from enum import IntEnum

from gateway.collectors.libvirt.storage import Storage
from gateway.model.entities import EntityKind, NativeKey


class Hold(IntEnum):
    """How firmly a host has a domain; the firmest has the word."""

    LEFT_BEHIND = 0
    """A definition that stayed where it was migrated away from."""
    INACTIVE = 1
    ACTIVE = 2


@dataclass(slots=True)
class Fleet:
    """
    One for each source, shared by its hosts. Pure.

    Several hosts may know one domain: where it runs, and where definitions of it stayed. One is its home, and only
    that one speaks of its state.
    """

    storage: Storage = field(default_factory=Storage)
    _holds: dict[str, dict[str, Hold]] = field(default_factory=dict)
    """By domain: how each host has it, what changed last at the end."""
    _of_hosts: dict[str, frozenset[NativeKey]] = field(default_factory=dict)
    """By host: what it has beside domains (itself, its pools and networks), as it was told last."""

    def claim(self, uuid: str, host: str, hold: Hold) -> bool:
        """A host has a domain; returns whether it is its home."""
        holds = self._holds.setdefault(uuid, {})
        if holds.get(host) is not hold:
            holds.pop(host, None)
            if hold is Hold.ACTIVE:  # who had it until now says so again, or has lost it
                for other, had in holds.items():
                    holds[other] = min(had, Hold.INACTIVE)
            holds[host] = hold
        return len(holds) == 1 or self._home(holds) == host

    def has(self, host: str, keys: frozenset[NativeKey], kinds: Collection[EntityKind]) -> frozenset[NativeKey]:
        """A host has these, and nothing else of these kinds. Returns these and what of the kinds it had before."""
        before = self._of_hosts.get(host, frozenset())
        if before != keys:
            self._of_hosts[host] = keys | {key for key in before if key.kind not in kinds}
        return keys | {key for key in before if key.kind in kinds}

    def release(self, uuid: str, host: str) -> None:
        """A host does not know the domain any more: another one's definition of it may speak."""
        holds = self._holds.get(uuid, {})
        holds.pop(host, None)
        if not holds:
            self._holds.pop(uuid, None)

    def runs_elsewhere(self, uuid: str, host: str) -> bool:
        """It is active on another host, as far as that was heard of."""
        return any(hold is Hold.ACTIVE for other, hold in self._holds.get(uuid, {}).items() if other != host)

    def others(self, uuid: str, host: str) -> list[str]:
        """Other hosts that have it, in any way."""
        return [other for other in self._holds.get(uuid, ()) if other != host]

    @staticmethod
    def _home(holds: dict[str, Hold]) -> str:
        """The host that has it most firmly; of several the one of which that was heard last."""
        firmest = max(holds.values())
        return next(host for host in reversed(holds) if holds[host] is firmest)
