"""
Storm control: one cause, few notifications. Pure; `now` is seconds of any steady clock.

Of relocations with one root (`root_of`) the first few within a window are sent one by one, the others are told in one
summary at its end. Above a receiver's rate everything but what clears an alarm is held for a summary likewise: a
console that was told of an alarm is always told of its end. Nothing is taken out of the log.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from gateway.model.events import CLEARS, RELOCATIONS, Cause, Event


@dataclass(frozen=True, slots=True)
class StormTerms:
    """`per_cause`: relocations of one root that are sent one by one in a window; `at_most`: all events; 0: any."""

    per_cause: int = 20
    at_most: int = 2_000
    window_s: float = 10.0


@dataclass(slots=True)
class _Window:
    """What came since its start; `root`: what it has in common, empty: nothing."""

    root: str
    ends: float
    passed: int = 0
    held: list[Event] = field(default_factory=list)


class Storm:
    """One receiver's windows."""

    def __init__(self, terms: StormTerms) -> None:
        self._terms = terms
        self._windows: dict[str, _Window] = {}

    def admits(self, event: Event, now: float) -> bool:
        """True: send it now. False: it is held, and comes with a summary of `due`."""
        if event.kind in CLEARS:
            return True
        limits = [("", self._terms.at_most)]
        if root := root_of(event):
            limits.insert(0, (root, self._terms.per_cause))
        windows = [(self._window(root, now), most) for root, most in limits if most]
        for window, most in windows:
            if window.passed >= most:
                window.held.append(event)
                return False
        for window, _ in windows:
            window.passed += 1
        return True

    def due(self, now: float) -> Iterator[tuple[str, tuple[Event, ...]]]:
        """(root, what was held) of each window that is over and held something."""
        for root in [root for root, window in self._windows.items() if window.ends <= now]:
            held = self._windows.pop(root).held
            if held:
                yield root, tuple(held)

    @property
    def ends(self) -> float | None:
        """When the next summary is due."""
        return min((window.ends for window in self._windows.values() if window.held), default=None)

    @property
    def oldest_held(self) -> int | None:
        """The lowest number in the log of what is held."""
        return min((window.held[0].seq for window in self._windows.values() if window.held), default=None)

    def _window(self, root: str, now: float) -> _Window:
        found = self._windows.get(root)
        if found is None or (found.ends <= now and not found.held):
            found = self._windows[root] = _Window(root, now + self._terms.window_s)
        return found


def root_of(event: Event) -> str:
    """
    What relocations of one cause have in common, empty: nothing. The event that caused them, or, where no alarm names
    it, that they left one host because it was lost, or is to be empty.
    """
    if event.kind not in RELOCATIONS:
        return ""
    if event.caused_by or event.old_host is None or event.cause not in (Cause.FAILOVER, Cause.EVACUATION):
        return event.caused_by
    return f"{event.cause.value} {event.old_host.id}"
