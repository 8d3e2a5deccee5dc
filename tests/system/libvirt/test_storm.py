"""
A storm of reconnects: fifty daemons are stopped and started in random order.

Nothing that they have changes meanwhile. So nothing is told, but that those are silent that really are away for long;
and neither threads nor file handles of the gateway are left over.
"""

from __future__ import annotations

import contextlib
import itertools
import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.lab.libvirt.told import SILENT, Notice
from tests.lab.snmptrapd import Snmptrapd
from tests.system import received
from tests.system.gateway_process import GatewayProcess
from tests.system.libvirt import daemons as private
from tests.system.libvirt import heard
from tests.system.libvirt.daemons import Daemon
from tests.system.libvirt.fleet_view import (
    COMMUNITY,
    await_none,
    events_after,
    following,
    heard_of,
    highest_seq,
    misplaced,
)
from tests.system.libvirt.storm import Absence, Storm

HOSTS, VMS = 50, 4
SEED = 20
STALE_S = 5.0
RETRY_S = 2.5
"""The longest time between two tries of the gateway while a daemon is not away for long, and a little more."""
CALM_S = 90.0
POOLED = re.compile(r"^thread .*_\d+$|topology\.db")
PLACEMENT = {f"h{host:02}": [f"vm{host:02}-{vm}" for vm in range(VMS)] for host in range(HOSTS)}

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def daemons() -> Iterator[dict[str, Daemon]]:
    reason = private.missing() or received.missing()
    if reason:
        pytest.skip(reason)
    with private.running(PLACEMENT) as running:
        yield running


@pytest.fixture
def receiver(daemons: Mapping[str, Daemon]) -> Iterator[Snmptrapd]:
    with Snmptrapd(community=COMMUNITY) as running:
        yield running


@pytest.fixture
def gateway(daemons: Mapping[str, Daemon], receiver: Snmptrapd) -> Iterator[GatewayProcess]:
    with following(daemons, receiver, STALE_S) as running:
        yield running


@pytest.mark.parametrize("seconds", [30, pytest.param(180, marks=pytest.mark.long)])
def test_a_storm_of_reconnects_tells_only_who_is_really_away(
    daemons: dict[str, Daemon], gateway: GatewayProcess, receiver: Snmptrapd, seconds: float
) -> None:
    _await_calm(gateway)
    _storm(daemons, SEED, brief_s=(0.0, 0.5), long_share=0.0).rage(8)  # every daemon was lost at least once
    _await_calm(gateway)
    before, began = _held(gateway.pid), highest_seq(gateway)

    storm = _storm(daemons, SEED + 1, brief_s=(0.0, STALE_S - RETRY_S), long_share=0.2)
    storm.rage(seconds)

    await_none(lambda: misplaced(gateway, PLACEMENT), CALM_S)
    await_none(lambda: _differences(gateway, receiver, storm, began), CALM_S)
    await_none(lambda: [f"left over: {each}" for each in (_held(gateway.pid) - before).items()], CALM_S)
    time.sleep(STALE_S)
    assert not misplaced(gateway, PLACEMENT) + _differences(gateway, receiver, storm, began), gateway.log()
    assert "Traceback" not in gateway.log(1_000_000)
    away = [absence.seconds for absences in storm.absences.values() for absence in absences]
    told = sum(_raised(events_after(gateway, began)).values())
    print(
        f"\n{storm.ends} ends of {HOSTS} daemons in {seconds:.0f} s, away {min(away):.2f} to {max(away):.1f} s, "
        f"{told} told as stale; {_held(gateway.pid).total()} threads and file handles are held, "
        f"before {before.total()}"
    )


# -- what must hold ------------------------------------------------------------------------------------------------


def _differences(gateway: GatewayProcess, receiver: Snmptrapd, storm: Storm, began: int) -> list[str]:
    """Between what is told and what should be; alarms that are left."""
    events = events_after(gateway, began)
    found = [f"alarm: {alarm['key']} {alarm['text']}" for alarm in gateway.items("/alarms")]
    found += [f"told: {e['kind']} of {e['entity']['name']}: {e['text']}" for e in events if not _is_of_silence(e)]
    if (notices := heard.of_events(events)) != (traps := heard_of(receiver, events)):
        found.append(f"not heard as it is in the log: {notices - traps}, {traps - notices}")
    raised = _raised(events)
    for host in storm.absences:
        least, most = _silences(storm.outages(host, RETRY_S))
        if not least <= raised[host] <= most:
            found.append(f"{host}: told as stale {raised[host]} times, not {least} to {most}: {storm.absences[host]}")
        if notices[Notice.cleared(SILENT, host)] != raised[host]:
            found.append(f"{host}: {raised[host]} times told as stale, and not cleared as often")
    return found


def _silences(outages: list[list[Absence]]) -> tuple[int, int]:
    """How often a host has to be told as silent at least, and may be at most: it may be back too briefly to be seen."""
    least = most = 0
    for outage in outages:
        least += any(absence.seconds > STALE_S + RETRY_S for absence in outage)
        gone = outage[0].gone
        for absence, later in itertools.zip_longest(outage, outage[1:]):
            if absence.back - gone > STALE_S - RETRY_S:
                most += 1
                gone = later.gone if later else 0.0
    return least, most


def _is_of_silence(event: Mapping[str, object]) -> bool:
    return event["condition"] == SILENT and event["kind"] in ("stale_raised", "stale_cleared")


def _raised(events: list[dict[str, Any]]) -> Counter[str]:
    notices = heard.of_events(events)
    return Counter({each.entity: n for each, n in notices.items() if each.what == "raised"})


def _held(pid: int) -> Counter[str]:
    """
    Threads and file handles of the gateway, by what they are.

    Its pools, of threads (NAME_0, NAME_1, ...) and of database connections, have a bound of their own: even who asks
    for one thing after the other may meet a thread that has not lain down yet, and gets another one.
    """
    held: Counter[str] = Counter()
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            held[f"thread {(thread / 'comm').read_text().rstrip()}"] += 1
    for handle in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            held[re.sub(r":\[\d+\]", "", str(handle.readlink()))] += 1
    return Counter({what: number for what, number in held.items() if not POOLED.search(what)})


# -- the gateway ---------------------------------------------------------------------------------------------------


def _storm(daemons: Mapping[str, Daemon], seed: int, *, brief_s: tuple[float, float], long_share: float) -> Storm:
    away = STALE_S + RETRY_S + 1, STALE_S + RETRY_S + 6
    return Storm(daemons, seed, up_s=(0.5, 6), brief_s=brief_s, long_s=away, long_share=long_share)


def _await_calm(gateway: GatewayProcess) -> None:
    """Everything is known, and every daemon was connected to again."""
    time.sleep(RETRY_S)
    await_none(lambda: misplaced(gateway, PLACEMENT) + [alarm["key"] for alarm in gateway.items("/alarms")], CALM_S)
    time.sleep(RETRY_S)
