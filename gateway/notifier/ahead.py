"""Ahead: how many notifications wait for a receiver; counted once in the log, then kept as they come and go."""

from collections.abc import Iterable


class Ahead:
    """Counting takes a while: what is heard of meanwhile, and was not counted yet, is added afterwards."""

    def __init__(self) -> None:
        self._last: int | None = None
        self._waiting = 0
        self._heard: list[int] = []

    @property
    def waiting(self) -> int:
        """Not sent, told in a summary, left out or given up. What is read before it is heard of may be done first."""
        return max(self._waiting, 0)

    def counted(self, waiting: int, last: int) -> None:
        """So many waited when `last` was the number of the last event of the log."""
        self._waiting, self._last = waiting, last
        self.hear(self._heard)
        self._heard.clear()

    def hear(self, told: Iterable[int]) -> None:
        """Events with these numbers were committed, which are told."""
        if self._last is None:
            self._heard += told
        else:
            self._waiting += sum(seq > self._last for seq in told)

    def done(self, number: int) -> None:
        """So many wait no longer."""
        self._waiting -= number
