"""What an observation changes: what a scope says is what it said last, and what it says again costs no revision."""

from copy import deepcopy

from hypothesis import given, settings

from gateway.model.entities import NativeKey
from gateway.model.observations import Glimpse, Observation
from gateway.model.rows import Claim
from gateway.model.snapshot import Snapshot, native_key
from gateway.topology.revise import observe
from tests.topology.histories import ANYTHING, Step
from tests.topology.test_properties import SETTLE, World

SHELVES = ("records", "entities", "claims", "dependents", "names", "aliases", "scopes", "natives")


@given(ANYTHING)
@settings(max_examples=80, deadline=None)
def test_what_is_observed_again_is_no_revision_and_copies_no_shelf(history: list[Step]) -> None:
    world = World()
    for _, seen, _ in world.play(history):
        if isinstance(seen, Observation):
            again, changes = observe(world.snapshot, deepcopy(seen), SETTLE, world.new_id)
            assert changes.empty
            assert [name for name in SHELVES if getattr(again, name) is not getattr(world.snapshot, name)] == []


@given(ANYTHING)
@settings(max_examples=80, deadline=None)
def test_the_claims_of_a_scope_are_what_it_said_last_and_since_when_it_has_been_so(history: list[Step]) -> None:
    world = World()
    for before, seen, _ in world.play(history):
        if not isinstance(seen, Observation) or isinstance(seen.covers, Glimpse):
            continue
        had = {_ends(claim): claim for claim in _claims_of(before, seen)}
        now = {_ends(claim): claim for claim in _claims_of(world.snapshot, seen)}
        for relation in seen.relations:
            upper, lower = _index(world.snapshot, seen, relation.upper), _index(world.snapshot, seen, relation.lower)
            ends = (relation.kind, upper, lower, relation.role)
            claim, was = now.pop(ends), had.get(ends)
            how = (relation.phase, relation.arrival)
            since = was.since if was is not None and (was.phase, was.arrival) == how else seen.at
            assert (claim.phase, claim.arrival, claim.since, claim.attributes) == (*how, since, relation.attributes)
        assert all(claim == had[ends] for ends, claim in now.items())  # what is not covered is as it was


def _claims_of(snapshot: Snapshot, seen: Observation) -> list[Claim]:
    """What the scope of an observation says, by the snapshot."""
    return [
        claim
        for _, claims in snapshot.claims.rows()
        for claim in claims
        if (claim.source, claim.scope) == (seen.source, seen.covers.scope)
    ]


def _ends(claim: Claim) -> tuple[object, ...]:
    return (claim.kind, claim.upper, claim.lower, claim.role)


def _index(snapshot: Snapshot, seen: Observation, key: NativeKey) -> int:
    index = snapshot.natives.get(native_key(seen.source, key))
    assert index is not None
    return index
