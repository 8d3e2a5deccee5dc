"""The clock of the house: microseconds UTC that never run backwards, and a fake one for tests."""

import logging
import time
from threading import Lock
from typing import Protocol

logger = logging.getLogger(__name__)

STEP_US = 1_000_000
"""A wall clock that goes back by less than this is not worth a warning."""
CATCH_UP = 0.9
"""Our pace against true time while the wall clock is behind us."""


class Clock(Protocol):
    """Where time comes from; everything else gets it as an argument."""

    def now(self) -> int:
        """Microseconds since 1970, UTC. Never less than an earlier answer of this process."""

    def monotonic(self) -> float:
        """Seconds since some moment; for durations and deadlines."""


class SystemClock:
    """
    The system's clock, made monotonic.

    When the wall clock is set back, `now()` goes on from where it was, at nine tenths of the pace, until the wall
    clock has caught up: settle times stay nearly right, and no interval ends before it began. Safe in threads.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._last = time.time_ns() // 1000
        self._last_tick = time.monotonic_ns()
        self._behind = False

    def now(self) -> int:
        with self._lock:
            wall, tick = time.time_ns() // 1000, time.monotonic_ns()
            self._last = self._forward(wall, tick)
            self._last_tick = tick
            return self._last

    def monotonic(self) -> float:
        return time.monotonic()

    def not_before(self, at: int) -> None:
        """Never answer less than `at` (what the database holds already), though the wall clock was set back since."""
        with self._lock:
            self._last = max(self._last, at)

    def _forward(self, wall: int, tick: int) -> int:
        if wall >= self._last:
            if self._behind:
                logger.info("clock: the wall clock has caught up")
                self._behind = False
            return wall
        if not self._behind and self._last - wall >= STEP_US:
            logger.warning(
                "clock: the wall clock is %.1f s behind what was told already; times go on from there, "
                "at nine tenths of the pace, until it has caught up. Check the time service (NTP).",
                (self._last - wall) / 1e6,
            )
            self._behind = True
        return self._last + int((tick - self._last_tick) * CATCH_UP) // 1000


class FakeClock:
    """A clock that stands still until it is told to go on."""

    def __init__(self, now: int = 1_700_000_000_000_000) -> None:
        self._now = now
        self._started = now

    def now(self) -> int:
        return self._now

    def monotonic(self) -> float:
        return (self._now - self._started) / 1e6

    def advance(self, seconds: float) -> None:
        """Go on by `seconds`."""
        self._now += round(seconds * 1e6)

    def set(self, now: int) -> None:
        """Go on (never back) to `now`, microseconds UTC."""
        self._now = max(self._now, now)
