"""What an event of one host means for the others: of a migration that fails early only its destination tells."""

from collections.abc import Iterable, Mapping

from gateway.collectors.libvirt.fleet import Fleet
from gateway.collectors.libvirt.memory import HostMemory
from gateway.collectors.libvirt.records import DomainEvent
from gateway.collectors.libvirt.states import is_active

Memories = Mapping[str, HostMemory]


def hear(event: DomainEvent, memories: Memories, fleet: Fleet) -> list[str]:
    """
    Remember an event of a host that is followed. Pure.

    Returns:
        other hosts that have the domain, when theirs may be on its way, or is no more: they are to be asked.
    """
    memory = memories[event.host]
    was_arriving = memory.of(event.uuid).incoming
    memory.note(event)
    others = [host for host in fleet.others(event.uuid, event.host) if host in memories]
    match event.detail[:2] if event.kind == "LIFECYCLE" else ():
        case ("STARTED", "MIGRATED"):
            for host in others:
                memories[host].awaited(event.uuid, True)
            return others
        case ("STOPPED", _):
            if was_arriving:
                _let_down(event.uuid, others, memories)
            return others
        case (_, _) if was_arriving and not memory.of(event.uuid).incoming:  # it has arrived
            for host in others:
                memories[host].awaited(event.uuid, False)
    return []


def vanished(arriving: Iterable[str], host: str, memories: Memories, fleet: Fleet) -> dict[str, list[str]]:
    """
    A read of a host was taken in. `arriving`: of what there was an unfinished copy before (`HostMemory.arriving`).

    Returns:
        of copies that are gone and never ran there, by UUID: other hosts that are to be asked.
    """
    memory = memories[host]
    found: dict[str, list[str]] = {}
    for uuid in sorted(set(arriving) - memory.arriving):
        last = memory.of(uuid).last
        if last is None or not is_active(last.status):
            found[uuid] = [other for other in fleet.others(uuid, host) if other in memories]
            _let_down(uuid, found[uuid], memories)
    return found


def _let_down(uuid: str, hosts: Iterable[str], memories: Memories) -> None:
    for host in hosts:
        memories[host].let_down(uuid)
