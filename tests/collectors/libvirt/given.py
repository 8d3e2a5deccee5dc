"""Captured documents of libvirt, and domains, events and hosts in a few words."""

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from gateway.collectors.libvirt.fleet import Fleet
from gateway.collectors.libvirt.hearing import hear, vanished
from gateway.collectors.libvirt.keeping import kept, restored
from gateway.collectors.libvirt.mapping import observe_domains, observe_host
from gateway.collectors.libvirt.memory import HostMemory
from gateway.collectors.libvirt.parse import domain_definition, host_facts, pool, volume
from gateway.collectors.libvirt.presence import resume
from gateway.collectors.libvirt.records import (
    Disk,
    Domain,
    DomainDefinition,
    DomainEvent,
    DomainReading,
    DomainStatus,
    HostFacts,
    HostReading,
    Pool,
    Volume,
)
from gateway.collectors.libvirt.storage import Storage
from gateway.model.conditions import SECOND, ConditionKind
from gateway.model.entities import EntityKind, NativeKey
from gateway.model.events import Event
from gateway.model.observations import Observation
from gateway.model.relations import RelationKind
from gateway.model.rows import Entity
from tests.topology.house import T0, House

CAPTURED = Path(__file__).parent / "captured"
SOURCE = "lab"
VM1 = "6c6fcf75-5392-5ee5-b6dd-01e1d286b245"
RUNNING, MIGRATED, BOOTED, CANCELED = 1, (1, 2), (1, 1), (1, 6)
ARRIVING, HANDED_OVER, IO_ERROR = (3, 2), (3, 2), (3, 5)
OFF, SHUT_DOWN, DESTROYED, CRASHED, LEFT, SAVED, FAILED = (5, 0), (5, 1), (5, 2), (5, 3), (5, 4), (5, 5), (5, 6)


def captured(name: str) -> str:
    return (CAPTURED / f"{name}.xml").read_text()


def definition(name: str = "domain-running") -> DomainDefinition:
    return domain_definition(captured(name))


def facts(name: str = "h1") -> HostFacts:
    return host_facts(name, "QEMU", captured("capabilities"), captured("sysinfo"), 2, 8 << 30, 9_000_000, 9_000_000)


def a_pool(name: str) -> Pool:
    return pool(captured(f"pool-{name}"), True, True)


def a_volume(of: str = "shared") -> Volume:
    return volume(captured("volume"), of)


def domain(
    shown: tuple[int, int] = BOOTED,
    *,
    uuid: str = VM1,
    name: str = "vm1",
    instance: int = 1,
    defined: DomainDefinition | None = None,
    **more: object,
) -> Domain:
    """A domain in (state, reason)."""
    state, reason = shown
    status = DomainStatus(uuid, name, -1 if state == 5 else instance, state, reason)
    return Domain(status, DomainDefinition("qemu") if defined is None else defined, **more)


def with_disk(path: str, kind: str = "file", **more: object) -> DomainDefinition:
    return DomainDefinition("qemu", disks=(Disk("vda", kind=kind, source=path, **more),))


class Lab:
    """A fleet that is read and told of events; what comes out goes through topology."""

    def __init__(self, storage: Storage | None = None) -> None:
        self.fleet = Fleet(storage or Storage())
        self.house = House()
        self.memories: dict[str, HostMemory] = {}
        self.last: dict[str, Observation] = {}

    def memory(self, host: str) -> HostMemory:
        return self.memories.setdefault(host, HostMemory(host))

    def restart(self) -> None:
        """The gateway ends, and begins with what it wrote down; topology has its own memory."""
        saved = json.loads(json.dumps({host: kept(memory) for host, memory in self.memories.items()}))
        self.memories = {host: HostMemory(host, restored(host, saved[host])) for host in self.memories}
        self.fleet = Fleet(Storage())
        resume(self.fleet, self.memories.values())

    def event(self, at_s: float, host: str, kind: str, *detail: str, uuid: str = VM1, name: str = "vm1") -> None:
        at = T0 + round(at_s * SECOND)
        self.memory(host)
        hear(DomainEvent(at, host, uuid, name, kind, detail), self.memories, self.fleet)

    def read(
        self,
        at_s: float,
        host: str,
        *domains: Domain,
        pools: Iterable[Pool] = (),
        volumes: Iterable[Volume] = (),
        known: HostFacts | None = None,
        **more: object,
    ) -> list[Event]:
        """The host is read completely."""
        reading = HostReading(host, known or HostFacts(host, "QEMU"), domains, tuple(pools), tuple(volumes), **more)
        arriving = self.memory(host).arriving
        seen = observe_host(SOURCE, T0 + round(at_s * SECOND), reading, self.memory(host), self.fleet)
        vanished(arriving, host, self.memories, self.fleet)
        return self._see(at_s, host, seen)

    def reread(
        self, at_s: float, host: str, *domains: Domain, uuids: Iterable[str] = (VM1,), **more: object
    ) -> list[Event]:
        """Only these are read again; of `uuids` the others are gone."""
        reading = DomainReading(host, frozenset(uuids), domains, **more)
        every = observe_domains(SOURCE, T0 + round(at_s * SECOND), reading, self.memory(host), self.fleet)
        return [event for seen in every for event in self._see(at_s, host, seen)]

    def shown(self, name: str = "vm1") -> Entity:
        """The VM as topology shows it."""
        (found,) = [entity for entity in self.house.snapshot.named(name) if entity.kind is EntityKind.VM]
        return found

    def place(self, name: str = "vm1") -> str | None:
        """The host where the VM is placed; None: nowhere."""
        found = self.house.snapshot.placement(self.shown(name))
        return self.house.snapshot.ref(found.host).name if found is not None and found.open else None

    def wait(self, until_s: float) -> list[Event]:
        return self.house.wait(until_s)

    def _see(self, at_s: float, host: str, seen: Observation) -> list[Event]:
        self.last[host] = seen
        return self.house.see(
            at_s,
            seen.entities,
            seen.relations,
            seen.conditions,
            seen.evidence,
            source=SOURCE,
            covers=seen.covers,
            judged=seen.judged,
            links=seen.links,
        )


def told(events: Iterable[Event]) -> list[tuple[object, ...]]:
    """(kind, entity, old host, new host) of relocations, (kind, entity, condition) of the rest."""
    found: list[tuple[object, ...]] = []
    for event in events:
        if event.old_host is not None and event.new_host is not None:
            found.append((event.kind.value, event.entity.name, event.old_host.name, event.new_host.name))
        else:
            found.append((event.kind.value, event.entity.name, *([event.condition.value] if event.condition else [])))
    return found


def conditions(seen: Observation, holding: bool | None = True) -> list[ConditionKind]:
    """Kinds of the conditions that hold (None: any)."""
    return [one.kind for one in seen.conditions if holding is None or one.holding is holding]


def uppers(seen: Observation, kind: RelationKind, lower: EntityKind) -> dict[str, str]:
    """Relations of a kind to a kind: upper -> lower."""
    return {r.upper.native: r.lower.native for r in seen.relations if r.kind is kind and r.lower.kind is lower}


def natives(seen: Observation, kind: EntityKind) -> list[str]:
    return [entity.key.native for entity in seen.entities if entity.key.kind is kind]


def attributes(seen: Observation, kind: EntityKind, native: str) -> dict[str, object]:
    (found,) = [entity for entity in seen.entities if entity.key == NativeKey(kind, native)]
    return dict(found.attributes)


def off(one: Domain, reason: int) -> Domain:
    """The domain, shut off for this reason."""
    return replace(one, status=replace(one.status, id=-1, state=5, reason=reason))
