"""The one event loop of libvirt in this process: a thread that carries callbacks, keepalives and closed connections."""

import atexit
import logging
import threading
import time

import libvirt

from gateway.support.threads import show_name

logger = logging.getLogger(__name__)

PAUSE_S = 1.0
"""After a loop that failed, so that a lasting error does not spin."""
SHARE, LONGEST_REST_S = 0.01, 0.2
"""Between two turns it rests so long that it takes no more of a core than this, but no longer."""


class EventLoop:
    """
    Runs libvirt's default event loop in a daemon thread.

    It sleeps in poll() while nothing happens, and ends with the process: before Python's own end, so that no callback
    enters an interpreter that is gone.

    A turn looks at every connection, no matter how few have something to say, and the keepalives of 500 hosts alone ask
    for 350 turns a second. So it rests after each: what comes meanwhile is read together in the next, and handed to
    callbacks in the one after.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._timer = -1
        self._ending = False

    def start(self) -> None:
        """Start it if it does not run yet. Has to be called before the first connection is opened."""
        with self._lock:
            if self._thread is not None:
                return
            libvirt.virEventRegisterDefaultImpl()
            libvirt.registerErrorHandler(_silent, None)  # errors come as exceptions too; this one writes to stderr
            self._timer = libvirt.virEventAddTimeout(-1, _nothing, None)
            self._thread = threading.Thread(target=self._run, name="libvirt events", daemon=True)
            self._thread.start()
            atexit.register(self._end)

    def _run(self) -> None:
        show_name()
        while not self._ending:
            began = time.thread_time()
            try:
                libvirt.virEventRunDefaultImpl()
            except libvirt.libvirtError as error:
                logger.error("libvirt's event loop failed, it goes on: %s", error)
                time.sleep(PAUSE_S)
            time.sleep(min((time.thread_time() - began) / SHARE, LONGEST_REST_S))

    def _end(self) -> None:
        self._ending = True
        libvirt.virEventUpdateTimeout(self._timer, 0)  # wakes poll()
        if self._thread is not None:
            self._thread.join(PAUSE_S)


def _silent(_context: object, _error: object) -> None:
    pass


def _nothing(_timer: int, _opaque: object) -> None:
    pass


EVENT_LOOP = EventLoop()
"""libvirt has one implementation of its loop in a process, so there is one of these."""
