"""A small estate as a Snapshot, built as the reconciler builds one: rows put on shelves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from gateway.model.conditions import RULES, ConditionKind, alarm_key
from gateway.model.entities import Alias, EntityKind, EntityState, KeyNamespace, NativeKey
from gateway.model.relations import RelationKind
from gateway.model.rows import Alarm, Claim, Entity, Placement, Record, Source, SourceState
from gateway.model.snapshot import Snapshot, scope_key

T0 = 1_700_000_000_000_000
SECOND = 1_000_000
VMS_PER_HOST = 20


def uuid(number: int) -> str:
    return f"018bcfe5-6800-7000-8000-{number:012x}"


def record_of(entity: Entity, source: str) -> Record:
    return Record(
        index=entity.index,
        id=entity.id,
        source=source,
        scope="",
        key=NativeKey(entity.kind, entity.name),
        name=entity.name,
        subtype=entity.subtype,
        state=entity.state,
        reason=entity.reason,
        aliases=entity.aliases,
        attributes={},
        first_seen=entity.first_seen,
        state_since=entity.state_since,
        entity=entity.index,
    )


def host(index: int) -> Entity:
    return Entity(
        index=index,
        id=uuid(index),
        kind=EntityKind.PHYSICAL_HOST,
        subtype="",
        name=f"host-{index:04d}",
        state=EntityState.RUNNING,
        reason="",
        state_since=T0,
        first_seen=T0 - 86_400 * SECOND,
        sources=("declared", "fleet"),
        records=(index,),
        aliases=(Alias(KeyNamespace.IP_ADDRESS, f"192.0.2.{index % 250 + 1}"),),
    )


def vm(index: int) -> Entity:
    states = (EntityState.RUNNING, EntityState.RUNNING, EntityState.PAUSED, EntityState.CRASHED)
    return Entity(
        index=index,
        id=uuid(index),
        kind=EntityKind.VM,
        subtype="kvm",
        name=f"vm-{index:05d}",
        state=states[index % 4],
        reason="Überlastung auf dem Rechner" if index % 10 == 0 else "",
        state_since=T0 + index * SECOND // 10,
        first_seen=T0 - 86_400 * SECOND,
        sources=("fleet",) if index % 3 else ("declared",),
        records=(index,),
    )


def indexes(count: int, holes: Iterable[int] = ()) -> list[int]:
    """The first `count` indexes that are not holes."""
    left_out = set(holes)
    found = []
    number = 1
    while len(found) < count:
        if number not in left_out:
            found.append(number)
        number += 1
    return found


def snapshot(count: int = 200, holes: Iterable[int] = (), alarms: int = 5) -> Snapshot:
    """`count` entities: one host for 20 VMs, VMs on hosts, two sources (`declared` is stale), alarms."""
    numbers = indexes(count, holes)
    hosts = numbers[: max(3, count // VMS_PER_HOST)]
    guests = numbers[len(hosts) :]
    entities = {n: host(n) for n in hosts} | {n: vm(n) for n in guests}
    homes = {n: hosts[k % len(hosts)] for k, n in enumerate(guests)}
    made = Snapshot(
        revision=7,
        at=T0,
        next_index=numbers[-1] + 1,
        next_alarm=alarms + 2,
        entities=Snapshot().entities.evolve(entities),
        records=Snapshot().records.evolve({n: record_of(e, e.sources[-1]) for n, e in entities.items()}),
        claims=Snapshot().claims.evolve({n: _claims(n, home) for n, home in homes.items()}),
        dependents=Snapshot().dependents.evolve(_dependents(homes)),
        placements=Snapshot().placements.evolve({n: _placement(n, home) for n, home in homes.items()}),
        sources={s.name: s for s in (_source(1, "declared", SourceState.STALE), _source(2, "fleet", SourceState.OK))},
    )
    made = read(made, T0)
    return with_alarms(made, guests[:alarms]) if alarms else made


def read(before: Snapshot, at: int) -> Snapshot:
    """Both sources were read again, and nothing has changed."""
    return replace(before, freshness=before.freshness.evolve({scope_key(name, ""): at for name in before.sources}))


def with_alarms(before: Snapshot, about: Iterable[int]) -> Snapshot:
    """One raised alarm for each of these entities, and one that is still settling."""
    raised = {number: _alarm(number, entity, T0 + SECOND) for number, entity in enumerate(about, 1)}
    settling = len(raised) + 1
    return replace(
        before,
        alarms=before.alarms.evolve({**raised, settling: _alarm(settling, before.next_index - 1, 0)}),
        entity_alarms=before.entity_alarms.evolve({alarm.entity: (n,) for n, alarm in raised.items()}),
    )


def moved(before: Snapshot, vm_index: int, to: int) -> Snapshot:
    """The VM is on another host now."""
    placement = before.placements.get(vm_index)
    assert placement is not None
    left, found = (before.dependents.get(each) or () for each in (placement.host, to))
    return replace(
        before,
        revision=before.revision + 1,
        at=before.at + 60 * SECOND,
        dependents=before.dependents.evolve({placement.host: tuple(n for n in left if n != vm_index)}).evolve(
            {to: tuple(sorted({*found, vm_index}))}
        ),
        placements=before.placements.evolve({vm_index: replace(placement, host=to, since=before.at + 60 * SECOND)}),
        claims=before.claims.evolve({vm_index: _claims(vm_index, to)}),
    )


def renamed(before: Snapshot, index: int, name: str) -> Snapshot:
    """The entity has another name now."""
    entity, record = before.entities.get(index), before.records.get(index)
    assert entity is not None
    assert record is not None
    return replace(
        before,
        revision=before.revision + 1,
        entities=before.entities.evolve({index: replace(entity, name=name)}),
        records=before.records.evolve({index: replace(record, name=name)}),
    )


def _dependents(homes: Mapping[int, int]) -> dict[int, tuple[int, ...]]:
    found: dict[int, tuple[int, ...]] = {}
    for guest, home in homes.items():
        found[home] = (*found.get(home, ()), guest)
    return found


def _claims(index: int, home: int) -> tuple[Claim, ...]:
    claims = [
        Claim("fleet", RelationKind.RUNS_ON, index, home, since=T0),
        Claim("fleet", RelationKind.MANAGED_BY, index, home, since=T0, confidence=80),
    ]
    if index % 5 == 0:  # two sources say the same
        claims.append(Claim("declared", RelationKind.RUNS_ON, index, home, role="guest", since=T0 - SECOND))
    return tuple(claims)


def _placement(index: int, home: int) -> Placement:
    return Placement(index, home, "", T0 - 3600 * SECOND, "fleet", open=index % 4 != 3, certain=index % 7 != 0)


def _source(index: int, name: str, state: SourceState) -> Source:
    return Source(
        index=index,
        id=uuid(1_000_000 + index),
        name=name,
        kind="simulated",
        state=state,
        interval_us=20 * SECOND,
        last_success=T0,
        failing_since=T0 if state is SourceState.STALE else 0,
        last_error="no answer" if state is SourceState.STALE else "",
        reads=41,
        failures=2,
        last_duration_us=12_345,
    )


def _alarm(index: int, entity: int, raised_at: int) -> Alarm:
    condition = ConditionKind.CRASHED if index % 2 else ConditionKind.DEGRADED
    rule = RULES[condition]
    return Alarm(
        index=index,
        key=alarm_key(condition, uuid(entity)),
        condition=condition,
        category=rule.category,
        severity=rule.severity,
        entity=entity,
        source="fleet",
        detail="",
        text=f"entity {entity} is not well",
        remedy="virsh start",
        since=T0,
        due=T0 + SECOND,
        raised_at=raised_at,
        event_id=uuid(2_000_000 + index) if raised_at else "",
    )


def placed(before: Snapshot, rows: Mapping[int, Placement | None]) -> Snapshot:
    """These placements, and no other change."""
    return replace(before, revision=before.revision + 1, placements=before.placements.evolve(rows))
