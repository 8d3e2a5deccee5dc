"""What an observation changes: records and claims, only within what it covers."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from gateway.model.entities import RELOCATABLE_KINDS, Alias, EntityState, NativeKey, Value
from gateway.model.observations import Glimpse, Objects, Observation, ObservedEntity, ObservedRelation, Whole
from gateway.model.relations import Phase, RelationKind
from gateway.model.rows import Claim, Record
from gateway.topology.draft import Draft
from gateway.topology.unchanged import remember, says_the_same

UNSEEN = "(unseen)"
"""The scope of a record that relations name and no view has described yet; nobody ever reads it."""


def apply_observation(draft: Draft, observation: Observation) -> None:
    """
    Bring records and claims up to what was observed.

    Only what the observation covers can change: a missing thing is gone where the view was complete (Whole,
    Objects), and nothing known changes on a Glimpse. Entities whose placement may differ are left in
    `draft.touched`.
    """
    source, scope = observation.source, observation.covers.scope
    if isinstance(observation.covers, Glimpse):
        _apply_glimpse(draft, observation, _relations_by_upper(observation.relations))
        return
    back, whole = draft.is_silent(source, scope), isinstance(observation.covers, Whole)
    draft.hear(source, scope)
    if whole:
        draft.refresh(source, scope)
    if whole and not back and says_the_same(draft, observation):
        return
    relations = _relations_by_upper(observation.relations)
    seen = [_upsert(draft, observation, entity, relations.get(entity.key, ())) for entity in observation.entities]
    for record in seen:
        _replace_claims(draft, observation, record, relations.pop(record.key, ()))
    for upper, said in relations.items():
        record = _revived(draft, _known(draft, observation, upper))
        _replace_claims(draft, observation, record, said)
        seen.append(record)
    found = {record.index for record in seen}
    for index in sorted(_covered(draft, observation) - found):
        _lose(draft, source, scope, draft.record(index))
    if whole:
        remember(draft, observation, seen)
    if back:
        # What it said before its silence was not judged beside what others said.
        draft.touched.update(draft.entity_of(index) for index in found | draft.scope(source, scope))


def _apply_glimpse(
    draft: Draft, observation: Observation, relations: Mapping[NativeKey, Sequence[ObservedRelation]]
) -> None:
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
    for record in new:
        unsure_relations = [replace(r, phase=Phase.LAST_KNOWN) for r in relations.get(record.key, ())]
        _replace_claims(draft, observation, record, unsure_relations)


def _upsert(
    draft: Draft, observation: Observation, entity: ObservedEntity, relations: Sequence[ObservedRelation] = ()
) -> Record:
    """Bring a record up to what its scope says; of a thing that runs in another scope, that one has the word."""
    record = _known(draft, observation, entity.key)
    scope = observation.covers.scope
    home = _home(draft, record, scope, relations)
    if home is None:
        return _handed_over(draft, record, scope)
    if _shows(record, home, entity):
        return record
    changed_state = (record.state, record.reason) != (entity.state, entity.reason)
    seen = replace(
        record,
        scope=home,
        name=entity.name,
        subtype=entity.subtype,
        state=entity.state,
        reason=entity.reason,
        aliases=_ordered(entity.aliases),
        attributes=entity.attributes,
        state_since=observation.at if changed_state else record.state_since,
        gone=False,
    )
    draft.put_record(seen)
    return seen


def _handed_over(draft: Draft, record: Record, scope: str) -> Record:
    """What belonged to this scope, which has no say any more, belongs to the one where it runs, as that said last."""
    if record.scope != scope:
        return record
    elsewhere = [c for c in draft.claims(record.index) if c.source == record.source and c.scope != scope]
    moved = replace(record, scope=_most_certain(elsewhere))
    draft.put_record(moved)
    return moved


def _most_certain(claims: Iterable[Claim]) -> str:
    """The scope where a thing runs most certainly, of those that claim something of it."""
    return min(claims, key=lambda c: (c.kind is not RelationKind.RUNS_ON, -_certainty(c.phase), c.scope)).scope


def _shows(record: Record, home: str, entity: ObservedEntity) -> bool:
    """The record says what was observed already."""
    return (
        not record.gone
        and record.scope == home
        and record.name == entity.name
        and record.subtype == entity.subtype
        and record.state is entity.state
        and record.reason == entity.reason
        and _same(record.attributes, entity.attributes)
        and (record.aliases == entity.aliases or record.aliases == _ordered(entity.aliases))
    )


def _same(before: Mapping[str, Value], now: Mapping[str, Value]) -> bool:
    """Most often a collector hands over the very object that it did before."""
    return before is now or before == now


def _ordered(aliases: Iterable[Alias]) -> tuple[Alias, ...]:
    return tuple(sorted(set(aliases)))


def _home(draft: Draft, record: Record, scope: str, relations: Sequence[ObservedRelation]) -> str | None:
    """
    The scope that the record belongs to from now on; None when this one has no say in what it is doing.

    Of several scopes that see a thing (a registration left behind, a migration under way), the one where it runs
    most certainly has the word. Between equals the newest has, and the thing belongs where it did; of a machine or
    resource that runs nowhere only the scope where it was last has, not a registration left behind.
    """
    if record.gone or record.scope == UNSEEN:
        return scope
    others = _running(draft, record, scope)
    if not others and record.scope == scope:
        return scope
    there = max(map(_certainty, others), default=0)
    here = max((_certainty(r.phase) for r in relations if r.kind is RelationKind.RUNS_ON), default=0)
    at_rest = not here and not there and record.key.kind in RELOCATABLE_KINDS and record.scope != scope
    if here < there or at_rest:
        return None
    return scope if here > there or draft.is_silent(record.source, record.scope) else record.scope


def _running(draft: Draft, record: Record, scope: str) -> list[Phase]:
    """How other scopes of its source say that it runs there."""
    return [
        claim.phase
        for claim in draft.claims(record.index)
        if claim.scope != scope and claim.kind is RelationKind.RUNS_ON and claim.source == record.source
    ]


def has_word(draft: Draft, record: Record, scope: str) -> bool:
    """
    True when this scope, which has just been taken in, has a say in what the thing is doing (see `_home`).

    A registration left behind where the thing does not run any more has none.
    """
    claims = [c for c in draft.claims(record.index) if c.source == record.source and c.kind is RelationKind.RUNS_ON]
    here = max((_certainty(c.phase) for c in claims if c.scope == scope), default=0)
    there = max((_certainty(c.phase) for c in claims if c.scope != scope), default=0)
    if here != there:
        return here > there
    return record.scope in (scope, UNSEEN) or record.key.kind not in RELOCATABLE_KINDS


def _certainty(phase: Phase) -> int:
    return 2 if phase is Phase.STABLE else 1


def _revived(draft: Draft, record: Record) -> Record:
    """A thing of which something is said exists, though it is not described (any more)."""
    if record.gone:
        draft.put_record(replace(record, gone=False, scope=UNSEEN, state=EntityState.UNKNOWN, reason=""))
    return draft.record(record.index)


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
            scope=UNSEEN,
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
    mine = {(c.kind, c.lower, c.role): c for c in before if c.scope == scope and c.source == source}
    said: dict[tuple[RelationKind, int, str], Claim] = {}
    for relation in relations:
        lower = _known(draft, observation, relation.lower).index
        identity = (relation.kind, lower, relation.role)
        said[identity] = _claim(observation, record, lower, relation, mine.get(identity))
    if said == mine:
        return
    _touch(draft, record, mine.values(), said.values())
    others = [c for c in before if c.source != source or c.scope != scope]
    draft.put_claims(record.index, (*others, *said.values()))
    _restore(draft, record, record.scope == scope, before, draft.claims(record.index))
    _forget_unseen(draft, before)


def _claim(
    observation: Observation, record: Record, lower: int, relation: ObservedRelation, before: Claim | None
) -> Claim:
    """What a relation says, since when it has been so; the claim as it was when that says it already."""
    since = observation.at
    if before is not None and before.phase is relation.phase and before.arrival is relation.arrival:
        if _same(before.attributes, relation.attributes):
            return before
        since = before.since
    return Claim(
        source=observation.source,
        kind=relation.kind,
        upper=record.index,
        lower=lower,
        role=relation.role,
        phase=relation.phase,
        arrival=relation.arrival,
        since=since,
        attributes=relation.attributes,
        scope=observation.covers.scope,
    )


_PLACING = (RelationKind.RUNS_ON, RelationKind.PART_OF)
"""A member that leaves its group is told by itself."""


_STORING = (RelationKind.USES_STORAGE, RelationKind.BACKED_BY)


def _touch(draft: Draft, record: Record, before: Iterable[Claim], after: Iterable[Claim]) -> None:
    """Its placement is judged again when what is said of where it runs changed."""

    def where(claims: Iterable[Claim]) -> set[tuple[int, str, Phase]]:
        return {(c.lower, c.role, c.phase) for c in claims if c.kind in _PLACING}

    if where(before) != where(after):
        draft.touched.add(draft.entity_of(record.index))


def _restore(draft: Draft, record: Record, mine: bool, before: Iterable[Claim], after: Iterable[Claim]) -> None:
    """
    Its storage is judged again when what is said of that changed. `mine`: by the scope that it belongs to; what another
    one says is news only when none said so.
    """

    def stored(claims: Iterable[Claim]) -> list[tuple[int, str]]:
        said = [(c.lower, str(c.attributes.get("target", ""))) for c in claims if c.kind in _STORING]
        return sorted(said if mine else set(said))

    if stored(before) != stored(after):
        draft.restored.add(draft.entity_of(record.index))


def _lose(draft: Draft, source: str, scope: str, record: Record) -> None:
    """The scope no longer sees the record; it is gone when no other scope does."""
    before = draft.claims(record.index)
    mine = [c for c in before if c.source == source and c.scope == scope]
    draft.put_claims(record.index, [c for c in before if c.source != source or c.scope != scope])
    _restore(draft, record, record.scope == scope, before, draft.claims(record.index))
    _forget_unseen(draft, mine)
    _touch(draft, record, mine, ())
    if record.gone or record.scope not in (scope, UNSEEN):
        return
    elsewhere = [c for c in before if c.source == source and c.scope != scope]
    if elsewhere:
        draft.put_record(replace(record, scope=_most_certain(elsewhere)))
    else:
        _gone(draft, record)


def _forget_unseen(draft: Draft, before: Iterable[Claim]) -> None:
    """An end that nobody has described is gone when nothing names it any more."""
    for lower in sorted({claim.lower for claim in before}):
        record = draft.record(lower)
        if record.scope == UNSEEN and not record.gone and not draft.uppers(lower) and not draft.claims(lower):
            _gone(draft, record)


def _gone(draft: Draft, record: Record) -> None:
    draft.put_record(replace(record, gone=True))
    draft.touched.add(draft.entity_of(record.index))
    draft.lost.add(record.index)
