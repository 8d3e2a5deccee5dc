"""Threads whose names the system shows too: `ps -L`, `top -H`, /proc. Python does so by itself from 3.14 on."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

LONGEST_NAME = 15
"""What Linux keeps of a name, in octets."""


def show_name() -> None:
    """Give the calling thread its name in the eyes of the system. Where there is no Linux nothing happens."""
    with suppress(OSError):
        Path("/proc/thread-self/comm").write_bytes(threading.current_thread().name.encode()[:LONGEST_NAME])


def pool(size: int, name: str) -> ThreadPoolExecutor:
    """A pool of at most so many threads, NAME_0, NAME_1, ...; each is started when it may be needed, and stays."""
    return ThreadPoolExecutor(size, name, initializer=show_name)
