"""Backoff: how long to wait before the next try, growing, with jitter so that many do not come at once."""

import random
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """
    `first_s`, then `factor` times as long each time, at most `longest_s`; `jitter` 0.2 means +-20 %.

    `steady`: how many more times it is `first_s` before it grows.
    """

    first_s: float = 1.0
    longest_s: float = 60.0
    factor: float = 2.0
    jitter: float = 0.2
    steady: int = 0

    def delay_s(self, attempt: int, chance: Callable[[], float] = random.random) -> float:
        """Seconds to wait after failure number `attempt` (1..); `chance` gives numbers in [0, 1)."""
        steps = min(max(attempt - 1 - self.steady, 0), 64)
        base = min(self.first_s * self.factor**steps, self.longest_s)
        return base * (1 + self.jitter * (2 * chance() - 1))
