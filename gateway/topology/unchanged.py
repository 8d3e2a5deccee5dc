"""Whole views that say what they said before: known by the objects that they are made of, at the cost of a glance."""

from collections.abc import Iterable
from operator import is_

from gateway.model.observations import Observation
from gateway.model.rows import Record
from gateway.model.snapshot import Taken
from gateway.topology.draft import Draft


def says_the_same(draft: Draft, observation: Observation) -> bool:
    """
    True when a whole view would change no record and no claim: it says what it said when it changed none.

    That holds while all rows that it is about are the very ones of then: whoever else says something of one of them
    (another scope, another source, a merge) replaces it. False says nothing.
    """
    source, scope = observation.source, observation.covers.scope
    taken = draft.taken(source, scope)
    return (
        taken is not None
        and taken.scope is draft.scope(source, scope)
        and taken.entities == observation.entities
        and taken.relations == observation.relations
        and all(map(is_, map(draft.record, taken.indexes), taken.records))
        and all(map(is_, map(draft.claims, taken.indexes), taken.claims))
    )


def remember(draft: Draft, observation: Observation, seen: Iterable[Record]) -> None:
    """
    A whole view was taken in: when it has changed nothing, the next one like it is known.

    Not one that describes what belongs to another scope: its word depends on how that one is, and that on the time.
    """
    source, scope = observation.source, observation.covers.scope
    rows = tuple(seen)
    if draft.changes_rows or any(record.scope != scope for record in rows):
        draft.take(source, scope, None)
        return
    indexes = tuple(record.index for record in rows)
    claims = tuple(map(draft.claims, indexes))
    inside = draft.scope(source, scope)
    assert isinstance(inside, frozenset)  # nothing has changed: it is the snapshot's own
    draft.take(source, scope, Taken(observation.entities, observation.relations, inside, indexes, rows, claims))
