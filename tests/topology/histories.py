"""Random histories of a small estate, as Hypothesis draws them: several sources and scopes, every kind of coverage."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from gateway.model.changes import Changes
from gateway.model.conditions import SECOND, ConditionKind
from gateway.model.entities import Alias, EntityKind, KeyNamespace, NativeKey
from gateway.model.observations import (
    Coverage,
    Glimpse,
    Link,
    Objects,
    Observation,
    ObservedCondition,
    ObservedRelation,
    ScopeFailure,
    Whole,
)
from gateway.model.relations import Phase, RelationKind
from gateway.model.rows import Alarm, Claim, Placement, Record, Source, SourceState
from gateway.model.shelf import Buckets, Shelf
from gateway.model.snapshot import Snapshot
from gateway.topology.assemble import assemble
from tests.topology.house import entity, node, on, part_of, resource, vm

NODES = [node(name) for name in ("n1", "n2", "n3")]
WEB, APP, DB = resource("web"), resource("app"), resource("db")
MEMBERS = [resource("app-ip"), resource("app-fs")]
HYPERVISORS = {name: NativeKey(EntityKind.HYPERVISOR, name) for name in ("a", "b")}
MACHINES = [vm("v1"), vm("v2")]
MACS = [Alias(KeyNamespace.MAC, f"52:54:00:00:00:0{number}") for number in (1, 2)]
POOLS = [NativeKey(EntityKind.STORAGE_POOL, name) for name in ("pool", "array")]
LINKS = [Link("fleet/vm/v1", "other/vm/twin", same) for same in (True, False)]
JUDGED = frozenset({ConditionKind.BLOCKED})
INTERVAL_S = 20

Place = tuple[int, Phase] | None
PLACES = st.none() | st.tuples(st.integers(0, 2), st.sampled_from(Phase))
STABLE_PLACES = st.none() | st.tuples(st.integers(0, 2), st.just(Phase.STABLE))
MAC_KEYS = st.sampled_from([(), (MACS[0],), (MACS[1],)])


@dataclass(frozen=True)
class Cluster:
    """A view of the cluster: where each thing is; `blocked`: web's condition (None: no such condition)."""

    covers: str
    web: tuple[Place, ...]
    members: tuple[Place, ...]
    db: tuple[Place, ...]
    blocked: bool | None
    web_exists: bool = True
    source = "cluster"

    def observation(self, at: int) -> Observation:
        things = [entity(APP, "group"), *map(entity, MEMBERS), entity(DB, "promotable")]
        entities = [*(entity(n, "") for n in NODES), *([entity(WEB)] if self.web_exists else []), *things]
        relations = [part_of(member, APP) for member in MEMBERS]
        relations += _places(WEB, self.web) if self.web_exists else []
        for member, place in zip(MEMBERS, self.members, strict=True):
            relations += _places(member, (place,))
        relations += _places(DB, self.db, "promoted")
        conditions = (
            [ObservedCondition(ConditionKind.BLOCKED, WEB, holding=self.blocked)] if self.blocked is not None else []
        )
        covers: Coverage = Whole()
        if self.covers == "objects":
            covers = Objects(frozenset({WEB}))
            entities = [e for e in entities if e.key == WEB]
            relations = [r for r in relations if r.upper == WEB]
        judged = JUDGED
        if self.covers == "glimpse":
            covers, conditions, judged = Glimpse(), [], frozenset()
        return Observation(self.source, at, covers, tuple(entities), tuple(relations), tuple(conditions), judged=judged)


@dataclass(frozen=True)
class Fleet:
    """
    A host of the hypervisor fleet, read completely: by VM how it is there (None: not at all), its keys, and in which
    pool its disk is.
    """

    host: str
    machines: tuple[Phase | str | None, ...]
    keys: tuple[tuple[Alias, ...], ...]
    pools: tuple[int, ...] = (0, 0)
    source = "fleet"

    def observation(self, at: int) -> Observation:
        entities, relations = [entity(key, "") for key in (HYPERVISORS[self.host], *POOLS)], []
        for machine, how, keys, pool in zip(MACHINES, self.machines, self.keys, self.pools, strict=True):
            if how is not None:
                entities.append(entity(machine, "", aliases=keys))
                relations.append(ObservedRelation(RelationKind.USES_STORAGE, machine, POOLS[pool]))
            if isinstance(how, Phase):
                relations.append(on(machine, HYPERVISORS[self.host], how))
        return Observation(self.source, at, Whole(self.host), tuple(entities), tuple(relations))


@dataclass(frozen=True)
class Other:
    """Another source that may know the same machine; None: it does not see it."""

    keys: tuple[Alias, ...] | None
    host: Phase | None
    source = "other"

    def observation(self, at: int) -> Observation:
        twin, host = vm("twin"), HYPERVISORS["a"]
        entities = [entity(host, "")]
        if self.keys is not None:
            entities.append(entity(twin, "", aliases=self.keys))
        relations = [on(twin, host, self.host)] if self.host is not None and self.keys is not None else []
        return Observation(self.source, at, Whole(), tuple(entities), tuple(relations))


@dataclass(frozen=True)
class Facts:
    """What a person declares."""

    links: tuple[Link, ...]
    names_unknown: bool
    source = "facts"

    def observation(self, at: int) -> Observation:
        shop = NativeKey(EntityKind.SERVICE, "shop")
        below = NativeKey(EntityKind.SERVICE, "described nowhere")
        relations = (ObservedRelation(RelationKind.DEPENDS_ON, shop, below),) if self.names_unknown else ()
        return Observation(self.source, at, Whole(), (entity(shop, ""),), relations, links=self.links)


@dataclass(frozen=True)
class Health:
    """A source fails, or answers again."""

    name: str
    stale: bool


@dataclass(frozen=True)
class Fails:
    """A host of the hypervisor fleet cannot be read; `named`: the collector says what stands for it."""

    host: str
    named: bool

    def failure(self, at: int) -> ScopeFailure:
        return ScopeFailure("fleet", at, self.host, "no answer", HYPERVISORS[self.host] if self.named else None)


View = Cluster | Fleet | Other | Facts
Step = tuple[float, View | Health | Fails]


def _several(places: st.SearchStrategy[Place]) -> st.SearchStrategy[tuple[Place, ...]]:
    """Up to two places on different nodes."""
    return st.lists(places, max_size=2, unique_by=lambda place: place and place[0]).map(tuple)


CLUSTERS = st.builds(
    Cluster,
    st.sampled_from(["whole", "whole", "whole", "objects", "glimpse"]),
    _several(PLACES),
    st.tuples(STABLE_PLACES, STABLE_PLACES),
    _several(PLACES),
    st.none() | st.booleans(),
    st.booleans() | st.just(True),
)
HOWS = st.none() | st.sampled_from(Phase) | st.just("registered")
IN_POOLS = st.tuples(*[st.integers(0, 1)] * 2)
FLEETS = st.builds(Fleet, st.sampled_from(["a", "b"]), st.tuples(HOWS, HOWS), st.tuples(MAC_KEYS, MAC_KEYS), IN_POOLS)
STORED = st.builds(Fleet, st.sampled_from(["a", "b"]), st.tuples(HOWS, HOWS), st.just(((), ())), IN_POOLS)
OTHERS = st.builds(Other, st.none() | MAC_KEYS, st.none() | st.sampled_from(Phase))
FACTS = st.builds(Facts, st.lists(st.sampled_from(LINKS), max_size=1).map(tuple), st.booleans())
PAUSES_S = st.sampled_from([0.0, 1.0, 4.0, 11.0, 70.0])


def histories(views: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Step]]:
    """Steps with the seconds since the one before."""
    return st.lists(st.tuples(PAUSES_S, views), min_size=2, max_size=14)


FAILS = st.builds(Fails, st.sampled_from(["a", "b"]), st.booleans())
HEALTH = st.builds(Health, st.sampled_from(["cluster", "fleet"]), st.booleans())
ANYTHING = histories(CLUSTERS | FLEETS | OTHERS | FACTS | FAILS | HEALTH)


def source_row(name: str) -> Source:
    return Source(0, "", name, "test", SourceState.OK, INTERVAL_S * SECOND)


def _places(upper: NativeKey, places: tuple[Place, ...], role: str = "started") -> list[ObservedRelation]:
    return [on(upper, NODES[number], phase, role) for number, phase in filter(None, places)]


@dataclass
class Stored:
    """What a store would hold after these changes, and the snapshot that it would load."""

    records: dict[int, Record] = field(default_factory=dict)
    claims: dict[tuple[object, ...], Claim] = field(default_factory=dict)
    placements: dict[int, Placement] = field(default_factory=dict)
    alarms: dict[int, Alarm] = field(default_factory=dict)
    sources: dict[str, Source] = field(default_factory=dict)
    freshness: dict[str, int] = field(default_factory=dict)
    links: dict[str, tuple[Link, ...]] = field(default_factory=dict)
    last: Changes | None = None

    def commit(self, changes: Changes) -> None:
        """Write the changes; what they say was there before must have been."""
        self.freshness.update(changes.freshness)
        if changes.empty:
            return
        for index, (old, new) in changes.records.items():
            assert self.records.get(index) == old
            self.records[index] = new
        for old_claim, _ in changes.claims:
            if old_claim is not None:
                assert self.claims.pop(_identity(old_claim)) == old_claim
        for _, new_claim in changes.claims:
            if new_claim is not None:
                assert _identity(new_claim) not in self.claims
                self.claims[_identity(new_claim)] = new_claim
        _write(self.placements, changes.placements)
        _write(self.alarms, changes.alarms)
        self.sources.update(changes.sources)
        self.links.update(changes.links)
        self.last = changes

    def load(self, live: Snapshot) -> Snapshot:
        """The snapshot of these rows; `recent` and `roots`, which come from the log, are those of `live`."""
        last = self.last
        return assemble(
            records=self.records.values(),
            claims=self.claims.values(),
            placements=self.placements.values(),
            alarms=self.alarms.values(),
            sources=self.sources.values(),
            freshness=self.freshness,
            links=self.links,
            recent=live.recent,
            roots=live.roots,
            revision=last.revision if last else 0,
            at=live.at,
            next_index=last.next_index if last else 1,
            next_alarm=last.next_alarm if last else 1,
        )


def contents(snapshot: Snapshot) -> dict[str, Any]:
    """Everything that a store keeps, exactly, in a form that can be compared."""
    alarms_due = {what: due for what, due in snapshot.pending.items() if what.startswith("alarm:")}
    plain = {
        name: _plain(getattr(snapshot, name))
        for name in Snapshot.__slots__
        if name not in ("evidence", "lost_pools", "pending", "taken")
    }
    # An alarm that began and ended in one revision was nobody's.
    return {**plain, "alarms_due": alarms_due, "next_alarm": None}


def _plain(value: object) -> object:
    match value:
        case Shelf():
            return dict(value.rows())
        case Buckets():
            return dict(value.items())
        case _:
            return value


def _identity(claim: Claim) -> tuple[object, ...]:
    return (claim.source, claim.scope, claim.kind, claim.upper, claim.lower, claim.role)


def _write(rows: dict[int, Any], changed: Mapping[int, tuple[Any, Any]]) -> None:
    for index, (old, new) in changed.items():
        assert rows.get(index) == old
        if new is None:
            del rows[index]
        else:
            rows[index] = new
