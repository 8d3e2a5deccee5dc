"""CPU time per SNMP request against the best snmpd that can be had: the agent over 10,000 entities."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.benchmarks.goal import report

ROOT = Path(__file__).parents[2]
BENCH = Path(__file__).parent / "snmpd"
ENTITY_TABLE = "1.3.6.1.4.1.32473.7163.1.3"
COLUMNS = "2-13"
ENTITIES = 10_000
GOALS = {
    "v2c GETBULK 50x1": 6.0,
    "v2c GETBULK 4x12": 2.0,
    "v2c GET 1 ": 1.0,
    "v2c GETNEXT 1": 1.0,
    "v3 GETBULK 50x1": 2.0,
    "v3 GET 1": 0.7,
}
"""CPU time of the best snmpd over ours. Nothing here is won by remembering answers: no response is kept."""
TESTS = "v2c-bulk50 v2c-bulkcols v2c-get1 v2c-next1 v3-bulk50 v3-get1"


@pytest.fixture
def agent() -> Iterator[tuple[int, int]]:
    """(port, process id) of an agent in a process of its own, with nothing else in it."""
    command = [sys.executable, "-m", "tests.publishers.snmp.running", "--entities", str(ENTITIES)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline()), process.pid
        finally:
            process.terminate()


def ratio(table: str, test: str) -> float:
    """The last column of a row: CPU time of the best snmpd over that of the agent."""
    row = next(line for line in table.splitlines() if line.startswith(f"| {test}"))
    return float(row.strip("| ").split("|")[-1])


@pytest.mark.benchmark
@pytest.mark.timeout(600)
def test_what_requests_cost_against_the_best_snmpd(agent):
    if not all(shutil.which(tool) for tool in ("snmpd", "net-snmp-config", "gcc")):
        pytest.skip("snmpd, its headers or gcc are missing: apt-get install -y snmp snmpd libsnmp-dev gcc")
    port, process = agent
    command = [str(BENCH / "run.sh"), "--port", str(port), "--pid", str(process), "--table", ENTITY_TABLE]
    command += ["--columns", COLUMNS, "--rows", str(ENTITIES), "--tests", TESTS]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHON": sys.executable})
    print(f"\n{done.stdout}{'' if done.returncode == 0 else done.stderr}")
    assert done.returncode == 0, done.stderr
    for test, goal in GOALS.items():
        report(
            f"{test.strip()}, CPU of the best snmpd against ours", ratio(done.stdout, test), goal, "x", at_least=True
        )
