"""Where: the hops from an entity down the layers to host, rack and site, and how sure each of them is."""

from collections.abc import Iterator
from dataclasses import replace

from gateway.model.entities import EntityKind, EntityState, has_one_placement
from gateway.model.ports import TopologyView
from gateway.model.relations import Phase, RelationKind
from gateway.model.rows import Claim, Entity, Placement
from gateway.topology.ages import STALE_INTERVALS, claim_age, claim_is_stale, entity_age, entity_is_stale
from gateway.topology.composites import COMPOSITES, LOCATIONS, dependencies_of, is_group, members_of
from gateway.topology.hops import Descent, Hop, HopState, Where, WhereStatus, leads_somewhere, walk_hops
from gateway.topology.said import called, names, no_place, sentence, why_it_ends
from gateway.topology.standing import claimed, placed
from gateway.topology.unheard import alarms_below


def where(view: TopologyView, entity: Entity, now: int, stale_intervals: int = STALE_INTERVALS) -> Where:
    """Where the entity is, layer by layer. Unknown layers are said, never guessed."""
    walk = _Walk(view, now, stale_intervals)
    descent = walk.descend(entity, frozenset())
    status = _status(entity, descent)
    own = view.alarms_of(entity)
    hosts = (alarm for alarm in alarms_below(view, (*descent.below, *descent.machines)) if alarm not in own)
    return Where(
        entity,
        view.revision,
        now,
        status,
        sentence(entity, status, descent),
        descent.below,
        descent.storage,
        descent.machines,
        descent.ends,
        descent.notes,
        (*own, *hosts),
    )


_CONNECTED = (RelationKind.CONNECTS_TO, RelationKind.PART_OF)
_METAL = (EntityKind.HYPERVISOR, EntityKind.PHYSICAL_HOST)
_STORAGE = frozenset({RelationKind.USES_STORAGE, RelationKind.BACKED_BY})
_DEEPEST = 64
"""Steps of one answer; a real chain has about ten."""


class _Walk:
    """One question: the view and its time."""

    __slots__ = ("intervals", "known", "now", "view")

    def __init__(self, view: TopologyView, now: int, intervals: int) -> None:
        self.view = view
        self.now = now
        self.intervals = intervals
        self.known: dict[int, Descent] = {}

    def descend(self, entity: Entity, passed: frozenset[int]) -> Descent:
        """What is below the entity. `passed`: the indexes above it (a ring of relations is said, not followed)."""
        if entity.index in passed:
            return Descent(ends=f"{called(entity)} was passed already: its relations form a ring")
        if len(passed) >= _DEEPEST:
            return Descent(ends=f"{called(entity)} is {_DEEPEST} steps down: ask for it by its own name")
        if entity.index not in self.known:
            self.known[entity.index] = self._descend(entity, passed)
        return self.known[entity.index]

    def _descend(self, entity: Entity, passed: frozenset[int]) -> Descent:
        is_asked_for = not passed
        passed |= {entity.index}
        below, notes = self._steps(entity, passed, is_asked_for)
        storage = tuple(self._storage(entity, passed))
        machines = tuple(self._machines(entity, passed))
        notes += [text for machine in machines for text in _disagreement(below, machine)]
        notes += self._managers(entity, passed)
        notes += [f"{called(entity)} depends on {called(one)}" for one in dependencies_of(self.view, entity)]
        ends = "" if below else self._why_it_ends(entity, bool(storage))
        return Descent(tuple(below), storage, machines, ends, tuple(notes))

    def _why_it_ends(self, entity: Entity, has_storage: bool) -> str:
        hosts = [host for _, host in self._connected(entity)]
        return f"is connected to {names(hosts, 'hypervisor')}" if hosts else why_it_ends(entity, has_storage)

    def _steps(self, entity: Entity, passed: frozenset[int], is_asked_for: bool) -> tuple[list[Hop], list[str]]:
        if is_group(entity):
            hops, notes = self._group(entity, passed)
            if hops:
                return hops, notes
        if entity.kind in COMPOSITES:
            hops = [self._follow(claim, member, passed) for claim, member in members_of(self.view, entity)]
            if hops:
                return hops, []
        if has_one_placement(entity.kind, entity.subtype):
            placement = self.view.placement(entity)
            if placement is not None and (host := self.view.entity(placement.host)) is not None:
                elsewhere = self._said_elsewhere(entity, placement, host, passed)
                if elsewhere:
                    return elsewhere, [f"{placement.source} does not see it run; it was last on {called(host)}"]
                return [self._placed(entity, placement, host, passed)], []
        hops = list(self._claimed(entity, passed)) or list(self._managed(entity, passed))
        if not hops and is_asked_for:
            hops = [self._follow(claim, host, passed) for claim, host in self._connected(entity)]
        return hops, []

    def _said_elsewhere(self, entity: Entity, placement: Placement, host: Entity, passed: frozenset[int]) -> list[Hop]:
        """Of what the layer that knew its place does not see any more: where another layer says that it runs."""
        if placement.open:
            return []
        claims = ((c, self.view.entity(c.lower)) for c in self.view.claims_of(entity) if c.kind is RelationKind.RUNS_ON)
        found = [(c, other) for c, other in claims if other is not None and other.kind is not host.kind]
        return [self._follow(c, other, passed) for c, other in found if c.phase is Phase.STABLE]

    def _connected(self, entity: Entity) -> Iterator[tuple[Claim, Entity]]:
        """The hypervisors that a pool, network or volume is connected to, or is local to."""
        if entity.kind not in (EntityKind.STORAGE_POOL, EntityKind.NETWORK, EntityKind.VOLUME):
            return
        for claim in self.view.claims_of(entity):
            host = self.view.entity(claim.lower)
            if claim.kind in _CONNECTED and host is not None and host.kind is EntityKind.HYPERVISOR:
                yield claim, host

    def _machines(self, entity: Entity, passed: frozenset[int]) -> Iterator[Hop]:
        """The VM that an HA resource is, where a hypervisor tells of it; of a group: those of its members."""
        if entity.kind is not EntityKind.HA_RESOURCE or not has_one_placement(entity.kind, entity.subtype):
            return
        if is_group(entity):
            for _, member in members_of(self.view, entity):
                yield from self.descend(member, passed).machines
            return
        for claim in self.view.claims_on(entity):
            vm = self.view.entity(claim.upper)
            placement = self.view.placement(vm) if vm is not None and vm.kind is EntityKind.VM else None
            host = self.view.entity(placement.host) if placement is not None else None
            if claim.kind is RelationKind.MANAGED_BY and vm is not None and host is not None and host.kind in _METAL:
                yield replace(self._follow(claim, vm, passed), relation=RelationKind.IS_SAME_AS)

    def _managers(self, entity: Entity, passed: frozenset[int]) -> list[str]:
        """What to say of the HA resource that a VM on a hypervisor is."""
        if entity.kind is not EntityKind.VM or self.view.placement(entity) is None:
            return []
        under = (self.view.entity(c.lower) for c in self.view.claims_of(entity) if c.kind is RelationKind.MANAGED_BY)
        managers = (one for one in under if one is not None and one.kind is EntityKind.HA_RESOURCE)
        managers = (one for one in managers if one.index not in passed)
        return [f"{called(entity)} is managed by {called(one)} ({', '.join(one.sources)})" for one in managers]

    def _placed(self, entity: Entity, placement: Placement, host: Entity, passed: frozenset[int]) -> Hop:
        hop, claim = placed(self.view, entity, placement, host)
        return self._aged(hop, claim, entity, passed)

    def _follow(self, claim: Claim, lower: Entity, passed: frozenset[int]) -> Hop:
        return self._aged(claimed(self.view, claim, lower), claim, lower, passed)

    def _claimed(self, entity: Entity, passed: frozenset[int]) -> Iterator[Hop]:
        """Spread entities, and what no judgement is kept of: each host that is claimed; then rack and site."""
        claims = self.view.claims_of(entity)
        found = False
        for claim in claims:
            host = self.view.entity(claim.lower)
            if claim.kind is RelationKind.RUNS_ON and host is not None:
                found = True
                yield self._follow(claim, host, passed)
        for claim in claims if not found else ():
            place = self.view.entity(claim.lower)
            if claim.kind is RelationKind.PART_OF and place is not None and place.kind in LOCATIONS:
                yield self._follow(claim, place, passed)

    def _managed(self, entity: Entity, passed: frozenset[int]) -> Iterator[Hop]:
        """A VM whose hypervisor no source tells is where the HA resource is that manages it."""
        for claim in self.view.claims_of(entity):
            manager = self.view.entity(claim.lower)
            if claim.kind is RelationKind.MANAGED_BY and manager is not None and manager.kind is EntityKind.HA_RESOURCE:
                yield self._follow(claim, manager, passed)

    def _group(self, entity: Entity, passed: frozenset[int]) -> tuple[list[Hop], list[str]]:
        """One step per host on which members are; members that are nowhere are noted."""
        members = [member for _, member in members_of(self.view, entity)]
        taken: dict[tuple[int, HopState], list[tuple[Entity, Hop]]] = {}
        notes: list[str] = []
        for member in members:
            hops = self.descend(member, passed).below
            if not hops:
                notes.append(f"{called(member)} {no_place(member)}")
            for hop in hops:
                taken.setdefault((hop.entity.index, hop.state), []).append((member, hop))
        return [_shared(takers) for takers in taken.values()], notes

    def _storage(self, entity: Entity, passed: frozenset[int]) -> Iterator[Hop]:
        for claim in self.view.claims_of(entity):
            store = self.view.entity(claim.lower)
            if claim.kind in _STORAGE and store is not None:
                yield self._follow(claim, store, passed)

    def _aged(self, hop: Hop, claim: Claim | None, upper: Entity, passed: frozenset[int]) -> Hop:
        """With age and what is below. What is stopped has no claim any more: its own record is the news."""
        descent = self.descend(hop.entity, passed)
        view, now, intervals = self.view, self.now, self.intervals
        return replace(
            hop,
            age_us=claim_age(view, claim, now) if claim else entity_age(view, upper, now),
            stale=claim_is_stale(view, claim, now, intervals)
            if claim
            else entity_is_stale(view, upper, now, intervals),
            below=descent.below,
            storage=descent.storage,
            machines=descent.machines,
            ends=descent.ends,
            notes=hop.notes + descent.notes,
        )


def _disagreement(below: list[Hop], machine: Hop) -> Iterator[str]:
    """A resource and the VM that it is are on one physical host, or one of the two sources is behind."""
    node_on = {hop.entity.index: hop.entity for hop in walk_hops(below) if hop.entity.kind is EntityKind.PHYSICAL_HOST}
    vm_on = [hop.entity for hop in walk_hops(machine.below) if hop.entity.kind is EntityKind.PHYSICAL_HOST]
    if node_on and vm_on and not node_on.keys() & {host.index for host in vm_on}:
        yield (
            f"{called(machine.entity)} is on {called(vm_on[0])}, its node on {called(next(iter(node_on.values())))}: "
            "a move is under way, or one of the two sources is behind"
        )


def _shared(takers: list[tuple[Entity, Hop]]) -> Hop:
    """One step for all members that take it: the youngest start, the oldest data."""
    hop = takers[0][1]
    ages = [other.age_us for _, other in takers]
    return replace(
        hop,
        role="",
        since=max(other.since for _, other in takers),
        age_us=None if None in ages else max(age for age in ages if age is not None),
        stale=any(other.stale for _, other in takers),
        confidence=min(other.confidence for _, other in takers),
        members=tuple(member for member, _ in takers),
        notes=tuple(dict.fromkeys(note for _, other in takers for note in other.notes)),
    )


def _status(entity: Entity, descent: Descent) -> WhereStatus:
    ways = [hop for hop in descent.below if leads_somewhere(hop)]
    states = {hop.state for hop in ways}
    if not states:
        return WhereStatus.STOPPED if entity.state is EntityState.STOPPED else WhereStatus.UNKNOWN
    if states == {HopState.STOPPED}:
        return WhereStatus.STOPPED
    if len(ways) > 1 and states != {HopState.LAST_KNOWN}:
        return WhereStatus.SPREAD
    one = {
        HopState.STABLE: WhereStatus.PLACED,
        HopState.TRANSITIONAL: WhereStatus.MOVING,
        HopState.LAST_KNOWN: WhereStatus.LAST_KNOWN,
    }
    return one[states.pop()]
