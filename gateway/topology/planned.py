"""
Planned: what happens in a planned window to what it covers is marked so, and what follows from that.

It counts when it was seen to happen, not when it is told: a group, a settle time may outlast the window.
"""

from collections.abc import Mapping
from dataclasses import replace

from gateway.model.conditions import SettleTimes
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


def mark_planned(draft: Draft, settle: SettleTimes) -> None:
    """What this revision tells and a window covered when it happened is planned, and what follows from that."""
    any_window = draft.base.ended_windows or draft.active_windows()
    events = [event for event in draft.events if event.kind in _PLANNABLE] if any_window else []
    seen: dict[str, int] = {}
    marked: dict[str, Event] = {}
    roots: dict[str, Window] = {}
    for event in events:
        seen[event.id] = moment = _seen_at(draft, event, seen, settle)
        windows = [window for window in draft.windows_at(moment) if _is_in_time(draft, event, window)]
        window = _window_of(draft, event, windows, roots)
        if window is not None:
            marked[event.id] = graded(replace(event, planned=True, window=window.ref))
            roots[event.id] = window
            _count(draft, event, window.index)
    if marked:
        _put(draft, marked)


def _seen_at(draft: Draft, event: Event, seen: Mapping[str, int], settle: SettleTimes) -> int:
    """
    When what is told was seen to happen: an alarm's condition, or the first of what moved on its new host.

    `seen`: that of the events before it; what is carried moved with what carries it.
    """
    if event.condition is not None:
        return event.started_at
    if event.kind is EventKind.STORAGE_RELOCATION:
        due = draft.base.pending.get(f"storage:{event.entity.index}")
        return min(draft.at, due - settle.group) if due is not None else draft.at
    placements = (draft.base.placements.get(ref.index) for ref in (event.entity, *event.members))
    waited = [placement.moved_at for placement in placements if placement is not None and placement.moved_at]
    return min(waited, default=draft.at if event.notify else seen.get(event.caused_by, draft.at))


def _is_in_time(draft: Draft, event: Event, window: Window) -> bool:
    """False for what was due while a window went on and is told anew after its end: it stands on."""
    alarm = draft.alarm_with(event.alarm_key) if event.alarm_key else None
    if not window.ended_at or alarm is None:
        return True
    return alarm.raised_at == draft.at and alarm.due >= min(window.ended_at, window.ends_at)


def _window_of(draft: Draft, event: Event, windows: list[Window], roots: Mapping[str, Window]) -> Window | None:
    """The first of the windows that covers what the event is about, or in which its root is."""
    found = covering(draft, windows, draft.entity_of(event.entity.index), _places(draft, event)) if windows else []
    if found or not event.caused_by:
        return found[0] if found else None
    return roots.get(event.caused_by) or _window_of_root(draft, event.caused_by, windows)


def _window_of_root(draft: Draft, root: str, windows: list[Window]) -> Window | None:
    """The first of the windows in which the failure with this event id began."""
    alarm = next((alarm for alarm in draft.raised_alarms() if alarm.event_id == root), None) if windows else None
    if alarm is None:
        return None
    began_in = [window for window in windows if window.went_on_at(alarm.since)]
    return next(iter(covering(draft, began_in, alarm.entity)), None)


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
        goes_on = event.window is not None and draft.window(event.window.index) is not None
        if alarm is not None and alarm.event_id == event.id and goes_on:
            draft.put_alarm(replace(alarm, planned=True))


def _count(draft: Draft, event: Event, index: int) -> None:
    """A told relocation or failure counts for its window, as long as that goes on."""
    window = draft.window(index)
    if window is None or not event.notify:
        return
    if event.kind in RELOCATIONS:
        draft.put_window(replace(window, relocations=window.relocations + 1))
    elif event.kind is EventKind.FAILURE_RAISED:
        draft.put_window(replace(window, failures=window.failures + 1))
