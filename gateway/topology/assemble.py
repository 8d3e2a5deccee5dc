"""
A snapshot from its rows: how an entity is merged from its records, and every index over them.

What a snapshot's indexes hold is defined here, once, for whoever builds or evolves one:

- `natives`, `ids`: every record, gone ones too (a thing that comes back keeps its index);
- `names`, `aliases`: records that are not gone, by index;
- `scopes`: records that are not gone, in their own scope and in those of their source that claim something of them;
- `claims`: sorted by `claim_order`; `dependents`: uppers by index, each once;
- `entity_alarms`, `alarm_keys`: settling and raised; `pending`: settling ones that have a due time;
- `failing`: scopes whose alarm of silence settles or is raised;
- `windows`: planned ones that have not ended; each is in `pending` too.

Other entries of `pending` and `evidence` are not rows: the reconciler derives them anew.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from gateway.model.entities import DECLARED, Alias, EntityState, Value
from gateway.model.events import Event
from gateway.model.observations import Link
from gateway.model.rows import Alarm, Claim, Entity, Placement, Record, Source
from gateway.model.shelf import Buckets, Shelf
from gateway.model.snapshot import Snapshot, native_key, scope_key, silent_scope
from gateway.model.windows import Window


def merge_entity(records: Sequence[Record]) -> Entity | None:
    """
    The entity that these records show; None when all of them are gone.

    `records`: all that are linked, gone ones too, in any order. The oldest (lowest index) gives index and id, for
    ever; gone ones give nothing else while another lives. What the entity is doing comes from the first living
    record that knows it; attributes are united, the older record's word stands. The name that a person declared wins;
    it is found by the others too.
    """
    if len(records) == 1:
        return _alone(records[0])
    ordered = sorted(records, key=_by_index)
    living = [record for record in ordered if not record.gone]
    if not living:
        return None
    oldest = ordered[0]
    leading = next((record for record in living if record.state is not EntityState.UNKNOWN), living[0])
    return Entity(
        index=oldest.index,
        id=oldest.id,
        kind=oldest.key.kind,
        subtype=leading.subtype,
        name=next((record.name for record in living if record.subtype == DECLARED), leading.name),
        state=leading.state,
        reason=leading.reason,
        state_since=leading.state_since,
        first_seen=min(record.first_seen for record in ordered),
        sources=tuple(dict.fromkeys(record.source for record in living)),
        records=tuple(record.index for record in living),
        attributes=_united(living),
        aliases=tuple(dict.fromkeys(alias for record in living for alias in record.aliases)),
    )


def alias_key(alias: Alias) -> str:
    """Key of `Snapshot.aliases`."""
    return f"{alias.namespace.value}\x00{alias.value}"


def claim_order(claim: Claim) -> tuple[str, int, str, str, str]:
    """The order of one upper's claims in `Snapshot.claims`."""
    return (claim.kind.value, claim.lower, claim.role, claim.source, claim.scope)


def scopes_of(record: Record, claims: Iterable[Claim]) -> frozenset[str]:
    """Keys of the scopes that see a record: its own, and those of its source that claim something of it."""
    if record.gone:
        return frozenset()
    said = {claim.scope for claim in claims if claim.source == record.source}
    return frozenset(scope_key(record.source, scope) for scope in (record.scope, *said))


def assemble(
    *,
    records: Iterable[Record],
    claims: Iterable[Claim] = (),
    placements: Iterable[Placement] = (),
    alarms: Iterable[Alarm] = (),
    sources: Iterable[Source] = (),
    freshness: Mapping[str, int] | None = None,
    links: Mapping[str, tuple[Link, ...]] | None = None,
    windows: Iterable[Window] = (),
    next_window: int = 1,
    recent: Iterable[Event] = (),
    roots: Mapping[int, tuple[str, int]] | None = None,
    revision: int = 0,
    at: int = 0,
    next_index: int = 1,
    next_alarm: int = 1,
) -> Snapshot:
    """
    The complete snapshot of these rows.

    `records`: gone ones too. `claims`: open ones. `placements`: one per entity, the open one, else its latest with
    `open` False. `alarms`: not cleared. `freshness`: `scope_key` -> microseconds UTC. `links`: by source. `recent`:
    the last relocations that were told, oldest first. `roots`: failures that ended lately, by entity.
    `windows`: planned ones that have not ended, and those that ended lately.
    """
    rows = {record.index: record for record in sorted(records, key=_by_index)}
    living = [record for record in rows.values() if not record.gone]
    by_upper, dependents = _claims(claims)
    conditions = {alarm.index: alarm for alarm in alarms}
    declared = sorted(windows, key=lambda window: window.index)
    planned = {window.index: window for window in declared if not window.ended_at}
    return Snapshot(
        revision=revision,
        at=at,
        next_index=next_index,
        next_alarm=next_alarm,
        records=Shelf[Record]().evolve(rows),
        entities=Shelf[Entity]().evolve(_entities(rows.values())),
        claims=Shelf[tuple[Claim, ...]]().evolve(by_upper),
        dependents=Shelf[tuple[int, ...]]().evolve(dependents),
        placements=Shelf[Placement]().evolve({placement.entity: placement for placement in placements}),
        alarms=Shelf[Alarm]().evolve(conditions),
        alarm_keys=Buckets[int]().evolve({alarm.key: alarm.index for alarm in conditions.values()}),
        natives=Buckets[int]().evolve({native_key(r.source, r.key): r.index for r in rows.values()}),
        names=Buckets[tuple[int, ...]]().evolve(_grouped((r.name.lower(), r.index) for r in living)),
        ids=Buckets[int]().evolve({record.id.lower(): record.index for record in rows.values()}),
        aliases=Buckets[tuple[int, ...]]().evolve(
            _grouped((alias_key(alias), record.index) for record in living for alias in record.aliases)
        ),
        scopes=Buckets[frozenset[int]]().evolve(_scopes(living, by_upper)),
        freshness=Buckets[int]().evolve(dict(freshness or {})),
        entity_alarms=_entity_alarms(conditions.values()),
        sources={source.name: source for source in sources},
        links=dict(links or {}),
        windows=Shelf[Window]().evolve(planned),
        ended_windows=tuple(window for window in declared if window.ended_at),
        next_window=next_window,
        recent=tuple(recent),
        roots=dict(roots or {}),
        pending={f"alarm:{a.index}": a.due for a in conditions.values() if not a.raised and a.due}
        | {f"window:{window.index}": window.due for window in planned.values()},
        failing={key: alarm.index for alarm in conditions.values() if (key := silent_scope(alarm))},
    )


def _by_index(record: Record) -> int:
    return record.index


def _alone(record: Record) -> Entity | None:
    if record.gone:
        return None
    return Entity(
        record.index,
        record.id,
        record.key.kind,
        record.subtype,
        record.name,
        record.state,
        record.reason,
        record.state_since,
        record.first_seen,
        (record.source,),
        (record.index,),
        record.attributes,
        record.aliases,
    )


def _united(records: Sequence[Record]) -> Mapping[str, Value]:
    united: dict[str, Value] = {}
    for record in records:
        for name, value in record.attributes.items():
            united.setdefault(name, value)
    return united


def _entities(records: Iterable[Record]) -> dict[int, Entity]:
    linked: dict[int, list[Record]] = {}
    for record in records:
        linked.setdefault(record.entity or record.index, []).append(record)
    merged = (merge_entity(group) for group in linked.values())
    return {entity.index: entity for entity in merged if entity is not None}


def _claims(claims: Iterable[Claim]) -> tuple[dict[int, tuple[Claim, ...]], dict[int, tuple[int, ...]]]:
    """Claims by upper, and uppers by lower."""
    by_upper: dict[int, list[Claim]] = {}
    by_lower: dict[int, set[int]] = {}
    for claim in claims:
        by_upper.setdefault(claim.upper, []).append(claim)
        by_lower.setdefault(claim.lower, set()).add(claim.upper)
    return (
        {upper: tuple(sorted(said, key=claim_order)) for upper, said in by_upper.items()},
        {lower: tuple(sorted(uppers)) for lower, uppers in by_lower.items()},
    )


def _grouped(pairs: Iterable[tuple[str, int]]) -> dict[str, tuple[int, ...]]:
    """Indexes by key, each once, in the order given."""
    found: dict[str, dict[int, None]] = {}
    for key, index in pairs:
        found.setdefault(key, {})[index] = None
    return {key: tuple(indexes) for key, indexes in found.items()}


def _scopes(living: Iterable[Record], claims: Mapping[int, tuple[Claim, ...]]) -> dict[str, frozenset[int]]:
    members: defaultdict[str, set[int]] = defaultdict(set)
    for record in living:
        for key in scopes_of(record, claims.get(record.index, ())):
            members[key].add(record.index)
    return {key: frozenset(indexes) for key, indexes in members.items()}


def _entity_alarms(alarms: Iterable[Alarm]) -> Shelf[tuple[int, ...]]:
    found: dict[int, list[int]] = {}
    for alarm in alarms:
        found.setdefault(alarm.entity, []).append(alarm.index)
    return Shelf[tuple[int, ...]]().evolve({entity: tuple(sorted(indexes)) for entity, indexes in found.items()})
