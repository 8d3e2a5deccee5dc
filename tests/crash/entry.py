"""
The gateway, killed by itself at one exact moment: `python -m tests.crash.entry PHASE NUMBER run --config ...`.

PHASE is before-commit, after-commit or after-send; the process kills itself with SIGKILL the NUMBERth time it is there
with something to tell.
"""

import os
import signal
import sys
from typing import Any

from gateway.app.cli import main
from gateway.model.changes import Changes
from gateway.model.events import Event
from gateway.model.snapshot import Snapshot
from gateway.notifier.sinks.snmp import SnmpTrapSink
from gateway.store.repository import TopologyRepository


class Moment:
    """Counts the times that the process is in the phase, and ends it."""

    def __init__(self, left: int) -> None:
        self._left = left

    def reached(self) -> None:
        self._left -= 1
        if self._left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)


def arm(phase: str, moment: Moment) -> None:
    """Let the process die in its phase."""
    commit, deliver = TopologyRepository.commit, SnmpTrapSink.deliver

    def commit_or_die(self: TopologyRepository, changes: Changes) -> Any:
        if phase == "before-commit" and changes.events:
            moment.reached()
        events = commit(self, changes)
        if phase == "after-commit" and changes.events:
            moment.reached()
        return events

    async def deliver_and_die(self: SnmpTrapSink, event: Event, snapshot: Snapshot) -> None:
        await deliver(self, event, snapshot)
        if phase == "after-send":
            moment.reached()

    TopologyRepository.commit = commit_or_die  # type: ignore[method-assign]
    SnmpTrapSink.deliver = deliver_and_die  # type: ignore[method-assign]


if __name__ == "__main__":
    arm(sys.argv[1], Moment(int(sys.argv[2])))
    sys.argv[1:] = sys.argv[3:]
    main()
