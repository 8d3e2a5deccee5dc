"""A storm: daemons go and come in random order for a while, and when each was away is kept."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass

from tests.system.libvirt.daemons import Daemon, await_answers

ENDS = (signal.SIGTERM, signal.SIGKILL)
LOOK_S = 0.02


@dataclass(frozen=True, slots=True)
class Absence:
    """From the signal to the first answer (monotonic seconds)."""

    gone: float
    back: float

    @property
    def seconds(self) -> float:
        return self.back - self.gone


@dataclass(slots=True)
class _One:
    """A daemon in the storm. `due`: when it goes (up), or comes (down); None while it is starting."""

    daemon: Daemon
    due: float | None
    gone: float | None = None


class Storm:
    """
    Random by its seed; `calm` when all answer again.

    Args:
        brief_s, long_s: ranges of how long a daemon is away; `long_share` of the absences are long ones.
        up_s: the range of how long it answers in between.
    """

    def __init__(
        self,
        daemons: Mapping[str, Daemon],
        seed: int,
        *,
        up_s: tuple[float, float],
        brief_s: tuple[float, float],
        long_s: tuple[float, float],
        long_share: float,
    ) -> None:
        self.ends = 0
        """How often a daemon was ended."""
        self.absences: dict[str, list[Absence]] = {host: [] for host in daemons}
        self._random = random.Random(seed)
        self._up, self._brief, self._long, self._long_share = up_s, brief_s, long_s, long_share
        began = time.monotonic()
        self._all = {host: _One(daemon, began + self._random.uniform(0, up_s[1])) for host, daemon in daemons.items()}

    def rage(self, seconds: float) -> None:
        """Go on for so long, then let all daemons come back."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._look()
            time.sleep(LOOK_S)
        self._calm()

    def outages(self, host: str, retry_s: float) -> list[list[Absence]]:
        """The absences of a daemon, together with those before that it was back from for less than `retry_s`."""
        found: list[list[Absence]] = []
        for absence in self.absences[host]:
            if found and absence.gone - found[-1][-1].back < retry_s:
                found[-1].append(absence)
            else:
                found.append([absence])
        return found

    def _look(self) -> None:
        for host, one in self._all.items():
            if one.due is None:
                if one.daemon.answers():
                    self._back(host, one)
            elif one.due <= time.monotonic():
                if one.gone is None:
                    self._end(one)
                else:
                    one.daemon.start()
                    one.due = None

    def _calm(self) -> None:
        for one in self._all.values():
            if one.gone is not None and one.due is not None:
                one.daemon.start()
                one.due = None
        while starting := {host: one for host, one in self._all.items() if one.due is None}:
            for host, one in starting.items():
                if one.daemon.answers():
                    self._back(host, one)
            time.sleep(LOOK_S)
        await_answers({host: one.daemon for host, one in self._all.items()})

    def _end(self, one: _One) -> None:
        away = self._long if self._random.random() < self._long_share else self._brief
        one.gone = time.monotonic()
        one.due = one.gone + self._random.uniform(*away)
        one.daemon.end(self._random.choice(ENDS))
        self.ends += 1

    def _back(self, host: str, one: _One) -> None:
        assert one.gone is not None
        now = time.monotonic()
        self.absences[host].append(Absence(one.gone, now))
        one.gone, one.due = None, now + self._random.uniform(*self._up)
