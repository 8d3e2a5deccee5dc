"""A store in memory that may refuse, lose its answer, or be slow; for tests of the engine."""

import time
from dataclasses import replace

from gateway.model.changes import Changes
from gateway.model.errors import StoreError, StoreUnavailable
from gateway.model.events import Event
from gateway.model.snapshot import Snapshot
from tests.topology.histories import Stored


class MemoryStore:
    """Port Repository. `refuse`: how many commits are refused from now on; `lose_answers`: written, yet refused."""

    def __init__(self) -> None:
        self.rows = Stored()
        self.log: list[Event] = []
        self.refuse = 0
        self.lose_answers = 0
        self.slow_s = 0.0
        self.commits: list[Changes] = []

    def load(self) -> Snapshot:
        last = self.commits[-1] if self.commits else None
        return replace(self.rows.load(Snapshot()), at=last.at if last is not None else 0)

    def commit(self, changes: Changes) -> tuple[Event, ...]:
        time.sleep(self.slow_s)
        if self.refuse:
            self.refuse -= 1
            raise StoreUnavailable("disk full")
        events = self._write(changes)
        if self.lose_answers:
            self.lose_answers -= 1
            raise StoreUnavailable("the connection broke")
        return events

    def _write(self, changes: Changes) -> tuple[Event, ...]:
        last = self.commits[-1] if self.commits else None
        if last is not None and changes.revision <= last.revision:
            if (changes.revision, changes.at) == (last.revision, last.at):
                return tuple(self.log[len(self.log) - len(last.events) :])
            raise StoreError("another gateway writes to this database")
        self.rows.commit(changes)
        self.rows.last = changes
        self.commits.append(changes)
        events = tuple(replace(e, seq=len(self.log) + n) for n, e in enumerate(changes.events, 1))
        self.log.extend(events)
        return events
