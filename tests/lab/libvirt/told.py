"""
What should be told: derived from virsh's words before and after, and from nothing of the gateway.

A guest's place is the host that it is active on; stopped in between only delays. A host that cannot be heard, because
it has no power, no cable, or a libvirtd that does not answer, says nothing: what it said last stays.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.lab.libvirt.fleet import Fleet
from tests.lab.libvirt.status import Domain, Host, Status

CRASHED = "crashed"
PAUSED_IO_ERROR = "pausedIoError"
CONFLICT = "placementConflict"
UNCERTAIN = "placementUncertain"
SILENT = "sourceStale"
CRASHED_STATES = frozenset({"shut off (crashed)", "shut off (failed)", "paused (crashed)", "paused (watchdog)"})
LOST_WITH_ITS_HOST = "shut off (unknown)"  # it ran when its host went down, and nobody knows more
ARRIVED_LIVE = frozenset({"migrated", "post-copy"})


@dataclass(frozen=True, slots=True, order=True)
class Notice:
    """One notification to be heard of. `what`: relocation, storage, migrationFailed, raised or cleared."""

    what: str
    entity: str
    detail: str

    @classmethod
    def relocation(cls, vm: str, old: str, new: str, *, live: bool) -> Notice:
        return cls("relocation", vm, f"{old} to {new}, {'live' if live else 'restarted'}")

    @classmethod
    def storage(cls, vm: str, old: str, new: str, *, live: bool) -> Notice:
        """Its disk went from one pool to another."""
        return cls("storage", vm, f"{old} to {new}, {'live' if live else 'restarted'}")

    @classmethod
    def migration_failed(cls, vm: str, stayed: str) -> Notice:
        return cls("migrationFailed", vm, f"stayed on {stayed}")

    @classmethod
    def raised(cls, condition: str, entity: str) -> Notice:
        return cls("raised", entity, condition)

    @classmethod
    def cleared(cls, condition: str, entity: str) -> Notice:
        return cls("cleared", entity, condition)


@dataclass(frozen=True, slots=True)
class Judgement:
    """
    What holds at one moment.

    `places`: the host that a guest is, or was last, active on. `arriving`: guests that are being sent, with the host
    that they are active on meanwhile and the one where the incoming copy waits. `conditions`: (condition, entity).
    `unseen`: guests that left a host which could not be heard, with that host.
    """

    places: Mapping[str, str] = field(default_factory=dict)
    active: frozenset[str] = frozenset()
    arriving: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    conditions: frozenset[tuple[str, str]] = frozenset()
    unseen: Mapping[str, str] = field(default_factory=dict)


def heard(host: Host) -> bool:
    """Whether a host can be asked over the network."""
    return host.powered and host.answers and host.connected


def judge(before: Judgement, status: Status, vms: tuple[str, ...]) -> tuple[Judgement, Counter[Notice]]:
    """What holds now, and what should have been told since `before`."""
    audible = {name: host for name, host in status.hosts.items() if heard(host)}
    told: Counter[Notice] = Counter()
    places, unseen = dict(before.places), dict(before.unseen)
    conditions = {(SILENT, name) for name in status.hosts if name not in audible}
    active: set[str] = set()
    arriving: dict[str, tuple[str, str]] = {}
    for vm in vms:
        copies = {name: host.domains[vm] for name, host in audible.items() if vm in host.domains}
        here = [name for name, domain in copies.items() if domain.active]
        old = places.get(vm)
        if here or (old not in audible and vm in before.active):
            active.add(vm)
        if len(here) == 1:
            places[vm] = here[0]
            told.update(_moves(vm, old, here[0], copies))
            if old is not None and old != here[0] and old not in audible:
                unseen[vm] = old
        waiting = [name for name, domain in copies.items() if domain.in_flight]
        sent = any(copies[name].busy for name in here) or (vm in places and places[vm] not in audible)
        if sent and waiting:
            arriving[vm] = (places[vm], waiting[0])
        elif sent and vm in before.arriving and before.arriving[vm][1] not in audible:
            arriving[vm] = before.arriving[vm]
        elif vm in before.arriving and here == [before.arriving[vm][0]]:
            told[Notice.migration_failed(vm, here[0])] += 1
        conditions |= {(condition, vm) for condition in _conditions(vm, before, copies, here, places, audible)}
    unseen = {vm: host for vm, host in unseen.items() if host not in audible}
    conditions |= {(UNCERTAIN, vm) for vm in unseen}
    told.update(Notice.raised(*each) for each in conditions - before.conditions)
    told.update(Notice.cleared(*each) for each in before.conditions - conditions)
    return Judgement(places, frozenset(active), arriving, frozenset(conditions), unseen), told


def _moves(vm: str, old: str | None, new: str, copies: Mapping[str, Domain]) -> list[Notice]:
    if old is None or old == new:
        return []
    return [Notice.relocation(vm, old, new, live=copies[new].reason in ARRIVED_LIVE)]


def _conditions(
    vm: str,
    before: Judgement,
    copies: Mapping[str, Domain],
    here: list[str],
    places: Mapping[str, str],
    audible: Mapping[str, Host],
) -> set[str]:
    """The conditions of one guest; what an inaudible host said of it stays."""
    if len(here) > 1:
        return {CONFLICT}
    place = places.get(vm)
    if place is None or place not in audible:
        return {condition for condition, entity in before.conditions if entity == vm} - {CONFLICT, UNCERTAIN}
    said = str(copies[place]) if place in copies else ""
    if said in CRASHED_STATES:
        return {CRASHED}
    if said == "paused (I/O error)":
        return {PAUSED_IO_ERROR}
    was_lost = vm in before.active or (CRASHED, vm) in before.conditions
    return {CRASHED} if said == LOST_WITH_ITS_HOST and was_lost else set()


class Onlooker:
    """Follows a lab from step to step; call `look` when it is at rest, and `told` has what should be told."""

    def __init__(self, lab: Fleet) -> None:
        self._lab = lab
        self.judgement, _ = judge(Judgement(), lab.status(), lab.vms)
        self.told: Counter[Notice] = Counter()

    def look(self) -> Counter[Notice]:
        """What should be told of the time since the last look."""
        self.judgement, step = judge(self.judgement, self._lab.status(), self._lab.vms)
        self.told += step
        return step
