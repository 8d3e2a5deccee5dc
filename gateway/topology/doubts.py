"""
Doubts: a cluster has lost what a hypervisor carries, and the hypervisor's own source has not said that it fails.

The engine has that source look at the host at once. What leaves the host meanwhile is told when the host was read, when
its loss is known, or after a moment: so the root is told first.
"""

from collections.abc import Iterator

from gateway.model.conditions import SECOND
from gateway.model.entities import EntityKind
from gateway.model.relations import RelationKind
from gateway.model.rows import Placement
from gateway.model.snapshot import Snapshot
from gateway.topology.carriers import hypervisors_under
from gateway.topology.draft import Draft

WAIT = 4 * SECOND
"""How long what left a doubted host waits at the most: longer than a collector takes to find out (`TakesDoubts`)."""
_DOUBT = "doubt:"


def begin_doubt(draft: Draft, host: int, now: int) -> None:
    """From `now` on the hypervisor is doubted; the view that shows why may be older."""
    draft.judge_at(f"{_DOUBT}{host}", now + WAIT)


def end_doubt(draft: Draft, host: int) -> None:
    """It is not any more: what waited for that is judged again."""
    if draft.due(f"{_DOUBT}{host}") is not None:
        draft.judge_at(f"{_DOUBT}{host}", None)
        draft.touched.update(waiting(draft))


def end_doubts_of(draft: Draft, source: str, scope: str) -> None:
    """The scope was read now: its hypervisor is not doubted, unless the read began before the doubt."""
    for what, due in draft.base.pending.items():
        if what.startswith(_DOUBT) and due - WAIT < draft.at:
            host = int(what.removeprefix(_DOUBT))
            if any(draft.record(r).source == source and draft.record(r).scope == scope for r in draft.group_of(host)):
                end_doubt(draft, host)


def doubted_until(draft: Draft, host: int) -> int | None:
    """Until when a hypervisor under the host is doubted; None: none is."""
    dues = (draft.due(f"{_DOUBT}{hypervisor}") for hypervisor in hypervisors_under(draft, host))
    return max((due for due in dues if due is not None), default=None)


def delayed_until(draft: Draft, what: str) -> int | None:
    """Until when a move that waits under this key of `pending` is delayed by a doubt; None: none is."""
    dues = (doubted_until(draft, draft.entity_of(move.moved_from)) for move in _moves_under(draft, what))
    return max((due for due in dues if due is not None), default=None)


def waiting(draft: Draft) -> set[int]:
    """Entities of which a move was found before this revision, and waits to be told."""
    return {move.entity for what in draft.base.pending for move in _moves_under(draft, what)}


def _moves_under(draft: Draft, what: str) -> list[Placement]:
    """The moves that wait under a key of `pending`: a group's members, or one by itself."""
    kind, _, number = what.partition(":")
    entities: list[int] = []
    if kind == "group":
        entities = draft.entities_on(int(number), RelationKind.PART_OF)
    elif kind == "pair":
        entities = [int(number)]
    placements = (draft.placement(entity) for entity in entities)
    return [placement for placement in placements if placement is not None and placement.moved_from]


def newly_doubted(before: Snapshot, after: Snapshot) -> Iterator[tuple[str, str]]:
    """The (source, scope) of each hypervisor that came into doubt."""
    if before.pending is after.pending:
        return
    begun = [w for w, due in after.pending.items() if w.startswith(_DOUBT) and before.pending.get(w) != due]
    for what in begun:
        host = after.entity(int(what.removeprefix(_DOUBT)))
        records = [after.record(index) for index in host.records] if host is not None else []
        for record in records:
            if record is not None and record.key.kind is EntityKind.HYPERVISOR:
                yield record.source, record.scope
