"""
Step by step: what snmptrapd received is what a lab's onlooker derives, and so is the log; nothing comes twice.

The comparison is cumulative and exact: what comes too often, too late, or about something else, fails the next step.
"""

from __future__ import annotations

import os
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from tests.lab.libvirt.told import Notice
from tests.lab.snmptrapd import Snmptrapd
from tests.system import received
from tests.system.comparison import moment
from tests.system.gateway_process import GatewayProcess
from tests.system.libvirt import heard
from tests.system.received import Trap

STEP_TIMEOUT_S = 60.0
CALM_TIMEOUT_S = 90.0
POLL_S = 0.2
MOST_SHOWN = 4000
KEPT = os.environ.get("GATEWAY_TEST_KEEP")
"""A folder where what did not agree is kept: the labs' words, the traps, the event log, the gateway's log."""


class Looks(Protocol):
    """Derives from a lab's own words what should be told."""

    told: Counter[Notice]

    def look(self) -> Counter[Notice]:
        """What should be told of the time since the last look."""


OnlookerT = TypeVar("OnlookerT", bound=Looks)


class NoticeComparison(ABC, Generic[OnlookerT]):
    """Follows one installation; `step` each time that its lab did something and is at rest."""

    kind: ClassVar[str]
    """Names the folders in which something is kept."""
    calm_s: ClassVar[float]
    """How long it has to be calm before anything is compared."""
    longest_s: ClassVar[float]
    """After this nothing is pending any more."""

    def __init__(self, gateway: GatewayProcess, receiver: Snmptrapd) -> None:
        self.gateway = gateway
        self._receiver = receiver
        self._await_calm()
        self._before = {_event_id(trap) for trap in self._all_traps()}
        self._seq = max((event["seq"] for event in self.gateway.items("/events")), default=0)
        self._began = time.time()
        self._onlooker = self._looks_on()

    @property
    def told(self) -> Counter[Notice]:
        """What should have been told since the beginning."""
        return self._onlooker.told

    @property
    def repeated(self) -> int:
        """Deliveries of the same event after the first, since the beginning."""
        new = [_event_id(trap) for trap in self._all_traps() if _event_id(trap) not in self._before]
        return len(new) - len(set(new))

    def traps(self) -> list[Trap]:
        """What snmptrapd received since the beginning; a repeated delivery counts once."""
        first: dict[str, Trap] = {}
        for trap in self._all_traps():
            if _event_id(trap) not in self._before:
                first.setdefault(_event_id(trap), trap)
        return list(first.values())

    def trap_of(self, notice: Notice) -> Trap:
        """The trap of one notice that was told."""
        (trap,) = [trap for trap in self.traps() if heard.of_traps([trap])[notice]]
        return trap

    def events(self) -> list[dict[str, Any]]:
        """The log since the beginning, oldest first, also what was told to nobody."""
        logged = self.gateway.items("/events", since=moment(self._began - 1))
        return sorted((e for e in logged if e["seq"] > self._seq), key=lambda event: int(event["seq"]))

    def step(self, *expected: Notice, quiet_s: float = 1.0) -> Counter[Notice]:
        """
        Everything must agree soon, and still when nothing was pending any more. Returns what is told of this step.

        Args:
            expected: what the derivation must give for this step, when the test knows all of it.
            quiet_s: how long nothing else may come afterwards.
        """
        step = self._onlooker.look()
        if expected:
            assert step == Counter(expected), f"the lab's words give {step}\n{self._status()}"
        self._await(self._differences, "not in agreement", STEP_TIMEOUT_S)
        time.sleep(quiet_s)
        found = self._differences()
        assert not found, self._report("something came afterwards", found)
        return step

    def nothing(self) -> None:
        """What happened must not be told, not even when everything that could settle or wait has."""
        step = self.step(quiet_s=self.longest_s)
        assert not step, f"the lab's words give {step}\n{self._status()}"

    def await_heard(self, notice: Notice) -> Trap:
        """Wait for the trap of one notice."""
        self._await(
            lambda: [] if heard.of_traps(self.traps())[notice] else [f"not received: {notice}"],
            "a trap is missing",
            STEP_TIMEOUT_S,
        )
        return next(trap for trap in self.traps() if heard.of_traps([trap])[notice])

    # -- what each lab has of its own ----------------------------------------------------------------------

    @abstractmethod
    def _looks_on(self) -> OnlookerT:
        """Begin to look on."""

    @abstractmethod
    def _misplaced(self) -> list[str]:
        """What `where` answers and the lab does not."""

    @abstractmethod
    def _words(self) -> Mapping[str, str]:
        """The lab's own words, by the name of a file for them."""

    @abstractmethod
    def _status(self) -> str:
        """In short how the lab is."""

    # -- differences ---------------------------------------------------------------------------------------

    def _differences(self) -> list[str]:
        return _compare("by trap", self.told, heard.of_traps(self.traps())) + _compare(
            "in the log", self.told, heard.of_events(self.events())
        )

    def _alarms(self) -> list[str]:
        return [f"alarm {alarm['key']}: {alarm['text']}" for alarm in self.gateway.items("/alarms")]

    def _where_differences(self, places: Mapping[str, str]) -> list[str]:
        """Where the first hop of something is not its place."""
        found = []
        for name, place in places.items():
            hops = self.gateway.get(f"/where/{name}")["hops"]
            named = hops[0]["entity"]["name"] if hops else None
            if named != place:
                found.append(f"where {name}: {named}, and the lab says {place}")
        return found

    # -- waiting -------------------------------------------------------------------------------------------

    def _await_calm(self) -> None:
        """Before anything is compared: the gateway knows the lab as it is, no alarm is left, all told was heard."""

        def restless() -> list[str]:
            arrived = {_event_id(trap) for trap in self._all_traps()}
            unheard = [e["id"] for e in self.gateway.items("/events", told=True) if e["id"] not in arrived]
            return self._alarms() + self._misplaced() + [f"not received: event {each}" for each in unheard]

        self._await(restless, "the gateway does not know the lab", CALM_TIMEOUT_S)
        time.sleep(self.calm_s)
        self._await(restless, "the gateway does not know the lab", CALM_TIMEOUT_S)

    def _await(self, differences: Callable[[], list[str]], what: str, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        while found := differences():
            assert time.monotonic() < deadline, self._report(f"{what} after {timeout_s:.0f} s", found)
            time.sleep(POLL_S)

    def _report(self, what: str, found: list[str]) -> str:
        """Everything a person needs who asks why; kept in a folder when one is named."""
        words = {
            "differences.txt": "\n".join([what, *found]),
            **self._words(),
            "events.txt": "\n".join(map(str, self.gateway.items("/events")[-60:])),
            "traps.txt": "\n".join(f"{t.time:.3f} {t.name} {dict(t.objects)}" for t in self._all_traps()[-30:]),
            "gateway.log": self.gateway.log(1_000_000),
        }
        if KEPT:
            folder = Path(KEPT) / f"{self.kind}-{time.time():.0f}"
            folder.mkdir(parents=True)
            for name, text in words.items():
                (folder / name).write_text(text)
        return "\n".join(f"{name}:\n{text[-MOST_SHOWN:]}" for name, text in words.items())

    def _all_traps(self) -> list[Trap]:
        return [trap for trap in received.traps(self._receiver.received()) if _event_id(trap)]


def _event_id(trap: Trap) -> str:
    return trap.objects.get("topoEventId", "")


def _compare(way: str, told: Counter[Notice], came: Counter[Notice]) -> list[str]:
    missing = [f"missing {way}: {notice} x{number}" for notice, number in (told - came).items()]
    return missing + [f"not to be told, and came {way}: {notice} x{number}" for notice, number in (came - told).items()]
