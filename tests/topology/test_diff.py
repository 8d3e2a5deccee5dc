"""What an observation changes: what a scope says is what it said last, and what it says again costs no revision."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from itertools import count

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.model.entities import NativeKey
from gateway.model.observations import Glimpse, Observation
from gateway.model.relations import Phase
from gateway.model.rows import Claim
from gateway.model.shelf import Buckets
from gateway.model.snapshot import Snapshot, native_key, scope_key
from gateway.topology.revise import observe
from tests.topology.histories import ANYTHING, MACS, Fleet, contents
from tests.topology.test_properties import SETTLE, World

SHELVES = ("records", "entities", "claims", "dependents", "names", "aliases", "scopes", "natives")


@given(ANYTHING)
@settings(max_examples=80, deadline=None)
def test_what_is_observed_again_is_no_revision_and_copies_no_shelf(history):
    world = World()
    for _, seen, _ in world.play(history):
        if isinstance(seen, Observation):
            again, changes = observe(world.snapshot, deepcopy(seen), SETTLE, world.new_id)
            assert changes.empty
            assert [name for name in SHELVES if getattr(again, name) is not getattr(world.snapshot, name)] == []


@given(ANYTHING, st.lists(st.integers(0, 13), max_size=14))
@settings(max_examples=150, deadline=None)
def test_a_view_that_says_what_it_said_before_is_taken_in_as_if_nothing_were_remembered_of_it(history, repeated):
    world, said = World(), list[Observation]()
    for _, seen, _ in world.play(history):
        if isinstance(seen, Observation):
            said.append(seen)
        for number in repeated:  # of several scopes and sources, each as it was: they may contradict what came since
            if number < len(said):
                again = replace(said[number], at=world.at)
                made = observe(world.snapshot, again, SETTLE, ids())
                thorough = observe(replace(world.snapshot, taken=Buckets()), again, SETTLE, ids())
                assert made[1] == thorough[1]
                assert contents(made[0]) == contents(thorough[0])
                world.take(made)


def test_a_whole_view_that_says_the_same_is_known_until_somebody_else_changes_what_it_is_about():
    world = World()
    fleet, key = Fleet("a", (Phase.STABLE, None), ((MACS[0],), ())), scope_key("fleet", "a")
    list(world.play([(0.0, fleet), (1.0, fleet), (1.0, fleet)]))
    remembered = world.snapshot.taken.get(key)
    assert remembered is not None
    list(world.play([(1.0, fleet)]))
    assert world.snapshot.taken.get(key) is remembered
    list(world.play([(1.0, Fleet("b", (Phase.TRANSITIONAL, None), ((MACS[0],), ()))), (1.0, fleet)]))
    assert world.snapshot.taken.get(key) is not remembered


@given(ANYTHING)
@settings(max_examples=80, deadline=None)
def test_the_claims_of_a_scope_are_what_it_said_last_and_since_when_it_has_been_so(history):
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


def ids() -> Callable[[], str]:
    numbers = count(1)
    return lambda: f"new-{next(numbers)}"


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
