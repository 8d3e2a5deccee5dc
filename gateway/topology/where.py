"""Where: the hops from an entity down the layers to host, rack and site, and how sure each of them is."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from gateway.model.entities import EntityKind, EntityState, has_one_placement
from gateway.model.ports import TopologyView
from gateway.model.relations import Phase, RelationKind
from gateway.model.rows import Alarm, Claim, Entity, Placement
from gateway.topology.ages import STALE_INTERVALS, claim_age, claim_is_stale, entity_age, entity_is_stale
from gateway.topology.lookup import resolve as resolve


class HopState(StrEnum):
    """How a hop holds."""

    STABLE = "stable"
    TRANSITIONAL = "transitional"
    """Starting, stopping or migrating there right now."""
    LAST_KNOWN = "last_known"
    """The host is not heard of: it was there last."""
    STOPPED = "stopped"
    """It runs nowhere: it was there last."""


class WhereStatus(StrEnum):
    """The answer in one word."""

    PLACED = "placed"
    SPREAD = "spread"
    """On several hosts: a clone or bundle, a group that is apart, a service with several members."""
    MOVING = "moving"
    LAST_KNOWN = "last_known"
    STOPPED = "stopped"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Hop:
    """
    One step down: the entity above depends on `entity`. Times: microseconds UTC; `age_us`: of the data.

    `members`: of a group, those that take this step. `ends`: why there is nothing below, empty when there is.
    """

    relation: RelationKind
    entity: Entity
    state: HopState = HopState.STABLE
    role: str = ""
    since: int = 0
    until: int | None = None
    age_us: int | None = None
    stale: bool = False
    source: str = ""
    confidence: int = 100
    members: tuple[Entity, ...] = ()
    notes: tuple[str, ...] = ()
    below: tuple["Hop", ...] = ()
    storage: tuple["Hop", ...] = ()
    ends: str = ""


@dataclass(frozen=True, slots=True)
class Where:
    """Where an entity is. `now`: the time of the question; `said`: the answer in one sentence."""

    entity: Entity
    revision: int
    now: int
    status: WhereStatus
    said: str
    below: tuple[Hop, ...]
    storage: tuple[Hop, ...]
    ends: str
    notes: tuple[str, ...]
    alarms: tuple[Alarm, ...]

    @property
    def reaches_hardware(self) -> bool:
        """True when each branch is known down to a physical host."""
        return self.entity.kind in _HARDWARE or (bool(self.below) and all(map(_reaches_hardware, self.below)))


def where(view: TopologyView, entity: Entity, now: int, stale_intervals: int = STALE_INTERVALS) -> Where:
    """Where the entity is, layer by layer. Unknown layers are said, never guessed."""
    walk = _Walk(view, now, stale_intervals)
    descent = walk.descend(entity, frozenset())
    status = _status(entity, descent)
    return Where(
        entity,
        view.revision,
        now,
        status,
        _sentence(entity, status, descent),
        descent.below,
        descent.storage,
        descent.ends,
        descent.notes,
        view.alarms_of(entity),
    )


COMPOSITES = frozenset(
    {
        EntityKind.SERVICE,
        EntityKind.WORKLOAD,
        EntityKind.HA_CLUSTER,
        EntityKind.VIRT_CLUSTER,
        EntityKind.K8S_CLUSTER,
        EntityKind.REPLICATION_GROUP,
    }
)
"""Kinds that are where their members are."""
LOCATIONS = frozenset({EntityKind.RACK, EntityKind.SITE})
_HARDWARE = frozenset({EntityKind.PHYSICAL_HOST, EntityKind.RACK, EntityKind.SITE})
_MEMBERSHIP = (RelationKind.MEMBER_OF, RelationKind.PART_OF)
_STORAGE = frozenset({RelationKind.USES_STORAGE, RelationKind.BACKED_BY})
_PHASES = {
    Phase.STABLE: HopState.STABLE,
    Phase.TRANSITIONAL: HopState.TRANSITIONAL,
    Phase.LAST_KNOWN: HopState.LAST_KNOWN,
}
_DEEPEST = 64
"""Steps of one answer; a real chain has about ten."""
_UNMATCHED = {
    EntityKind.HA_NODE: "is matched to no guest OS",
    EntityKind.K8S_NODE: "is matched to no guest OS",
    EntityKind.GUEST_OS: "is matched to no VM and no physical host",
    EntityKind.VM: "is placed on no known hypervisor",
    EntityKind.HYPERVISOR: "is matched to no physical host",
    EntityKind.PHYSICAL_HOST: "is in no known rack or site",
    EntityKind.RACK: "is in no known site",
    EntityKind.POD: "is placed on no known node",
    EntityKind.HA_RESOURCE: "is placed on no known node",
}


def is_group(entity: Entity) -> bool:
    """True for a Pacemaker group: it is where its members are."""
    return entity.kind is EntityKind.HA_RESOURCE and entity.subtype == "group"


def members_of(view: TopologyView, entity: Entity) -> list[tuple[Claim, Entity]]:
    """
    What a composite consists of: nodes of a cluster, members of a group, parts and dependencies of a service.

    Members that have votes (`member_of`) come alone: the resources of a cluster are part of it, not its members.
    """
    found: list[tuple[Claim, Entity]] = []
    for kind in _MEMBERSHIP:
        found += [(c, e) for c in view.claims_on(entity) if c.kind is kind and (e := view.entity(c.upper)) is not None]
        if found and entity.kind is not EntityKind.SERVICE:
            break
    if entity.kind is EntityKind.SERVICE:
        claims = (c for c in view.claims_of(entity) if c.kind is RelationKind.DEPENDS_ON)
        found += [(c, e) for c in claims if (e := view.entity(c.lower)) is not None]
    return list({e.index: (c, e) for c, e in found if e.index != entity.index}.values())


@dataclass(frozen=True, slots=True)
class _Descent:
    below: tuple[Hop, ...] = ()
    storage: tuple[Hop, ...] = ()
    ends: str = ""
    notes: tuple[str, ...] = ()


class _Walk:
    """One question: the view and its time."""

    __slots__ = ("intervals", "known", "now", "view")

    def __init__(self, view: TopologyView, now: int, intervals: int) -> None:
        self.view = view
        self.now = now
        self.intervals = intervals
        self.known: dict[int, _Descent] = {}

    def descend(self, entity: Entity, passed: frozenset[int]) -> _Descent:
        """What is below the entity. `passed`: the indexes above it (a ring of relations is said, not followed)."""
        if entity.index in passed:
            return _Descent(ends=f"{_called(entity)} was passed already: its relations form a ring")
        if len(passed) >= _DEEPEST:
            return _Descent(ends=f"{_called(entity)} is {_DEEPEST} steps down: ask for it by its own name")
        if entity.index not in self.known:
            self.known[entity.index] = self._descend(entity, passed)
        return self.known[entity.index]

    def _descend(self, entity: Entity, passed: frozenset[int]) -> _Descent:
        passed |= {entity.index}
        below, notes = self._steps(entity, passed)
        storage = tuple(self._storage(entity, passed))
        ends = "" if below else _why_it_ends(entity, bool(storage))
        return _Descent(tuple(below), storage, ends, tuple(notes))

    def _steps(self, entity: Entity, passed: frozenset[int]) -> tuple[list[Hop], list[str]]:
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
                return [self._placed(entity, placement, host, passed)], []
        hops = list(self._claimed(entity, passed))
        return hops or list(self._managed(entity, passed)), []

    def _placed(self, entity: Entity, placement: Placement, host: Entity, passed: frozenset[int]) -> Hop:
        """The one host of a single-placement entity, by our judgement; its claim is the evidence."""
        claims = [c for c in self.view.claims_of(entity) if c.kind is RelationKind.RUNS_ON]
        claim = max((c for c in claims if self._is(c.lower, host)), key=_weight(placement), default=None)
        hop = Hop(
            RelationKind.RUNS_ON,
            host,
            _placement_state(placement, claim),
            placement.role or (claim.role if claim else ""),
            placement.since,
            until=placement.left_at or None,
            source=placement.source,
            confidence=claim.confidence if claim else 100,
            notes=tuple(self._doubts(entity, placement, host, claims)),
        )
        return self._aged(hop, claim, entity, passed)

    def _doubts(self, entity: Entity, placement: Placement, host: Entity, claims: list[Claim]) -> Iterator[str]:
        if not placement.open:
            yield f"{_called(entity)} is {_condition(entity)}: this is where it was last"
        elif not placement.certain:
            yield f"{_called(host)} is not heard of: this is where {_called(entity)} was last"
        for claim in claims:
            other = self.view.entity(claim.lower)
            if other is None or other.index == host.index or other.kind is not host.kind:
                continue
            said = {Phase.STABLE: "runs", Phase.TRANSITIONAL: "is in transition", Phase.LAST_KNOWN: "was last"}
            yield f"{claim.source or 'the topology'} says it {said[claim.phase]} on {_called(other)} too"

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
                notes.append(f"{_called(member)} {_no_place(member)}")
            for hop in hops:
                taken.setdefault((hop.entity.index, hop.state), []).append((member, hop))
        return [_shared(takers) for takers in taken.values()], notes

    def _storage(self, entity: Entity, passed: frozenset[int]) -> Iterator[Hop]:
        for claim in self.view.claims_of(entity):
            store = self.view.entity(claim.lower)
            if claim.kind in _STORAGE and store is not None:
                yield self._follow(claim, store, passed)

    def _follow(self, claim: Claim, lower: Entity, passed: frozenset[int]) -> Hop:
        hop = Hop(
            claim.kind,
            lower,
            _PHASES[claim.phase],
            claim.role,
            claim.since,
            source=claim.source,
            confidence=claim.confidence,
        )
        return self._aged(hop, claim, lower, passed)

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
            ends=descent.ends,
            notes=hop.notes + descent.notes,
        )

    def _is(self, record: int, entity: Entity) -> bool:
        found = self.view.entity(record)
        return found is not None and found.index == entity.index


def _weight(placement: Placement) -> Callable[[Claim], tuple[bool, bool, int]]:
    return lambda claim: (claim.source == placement.source, claim.phase is Phase.STABLE, claim.confidence)


def _placement_state(placement: Placement, claim: Claim | None) -> HopState:
    if not placement.open:
        return HopState.STOPPED
    if not placement.certain:
        return HopState.LAST_KNOWN
    if placement.left_at:
        return HopState.TRANSITIONAL
    return _PHASES[claim.phase] if claim is not None else HopState.STABLE


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


def _why_it_ends(entity: Entity, has_storage: bool) -> str:
    if entity.kind is EntityKind.SITE or has_storage:
        return ""
    if is_group(entity) or entity.kind in COMPOSITES:
        return f"{_called(entity)} has no known members"
    if entity.kind in (EntityKind.VM, EntityKind.HA_RESOURCE, EntityKind.POD):
        return f"{_called(entity)} {_no_place(entity)}"
    return f"{_called(entity)} {_unmatched(entity)}"


def _no_place(entity: Entity) -> str:
    if entity.state is EntityState.STOPPED:
        return "is stopped, and was never seen running"
    if entity.state in (EntityState.UNKNOWN, EntityState.RUNNING):
        return _unmatched(entity)
    return f"is {_condition(entity)}, and {_unmatched(entity)}"


def _unmatched(entity: Entity) -> str:
    return _UNMATCHED.get(entity.kind, "has no known place")


def _condition(entity: Entity) -> str:
    return entity.state.value + (f" ({entity.reason})" if entity.reason else "")


def _status(entity: Entity, descent: _Descent) -> WhereStatus:
    states = {hop.state for hop in descent.below}
    if not states:
        return WhereStatus.STOPPED if entity.state is EntityState.STOPPED else WhereStatus.UNKNOWN
    if states == {HopState.STOPPED}:
        return WhereStatus.STOPPED
    if len(descent.below) > 1:
        return WhereStatus.SPREAD
    one = {
        HopState.STABLE: WhereStatus.PLACED,
        HopState.TRANSITIONAL: WhereStatus.MOVING,
        HopState.LAST_KNOWN: WhereStatus.LAST_KNOWN,
    }
    return one[states.pop()]


def _sentence(entity: Entity, status: WhereStatus, descent: _Descent) -> str:
    if not descent.below:
        return descent.ends or f"{_called(entity)} is a place of its own"
    if len(descent.below) > 1:
        listed = ", ".join(_brief(hop) for hop in descent.below)
        return f"{_titled(entity)} is in {len(descent.below)} places: {listed}"
    hop = descent.below[0]
    chain = " > ".join(_called(step.entity) for step in _straight(hop))
    words = {
        WhereStatus.STOPPED: f"is {_condition(entity)}; it was last on",
        WhereStatus.LAST_KNOWN: "was last known on",
        WhereStatus.MOVING: "is in transition on",
    }
    usual = "runs on" if hop.relation is RelationKind.RUNS_ON else f"{hop.relation.value.replace('_', ' ')}"
    title = _called(entity) if status is WhereStatus.STOPPED else _titled(entity)
    return f"{title} {words.get(status, usual)} {chain}"


def _titled(entity: Entity) -> str:
    """With its condition, when there is something to say of it."""
    usual = entity.state in (EntityState.RUNNING, EntityState.UNKNOWN)
    return _called(entity) if usual else f"{_called(entity)}, {_condition(entity)},"


def _brief(hop: Hop) -> str:
    extra = [hop.role] if hop.role and hop.role != "started" else []
    if hop.state is not HopState.STABLE:
        extra.append(hop.state.value.replace("_", " "))
    if hop.members:
        extra.append(", ".join(member.name for member in hop.members))
    return _called(hop.entity) + (f" ({'; '.join(extra)})" if extra else "")


def _straight(hop: Hop) -> Iterator[Hop]:
    """The hop and those below it, as long as there is one way only."""
    yield hop
    while len(hop.below) == 1:
        hop = hop.below[0]
        yield hop


def _reaches_hardware(hop: Hop) -> bool:
    if hop.entity.kind in _HARDWARE:
        return True
    return bool(hop.below) and all(map(_reaches_hardware, hop.below))


def _called(entity: Entity) -> str:
    return f"{entity.kind.value} {entity.name}"


def walk_hops(hops: Iterable[Hop]) -> Iterator[Hop]:
    """All hops of a tree, storage included, each before those below it."""
    for hop in hops:
        yield hop
        yield from walk_hops(hop.below)
        yield from walk_hops(hop.storage)
