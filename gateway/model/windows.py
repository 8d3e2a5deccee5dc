"""Planned windows: when people work on something, so that what happens to it then is planned."""

from dataclasses import dataclass
from enum import StrEnum

WINDOW_KEPT = 86_400_000_000
"""How long a window is remembered after its end, in microseconds: the longest settle time that can be set."""


class WindowState(StrEnum):
    """How far a window is."""

    SCHEDULED = "scheduled"
    ACTIVE = "active"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class WindowWish:
    """
    A window that somebody declares. `entities`: indexes. Times: microseconds UTC; `starts_at` in the past means now.
    """

    name: str
    entities: tuple[int, ...]
    starts_at: int
    ends_at: int
    reason: str = ""
    declared_by: str = ""


@dataclass(frozen=True, slots=True)
class WindowRef:
    """A window as an event names it; stays readable when the window is long over."""

    index: int
    name: str
    event_id: str
    """Of the event of its start."""
    ends_at: int


@dataclass(frozen=True, slots=True)
class Window:
    """
    A declared window. Times: microseconds UTC.

    `starts_at` and `ends_at` are what was declared; `begun_at` and `ended_at` when that was told, 0: not yet.
    `entities`: indexes of what it names; it covers what depends on that too. `relocations` and `failures`: how many
    were told as planned by it. `event_id`: of the event of its start.
    """

    index: int
    id: str
    name: str
    reason: str
    entities: tuple[int, ...]
    starts_at: int
    ends_at: int
    declared_by: str
    declared_at: int
    begun_at: int = 0
    ended_at: int = 0
    event_id: str = ""
    relocations: int = 0
    failures: int = 0

    @property
    def state(self) -> WindowState:
        if self.ended_at:
            return WindowState.ENDED
        return WindowState.ACTIVE if self.begun_at else WindowState.SCHEDULED

    def went_on_at(self, moment: int) -> bool:
        """True when it had begun then and not ended; what is told late of its end counts from when that was."""
        return 0 < self.begun_at <= moment and (not self.ended_at or moment < min(self.ended_at, self.ends_at))

    @property
    def key(self) -> str:
        """The same in the events of its start and its end."""
        return f"plannedWindow:{self.id}"

    @property
    def due(self) -> int:
        """When it must be looked at next."""
        return self.ends_at if self.begun_at else self.starts_at

    @property
    def ref(self) -> WindowRef:
        """How events name it."""
        return WindowRef(self.index, self.name, self.event_id, self.ends_at)
