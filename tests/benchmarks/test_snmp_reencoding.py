"""What one relocation costs the agent among 150,000 varbinds, against building all of them."""

from __future__ import annotations

import gc
import statistics
import time

import pytest

from gateway.model.snapshot import Snapshot
from gateway.publishers.snmp.render import Renderer, TableColumn
from gateway.schema.snmp.tables import ENTITY_TABLE, WHERE_TABLE
from tests.benchmarks.goal import report
from tests.publishers.snmp import estate

ENTITIES = 8_000
GOAL = 100
TABLES = (ENTITY_TABLE, WHERE_TABLE)


def columns(renderer: Renderer) -> list[TableColumn]:
    return [column for table in renderer.tables if table.table in TABLES for column in table.columns]


def build(renderer: Renderer) -> int:
    """Encode every segment that is not true for the snapshot in use; returns the number of varbinds."""
    varbinds = 0
    for column in columns(renderer):
        number = 0
        while number < column.count:
            varbinds += len(column.refresh(number).keys)
            number = column.following(number)
    return varbinds


def after(renderer: Renderer, snapshot: Snapshot, shard: int) -> float:
    """CPU seconds until the rows of a shard are encoded again."""
    begun = time.process_time()
    renderer.use(snapshot)
    for column in columns(renderer):
        column.refresh(shard)
    return time.process_time() - begun


@pytest.mark.benchmark
def test_one_change_in_150_000_varbinds_against_a_full_build():
    snapshot, renderer = estate.snapshot(ENTITIES), Renderer()
    renderer.use(snapshot)
    gc.collect()
    begun = time.process_time()
    varbinds = build(renderer)
    full = time.process_time() - begun
    assert varbinds > 150_000
    costs, passes = [], []
    for vm in range(4_000, 4_020):
        snapshot = estate.moved(snapshot, vm, to=vm - 3_990)
        costs.append(after(renderer, snapshot, vm >> 6))
        begun = time.process_time()
        build(renderer)
        passes.append(time.process_time() - begun)
    print(f"\n{varbinds:,} varbinds built in {full:.2f} s; checked after one change in {1e3 * min(passes):.1f} ms")
    times = full / statistics.median(costs)
    report("a full build against encoding again after one relocation", times, GOAL, "x", at_least=True)
