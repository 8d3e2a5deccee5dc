"""Planned: what happens in a planned window to what it covers is marked so, and what follows from that."""

from collections.abc import Mapping
from dataclasses import replace

from gateway.model.events import RELOCATIONS, Cause, Event, EventKind
from gateway.model.windows import Window
from gateway.topology.coverage import covering
from gateway.topology.draft import Draft
from gateway.topology.severities import graded

_PLANNABLE = RELOCATIONS | {
    EventKind.MIGRATION_FAILED,
    EventKind.FAILURE_RAISED,
    EventKind.FINDING_RAISED,
    EventKind.STALE_RAISED,
}
"""What may follow from planned work. That a thing is active in two places never does."""
_UNASKED = frozenset({Cause.FAILOVER, Cause.RECOVERY})
"""Causes that lie where something was; where it is now explains nothing."""


def mark_planned(draft: Draft) -> None:
    """What this revision tells of what a window covers is planned, and what follows from that."""
    active = draft.active_windows()
    events = [event for event in draft.events if event.kind in _PLANNABLE] if active else []
    if not events:
        return
    roots = {
        alarm.event_id: _first(covering(draft, active, alarm.entity))
        for alarm in draft.raised_alarms()
        if alarm.planned
    }
    marked: dict[str, Event] = {}
    for event in events:
        window = _window_of(draft, event, active, roots)
        if window is not None:
            marked[event.id] = graded(replace(event, planned=True, window=window.ref))
            roots[event.id] = window
            _count(draft, event, window.index)
    if marked:
        _put(draft, marked)


def _window_of(draft: Draft, event: Event, active: list[Window], roots: Mapping[str, Window | None]) -> Window | None:
    """The first window that covers what the event is about, or in which its root is."""
    found = covering(draft, active, draft.entity_of(event.entity.index), _places(draft, event))
    return _first(found) or roots.get(event.caused_by)


def _places(draft: Draft, event: Event) -> list[int] | None:
    """The hosts that explain a move; None: where the entity is, or was last."""
    if event.kind not in RELOCATIONS or event.old_host is None:
        return None
    places = [event.old_host.index]
    if event.new_host is not None and event.cause not in _UNASKED:
        places.append(event.new_host.index)
    placement = draft.placement(draft.entity_of(event.entity.index))
    if event.kind is EventKind.STORAGE_RELOCATION and placement is not None:
        places.append(placement.host)
    return places


def _put(draft: Draft, marked: Mapping[str, Event]) -> None:
    """These events in place of those that they were, and their alarms."""
    draft.events = [marked.get(event.id, event) for event in draft.events]
    draft.recent = tuple(marked.get(event.id, event) for event in draft.recent)
    for event in marked.values():
        alarm = draft.alarm_with(event.alarm_key) if event.alarm_key else None
        if alarm is not None and alarm.event_id == event.id:
            draft.put_alarm(replace(alarm, planned=True))


def _first(windows: list[Window]) -> Window | None:
    return windows[0] if windows else None


def _count(draft: Draft, event: Event, index: int) -> None:
    """A told relocation or failure counts for its window."""
    window = draft.window(index)
    if window is None or not event.notify:
        return
    if event.kind in RELOCATIONS:
        draft.put_window(replace(window, relocations=window.relocations + 1))
    elif event.kind is EventKind.FAILURE_RAISED:
        draft.put_window(replace(window, failures=window.failures + 1))
