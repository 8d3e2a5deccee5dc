"""What it costs to follow 500 libvirt hosts with 20,000 domains from one process, idle and when something happens."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks.goal import report
from tests.system.libvirt import daemons as private

ROOT = Path(__file__).parents[2]
HOSTS, DOMAINS, IDLE_S = 500, 40, 130.0
IDLE_GOAL_PERCENT = 5.0
FIRST_GOAL_S = 60.0
HOST_GOAL_MB = 0.5


@pytest.mark.benchmark
@pytest.mark.lab
@pytest.mark.timeout(1200)
@pytest.mark.skipif(private.missing() is not None, reason=str(private.missing()))
def test_an_idle_fleet_of_500_hosts_and_20_000_domains_takes_less_than_5_percent_of_a_core() -> None:
    command = [sys.executable, "-m", "tests.benchmarks.libvirt_fleet", str(HOSTS), str(DOMAINS), str(IDLE_S)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    taken = {what: told for line in done.stdout.splitlines() for what, told in json.loads(line).items()}
    first, idle, event = taken["first"], taken["idle"], taken["event"]
    print(
        f"\n{HOSTS} hosts of {DOMAINS} domains: known after {first['wall_s']:.1f} s; "
        f"CPU {first['collector']:.1f} s collector, {first['reconciler']:.1f} s reconciler; "
        f"{first['threads']} threads, {first['handles']} file handles, {idle['rss_mb']:.0f} MB more than empty"
        f"\nidle for {IDLE_S:.0f} s: {idle['reads']} reads, {idle['revisions']} revisions; of a core "
        f"{idle['collector']:.2%} collector, {idle['reconciler']:.2%} reconciler"
        f"\nan event of a domain: {event['collector'] * 1e3:.1f} ms collector, {event['reconciler'] * 1e3:.1f} ms "
        f"reconciler; afterwards {taken['end']['threads']} threads, {taken['end']['handles']} file handles"
    )
    report("CPU of the first reading", first["collector"] + first["reconciler"], FIRST_GOAL_S, " s")
    report("memory of a host", idle["rss_mb"] / HOSTS, HOST_GOAL_MB, " MB")
    report("idle", 100 * (idle["collector"] + idle["reconciler"]), IDLE_GOAL_PERCENT, " % of a core")
    assert idle["reads"] >= 2 * HOSTS
