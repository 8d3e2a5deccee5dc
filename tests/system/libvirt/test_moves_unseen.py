"""
Moves that nobody sees: VMs go to other hosts while the daemons of both are down, and daemons return in any order.

Afterwards every VM is shown where it is. The relocations that were told lead there from where it was, each from one of
the hosts that the VM really was on to a later one: a place in between may be missed, and none may be made up.
"""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.lab.snmptrapd import Snmptrapd
from tests.system import received
from tests.system.gateway_process import GatewayProcess
from tests.system.libvirt import daemons as private
from tests.system.libvirt import heard
from tests.system.libvirt.daemons import Daemon, await_answers
from tests.system.libvirt.fleet_view import (
    COMMUNITY,
    await_none,
    events_after,
    following,
    heard_of,
    highest_seq,
    misplaced,
)

HOSTS, VMS, ROUNDS = 8, 3, 8
STALE_S = 15.0
CALM_S = 60.0

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]


class Truth:
    """Where each VM is, and was. Whoever has a daemon reads it from here when it is started."""

    def __init__(self) -> None:
        self.was_on = {f"vm{host}-{vm}": [f"h{host}"] for host in range(HOSTS) for vm in range(VMS)}

    @property
    def placement(self) -> dict[str, list[str]]:
        """By host: the VMs that run there now."""
        found: dict[str, list[str]] = {f"h{host}": [] for host in range(HOSTS)}
        for vm, hosts in self.was_on.items():
            found[hosts[-1]].append(vm)
        return found


@pytest.fixture
def truth() -> Truth:
    return Truth()


@pytest.fixture
def daemons(truth: Truth) -> Iterator[dict[str, Daemon]]:
    reason = private.missing() or received.missing()
    if reason:
        pytest.skip(reason)
    with private.running(truth.placement) as running:
        yield running


@pytest.fixture
def receiver() -> Iterator[Snmptrapd]:
    with Snmptrapd(community=COMMUNITY) as running:
        yield running


@pytest.fixture
def gateway(daemons: Mapping[str, Daemon], receiver: Snmptrapd) -> Iterator[GatewayProcess]:
    with following(daemons, receiver, STALE_S) as running:
        yield running


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(2, 6))])
def test_vms_that_moved_while_nobody_could_look_are_found_and_told(
    truth: Truth, daemons: dict[str, Daemon], gateway: GatewayProcess, receiver: Snmptrapd, seed: int
) -> None:
    await_none(lambda: misplaced(gateway, truth.placement), CALM_S)
    began, chance = highest_seq(gateway), random.Random(seed)
    for _ in range(ROUNDS):
        _move_some(truth, daemons, chance)
        time.sleep(chance.choice([0.0, 0.5, 4.0]))  # the gateway is back at some of them, or at all

    await_none(lambda: misplaced(gateway, truth.placement), CALM_S)
    await_none(lambda: _differences(truth, gateway, receiver, began), CALM_S)
    time.sleep(3)
    assert not misplaced(gateway, truth.placement) + _differences(truth, gateway, receiver, began), gateway.log()
    moves = sum(len(hosts) - 1 for hosts in truth.was_on.values())
    print(f"\nseed {seed}: {moves} moves unseen, {len(events_after(gateway, began))} events")


def _move_some(truth: Truth, daemons: Mapping[str, Daemon], chance: random.Random) -> None:
    """End a few daemons, move VMs between their hosts, and start them again one after the other."""
    hosts = chance.sample(sorted(daemons), chance.randint(2, 4))
    for host in hosts:
        daemons[host].end(chance.choice((signal.SIGTERM, signal.SIGKILL)))
    for was_on in truth.was_on.values():
        if was_on[-1] in hosts and chance.random() < 0.5:
            was_on.append(chance.choice([host for host in hosts if host != was_on[-1]]))
    for host in chance.sample(hosts, len(hosts)):
        daemons[host].has(truth.placement[host])
        daemons[host].start()
        time.sleep(chance.choice([0.0, 1.0, 2.5]))
    await_answers({host: daemons[host] for host in hosts})


def _differences(truth: Truth, gateway: GatewayProcess, receiver: Snmptrapd, began: int) -> list[str]:
    """What was told and cannot be so, what was not told, and what else was."""
    events = events_after(gateway, began)
    found = [f"alarm: {alarm['key']} {alarm['text']}" for alarm in gateway.items("/alarms")]
    found += [f"told: {e['kind']} {e['text']}" for e in events if e["told"] and e["kind"] != "relocation"]
    if (notices := heard.of_events(events)) != (traps := heard_of(receiver, events)):
        found.append(f"not heard as it is in the log: {notices - traps}, {traps - notices}")
    for vm, was_on in truth.was_on.items():
        told = [
            (e["old_host"]["name"], e["new_host"]["name"]) for e in _relocations(events) if e["entity"]["name"] == vm
        ]
        if not _leads(told, was_on):
            found.append(f"{vm} was on {was_on}, and told is {told}")
    return found


def _relocations(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [event for event in events if event["kind"] == "relocation" and event["told"]]


def _leads(told: list[tuple[str, str]], was_on: list[str]) -> bool:
    """From the first host to the last, through some of those in between, in order."""
    at = was_on[0]
    rest = iter(was_on[1:])
    for old, new in told:
        if old != at or old == new or new not in rest:  # `in` uses up the hosts before it
            return False
        at = new
    return at == was_on[-1]
