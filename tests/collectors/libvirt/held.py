"""What this process holds, so that a test can say that nothing is left over."""

import os
import threading
import time

from gateway.collectors.libvirt.loop import LONGEST_REST_S


def held() -> tuple[int, int]:
    """Threads and file handles, after libvirt's loop had a few turns: it lets go of what was closed. Blocking."""
    time.sleep(5 * LONGEST_REST_S)
    return threading.active_count(), len(os.listdir("/proc/self/fd"))
