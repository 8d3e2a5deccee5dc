"""From Pacemaker's own event to the trap at snmptrapd: with node agents, against polling alone."""

from __future__ import annotations

import json
import random
import statistics
import time
from collections.abc import Callable

import pytest

from tests.benchmarks.goal import report
from tests.lab.pacemaker import PacemakerLab
from tests.system import received
from tests.system.setups import DEFAULT_INTERVAL_S, Installation, SetUp, installed

pytestmark = [pytest.mark.benchmark, pytest.mark.lab, pytest.mark.timeout(1800)]

MOVES = 30
POLLED_MOVES = 6
MEDIAN_GOAL_S = 1.0
P95_GOAL_S = 2.0
TRAP_TIMEOUT_S = 90.0
RESOURCE = "svc-a"


@pytest.mark.skipif(received.missing() is not None, reason=str(received.missing()))
def test_a_relocation_is_told_within_a_second(pacemaker_lab: PacemakerLab):
    pushed = latencies(SetUp.AGENTS, pacemaker_lab, MOVES)
    polled = latencies(SetUp.SSH, pacemaker_lab, POLLED_MOVES)
    median, p95 = statistics.median(pushed), percentile(pushed, 95)
    baseline = statistics.median(polled)
    print(
        f"\nPacemaker's event (start of {RESOURCE} completed) to trap received, node agents, n={len(pushed)}: "
        f"median {median:.2f} s (goal {MEDIAN_GOAL_S}), p95 {p95:.2f} s (goal {P95_GOAL_S}), "
        f"slowest {max(pushed):.2f} s\n"
        f"baseline: polling alone every {DEFAULT_INTERVAL_S} s by ssh, n={len(polled)}: median {baseline:.2f} s, "
        f"slowest {max(polled):.2f} s; ratio of the medians {baseline / median:.1f}"
    )
    report("median", median, MEDIAN_GOAL_S, " s")
    report("p95", p95, P95_GOAL_S, " s")


def latencies(setup: SetUp, lab: PacemakerLab, moves: int) -> list[float]:
    """Seconds from the completed start to the trap, for each of a number of moves."""
    chance = random.Random(1)
    with installed(setup, lab, interval_s=DEFAULT_INTERVAL_S) as installation:
        found = []
        for _ in range(moves):
            lab.wait_settled()
            time.sleep(chance.uniform(0, DEFAULT_INTERVAL_S) if setup is SetUp.SSH else chance.uniform(0, 1.5))
            found.append(latency_of_a_move(installation))
        return found


def latency_of_a_move(installation: Installation) -> float:
    """Move the resource to another node, and compare the two times."""
    lab = installation.lab
    (old,) = lab.locate(RESOURCE)
    new = next(node for node in reversed(lab.nodes) if node != old)
    began, told_before = time.time(), len(traps_of_the_resource(installation))
    lab.move(RESOURCE, new)
    await_true(lambda: len(traps_of_the_resource(installation)) > told_before, "no trap")
    trap = traps_of_the_resource(installation)[told_before]
    assert trap.objects["topoEventNewHostName"] == new
    return trap.time - start_completed(lab, new, began)


def traps_of_the_resource(installation: Installation) -> list[received.Trap]:
    traps = received.traps(installation.receiver.received())
    return [t for t in traps if t.name == "topologyRelocation" and t.objects["topoEventEntityName"] == RESOURCE]


def start_completed(lab: PacemakerLab, node: str, since: float) -> float:
    """Pacemaker's own time of the start of the resource on the node, from the alert that the lab recorded."""
    found: list[float] = []

    def recorded() -> bool:
        alerts = [json.loads(line) for line in lab.alerts()]
        wanted = {"kind": "resource", "rsc": RESOURCE, "task": "start", "node": node, "rc": "0"}
        times = [
            float(alert["CRM_alert_timestamp"])
            for alert in alerts
            if all(alert.get(f"CRM_alert_{key}") == value for key, value in wanted.items())
        ]
        found[:] = [at for at in times if at >= since]
        return bool(found)

    await_true(recorded, f"no alert of the start on {node}")
    return max(found)


def await_true(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + TRAP_TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline, f"{what} after {TRAP_TIMEOUT_S:.0f} s"
        time.sleep(0.05)


def percentile(values: list[float], percent: int) -> float:
    """The smallest value that so many percent do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]
