"""The workers of one host, one after the other: those that hang are left behind, counted, and kept few."""

import logging
import time
from collections.abc import Callable

from gateway.collectors.libvirt.worker import CLOSE_S, Worker, join_all
from gateway.model.errors import SourceError, SourceUnavailable

logger = logging.getLogger(__name__)

FIRST_S, LONGEST_S = 60.0, 900.0
"""How long nothing is tried when too many hang: doubled with each more that does."""
MOST_EXCUSED = 32


class Workers:
    """
    Makes the workers of one host. One is in use at a time, and retired before the next is made.

    A call may hang for ever: no system call ends for a peer that is gone without a word. So while `most` hang, another
    is made only when the last one came back or a while has passed, and a host that is well again is found.

    Args:
        what: what hangs, in the words of a message.
    """

    def __init__(self, name: str, timeout_s: float, most: int, what: str = "calls") -> None:
        self._name = name
        self._timeout_s = timeout_s
        self._most = most
        self._what = what
        self._last: Worker | None = None
        self._made_at = 0.0
        self._retired: list[Worker] = []
        self._excused: set[Worker] = set()

    def make(self) -> Worker:
        """
        The next worker.

        Raises:
            SourceUnavailable: too many hang.
        """
        self._retired = [worker for worker in self._retired if not worker.ended.is_set()]
        self._excused.intersection_update(self._retired)
        counted = [worker for worker in self._retired if worker not in self._excused]
        if len(counted) >= self._most and self._last in counted:
            self._hold_back(len(counted))
        self._last, self._made_at = Worker(self._name, self._timeout_s), time.monotonic()
        return self._last

    def give_up(self, error: SourceError) -> None:
        """Whoever waits for the last one gets this error soon."""
        if self._last is not None:
            self._last.give_up(error)

    def retire(self, worker: Worker, last: Callable[[], None] | None = None) -> None:
        """No more jobs for this one: when its call is back `last` is done. Does not wait."""
        worker.retire(last or (lambda: None))
        self._retired.append(worker)

    def excuse(self) -> None:
        """What the last one hangs in is not asked again: it says nothing about the host. There is a limit to that."""
        if self._last is not None and len(self._excused) < MOST_EXCUSED:
            self._excused.add(self._last)

    async def closed(self) -> None:
        """Wait a moment until the threads of all have ended; what hangs is left to itself, and said."""
        if hanging := await join_all(self._retired, CLOSE_S):
            logger.warning("%s: %d %s hang there; their threads end when they are back",
                           self._name, hanging, self._what)  # fmt: skip

    def _hold_back(self, hanging: int) -> None:
        pause_s = min(FIRST_S * 2.0 ** (hanging - self._most), LONGEST_S)
        left_s = self._made_at + pause_s - time.monotonic()
        if left_s > 0:
            raise SourceUnavailable(
                f"{hanging} {self._what} hang there; it is tried again when one of them is back, or in {left_s:.0f} s"
            )
        logger.warning("%s: %d %s hang there still; another one is tried", self._name, hanging, self._what)
