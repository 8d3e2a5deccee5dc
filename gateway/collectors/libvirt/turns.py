"""Turns: so many hosts are begun with at a time, that the first minute of a large fleet does not hold up the rest."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """
    A number of turns; whoever takes longer than `longest_s` goes on without one, so that nobody waits for what hangs.
    """

    def __init__(self, at_once: int = 16, longest_s: float = 1.0) -> None:
        self._free = asyncio.Semaphore(at_once)
        self._longest_s = longest_s

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn, and have it for as long as it lasts."""
        await self._free.acquire()
        over = asyncio.get_running_loop().call_later(self._longest_s, self._free.release)
        try:
            yield
        finally:
            if not _is_past(over):
                over.cancel()
                self._free.release()


def _is_past(timer: asyncio.TimerHandle) -> bool:
    return timer.when() <= asyncio.get_running_loop().time()
