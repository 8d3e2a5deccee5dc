"""Which host is concerned by an event, and its address: consoles put a trap on the host of snmpTrapAddress.0."""

import ipaddress
from collections.abc import Iterator
from functools import lru_cache

from gateway.model.entities import EntityRef, KeyNamespace
from gateway.model.events import Event
from gateway.model.rows import Entity
from gateway.model.snapshot import Snapshot


def affected_address(event: Event, snapshot: Snapshot) -> bytes | None:
    """
    The IPv4 address, four octets, of the first of these that has one: the host where the entity is now, the entity
    itself, the host where it was. None when no source has told an address.
    """
    for entity in _concerned(event, snapshot):
        for alias in entity.aliases:
            if alias.namespace is KeyNamespace.IP_ADDRESS:
                address = _ipv4(alias.value)
                if address is not None:
                    return address
    return None


def _concerned(event: Event, snapshot: Snapshot) -> Iterator[Entity]:
    placement = snapshot.placements.get(event.entity.index)
    host = event.new_host.index if event.new_host is not None else placement.host if placement is not None else 0
    for index in (host, event.entity.index, _index(event.old_host)):
        found = snapshot.entity(index) if index else None
        if found is not None:
            yield found


def _index(ref: EntityRef | None) -> int:
    return ref.index if ref is not None else 0


@lru_cache(maxsize=4096)
def _ipv4(text: str) -> bytes | None:
    try:
        address = ipaddress.IPv4Address(text)
    except ValueError:
        return None
    return None if address.is_loopback or address.is_unspecified else address.packed
