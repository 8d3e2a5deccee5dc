"""A small estate that changes at random, judged by the topology's own code: what the store is given in real life."""

import random
from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any
from uuid import UUID

from gateway.model.changes import Changes
from gateway.model.conditions import ConditionKind, SettleTimes
from gateway.model.entities import Alias, EntityKind, EntityRef, EntityState, KeyNamespace, NativeKey
from gateway.model.events import Cause, Event, EventKind
from gateway.model.observations import Link, Observation, ObservedCondition, ObservedEntity, ObservedRelation, Whole
from gateway.model.relations import Arrival, Phase, RelationKind
from gateway.model.rows import Claim, Placement, Record, Source, SourceState
from gateway.model.shelf import Buckets, Shelf
from gateway.model.snapshot import Snapshot
from gateway.topology.causes import AMENDABLE
from gateway.topology.draft import KEEP_ROOTS
from gateway.topology.revise import observe, register_source, settle_due, update_source

T0 = 1_700_000_000_000_000
SECOND = 1_000_000
SETTLE = SettleTimes()
HOSTS = [NativeKey(EntityKind.HYPERVISOR, f"h{number}") for number in range(4)]
VMS = [NativeKey(EntityKind.VM, f"vm-{number}") for number in range(12)]
STATES = [EntityState.RUNNING, EntityState.RUNNING, EntityState.RUNNING, EntityState.PAUSED, EntityState.STOPPED]


class Estate:
    """Yields the changes of one revision after the other; `snapshot` is what the store must hold then."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.snapshot = Snapshot()
        self.now = T0
        self._where = {vm: self.random.choice(HOSTS) for vm in VMS}
        self._gone: set[NativeKey] = set()

    def ids(self) -> str:
        return str(UUID(int=self.random.getrandbits(128), version=4))

    def revisions(self, number: int) -> Iterator[Changes]:
        """`number` changes that are not empty; what is refused (not committed) is repeated as it was."""
        yield self._kept(register_source(self.snapshot, _source("fleet"), self.now, self.ids))
        given = 1
        while given < number:
            self.now += self.random.choice([SECOND // 10, SECOND, 20 * SECOND, 200 * SECOND])
            changes = self._kept(self.random.choice([self._fleet, self._fleet, self._facts, self._due, self._health])())
            if not changes.empty:
                given += 1
                yield changes

    def _kept(self, result: tuple[Snapshot, Changes]) -> Changes:
        snapshot, changes = result
        # Freshness alone waits for the next commit, as in the engine.
        if not changes.empty:
            self.snapshot = snapshot
        return changes

    def _fleet(self) -> tuple[Snapshot, Changes]:
        for vm in VMS:
            chance = self.random.random()
            if chance < 0.25:
                self._where[vm] = self.random.choice(HOSTS)
            elif chance < 0.35:
                self._gone ^= {vm}
        seen = [vm for vm in VMS if vm not in self._gone]
        observation = Observation(
            "fleet",
            self.now,
            Whole(""),
            tuple([ObservedEntity(host, host.native.upper()) for host in HOSTS] + [self._vm(vm) for vm in seen]),
            tuple(relation for vm in seen for relation in self._claims(vm)),
            tuple(self._conditions(seen)),
            judged=frozenset({ConditionKind.CRASHED}),
        )
        return observe(self.snapshot, observation, SETTLE, self.ids)

    def _vm(self, vm: NativeKey) -> ObservedEntity:
        number = VMS.index(vm)
        name = f"{vm.native}-ü{self.random.randrange(2)}"
        macs = [f"52:54:00:00:{number:02x}:{nic:02x}" for nic in range(3)]
        keys = tuple(Alias(KeyNamespace.MAC, mac) for mac in self.random.sample(macs, self.random.randrange(4)))
        attributes = {"memory_bytes": self.random.choice([1 << 30, 1 << 40]), "ha": self.random.random() < 0.5}
        return ObservedEntity(vm, name, "qemu", self.random.choice(STATES), aliases=keys, attributes=attributes)

    def _claims(self, vm: NativeKey) -> Iterator[ObservedRelation]:
        if self.random.random() < 0.15:
            return
        phase = self.random.choice([Phase.STABLE, Phase.STABLE, Phase.STABLE, Phase.TRANSITIONAL, Phase.LAST_KNOWN])
        arrival = self.random.choice(list(Arrival))
        role = self.random.choice(["", "", "started"])
        yield ObservedRelation(RelationKind.RUNS_ON, vm, self._where[vm], role, phase, arrival)
        if self.random.random() < 0.1:
            yield ObservedRelation(RelationKind.RUNS_ON, vm, self.random.choice(HOSTS), role, Phase.STABLE, arrival)

    def _conditions(self, seen: list[NativeKey]) -> Iterator[ObservedCondition]:
        for vm in seen:
            if self.random.random() < 0.2:
                yield ObservedCondition(ConditionKind.CRASHED, vm, text="crashed", remedy="start it")

    def _facts(self) -> tuple[Snapshot, Changes]:
        services = [NativeKey(EntityKind.SERVICE, name) for name in ("shop", "mail")]
        twins = [NativeKey(EntityKind.VM, f"declared-{number}") for number in range(3)]
        entities = [ObservedEntity(key, key.native) for key in services]
        for number, twin in enumerate(twins):
            key = Alias(KeyNamespace.MAC, f"52:54:00:00:{number:02x}:00")
            keys = (key,) if self.random.random() < 0.7 else ()
            entities.append(ObservedEntity(twin, twin.native, aliases=keys, attributes={"contact": "ops"}))
        relations = [ObservedRelation(RelationKind.DEPENDS_ON, services[0], twin) for twin in twins]
        links = (Link("facts/vm/declared-0", "fleet/vm/vm-5", self.random.random() < 0.5),)
        observation = Observation("facts", self.now, Whole(), tuple(entities), tuple(relations), links=links)
        return observe(self.snapshot, observation, SETTLE, self.ids)

    def _due(self) -> tuple[Snapshot, Changes]:
        return settle_due(self.snapshot, self.now, SETTLE, self.ids)

    def _health(self) -> tuple[Snapshot, Changes]:
        source = self.snapshot.sources["fleet"]
        failing = self.random.random() < 0.5
        changed = replace(
            source,
            state=SourceState.STALE if failing else SourceState.OK,
            last_success=source.last_success if failing else self.now,
            last_error="no answer" if failing else "",
        )
        state = EntityState.OFFLINE if failing else EntityState.RUNNING
        stale = "fleet does not answer" if failing else ""
        return update_source(self.snapshot, changed, state, self.now, SETTLE, self.ids, stale)


def _source(name: str) -> Source:
    return Source(0, "", name, "simulated", SourceState.STARTING, 20 * SECOND)


def contents(snapshot: Snapshot) -> dict[str, Any]:
    """
    What a snapshot holds, in a form that can be compared.

    Not its evidence and groups to be told, which are derived anew after a restart, nor its figures of this process, nor
    the views that it remembers in order not to take them in twice, nor what it remembers of pools that are gone.
    """
    found: dict[str, Any] = {}
    for field in fields(snapshot):
        value = getattr(snapshot, field.name)
        if field.name == "taken":
            continue
        if isinstance(value, Shelf):
            found[field.name] = dict(value.rows())
        elif field.name == "scopes":
            # Nothing observes the gateway's own records.
            found[field.name] = {key: row for key, row in value.items() if key != "gateway\x00"}
        elif isinstance(value, Buckets):
            found[field.name] = {key: set(row) if isinstance(row, tuple) else row for key, row in value.items()}
        elif field.name == "pending":
            found[field.name] = {what: due for what, due in value.items() if not what.startswith("group:")}
        elif field.name == "recent":
            found[field.name] = {e.id: replace(e, seq=0) for e in value if e.at >= snapshot.at - AMENDABLE}
        elif field.name not in ("evidence", "at", "roots", "lost_pools"):
            found[field.name] = value
    return found


def recent_roots(snapshot: Snapshot) -> set[tuple[int, int]]:
    """Entities whose failure ended so lately that what leaves them follows from it, and when it ended."""
    return {(e, ended) for e, (_, ended) in snapshot.roots.items() if ended >= snapshot.at - KEEP_ROOTS}


# -- single rows -----------------------------------------------------------------------------------------------


def uuid(number: int) -> str:
    return str(UUID(int=number))


def record(index: int, kind: EntityKind = EntityKind.VM, **changes: Any) -> Record:
    """A living record of source kvm."""
    row = Record(
        index=index,
        id=uuid(index),
        source="kvm",
        scope="",
        key=NativeKey(kind, f"{kind.value}-{index}"),
        name=f"{kind.value}{index}",
        subtype="qemu",
        state=EntityState.RUNNING,
        reason="",
        aliases=(),
        attributes={"vcpus": 2},
        first_seen=T0,
        state_since=T0,
        entity=index,
    )
    return replace(row, **changes)


A, B, C = (record(index, EntityKind.HYPERVISOR) for index in (1, 2, 3))
WEB = record(10)


def runs_on(host: Record, vm: Record = WEB, since: int = T0) -> Claim:
    return Claim("kvm", RelationKind.RUNS_ON, vm.index, host.index, since=since)


def placed_on(host: Record, since: int = T0, vm: Record = WEB, **changes: Any) -> Placement:
    return replace(Placement(vm.index, host.index, "", since, "kvm"), **changes)


def ref(row: Record) -> EntityRef:
    return EntityRef(row.index, row.id, row.key.kind, row.name, row.source, row.key.native)


def moved(at: int, number: int, old: Record = A, new: Record = B, vm: Record = WEB, **changes: Any) -> Event:
    """The event of a move, with the id `number`."""
    event = Event(
        id=uuid(1_000_000 + number),
        at=at,
        kind=EventKind.RELOCATION,
        entity=ref(vm),
        source="kvm",
        old_host=ref(old),
        new_host=ref(new),
        cause=Cause.COLD_MOVE,
        evidence=("seen",),
    )
    return replace(event, **changes)


def first_revision(at: int = T0) -> Changes:
    """Three hosts, and a VM on the first."""
    return Changes(
        1,
        at,
        11,
        1,
        records={row.index: (None, row) for row in (A, B, C, WEB)},
        claims=((None, runs_on(A, since=at)),),
        placements={WEB.index: (None, placed_on(A, at))},
        freshness={"kvm\x00": at},
    )


def move(revision: int, at: int, old: Placement, new: Placement, *, tell: bool = True) -> Changes:
    """The VM moves: claim, placement, event."""
    hosts = {row.index: row for row in (A, B, C)}
    event = moved(at, revision, hosts[old.host], hosts[new.host])
    return Changes(
        revision,
        at,
        11,
        1,
        claims=((runs_on(hosts[old.host]), None), (None, runs_on(hosts[new.host], since=at))),
        placements={WEB.index: (old, new)},
        freshness={"kvm\x00": at},
        events=(event,) if tell else (),
    )
