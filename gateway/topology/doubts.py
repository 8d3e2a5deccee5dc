"""
Doubts: a cluster has lost what a hypervisor carries, and the hypervisor's own source has not said that it fails.

The engine has that source look at the host at once. What leaves the host meanwhile is told when the host was read, when
its loss is known, or after a moment: so the root is told first.
"""

from collections.abc import Iterator

from gateway.model.conditions import SECOND
from gateway.model.entities import EntityKind
from gateway.model.relations import RelationKind
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


def waiting(draft: Draft) -> set[int]:
    """Entities of which a move was found before this revision, and waits to be told."""
    found: set[int] = set()
    for what in draft.base.pending:
        kind, _, number = what.partition(":")
        if kind == "pair":
            found.add(int(number))
        elif kind == "group":
            found.update(draft.entities_on(int(number), RelationKind.PART_OF))
    return {e for e in found if (placement := draft.placement(e)) is not None and placement.moved_from}


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
