"""Records what the hosts of a fleet tell, as `gateway replay libvirt` reads it (its form: replay.py)."""

import json
import logging
from datetime import UTC, datetime
from pathlib import Path

from gateway.collectors.libvirt.reader import Reading
from gateway.collectors.libvirt.records import Domain, DomainEvent, HostReading

logger = logging.getLogger(__name__)

MOST = 10_000
"""So many lines are kept until the next `write`, which comes with each read of any host."""
_SECOND = 1_000_000


class Recorder:
    """
    One recording: a file that grows. `at` everywhere: microseconds UTC.

    `event`, `read` and `lost` keep lines until `write`, which blocks. Of a read what differs from the last is kept.
    """

    def __init__(self, folder: Path, source: str, at: int) -> None:
        began = datetime.fromtimestamp(at / _SECOND, UTC)
        self.file = folder / f"{source}-{began:%Y%m%dT%H%M%S}.jsonl"
        self._began = at
        self._lines: list[str] = []
        self._domains: dict[str, dict[str, tuple[object, ...]]] = {}
        """By host and UUID: what was recorded last."""
        self._failed = False
        self._dropped = 0
        self._add(at, "-", "READY", at // _SECOND)

    def event(self, event: DomainEvent) -> None:
        """A callback. While no host is read there may be more of them than are kept: the rest is dropped, and said."""
        if len(self._lines) < MOST:
            self._add(event.at, event.host, event.kind, event.name, *event.detail)
        else:
            self._dropped += 1

    def read(self, at: int, reading: Reading) -> None:
        """A read."""
        whole = isinstance(reading, HostReading)
        first = reading.host not in self._domains
        known = self._domains.setdefault(reading.host, {})
        there = {domain.status.uuid: _told(domain) for domain in reading.domains}
        changed = {uuid: told for uuid, told in there.items() if known.get(uuid) != told}
        gone = (known.keys() if isinstance(reading, HostReading) else reading.uuids & known.keys()) - there.keys()
        for uuid, told in changed.items():
            self._add(at, reading.host, "DOMAIN", uuid, *told)
        if whole and (first or changed or gone):
            self._add(at, reading.host, "HOST", sorted(there))
        elif not whole:
            for uuid in sorted(gone):
                self._add(at, reading.host, "GONE", uuid)
        for uuid in gone:
            del known[uuid]
        known.update(changed)

    def lost(self, host: str, at: int, why: str) -> None:
        """A host is silent from now on; said once."""
        if self._domains.pop(host, None) is not None:
            self._add(at, host, "CLOSE", why)

    def write(self) -> None:
        """
        Append what was kept (blocking); makes the folder.

        A file that cannot be written is logged once, and costs nothing else.
        """
        lines, self._lines = self._lines, []
        dropped, self._dropped = self._dropped, 0
        if dropped:
            logger.warning("%s lacks %d events: they came while no host could be read", self.file, dropped)
        if not lines:
            return
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with self.file.open("a", encoding="utf-8") as file:
                file.write("".join(lines))
            self._failed = False
        except OSError as error:
            if not self._failed:
                logger.warning("%s cannot be written, the recording has a gap: %s", self.file, error.strerror or error)
            self._failed = True

    def _add(self, at: int, host: str, event: str, *arguments: object) -> None:
        line = [round(max(at - self._began, 0) / _SECOND, 3), host, event, *arguments]
        self._lines.append(json.dumps(line) + "\n")


def _told(domain: Domain) -> tuple[object, ...]:
    status = domain.status
    return status.name, status.state, status.reason, int(domain.migrating_out)
