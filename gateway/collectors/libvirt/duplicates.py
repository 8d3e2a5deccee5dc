"""Domains that are active on two hosts at once: both are read again until one of them is not."""

from dataclasses import dataclass, field

from gateway.collectors.libvirt.reader import Reading
from gateway.collectors.libvirt.records import HostReading
from gateway.collectors.libvirt.states import is_active, is_in_transit

FIRST_S, LONGEST_S = 5.0, 60.0
"""When both are read again; a conflict that stays is looked at less and less often."""


@dataclass(slots=True)
class _Conflict:
    due: float
    pause_s: float = FIRST_S


@dataclass(slots=True)
class Duplicates:
    """
    Keeps which domains are active where, by all readings of a fleet. Times: monotonic seconds.

    An old host and a new one both read after the conflict began are what confirms or drops it.
    """

    _active: dict[str, set[str]] = field(default_factory=dict)
    """By host."""
    _hosts: dict[str, set[str]] = field(default_factory=dict)
    """By domain."""
    _conflicts: dict[str, _Conflict] = field(default_factory=dict)

    def note(self, reading: Reading, now: float) -> None:
        """Take over what a host says."""
        active = {d.status.uuid for d in reading.domains if is_active(d.status) and not is_in_transit(d.status)}
        known = self._active.setdefault(reading.host, set())
        about = known | active if isinstance(reading, HostReading) else set(reading.uuids)
        for uuid in (about & known) - active:
            self._ended(uuid, reading.host)
        for uuid in active - known:
            self._began(uuid, reading.host, now)
        known -= about
        known |= active

    def forget(self, host: str) -> None:
        """A host is lost: what was active there counts no more, until it is read again."""
        for uuid in self._active.pop(host, ()):
            self._ended(uuid, host)

    def due_in_s(self, now: float) -> float | None:
        """Seconds until somebody has to be read again; None: nobody."""
        return (
            min((conflict.due for conflict in self._conflicts.values()), default=now) - now if self._conflicts else None
        )

    def due(self, now: float) -> frozenset[str]:
        """The hosts that have to be read again now."""
        hosts: set[str] = set()
        for uuid, conflict in self._conflicts.items():
            if conflict.due <= now:
                hosts |= self._hosts[uuid]
                conflict.due, conflict.pause_s = now + conflict.pause_s, min(conflict.pause_s * 2, LONGEST_S)
        return frozenset(hosts)

    def _began(self, uuid: str, host: str, now: float) -> None:
        hosts = self._hosts.setdefault(uuid, set())
        hosts.add(host)
        if len(hosts) > 1:
            self._conflicts[uuid] = _Conflict(now + FIRST_S)

    def _ended(self, uuid: str, host: str) -> None:
        hosts = self._hosts[uuid]
        hosts.discard(host)
        if len(hosts) < 2:
            self._conflicts.pop(uuid, None)
        if not hosts:
            del self._hosts[uuid]
