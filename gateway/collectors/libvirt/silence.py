"""What of a host is left out of reads for a while, because asking for it hung or failed."""

from collections.abc import Callable
from dataclasses import dataclass, field

FIRST_S, LONGEST_S = 300.0, 3600.0
"""A question that hangs holds a thread of the daemon, of which it has few: it is not asked often."""


@dataclass(frozen=True, slots=True)
class _Pause:
    until: float
    seconds: float


@dataclass(slots=True)
class Silence:
    """By what it is (`pools`, `domain web UUID`): until when it is not asked. `clock`: monotonic seconds."""

    clock: Callable[[], float]
    _pauses: dict[str, _Pause] = field(default_factory=dict)

    def begin(self, what: str) -> float:
        """Leave it out, each time longer; returns for how many seconds."""
        before = self._pauses.get(what)
        seconds = min(before.seconds * 2, LONGEST_S) if before is not None else FIRST_S
        self._pauses[what] = _Pause(self.clock() + seconds, seconds)
        return seconds

    def holds(self, what: str) -> bool:
        """It is left out now."""
        pause = self._pauses.get(what)
        return pause is not None and self.clock() < pause.until

    def end(self, what: str) -> None:
        """It has answered."""
        self._pauses.pop(what, None)

    def left_out(self) -> tuple[str, ...]:
        """All that is left out now."""
        return tuple(what for what in self._pauses if self.holds(what))
