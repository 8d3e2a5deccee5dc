"""
Windows: planned windows are declared, begin and end.

Told are the start and the end, once each. A window that passed while nobody looked is in the log only.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace

from gateway.model.changes import Changes
from gateway.model.conditions import SECOND, Category
from gateway.model.errors import UnknownWindow, WindowError
from gateway.model.events import Event, EventKind
from gateway.model.rows import Alarm
from gateway.model.snapshot import Snapshot
from gateway.model.windows import Window, WindowWish
from gateway.topology.coverage import above, covering
from gateway.topology.draft import GATEWAY, Draft
from gateway.topology.unheard import moment

LONGEST = 366 * 86_400 * SECOND
"""Longest window, and how far ahead one may begin at the most."""
MOST_ENTITIES = 100
MOST_OPEN = 1_000
MOST_NAMED = 10


# -- declared and ended by people ------------------------------------------------------------------------------


def declare(base: Snapshot, wish: WindowWish, now: int, new_id: Callable[[], str]) -> tuple[Snapshot, Changes, Window]:
    """
    Declare a window; one whose start is not in the future begins now.

    Raises:
        WindowError: it cannot be.
    """
    draft = Draft(base, now, new_id)
    _check(base, wish, now)
    window = Window(
        index=draft.next_window,
        id=new_id(),
        name=wish.name,
        reason=wish.reason,
        entities=tuple(dict.fromkeys(wish.entities)),
        starts_at=max(wish.starts_at, now),
        ends_at=wish.ends_at,
        declared_by=wish.declared_by,
        declared_at=now,
    )
    draft.put_window(window)
    look_at_window(draft, window.index)
    return *draft.finish(), draft.window(window.index) or window


def close(base: Snapshot, index: int, now: int, new_id: Callable[[], str]) -> tuple[Snapshot, Changes, Window]:
    """
    End a window now; one that has not begun is called off, and nobody is told.

    Raises:
        UnknownWindow: none of that index is open.
    """
    draft = Draft(base, now, new_id)
    window = draft.window(index)
    if window is None:
        raise UnknownWindow(f"no planned window has the number {index}, or it is over. gateway window list has them.")
    if window.begun_at:
        _end(draft, window, notify=True)
    else:
        draft.put_window(replace(window, ended_at=now))
    return *draft.finish(), replace(window, ended_at=now)


def _check(base: Snapshot, wish: WindowWish, now: int) -> None:
    if not wish.name.strip() or len(wish.name) > 255:
        raise WindowError("a planned window needs a name of 1 to 255 characters: what is done, for people.")
    if not 0 < len(wish.entities) <= MOST_ENTITIES:
        raise WindowError(f"a planned window names 1 to {MOST_ENTITIES} entities; name what carries the others.")
    if wish.ends_at <= max(wish.starts_at, now):
        said = "has passed" if wish.ends_at <= now else "is not after its start"
        raise WindowError(f"the end of the window, {moment(wish.ends_at)}, {said}. Give a later one.")
    if wish.starts_at > now + LONGEST or wish.ends_at - max(wish.starts_at, now) > LONGEST:
        raise WindowError("a planned window begins within a year and lasts a year at the most. Give nearer times.")
    if len(base.windows) >= MOST_OPEN:
        raise WindowError(f"{MOST_OPEN} planned windows are open. Close one first: gateway window list")


# -- what is due -----------------------------------------------------------------------------------------------


def look_at_window(draft: Draft, index: int) -> None:
    """Begin or end a window when its time has come."""
    window = draft.window(index)
    if window is None or window.due > draft.at:
        return
    missed = not window.begun_at and window.ends_at <= draft.at
    if not window.begun_at:
        window = _begin(draft, window, notify=not missed)
    if window.ends_at <= draft.at:
        _end(draft, window, notify=not missed)


def _begin(draft: Draft, window: Window, *, notify: bool) -> Window:
    event = _event(draft, window, EventKind.WINDOW_STARTED, notify=notify)
    begun = replace(window, begun_at=draft.at, event_id=event.id)
    carried = _counted(len(above(draft, map(draft.entity_of, window.entities))), "thing")
    reason = f" ({window.reason})" if window.reason else ""
    said = f'planned window "{window.name}"{reason} has begun, until {moment(window.ends_at)}'
    text = f"{said}: it covers {_names(draft, window.entities)} and {carried} that depend on that"
    draft.events.append(replace(event, text=text, window=begun.ref))
    draft.put_window(begun)
    return begun


def _end(draft: Draft, window: Window, *, notify: bool) -> None:
    draft.put_window(replace(window, ended_at=draft.at))
    early = f" before its time ({moment(window.ends_at)})" if draft.at < window.ends_at else ""
    told = f"{_counted(window.relocations, 'relocation')} and {_counted(window.failures, 'failure')} in it"
    failures = [a for a in draft.all_alarms() if a.category is Category.FAILURE and covering(draft, [window], a.entity)]
    still = f"failures of what it covers that stand: {_listed(draft, [a for a in failures if a.raised])}"
    if settling := [a for a in failures if not a.raised and window.went_on_at(a.since)]:
        still += f"; that will be told, as planned, if they last: {_listed(draft, settling)}"
    text = f'planned window "{window.name}" has ended{early}: {told}; {still}'
    draft.events.append(replace(_event(draft, window, EventKind.WINDOW_ENDED, notify=notify), text=text))
    _unplan(draft)


def _unplan(draft: Draft) -> None:
    """What stands on and is in no other window is not planned any more; it is not told again."""
    active = draft.active_windows()
    for alarm in draft.raised_alarms():
        if alarm.planned and not covering(draft, active, alarm.entity):
            draft.put_alarm(replace(alarm, planned=False))


# -- words -----------------------------------------------------------------------------------------------------


def _event(draft: Draft, window: Window, kind: EventKind, *, notify: bool) -> Event:
    first, *others = (draft.ref(draft.entity_of(index)) for index in window.entities)
    return Event(
        id=draft.new_id(),
        at=draft.at,
        kind=kind,
        entity=first,
        source=GATEWAY,
        planned=True,
        members=(first, *others) if others else (),
        caused_by=window.event_id,
        ends=window.event_id,
        started_at=window.starts_at,
        alarm_key=window.key,
        window=window.ref,
        notify=notify,
    )


def _listed(draft: Draft, failures: list[Alarm]) -> str:
    return f"{len(failures)} ({_names(draft, [a.entity for a in failures])})" if failures else "0"


def _names(draft: Draft, entities: Iterable[int]) -> str:
    names = list(dict.fromkeys(draft.ref(draft.entity_of(index)).name for index in entities))
    return ", ".join(names[:MOST_NAMED]) + (f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else "")


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
