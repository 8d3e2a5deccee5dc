"""What this process holds, so that a test can say that nothing is left over."""

import os
import threading
import time

from gateway.collectors.libvirt.loop import LONGEST_REST_S

PATIENCE_S = 5.0


def held() -> tuple[int, int]:
    """
    Threads and file handles, when what was closed has ended, or should have. Blocking.

    A worker ends with its last call, and libvirt's loop lets go of a connection in one of its next turns.
    """
    until = time.monotonic() + PATIENCE_S
    while _workers() and time.monotonic() < until:
        time.sleep(LONGEST_REST_S)
    time.sleep(5 * LONGEST_REST_S)
    return threading.active_count(), len(os.listdir("/proc/self/fd"))


def _workers() -> list[str]:
    names = (thread.name for thread in threading.enumerate())
    return [name for name in names if name.startswith("libvirt ") and name != "libvirt events"]
