"""A planned window, from the command line to a console: told once at its start and its end, over a crash too."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.lab.snmptrapd import Snmptrapd
from tests.system import received
from tests.system.gateway_process import GatewayProcess
from tests.system.received import Trap

COMMUNITY = "traps-for-tests"
TRUE, FALSE = "1", "2"  # TruthValue
TIMEOUT_S = 20.0
CONFIGURATION = """
[sources.facts]
kind = "declared"
file = "facts.yaml"
interval_s = 1

[publishers.snmp]
listen = ["127.0.0.1:0"]

[publishers.rest]
listen = "127.0.0.1:0"

[receivers.console]
kind = "snmp"
host = "127.0.0.1"
port = {port}
community = "{community}"
"""


@dataclass(slots=True)
class Console:
    """A gateway on declared facts, and what its receiver was told of windows and relocations."""

    gateway: GatewayProcess
    receiver: Snmptrapd

    def place(self, **host_of: str) -> None:
        """Declare where the VMs are."""
        vms = "".join(f"  - {{name: {name}, host: {host}}}\n" for name, host in host_of.items())
        part = self.gateway.folder / "facts.part"
        part.write_text(f"physical_hosts:\n  - name: srv-1\n  - name: srv-2\nvms:\n{vms}")
        part.rename(self.gateway.folder / "facts.yaml")

    def told(self) -> list[Trap]:
        told = received.traps(self.receiver.received())
        return [trap for trap in told if trap.name.startswith("topologyWindow") or trap.name == "topologyRelocation"]

    def await_told(self, *names: str) -> list[Trap]:
        """Wait until exactly these were told, in this order, and it is noted down that they were."""
        deadline = time.monotonic() + TIMEOUT_S
        while [trap.name.removeprefix("topology") for trap in self.told()] != list(names) or self._pending():
            assert time.monotonic() < deadline, (names, self.told(), self.gateway.log())
            time.sleep(0.1)
        return self.told()

    def _pending(self) -> bool:
        (receiver,) = self.gateway.get("/receivers")["items"]
        return bool(receiver["delivery"]["pending"])

    def window(self, *words: str) -> None:
        done = self.gateway.cli("window", *words)
        assert done.returncode == 0, done.stderr


@pytest.fixture
def console() -> Iterator[Console]:
    reason = received.missing()
    if reason:
        pytest.skip(reason)
    gateway = GatewayProcess()
    try:
        with Snmptrapd(community=COMMUNITY) as receiver:
            made = Console(gateway, receiver)
            made.place(web="srv-1", db="srv-1")
            gateway.configure(CONFIGURATION.format(port=receiver.port, community=COMMUNITY))
            gateway.start()
            gateway.await_sources()
            yield made
    finally:
        gateway.remove()


def test_a_window_its_planned_relocations_and_its_end_are_told_once_each_over_a_crash_and_a_restart(console: Console):
    console.window("open", "srv-1", "--until", "1h", "--name", "kernel update", "--reason", "CHG-1")
    (start,) = console.await_told("WindowStarted")
    assert start.objects["topoEventEntityName"] == "srv-1"
    assert 'planned window "kernel update" (CHG-1) has begun' in start.objects["topoEventText"]

    console.gateway.kill()
    console.gateway.start()
    console.place(web="srv-2", db="srv-2")
    _, *moves = console.await_told("WindowStarted", "Relocation", "Relocation")
    console.gateway.stop(signal.SIGTERM)
    console.place(web="srv-1", db="srv-2")  # while nobody looks
    console.gateway.start()
    *_, back = console.await_told("WindowStarted", "Relocation", "Relocation", "Relocation")
    for move in (*moves, back):
        assert move.objects["topoEventPlanned"] == TRUE
        assert move.objects["topoEventCausedBy"] == start.objects["topoEventId"]

    assert 'in the window "kernel update"' in console.gateway.cli("where", "web").stdout
    console.window("close", "kernel update")
    *_, end = console.await_told("WindowStarted", "Relocation", "Relocation", "Relocation", "WindowEnded")
    assert end.alarm_key == start.alarm_key
    assert "3 relocations and 0 failures in it" in end.objects["topoEventText"]
    console.place(web="srv-2", db="srv-2")
    *_, after = console.await_told(*["WindowStarted", *["Relocation"] * 3, "WindowEnded", "Relocation"])
    assert after.objects["topoEventPlanned"] == FALSE


def test_a_window_that_ends_while_the_gateway_is_down_ends_once_when_it_is_back(console: Console):
    console.window("open", "srv-1", "--until", "4s", "--name", "short")
    console.await_told("WindowStarted")
    console.gateway.kill()
    time.sleep(4)
    for _ in range(2):
        console.gateway.start()
        console.await_told("WindowStarted", "WindowEnded")
        assert console.gateway.get("/windows")["items"] == []
        console.gateway.stop()
