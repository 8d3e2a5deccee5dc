"""What the gateway shows and tells of a fleet of daemons, compared with where their domains are."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from tests.lab.libvirt.told import Notice
from tests.lab.snmptrapd import Snmptrapd
from tests.system import received
from tests.system.gateway_process import GatewayProcess
from tests.system.libvirt import heard
from tests.system.libvirt.daemons import Daemon
from tests.system.setups import free_port

COMMUNITY = "traps-for-tests"


def configuration(daemons: Mapping[str, Daemon], receiver: Snmptrapd, stale_s: float) -> str:
    """A gateway that follows these daemons and tells the receiver."""
    hosts = "\n".join(f'{host} = "{daemon.uri}"' for host, daemon in daemons.items())
    return f"""
[sources.fleet]
kind = "libvirt"

[sources.fleet.hosts]
{hosts}

[settle]
stale_disconnect = {stale_s}

[publishers.snmp]
listen = ["127.0.0.1:{free_port()}"]

[publishers.rest]
listen = "127.0.0.1:{free_port()}"

[receivers.console]
kind = "snmp"
host = "127.0.0.1"
port = {receiver.port}
version = "2c"
community = "{COMMUNITY}"
"""


@contextlib.contextmanager
def following(daemons: Mapping[str, Daemon], receiver: Snmptrapd, stale_s: float) -> Iterator[GatewayProcess]:
    """A gateway that follows these daemons, has read them all, and ends cleanly when the test has passed."""
    process = GatewayProcess()
    try:
        process.configure(configuration(daemons, receiver, stale_s))
        process.start()
        process.await_sources()
        yield process
        process.stop()
    finally:
        process.remove()


def misplaced(gateway: GatewayProcess, placement: Mapping[str, Sequence[str]]) -> list[str]:
    """Every VM runs on the host that has it, by the newest word of that host, and nowhere else."""
    shown = gateway.items("/relations", kind="runs_on")
    here = [each for each in shown if each["lower"]["kind"] == "hypervisor" and each["upper"]["kind"] == "vm"]
    places = Counter((each["upper"]["name"], each["lower"]["name"]) for each in here)
    meant = Counter((vm, host) for host, vms in placement.items() for vm in vms)
    found = [f"not placed: {each}" for each in meant - places] + [f"misplaced: {each}" for each in places - meant]
    return found + [f"stale: {each['upper']['name']}" for each in here if each["stale"]]


def events_after(gateway: GatewayProcess, seq: int) -> list[dict[str, Any]]:
    """The log after an event, oldest first."""
    found = [event for event in gateway.items("/events") if event["seq"] > seq]
    return sorted(found, key=lambda event: int(event["seq"]))


def highest_seq(gateway: GatewayProcess) -> int:
    """The last event of the log."""
    return max((event["seq"] for event in gateway.items("/events")), default=0)


def heard_of(receiver: Snmptrapd, events: Sequence[Mapping[str, object]]) -> Counter[Notice]:
    """What the receiver was told of these events; a repeated delivery counts once."""
    ids = {event["id"] for event in events}
    traps = {trap.objects.get("topoEventId", ""): trap for trap in received.traps(receiver.received())}
    return heard.of_traps(trap for event, trap in traps.items() if event in ids)


def await_none(differences: Callable[[], list[str]], timeout_s: float) -> None:
    """Wait until there are none."""
    deadline = time.monotonic() + timeout_s
    while found := differences():
        assert time.monotonic() < deadline, "\n".join(found[:50])
        time.sleep(0.3)
