"""
Step by step: what snmptrapd received is what the cluster's own places before and after say, and all answers agree.

The comparison is cumulative and exact: what comes too often, too late, or about something else, fails the next step.
"""

from __future__ import annotations

import itertools
import json
import os
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from tests.lab.told import Onlooker, Places, Told
from tests.system import received
from tests.system.agreement import RESOURCES, cli_differences, impact_differences, where_differences
from tests.system.received import Trap
from tests.system.setups import Installation

STEP_TIMEOUT_S = 75.0
ALARM_TIMEOUT_S = 75.0
SETTLE_TIMEOUT_S = 150.0
LONGEST_PENDING_S = 11.0  # a group is judged at the latest 10 s after its first member
POLL_S = 0.2
KEPT = os.environ.get("GATEWAY_TEST_KEEP")
"""A folder where what did not agree is kept: the cluster's status, the traps, the event log, the gateway's log."""


class Comparison:
    """Follows one installation; `step` each time that the lab did something."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self.lab = installation.lab
        self.gateway = installation.gateway
        self._resources, self._nodes = itertools.cycle(RESOURCES), itertools.cycle(self.lab.nodes)
        self._await_calm()
        installation.receiver.clear()
        self._onlooker = Onlooker(self.lab)

    # -- what came -----------------------------------------------------------------------------------------

    def traps(self) -> list[Trap]:
        """Everything that snmptrapd received since the beginning; a repeated delivery counts once."""
        first: dict[str, Trap] = {}
        for number, trap in enumerate(received.traps(self.installation.receiver.received())):
            first.setdefault(trap.objects.get("topoEventId", str(number)), trap)
        return list(first.values())

    @property
    def repeated(self) -> int:
        """Deliveries of the same event after the first."""
        return len(self.installation.receiver.received()) - len(self.traps())

    @property
    def told(self) -> Counter[Told]:
        """What should have been told since the beginning."""
        return self._onlooker.told

    @property
    def places(self) -> Places:
        """Where the cluster says that everything is, at the last step."""
        return self._onlooker.places

    # -- steps ---------------------------------------------------------------------------------------------

    def step(self, *, answers: bool = True) -> Counter[Told]:
        """
        Wait until the lab is at rest; then everything must agree. What should be told of this step is returned.

        Args:
            answers: also compare the answers of where and impact (a cluster without quorum cannot be asked).
        """
        self.lab.wait_settled(SETTLE_TIMEOUT_S)
        step = self._onlooker.look()
        self._agree(answers)
        return step

    def away(self, outage: Callable[[], None]) -> Counter[Told]:
        """Something that happened while the gateway was not there: its net effect counts."""
        outage()
        return self.step()

    def end(self) -> None:
        """Wait as long as anything may still be pending: nothing more may come, and no alarm may be left."""
        if any(told.entity == "app" for told in self.told):
            time.sleep(LONGEST_PENDING_S)
        self._await_no_alarm()
        self._agree(answers=True)
        traps = self.traps()
        assert received.raised(traps) == received.cleared(traps), "an alarm was cleared with another key, or not at all"
        logged = self.gateway.items("/events", told=True, since=moment(self._began))
        unheard = {event["id"] for event in logged} - {_event_id(trap) for trap in traps}
        assert not unheard, f"in the log as told, and not received: {[e for e in logged if e['id'] in unheard]}"

    def former_place(self, resource: str, at: float, node: str) -> None:
        """`where --at` says that it ran at the place of then, by REST and on the command line."""
        printed = self.gateway.cli("where", resource, "--json", "--at", moment(at))
        for body in (self.gateway.get(f"/where/{resource}", at=moment(at)), json.loads(printed.stdout)):
            assert [hop["entity"]["name"] for hop in body["hops"]] == [node], body
            told = (body["status"], body["entity"]["state"], body["hops"][0]["state"])
            assert told == ("placed", "running", "stable"), body
        assert printed.returncode == 0, printed.stdout

    # -- alarms --------------------------------------------------------------------------------------------

    def await_raised(self, condition: str, entity: str) -> str:
        """Wait for the trap that raises an alarm; its key. REST must list it too."""
        key = self._await_alarm(received.raised, condition, entity)
        assert key in {alarm["key"] for alarm in self.gateway.items("/alarms")}
        return key

    def await_cleared(self, key: str) -> None:
        """Wait for the trap that clears an alarm with the key it was raised with."""
        self._await(lambda: received.cleared(self.traps())[key] == 1, f"{key} is not cleared", ALARM_TIMEOUT_S)

    def _await_alarm(self, of_kind: Callable[[list[Trap]], Counter[str]], condition: str, entity: str) -> str:
        found: list[str] = []

        def came() -> bool:
            traps = [t for t in self.traps() if t.objects.get("topoEventEntityName") == entity]
            found[:] = [key for key in of_kind(traps) if key.startswith(condition + ":")]
            return bool(found)

        self._await(came, f"no {condition} of {entity}", ALARM_TIMEOUT_S)
        assert len(found) == 1, found
        return found[0]

    # -- waiting -------------------------------------------------------------------------------------------

    def _agree(self, answers: bool) -> None:
        differences: list[str] = []

        def agrees() -> bool:
            differences[:] = self._differences(answers)
            return not differences

        self._await(agrees, "not in agreement", STEP_TIMEOUT_S, differences)

    def _differences(self, answers: bool) -> list[str]:
        came = received.relocations(self.traps())
        found = [f"not received: {told} x{n}" for told, n in (self.told - came).items()]
        found += [f"received, and not to be told: {told} x{n}" for told, n in (came - self.told).items()]
        if found or not answers:
            return found
        view = self.lab.view()
        if view is None:
            return ["the cluster does not answer"]
        found = where_differences(self.gateway.get, view)
        found += impact_differences(self.gateway.get, view, self.lab.nodes)
        if not found:
            found = cli_differences(self.gateway.cli, self.gateway.get, next(self._resources), next(self._nodes))
        return found

    def _await_calm(self) -> None:
        """Before anything is compared: the gateway knows the cluster as it is, and has told what it had to."""
        self._began = time.time()
        self.lab.wait_settled(SETTLE_TIMEOUT_S, all_running=True)
        self._await_no_alarm()
        differences: list[str] = []

        def calm() -> bool:
            view = self.lab.view()
            differences[:] = where_differences(self.gateway.get, view) if view else ["the cluster does not answer"]
            told = {event["id"] for event in self.gateway.items("/events", told=True)}
            heard = {_event_id(trap) for trap in received.traps(self.installation.receiver.received())}
            return not differences and told <= heard | self.installation.heard_before

        self._await(calm, "the gateway does not know the cluster", STEP_TIMEOUT_S, differences)
        self.installation.heard_before.update(
            _event_id(trap) for trap in received.traps(self.installation.receiver.received())
        )
        self._began = time.time()

    def _await_no_alarm(self) -> None:
        self._await(lambda: not self.gateway.items("/alarms"), "alarms are left", ALARM_TIMEOUT_S)

    def _await(
        self, condition: Callable[[], bool], what: str, timeout_s: float, details: list[str] | None = None
    ) -> None:
        deadline = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > deadline:
                alarms = [alarm["key"] for alarm in self.gateway.items("/alarms")]
                said = "\n".join([f"{what} after {timeout_s:.0f} s", *(details or []), f"alarms: {alarms}"])
                raise AssertionError(f"{said}\n{self._keep()}")
            time.sleep(POLL_S)

    def _keep(self) -> str:
        """Everything a person needs who asks why; returns the end of it."""
        traps = "\n".join(f"{t.time:.3f} {t.name} {dict(t.objects)}" for t in self.traps())
        events = "\n".join(map(str, self.gateway.items("/events")))
        if KEPT:
            folder = Path(KEPT) / f"{self.installation.setup}-{time.time():.0f}"
            folder.mkdir(parents=True)
            (folder / "crm_mon.xml").write_text(self.lab.status_xml())
            (folder / "cib.xml").write_text(self.lab.cib())
            (folder / "traps.txt").write_text(traps)
            (folder / "events.txt").write_text(events)
            (folder / "gateway.log").write_text(self.gateway.log(1_000_000))
            (folder / "alerts.jsonl").write_text("\n".join(self.lab.alerts()))
        return f"traps:\n{traps}\nlog:\n{self.gateway.log(2000)}"


def _event_id(trap: Trap) -> str:
    return trap.objects.get("topoEventId", "")


def moment(seconds: float) -> str:
    """A time as the API takes it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
