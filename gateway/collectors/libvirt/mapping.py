"""From what was read of a host, and what is remembered, to an Observation."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from gateway.collectors.libvirt.conditions import JUDGED, conditions, has_storm, missed, vm_key
from gateway.collectors.libvirt.domain_view import domain_view
from gateway.collectors.libvirt.fleet import Fleet, Hold
from gateway.collectors.libvirt.host_view import host_view
from gateway.collectors.libvirt.memory import MISSED, HostMemory, Remembered, Said, Translated, copy_of, failures
from gateway.collectors.libvirt.presence import Presence, hold_of, presence_of
from gateway.collectors.libvirt.records import Domain, DomainReading, Guest, HostReading
from gateway.model.conditions import ConditionKind
from gateway.model.entities import EntityKind, EntityState, NativeKey
from gateway.model.observations import (
    Evidence,
    Link,
    Objects,
    Observation,
    ObservedCondition,
    ObservedEntity,
    ObservedRelation,
    Whole,
)

_MACHINES = (EntityKind.HYPERVISOR, EntityKind.PHYSICAL_HOST)
_POOLS = (EntityKind.STORAGE_POOL,)
_NETWORKS = (EntityKind.NETWORK,)


def observe(
    source: str, at: int, reading: HostReading | DomainReading, memory: HostMemory, fleet: Fleet
) -> tuple[Observation, ...]:
    """What a read says. `at`: microseconds UTC, when the read began."""
    if isinstance(reading, HostReading):
        return (observe_host(source, at, reading, memory, fleet),)
    return observe_domains(source, at, reading, memory, fleet)


def observe_host(source: str, at: int, reading: HostReading, memory: HostMemory, fleet: Fleet) -> Observation:
    """A host that was read completely."""
    fleet.storage.read(reading.host, reading.pools, reading.volumes)
    present = {domain.status.uuid for domain in reading.domains}
    gone = memory.uuids - present
    said = _Telling()
    _add_host(said, reading, fleet)
    _View(reading.host, at, memory, fleet, said, said).add_domains(reading.domains, gone, reading.guests)
    if memory.united[0] != said.parts:
        memory.united = said.parts, said.united()
    return said.observation(source, at, Whole(reading.host), JUDGED, fleet.storage.links(source), memory.united[1])


def observe_domains(
    source: str, at: int, reading: DomainReading, memory: HostMemory, fleet: Fleet
) -> tuple[Observation, ...]:
    """
    Some domains of a host that were read again, and what else was read of it.

    Domains of whose state other hosts speak are an observation of their own, which judges nothing.
    """
    host = reading.host
    if reading.pools is None:
        fleet.storage.learn(host, reading.volumes)
    else:
        fleet.storage.read(host, reading.pools, reading.volumes)
    links = None if reading.pools is None else fleet.storage.links(source)
    present = {domain.status.uuid for domain in reading.domains}
    view = _View(host, at, memory, fleet, _Telling(), _Telling())
    beside = _add_host(view.said, reading, fleet)
    view.add_domains(reading.domains, reading.uuids - present, reading.guests)
    uuids = reading.uuids | present
    judged, others = uuids - view.passed_over, uuids & view.passed_over
    found: list[Observation] = []
    if judged or beside or not others:
        covers = Objects(beside.union(map(vm_key, judged)), host)
        found.append(view.said.observation(source, at, covers, JUDGED, links, view.said.united()))
    if others:
        covers = Objects(frozenset(map(vm_key, others)), host)
        found.append(view.aside.observation(source, at, covers, frozenset(), None, view.aside.united()))
    return tuple(found)


def _add_host(said: "_Telling", reading: HostReading | DomainReading, fleet: Fleet) -> frozenset[NativeKey]:
    """Say what was read of a host beside its domains. Returns what that covers: one of it that is missing is gone."""
    kinds = [
        kind
        for part, of in ((reading.facts, _MACHINES), (reading.pools, _POOLS), (reading.networks, _NETWORKS))
        if part is not None
        for kind in of
    ]
    if not kinds:
        return frozenset()
    beside = _sorted_out(host_view(reading, fleet.storage))
    said.parts.append(beside)
    return fleet.has(reading.host, frozenset(entity.key for entity in beside.entities), kinds)


def _sorted_out(
    pieces: Iterable[ObservedEntity | ObservedRelation], conditions: Iterable[ObservedCondition] = ()
) -> Said:
    every = tuple(pieces)
    return Said(
        tuple(piece for piece in every if isinstance(piece, ObservedEntity)),
        tuple(piece for piece in every if isinstance(piece, ObservedRelation)),
        tuple(conditions),
    )


@dataclass(slots=True)
class _Telling:
    """An observation in the making. Things that several domains share (a volume) are said once."""

    parts: list[Said] = field(default_factory=list)
    evidence: list[Evidence] = field(default_factory=list)

    def observation(
        self,
        source: str,
        at: int,
        covers: Whole | Objects,
        judged: frozenset[ConditionKind],
        links: tuple[Link, ...] | None,
        said: Said,
    ) -> Observation:
        """`said`: its parts, united."""
        evidence = tuple(self.evidence)
        return Observation(source, at, covers, said.entities, said.relations, said.conditions, evidence, judged, links)

    def united(self) -> Said:
        """All parts in one: each entity as it is said first, each relation once (two domains may share a volume)."""
        entities: dict[NativeKey, ObservedEntity] = {}
        for part in self.parts:
            for entity in part.entities:
                entities.setdefault(entity.key, entity)
        relations = {(r.kind, r.upper, r.lower, r.role): r for part in self.parts for r in part.relations}
        conditions = tuple(condition for part in self.parts for condition in part.conditions)
        return Said(tuple(entities.values()), tuple(relations.values()), conditions)


@dataclass(slots=True)
class _View:
    """What a host says of its domains."""

    host: str
    at: int
    memory: HostMemory
    fleet: Fleet
    said: _Telling
    aside: _Telling
    """Of domains of whose state other hosts speak: it is no judgement of them."""
    passed_over: set[str] = field(default_factory=set)
    """Those domains."""

    def add_domains(self, domains: Iterable[Domain], gone: Iterable[str], guests: Mapping[str, Guest]) -> None:
        """Domains that the host has, and those that it does not know any more."""
        for uuid in sorted(gone):
            self._leave(uuid, self.memory.of(uuid))
            self.memory.gone(uuid, self.at)
            self._gone(uuid)
        self.memory.seen(domains, self.at)
        for domain in domains:
            self._domain(domain, guests.get(domain.status.uuid))

    # -- one domain --------------------------------------------------------------------------------------------

    def _domain(self, domain: Domain, told: Guest | None) -> None:
        uuid = domain.status.uuid
        one = self.memory.of(uuid)
        presence = presence_of(domain, one)
        hold = hold_of(domain, presence)
        at_home = self.fleet.claim(uuid, self.host, hold)
        if presence is None and not at_home:
            self._leave(uuid, one)
            self.passed_over.add(uuid)
            return
        speaks = at_home or hold is Hold.ACTIVE
        if presence is not None and not presence.arriving and one.live:
            self.fleet.storage.arrived(uuid, self.host, domain.definition.disks)
        if not speaks:
            self.passed_over.add(uuid)
        said = self.said if speaks else self.aside
        said.parts.append(self._translated(domain, one, presence, hold if speaks else None, told).said)
        if one.failures:
            said.evidence.extend(failures(one, self.at))

    def _translated(
        self, domain: Domain, one: Remembered, presence: Presence | None, hold: Hold | None, guest: Guest | None
    ) -> Translated:
        """The domain in our words; made anew only when something that it depends on has changed."""
        storage, uuid = self.fleet.storage, domain.status.uuid
        storm = bool(one.watchdogs or one.reboots) and has_storm(one, self.at)
        made_of = (presence, hold, guest, storage.version_of(self.host), one.died, one.io_error, storm)
        known = self.memory.translated.get(uuid)
        if known is not None and known.domain is domain and known.made_of == made_of:
            return known
        pieces = domain_view(self.host, domain, one, presence, guest, storage)
        found = conditions(self.host, domain, one, hold, self.at) if hold is not None else ()
        new = Translated(domain, made_of, _sorted_out(pieces, found))
        self.memory.translated[uuid] = new
        return new

    def _leave(self, uuid: str, one: Remembered) -> None:
        """It is not here any more: what its migration proves of the storage is noted, or told."""
        if one.copied_nothing and one.last is not None:
            self.fleet.storage.departed(uuid, self.host, one.last.definition.disks)
            one.copied_nothing = False
        if one.copied_at:
            for telling in (self.said, self.aside):  # one of them is not told when it is empty
                telling.evidence.append(copy_of(self.host, uuid, one.copied_at))
            one.copied_at = 0

    def _gone(self, uuid: str) -> None:
        """The host does not know it: no more is said of it, unless it failed and is missed."""
        one = self.memory.of(uuid)
        found_late = self.at - one.missed_since > MISSED
        if not one.missed_since or one.last is None or found_late or self.fleet.runs_elsewhere(uuid, self.host):
            self.memory.forget(uuid)
            self.fleet.release(uuid, self.host)
            if self.fleet.others(uuid, self.host):
                self.passed_over.add(uuid)
            return
        if not self.fleet.claim(uuid, self.host, Hold.INACTIVE):
            self.passed_over.add(uuid)
            return
        vm = self._translated(one.last, one, None, None, None).said.entities[0]
        self.said.parts.append(Said((_crashed(vm),), (), (missed(self.host, one.last, one),)))


def _crashed(vm: ObservedEntity) -> ObservedEntity:
    return ObservedEntity(
        vm.key, vm.name, vm.subtype, EntityState.CRASHED, "gone after a failure", vm.aliases, vm.attributes
    )
