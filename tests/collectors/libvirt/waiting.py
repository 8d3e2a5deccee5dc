"""Waiting for what happens in other threads, or in other processes."""

import asyncio
import faulthandler
import tempfile
import time
from collections.abc import Callable


async def until(holds: Callable[[], object], seconds: float = 20) -> None:
    """Wait until it holds; when it does not, say where every thread is and for how long this loop was held up."""
    began = last = time.monotonic()
    longest = 0.0
    while not holds():
        now = time.monotonic()
        longest, last = max(longest, now - last), now
        assert now < began + seconds, f"it did not come; held up for {longest:.2f} s at most\n{_threads()}"
        await asyncio.sleep(0.01)


def _threads() -> str:
    with tempfile.TemporaryFile() as file:
        faulthandler.dump_traceback(file)
        file.seek(0)
        return file.read().decode()
