"""
An independent witness: a process with connections of its own that notes when libvirt calls back, and with what.

It prints one line per lifecycle event, `TIME HOST UUID EVENT DETAIL`: seconds since the epoch, libvirt's numbers.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.lab.errors import LabError
from tests.lab.libvirt.fleet import Fleet
from tests.lab.libvirt.keeper import PROJECT
from tests.lab.libvirt.namespaces import ENVIRONMENT, wait_until

READY = "ready"
START_TIMEOUT_S = 20.0
END_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Callback:
    """A lifecycle event as libvirt told it. `event`, `detail`: VIR_DOMAIN_EVENT_*."""

    at: float
    host: str
    uuid: str
    event: int
    detail: int


class Recorder:
    """The process, seen from a test."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def ready(self) -> bool:
        return READY in self._lines

    def callbacks(self) -> list[Callback]:
        """All so far, in the order of their arrival."""
        found = []
        for line in list(self._lines):
            if line != READY:
                at, host, uuid, event, detail = line.split()
                found.append(Callback(float(at), host, uuid, int(event), int(detail)))
        return found

    def end(self) -> None:
        self._process.kill()
        self._process.wait(END_TIMEOUT_S)
        self._reader.join(END_TIMEOUT_S)

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as stdout:
            for line in stdout:
                self._lines.append(line.strip())


@contextlib.contextmanager
def recording(lab: Fleet) -> Iterator[Recorder]:
    """
    A recorder of all hosts of a lab, connected before the block begins; it does not connect again.

    Raises:
        LabError: a host cannot be reached.
    """
    hosts = [f"{host}={lab.uri(host, tcp=False)}" for host in lab.hosts]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.lab.libvirt.recorder", *hosts],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        cwd=PROJECT,
        env=ENVIRONMENT,
    )
    recorder = Recorder(process)
    try:
        wait_until(lambda: recorder.ready or process.poll() is not None, "the recorder connects", START_TIMEOUT_S)
        if not recorder.ready:
            raise LabError("the recorder ended: is libvirt-python installed, and does every host answer?")
        yield recorder
    finally:
        recorder.end()


def main(hosts: list[str]) -> None:
    import libvirt  # the lab itself does without

    def called_back(_: Any, domain: Any, event: int, detail: int, host: str) -> None:
        print(f"{time.time():.6f} {host} {domain.UUIDString()} {event} {detail}", flush=True)

    libvirt.virEventRegisterDefaultImpl()
    connections = []
    for host, _, uri in (each.partition("=") for each in hosts):
        connection = libvirt.openReadOnly(uri)
        connection.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, called_back, host)
        connections.append(connection)
    print(READY, flush=True)
    while True:
        libvirt.virEventRunDefaultImpl()


if __name__ == "__main__":
    main(sys.argv[1:])
