"""Migrations that failed: a thing that was on its way is still where it was. Told once, also of a pair."""

from collections.abc import Iterator
from dataclasses import replace

from gateway.model.conditions import Severity
from gateway.model.events import Event, EventKind
from gateway.model.rows import Placement
from gateway.topology.draft import Draft
from gateway.topology.evidence import migration_failed
from gateway.topology.pairs import failure_of_partner


def tell_failed_migrations(draft: Draft, source: str) -> None:
    """Of what was judged in this revision, by the facts of the source whose view it is: when it is stable again."""
    for entity, before, now in _back(draft):
        keys = tuple(draft.record(record).key for record in sorted(draft.group_of(entity)))
        if migration_failed(draft, source, keys, before.left_at):
            event = _event(draft, entity, before, now, source)
            partner = failure_of_partner(draft, entity)
            if partner is not None:
                event = replace(event, notify=False, caused_by=partner.id)
            draft.events.append(event)
            draft.recent = (*draft.recent, event)


def _back(draft: Draft) -> Iterator[tuple[int, Placement, Placement]]:
    """(entity, placement before, placement now) of what was not stable on its host and is again."""
    told = {event.entity.index for event in draft.events}
    for entity in sorted(draft.touched):
        before, now = draft.base.placements.get(entity), draft.placement(entity)
        if before is None or now is None or entity in told or now.left_at or before.host != now.host:
            continue
        if before.left_at:
            yield entity, before, now


def _event(draft: Draft, entity: int, before: Placement, now: Placement, source: str) -> Event:
    moved, host = draft.ref(entity), draft.ref(now.host)
    return Event(
        id=draft.new_id(),
        at=draft.at,
        kind=EventKind.MIGRATION_FAILED,
        entity=moved,
        source=source,
        old_host=host,
        started_at=before.left_at,
        severity=Severity.WARNING,
        text=f"a live migration of {moved.name} failed; it is still on {host.name}",
        remedy="it runs: nothing is lost; the manager's log on both hosts says why it could not move",
    )
