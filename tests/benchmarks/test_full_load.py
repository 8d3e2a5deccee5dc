"""What it takes to read 2,000 hosts with 100,000 VMs for the first time: collector, reconciler, database file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks.goal import report

ROOT = Path(__file__).parents[2]
HOSTS = 2_000
CPU_GOAL_S = 60.0
RSS_GOAL_MB = 2048.0


@pytest.mark.benchmark
@pytest.mark.timeout(900)
def test_2000_hosts_and_100_000_vms_load_within_a_minute_of_cpu_and_two_gigabytes(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.benchmarks.full_load", str(tmp_path), str(HOSTS)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    taken = json.loads(done.stdout)
    report(f"full load of {taken['entities']:,} entities, CPU", taken["cpu_s"], CPU_GOAL_S, " s")
    report("its peak memory", taken["peak_rss_mb"], RSS_GOAL_MB, " MB")
    print(f"it took {taken['wall_s']:.1f} s; the database file has {taken['file_mb']:.0f} MB")
    assert taken["entities"] >= 100_000 + 3 * HOSTS // 2
