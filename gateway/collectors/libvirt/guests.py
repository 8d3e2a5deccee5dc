"""What guest agents told, for the whole fleet: a guest that moves takes it along."""

from collections.abc import Iterable, Mapping
from typing import Any

from gateway.collectors.libvirt.reader import Reading
from gateway.collectors.libvirt.records import Guest, HostReading
from gateway.collectors.libvirt.states import is_active


class Guests:
    """By UUID of the domain: what its agent told last, and which hosts know the domain."""

    def __init__(self, known: Iterable[Guest] = (), hosts: Iterable[str] = ()) -> None:
        """`known`: what was saved. `hosts`: when all of these were read, guests that none of them knows are dropped."""
        self._guests = {guest.uuid: guest for guest in known}
        self._unread = set(hosts)
        self._hosts: dict[str, dict[str, bool]] = {}
        """By host: the domains that it knows, and whether they are active there."""
        self.version = 0
        """Rises with each change of what agents told."""

    def note(self, reading: Reading) -> None:
        """Take over which domains a host knows. What is known of a guest goes with the last host that knows it."""
        known = self._hosts.setdefault(reading.host, {})
        before = set(known)
        for uuid in before if isinstance(reading, HostReading) else reading.uuids:
            known.pop(uuid, None)
        known.update((domain.status.uuid, is_active(domain.status)) for domain in reading.domains)
        self._drop(before - set(known))
        if reading.host in self._unread and isinstance(reading, HostReading):
            self._unread.remove(reading.host)
            if not self._unread:
                self._drop(set(self._guests))

    def learn(self, guest: Guest) -> bool:
        """Take what an agent told; False when that was known."""
        if self._guests.get(guest.uuid) == guest:
            return False
        self._guests[guest.uuid] = guest
        self.version += 1
        return True

    def of(self, reading: Reading) -> dict[str, Guest]:
        """The guests of a reading; one that is not active there but elsewhere is not its guest."""
        found: dict[str, Guest] = {}
        for domain in reading.domains:
            uuid = domain.status.uuid
            if uuid in self._guests and (is_active(domain.status) or not self._active_somewhere(uuid)):
                found[uuid] = self._guests[uuid]
        return found

    def _drop(self, uuids: Iterable[str]) -> None:
        """Forget those of these that no host knows."""
        for uuid in uuids:
            if uuid in self._guests and not any(uuid in others for others in self._hosts.values()):
                del self._guests[uuid]
                self.version += 1

    @property
    def all(self) -> tuple[Guest, ...]:
        """All that is known, by UUID."""
        return tuple(self._guests[uuid] for uuid in sorted(self._guests))

    def _active_somewhere(self, uuid: str) -> bool:
        return any(known.get(uuid, False) for known in self._hosts.values())


def guest_of(uuid: str, told: Mapping[str, Any]) -> Guest:
    """A guest by the figures of libvirt's guestInfo (`os.name`, `if.0.hwaddr`, ...)."""
    return Guest(
        uuid,
        str(told.get("hostname", "")),
        str(told.get("os.pretty-name") or told.get("os.name") or ""),
        str(told.get("os.version-id", "")),
        str(told.get("os.kernel-release", "")),
        _interfaces(told),
        _filesystems(told),
    )


def _interfaces(told: Mapping[str, Any]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    found: dict[str, tuple[str, ...]] = {}
    for number in range(int(told.get("if.count", 0))):
        mac = str(told.get(f"if.{number}.hwaddr", "")).lower()
        if mac.strip("0:"):  # the loopback interface has none, or zeros
            found[mac] = tuple(sorted({*found.get(mac, ()), *_addresses(told, f"if.{number}.addr")}))
    return tuple(sorted(found.items()))


def _addresses(told: Mapping[str, Any], prefix: str) -> tuple[str, ...]:
    """Addresses of one interface that say something outside its link."""
    every = (str(told.get(f"{prefix}.{i}.addr", "")) for i in range(int(told.get(f"{prefix}.count", 0))))
    return tuple(address for address in every if address and not address.lower().startswith(("fe80:", "169.254.")))


def _filesystems(told: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    count = int(told.get("fs.count", 0))
    return tuple(
        sorted({(str(told.get(f"fs.{i}.mountpoint", "")), str(told.get(f"fs.{i}.fstype", ""))) for i in range(count)})
    )
