"""
Step by step: what snmptrapd received is what both labs' own tools say, and so does the log; nothing comes twice.

The comparison is cumulative and exact: what comes too often, too late, or about something else, fails the next step.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.lab.joined import JoinedLab, VirtualDomain
from tests.lab.joined.told import JoinedOnlooker
from tests.lab.libvirt.told import Notice
from tests.system import received
from tests.system.comparison import moment
from tests.system.joined.installation import GROUP_S
from tests.system.libvirt import heard
from tests.system.received import Trap
from tests.system.setups import Installation

STEP_TIMEOUT_S = 60.0
CALM_TIMEOUT_S = 90.0
SETTLE_TIMEOUT_S = 120.0
QUIET_S = 3.0
LONGEST_PENDING_S = GROUP_S + 1.0  # what waits for its group, or for the other of its pair
POLL_S = 0.2
KEPT = os.environ.get("GATEWAY_TEST_KEEP")
"""A folder where what did not agree is kept: both labs' words, the traps, the event log, the gateway's log."""


class Comparison:
    """Follows one installation; `step` each time that the labs did something."""

    def __init__(self, installation: Installation, lab: JoinedLab, pair: VirtualDomain | None = None) -> None:
        self.installation = installation
        self.gateway = installation.gateway
        self.lab = lab
        self._await_calm()
        self._before = {_event_id(trap) for trap in self._all_traps()}
        self._seq = max((event["seq"] for event in self.gateway.items("/events")), default=0)
        self._began = time.time()
        self._onlooker = JoinedOnlooker(lab, pair)

    @property
    def told(self) -> Counter[Notice]:
        """What should have been told since the beginning."""
        return self._onlooker.told

    def node_of(self, resource: str) -> str:
        """The node of a resource, as the cluster said at the last step."""
        return self._onlooker.places[resource]

    def inside(self, node: str) -> set[str]:
        """The resources that run on a node, as the cluster says now; of a clone those with an instance there."""
        view = self.lab.cluster.view()
        assert view is not None, "the cluster does not answer"
        return {resource for resource, place in view.running if place == node}

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

    def step(self, *expected: Notice, quiet_s: float = QUIET_S) -> Counter[Notice]:
        """
        When the cluster is at rest everything must agree soon, and stay so. Returns what is told of this step.

        Args:
            expected: what the derivation must give for this step, when the test knows all of it.
            quiet_s: how long nothing else may come afterwards.
        """
        self.lab.cluster.wait_settled(SETTLE_TIMEOUT_S)
        step = self._onlooker.look()
        if expected:
            assert step == Counter(expected), f"the labs' words give {step}\n{self.lab.hosts.status()}"
        self._await(self._differences, "not in agreement", STEP_TIMEOUT_S)
        time.sleep(quiet_s)
        found = self._differences()
        assert not found, self._report("something came afterwards", found)
        return step

    def nothing(self, quiet_s: float = LONGEST_PENDING_S) -> None:
        """What happened must not be told, not even when everything that could wait has waited."""
        step = self.step(quiet_s=quiet_s)
        assert not step, f"the labs' words give {step}\n{self.lab.hosts.status()}"

    def end(self) -> None:
        """Nothing more comes, and no alarm is left."""
        time.sleep(LONGEST_PENDING_S)
        found = self._differences() + self._alarms()
        assert not found, self._report("at the end", found)

    # -- differences ---------------------------------------------------------------------------------------

    def _differences(self) -> list[str]:
        return _compare("by trap", self.told, heard.of_traps(self.traps())) + _compare(
            "in the log", self.told, heard.of_events(self.events())
        )

    def _alarms(self) -> list[str]:
        return [f"alarm {alarm['key']}: {alarm['text']}" for alarm in self.gateway.items("/alarms")]

    def _unknown_places(self) -> list[str]:
        """Guests and resources whose first hop is not where the labs say that they are."""
        status, found = self.lab.hosts.status(), []
        places = {vm: active[0] for vm in self.lab.hosts.vms if len(active := status.active(vm)) == 1}
        view = self.lab.cluster.view()
        if view is None:
            return ["the cluster does not answer"]
        places |= {name: view.nodes_of(name)[0] for name in self.lab.cluster.inventory.singles if view.nodes_of(name)}
        for name, place in places.items():
            hops = self.gateway.get(f"/where/{name}")["hops"]
            named = hops[0]["entity"]["name"] if hops else None
            if named != place:
                found.append(f"where {name}: {named}, and the lab says {place}")
        return found

    # -- waiting -------------------------------------------------------------------------------------------

    def _await_calm(self) -> None:
        """Before anything is compared: the gateway knows both labs as they are, no alarm is left, all was heard."""

        def restless() -> list[str]:
            arrived = {_event_id(trap) for trap in self._all_traps()}
            unheard = [e["id"] for e in self.gateway.items("/events", told=True) if e["id"] not in arrived]
            return self._alarms() + self._unknown_places() + [f"not received: event {each}" for each in unheard]

        self.lab.cluster.wait_settled(SETTLE_TIMEOUT_S, all_running=True)
        for pause_s in (LONGEST_PENDING_S, 0.0):
            self._await(restless, "the gateway does not know the labs", CALM_TIMEOUT_S)
            time.sleep(pause_s)

    def _await(self, differences: Callable[[], list[str]], what: str, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        while found := differences():
            assert time.monotonic() < deadline, self._report(f"{what} after {timeout_s:.0f} s", found)
            time.sleep(POLL_S)

    def _report(self, what: str, found: list[str]) -> str:
        """Everything a person needs who asks why; kept in a folder when one is named."""
        words = {
            "differences.txt": "\n".join([what, *found]),
            "hosts.txt": str(self.lab.hosts.status()),
            "crm_mon.xml": self.lab.cluster.status_xml(),
            "traps.txt": "\n".join(f"{t.time:.3f} {t.name} {dict(t.objects)}" for t in self._all_traps()[-30:]),
            "events.txt": "\n".join(map(str, self.events())),
            "gateway.log": self.gateway.log(1_000_000),
        }
        if KEPT:
            folder = Path(KEPT) / f"joined-{time.time():.0f}"
            folder.mkdir(parents=True)
            for name, text in words.items():
                (folder / name).write_text(text)
        shown = ("differences.txt", "hosts.txt", "events.txt", "gateway.log")
        return "\n".join(words[name][-4000:] for name in shown)

    def _all_traps(self) -> list[Trap]:
        return [trap for trap in received.traps(self.installation.receiver.received()) if _event_id(trap)]


def _event_id(trap: Trap) -> str:
    return trap.objects.get("topoEventId", "")


def _compare(way: str, told: Counter[Notice], came: Counter[Notice]) -> list[str]:
    missing = [f"missing {way}: {notice} x{number}" for notice, number in (told - came).items()]
    return missing + [f"not to be told, and came {way}: {notice} x{number}" for notice, number in (came - told).items()]
