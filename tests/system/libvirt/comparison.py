"""
Step by step: what snmptrapd received is what virsh's words before and after say, and the log and `where` agree.

The comparison is cumulative and exact: what comes too often, too late, or about something else, fails the next step.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tests.lab.libvirt.told import Notice, Onlooker
from tests.system import received
from tests.system.comparison import moment
from tests.system.libvirt import heard
from tests.system.libvirt.installation import SETTLE_S, Installation
from tests.system.received import Trap

STEP_TIMEOUT_S = 60.0
CALM_TIMEOUT_S = 90.0
POLL_S = 0.2
QUIET_S = 1.0
LONGEST_SETTLE_S = max(SETTLE_S.values()) + 1.5
KEPT = os.environ.get("GATEWAY_TEST_KEEP")
"""A folder where what did not agree is kept: virsh's words, the traps, the event log, the gateway's log."""


class Comparison:
    """Follows one installation; `step` each time that the lab did something and is at rest."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self.lab = installation.lab
        self.gateway = installation.gateway
        self._await_calm()
        self._before = {self._id(trap) for trap in self._all_traps()}
        self._seq = max((event["seq"] for event in self.gateway.items("/events")), default=0)
        self._began = time.time()
        self._onlooker = Onlooker(self.lab)

    @property
    def told(self) -> Counter[Notice]:
        """What should have been told since the beginning."""
        return self._onlooker.told

    @property
    def repeated(self) -> int:
        """Deliveries of the same event after the first, since the beginning."""
        new = [trap for trap in self._all_traps() if self._id(trap) not in self._before]
        return len(new) - len({self._id(trap) for trap in new})

    def traps(self) -> list[Trap]:
        """What snmptrapd received since the beginning; a repeated delivery counts once."""
        first: dict[str, Trap] = {}
        for trap in self._all_traps():
            if self._id(trap) not in self._before:
                first.setdefault(self._id(trap), trap)
        return list(first.values())

    def step(self, *expected: Notice, quiet_s: float = QUIET_S) -> Counter[Notice]:
        """
        Everything must agree soon, and still when nothing was pending any more. Returns what is told of this step.

        Args:
            expected: what the derivation must give for this step, when the test knows.
            quiet_s: how long nothing else may come afterwards.
        """
        step = self._onlooker.look()
        if expected:
            assert step == Counter(expected), f"virsh's words give {step}\n{self.lab.status()}"
        self._await(self._differences, "not in agreement", STEP_TIMEOUT_S)
        time.sleep(quiet_s)
        found = self._differences()
        assert not found, self._report("something came afterwards", found)
        return step

    def nothing(self) -> None:
        """What happened must not be told, not even when everything that could settle has settled."""
        step = self.step(quiet_s=LONGEST_SETTLE_S)
        assert not step, f"virsh's words give {step}\n{self.lab.status()}"

    def note(self) -> None:
        """Look at the lab in the middle of something: a later step knows of it."""
        self._onlooker.look()

    def end(self) -> None:
        """The log as the command line shows it agrees as well."""
        printed = self.gateway.cli("events", "--since", moment(self._began - 1), "--limit", "500", "--json")
        assert printed.returncode == 0, printed.stderr
        body = json.loads(printed.stdout)
        events = [each for each in body["items"] if each["seq"] > self._seq]
        assert heard.of_events(events) == self.told

    def await_heard(self, notice: Notice) -> Trap:
        """Wait for the trap of one notice."""
        self._await(
            lambda: [] if heard.of_traps(self.traps())[notice] else [f"not received: {notice}"],
            "a trap is missing",
            STEP_TIMEOUT_S,
        )
        return next(trap for trap in self.traps() if heard.of_traps([trap])[notice])

    # -- differences ---------------------------------------------------------------------------------------

    def _differences(self) -> list[str]:
        found = _compare("by trap", self.told, heard.of_traps(self.traps()))
        events = [e for e in self.gateway.items("/events", since=moment(self._began - 1)) if e["seq"] > self._seq]
        found += _compare("in the log", self.told, heard.of_events(events))
        return found + self._where_differences()

    def _where_differences(self) -> list[str]:
        """Guests that are active on one host that can be asked: `where` names it."""
        status = self.lab.status()
        found = []
        for vm in self.lab.vms:
            active = status.active(vm)
            if len(active) != 1 or not status.hosts[active[0]].connected:
                continue
            hops = self.gateway.get(f"/where/{vm}")["hops"]
            named = hops[0]["entity"]["name"] if hops else None
            if named != active[0]:
                found.append(f"where {vm}: {named}, and virsh says {active[0]}")
        return found

    # -- waiting -------------------------------------------------------------------------------------------

    def _await_calm(self) -> None:
        """Before anything is compared: the gateway knows the lab as it is, no alarm is left, all told was heard."""

        def restless() -> list[str]:
            alarms = [f"alarm {alarm['key']}: {alarm['text']}" for alarm in self.gateway.items("/alarms")]
            arrived = {self._id(trap) for trap in self._all_traps()}
            unheard = [e["id"] for e in self.gateway.items("/events", told=True) if e["id"] not in arrived]
            return alarms + self._where_differences() + [f"not received: event {each}" for each in unheard]

        self._await(restless, "the gateway does not know the lab", CALM_TIMEOUT_S)
        time.sleep(QUIET_S)
        self._await(restless, "the gateway does not know the lab", CALM_TIMEOUT_S)

    def _await(self, differences: Callable[[], list[str]], what: str, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        while found := differences():
            assert time.monotonic() < deadline, self._report(f"{what} after {timeout_s:.0f} s", found)
            time.sleep(POLL_S)

    def _report(self, what: str, found: list[str]) -> str:
        """Everything a person needs who asks why; kept in a folder when one is named."""
        traps = "\n".join(f"{t.time:.3f} {t.name} {dict(t.objects)}" for t in self._all_traps()[-30:])
        events = "\n".join(map(str, self.gateway.items("/events")[-60:]))
        words = {"status.txt": str(self.lab.status()), "traps.txt": traps, "events.txt": events}
        words |= {"gateway.log": self.gateway.log(1_000_000), "differences.txt": "\n".join([what, *found])}
        if KEPT:
            folder = Path(KEPT) / f"libvirt-{time.time():.0f}"
            folder.mkdir(parents=True)
            for name, text in words.items():
                (folder / name).write_text(text)
        shown = "\n".join((what, *found, words["status.txt"], "log:", self.gateway.log(3000)))
        return f"{shown}\ntraps:\n{traps[-3000:]}"

    def _all_traps(self) -> list[Trap]:
        traps = received.traps(self.installation.receiver.received())
        return [trap for trap in traps if self._id(trap)]

    @staticmethod
    def _id(trap: Trap) -> str:
        return trap.objects.get("topoEventId", "")


def _compare(way: str, told: Counter[Notice], came: Counter[Notice]) -> list[str]:
    missing = [f"missing {way}: {notice} x{number}" for notice, number in (told - came).items()]
    return missing + [f"not to be told, and came {way}: {notice} x{number}" for notice, number in (came - told).items()]
