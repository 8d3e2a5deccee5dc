"""
Doubts: a cluster has lost what a hypervisor carries, and the hypervisor's own source has not said that it fails.

The engine has that source look at the host at once. What leaves the host meanwhile is told when the host was read, when
its loss is known, or after a moment: so the root is told first.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from gateway.model.conditions import SECOND
from gateway.model.entities import EntityKind
from gateway.model.relations import RelationKind
from gateway.model.snapshot import Doubt, Snapshot
from gateway.topology.carriers import hypervisors_under
from gateway.topology.draft import Draft
from gateway.topology.placements import answers

WAIT = 4 * SECOND
"""How long a move waits at the most for a doubted host: longer than a collector takes to find out (`TakesDoubts`)."""


@dataclass(frozen=True, slots=True)
class Asking:
    """Who can be asked of a host, and when that is. `sources`: those with a collector that takes doubts; None: all."""

    now: int
    sources: Collection[str] | None = None


def whom_to_ask(draft: Draft, host: int, asking: Asking) -> frozenset[tuple[str, str]]:
    """The (source, scope) pairs that can tell whether a hypervisor is there."""
    records = (draft.record(index) for index in draft.group_of(host))
    return frozenset(
        (record.source, record.scope)
        for record in records
        if record.key.kind is EntityKind.HYPERVISOR
        and not record.gone
        and (asking.sources is None or record.source in asking.sources)
        and answers(draft, record.source)
    )


def begin_doubt(draft: Draft, host: int, asked: frozenset[tuple[str, str]], now: int) -> None:
    """
    From `now` on the hypervisor is doubted, and these are asked; the view that shows why may be older.

    What waits for it since an earlier doubt waits no longer than it was to.
    """
    known = draft.doubts.get(host)
    _keep(draft, host, Doubt(now, asked, known.waiting if known is not None else {}))


def end_doubt(draft: Draft, host: int) -> None:
    """It is not any more: what waited for that is judged again."""
    draft.judge_at(f"doubt:{host}", None)
    if (doubt := draft.doubts.get(host)) is not None:
        draft.touched.update(doubt.waiting)
        draft.doubts = {other: row for other, row in draft.doubts.items() if other != host}


def end_doubts_of(draft: Draft, source: str, scope: str, read_at: int) -> None:
    """A scope was read: its hypervisor is not doubted, unless the read began before the doubt, or it was not asked."""
    for host, doubt in draft.base.doubts.items():
        if (source, scope) in doubt.asked and doubt.begun < read_at:
            end_doubt(draft, host)


def look_at_doubt(draft: Draft, host: int) -> None:
    """Nobody found out in time: for some of the moves that wait, or at all."""
    doubt = draft.doubts.get(host)
    if doubt is None or doubt.begun + WAIT <= draft.at:
        end_doubt(draft, host)
    else:
        _keep(draft, host, doubt)


def doubt_again(draft: Draft, entity: int, old_host: int, now: int) -> None:
    """After a restart nobody is asked: what left its host and was not told gives its loss the time to be known."""
    for host in hypervisors_under(draft, old_host):
        begin_doubt(draft, host, frozenset(), now)
    wait_for_doubts(draft, entity, old_host)


def wait_for_doubts(draft: Draft, entity: int, old_host: int) -> bool:
    """True while a move has to wait, because a hypervisor under the host that it left is doubted."""
    waits = False
    for host in hypervisors_under(draft, old_host) if draft.doubts else ():
        if (doubt := draft.doubts.get(host)) is not None:
            until = doubt.waiting.get(entity, doubt.begun + WAIT)
            if entity not in doubt.waiting:
                _put(draft, host, replace(doubt, waiting={**doubt.waiting, entity: until}))
            waits = waits or until > draft.at
    return waits


def wait_no_more(draft: Draft, entity: int, old_host: int) -> None:
    """The move was told, or need not be."""
    for host in hypervisors_under(draft, old_host) if draft.doubts else ():
        doubt = draft.doubts.get(host)
        if doubt is not None and entity in doubt.waiting:
            _put(draft, host, replace(doubt, waiting={e: due for e, due in doubt.waiting.items() if e != entity}))


def delayed_until(draft: Draft, what: str) -> int | None:
    """Until when a move that waits under this key of `pending` (a group's, or its own) has to; None: no more."""
    kind, _, number = what.partition(":")
    if not draft.doubts or kind not in ("group", "pair"):
        return None
    entities = [int(number)] if kind == "pair" else draft.entities_on(int(number), RelationKind.PART_OF)
    dues = (doubt.waiting.get(entity, 0) for entity in entities for doubt in draft.doubts.values())
    until = max(dues, default=0)
    return until if until > draft.at else None


def newly_doubted(before: Snapshot, after: Snapshot) -> Iterator[tuple[str, str]]:
    """The (source, scope) pairs that are to be asked, of each hypervisor that came into doubt."""
    for host, doubt in after.doubts.items():
        known = before.doubts.get(host)
        if known is None or known.begun != doubt.begun:
            yield from sorted(doubt.asked)


def _keep(draft: Draft, host: int, doubt: Doubt) -> None:
    """Look at it again when the next move has waited long enough; those that have are judged now."""
    _put(draft, host, doubt)
    draft.touched.update(entity for entity, due in doubt.waiting.items() if due <= draft.at)
    dues = (*doubt.waiting.values(), doubt.begun + WAIT)
    draft.judge_at(f"doubt:{host}", min(due for due in dues if due > draft.at))


def _put(draft: Draft, host: int, doubt: Doubt) -> None:
    draft.doubts = {**draft.doubts, host: doubt}
