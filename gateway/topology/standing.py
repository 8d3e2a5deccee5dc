"""Standing: how one step down holds: its state, since when, by whose word, and what speaks against it."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from gateway.model.ports import TopologyView
from gateway.model.relations import Phase, RelationKind
from gateway.model.rows import Claim, Entity, Placement
from gateway.topology.hops import Hop, HopState
from gateway.topology.said import called, condition
from gateway.topology.unheard import is_unheard, moment, unheard_since

_STATES = {
    Phase.STABLE: HopState.STABLE,
    Phase.TRANSITIONAL: HopState.TRANSITIONAL,
    Phase.LAST_KNOWN: HopState.LAST_KNOWN,
}
_SAID = {Phase.STABLE: "runs", Phase.TRANSITIONAL: "is in transition", Phase.LAST_KNOWN: "was last"}


def claimed(view: TopologyView, claim: Claim, lower: Entity) -> Hop:
    """The step that one claim says."""
    hop = Hop(
        claim.kind,
        lower,
        _STATES[claim.phase],
        claim.role,
        claim.since,
        source=claim.source,
        confidence=claim.confidence,
    )
    return _heard(view, hop, claim, view.entity(claim.upper))


def placed(view: TopologyView, entity: Entity, placement: Placement, host: Entity) -> tuple[Hop, Claim | None]:
    """The step to the one host of a single-placement entity, by our judgement, and the claim that is its evidence."""
    claims = [claim for claim in view.claims_of(entity) if claim.kind is RelationKind.RUNS_ON]
    mine = (claim for claim in claims if (lower := view.entity(claim.lower)) is not None and lower.index == host.index)
    claim = max(mine, key=_weight(placement), default=None)
    hop = Hop(
        RelationKind.RUNS_ON,
        host,
        _state(placement, claim),
        placement.role or (claim.role if claim else ""),
        placement.since,
        until=placement.left_at or None,
        source=placement.source,
        confidence=claim.confidence if claim else 100,
        notes=tuple(_doubts(view, entity, placement, host, claims)),
    )
    return _heard(view, hop, claim, entity), claim


def _weight(placement: Placement) -> Callable[[Claim], tuple[bool, bool, int]]:
    return lambda claim: (claim.source == placement.source, claim.phase is Phase.STABLE, claim.confidence)


def _state(placement: Placement, claim: Claim | None) -> HopState:
    if not placement.open:
        return HopState.STOPPED
    if not placement.certain:
        return HopState.LAST_KNOWN
    if placement.left_at:
        return HopState.TRANSITIONAL
    return _STATES[claim.phase] if claim is not None else HopState.STABLE


def _heard(view: TopologyView, hop: Hop, claim: Claim | None, upper: Entity | None) -> Hop:
    """Of what runs there by the word of a scope that does not answer, this is where it was last."""
    is_known = claim is not None and hop.relation is RelationKind.RUNS_ON and hop.state is not HopState.STOPPED
    if claim is None or upper is None or not is_known or not is_unheard(view, claim):
        return hop
    since = unheard_since(view, claim, hop.entity, upper)
    when = f" since {moment(since)}" if since else ""
    silent = f"{claim.scope} of source {claim.source} has not answered{when}"
    note = f"{silent}: this is where {called(upper)} was last"
    return replace(hop, state=HopState.LAST_KNOWN, silence=silent, notes=(*hop.notes, note))


def _doubts(
    view: TopologyView, entity: Entity, placement: Placement, host: Entity, claims: list[Claim]
) -> Iterator[str]:
    if not placement.open:
        yield f"{called(entity)} is {condition(entity)}: this is where it was last"
    elif not placement.certain:
        yield f"{called(host)} is not heard of: this is where {called(entity)} was last"
    for claim in claims:
        other = view.entity(claim.lower)
        if other is not None and other.index != host.index and other.kind is host.kind:
            yield f"{claim.source or 'the topology'} says it {_SAID[claim.phase]} on {called(other)} too"
