"""What an observation changes: records and claims, only within what it covers."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from gateway.model.entities import EntityState, NativeKey
from gateway.model.observations import Glimpse, Objects, Observation, ObservedEntity, ObservedRelation, Whole
from gateway.model.relations import Phase, RelationKind
from gateway.model.rows import Claim, Record
from gateway.topology.draft import Draft


def apply_observation(draft: Draft, observation: Observation) -> None:
    """
    Bring records and claims up to what was observed.

    Only what the observation covers can change: a missing thing is gone where the view was complete (Whole,
    Objects), and nothing known changes on a Glimpse. Entities whose placement may differ are left in
    `draft.touched`.
    """
    source, scope = observation.source, observation.covers.scope
    if isinstance(observation.covers, Glimpse):
        _apply_glimpse(draft, observation)
        return
    seen = [_upsert(draft, observation, entity) for entity in observation.entities]
    relations = _relations_by_upper(observation.relations)
    for record in seen:
        _replace_claims(draft, observation, record, relations.pop(record.key, ()))
    for upper, said in relations.items():
        _replace_claims(draft, observation, _known(draft, observation, upper), said)
    found = {record.index for record in seen}
    for index in _covered(draft, observation) - found:
        _lose(draft, source, scope, draft.record(index))
    draft.refresh(source, scope) if isinstance(observation.covers, Whole) else None


def _apply_glimpse(draft: Draft, observation: Observation) -> None:
    """Add what was unknown, as last known; update only what a condition names."""
    judged = {condition.entity for condition in observation.conditions}
    new: list[Record] = []
    for entity in observation.entities:
        known = draft.find(observation.source, entity.key)
        if known is None:
            unsure = entity if entity.key in judged else replace(entity, state=EntityState.UNKNOWN)
            new.append(_upsert(draft, observation, unsure))
        elif entity.key in judged:
            _upsert(draft, observation, entity)
    relations = _relations_by_upper(observation.relations)
    for record in new:
        unsure_relations = [replace(r, phase=Phase.LAST_KNOWN) for r in relations.get(record.key, ())]
        _replace_claims(draft, observation, record, unsure_relations)


def _upsert(draft: Draft, observation: Observation, entity: ObservedEntity) -> Record:
    record = _known(draft, observation, entity.key)
    scope = observation.covers.scope
    changed_state = (record.state, record.reason) != (entity.state, entity.reason)
    seen = replace(
        record,
        scope=_home(draft, record, scope),
        name=entity.name,
        subtype=entity.subtype,
        state=entity.state,
        reason=entity.reason,
        aliases=tuple(sorted(set(entity.aliases))),
        attributes=entity.attributes,
        state_since=observation.at if changed_state else record.state_since,
        gone=False,
    )
    draft.enter_scope(record.source, scope, record.index)
    if seen != record:
        draft.put_record(seen)
    return seen


def _home(draft: Draft, record: Record, scope: str) -> str:
    """The scope that a record belongs to: the one it was in, while that one still says it sees it."""
    if record.scope != scope and record.index in draft.scope(record.source, record.scope):
        return record.scope
    return scope


def _known(draft: Draft, observation: Observation, key: NativeKey) -> Record:
    """The record of a key; one that nobody has named yet is added, its state unknown."""
    known = draft.find(observation.source, key)
    if known is not None:
        return known
    return draft.add_record(
        Record(
            index=0,
            id="",
            source=observation.source,
            scope=observation.covers.scope,
            key=key,
            name=key.native,
            subtype="",
            state=EntityState.UNKNOWN,
            reason="",
            aliases=(),
            attributes={},
            first_seen=observation.at,
            state_since=observation.at,
        )
    )


def _relations_by_upper(relations: Iterable[ObservedRelation]) -> dict[NativeKey, list[ObservedRelation]]:
    by_upper: defaultdict[NativeKey, list[ObservedRelation]] = defaultdict(list)
    for relation in relations:
        by_upper[relation.upper].append(relation)
    return by_upper


def _covered(draft: Draft, observation: Observation) -> set[int]:
    """Records of which the observation must have said something if they exist."""
    if isinstance(observation.covers, Whole):
        return set(draft.scope(observation.source, observation.covers.scope))
    assert isinstance(observation.covers, Objects)
    known = (draft.find(observation.source, key) for key in observation.covers.keys)
    return {record.index for record in known if record is not None}


def _replace_claims(
    draft: Draft, observation: Observation, record: Record, relations: Iterable[ObservedRelation]
) -> None:
    """Replace what this scope said of the record; what other scopes and we ourselves say stays."""
    source, scope = observation.source, observation.covers.scope
    before = draft.claims(record.index)
    mine = {_identity(c): c for c in before if c.source == source and c.scope == scope}
    after = [c for c in before if c.source != source or c.scope != scope]
    said: dict[tuple[RelationKind, int, str], Claim] = {}
    for relation in relations:
        claim = _claim(draft, observation, record, relation)
        said[_identity(claim)] = _continued(claim, mine.get(_identity(claim)))
    after.extend(said.values())
    _touch(draft, record, mine.values(), said.values())
    draft.put_claims(record.index, after)


def _identity(claim: Claim) -> tuple[RelationKind, int, str]:
    return (claim.kind, claim.lower, claim.role)


def _claim(draft: Draft, observation: Observation, record: Record, relation: ObservedRelation) -> Claim:
    return Claim(
        source=observation.source,
        kind=relation.kind,
        upper=record.index,
        lower=_known(draft, observation, relation.lower).index,
        role=relation.role,
        phase=relation.phase,
        arrival=relation.arrival,
        since=observation.at,
        attributes=relation.attributes,
        scope=observation.covers.scope,
    )


def _continued(claim: Claim, before: Claim | None) -> Claim:
    """The claim, since when it has been so."""
    if before is not None and (before.phase, before.arrival) == (claim.phase, claim.arrival):
        return replace(claim, since=before.since)
    return claim


def _touch(draft: Draft, record: Record, before: Iterable[Claim], after: Iterable[Claim]) -> None:
    """Its placement is judged again when what is said of where it runs changed."""

    def where(claims: Iterable[Claim]) -> set[tuple[int, str, Phase]]:
        return {(c.lower, c.role, c.phase) for c in claims if c.kind is RelationKind.RUNS_ON}

    if where(before) != where(after):
        draft.touched.add(draft.entity_of(record.index))


def _lose(draft: Draft, source: str, scope: str, record: Record) -> None:
    """The scope no longer sees the record; it is gone when no other scope does."""
    before = draft.claims(record.index)
    mine = [c for c in before if c.source == source and c.scope == scope]
    draft.leave_scope(source, scope, record.index)
    draft.put_claims(record.index, [c for c in before if c.source != source or c.scope != scope])
    _touch(draft, record, mine, ())
    elsewhere = sorted({c.scope for c in before if c.source == source and c.scope != scope})
    if elsewhere:
        if record.scope == scope:
            draft.put_record(replace(record, scope=elsewhere[0]))
    elif not record.gone:
        draft.put_record(replace(record, gone=True))
        draft.touched.add(draft.entity_of(record.index))
