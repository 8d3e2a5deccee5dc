"""`kill -9` at any moment: whole revisions only, no event without its state and no state without its event."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import select

from gateway.model.ports import EventFilter
from gateway.store import tables
from gateway.store.database import Database, open_database
from tests.store.estate import T0, WEB, A, first_revision, placed_on

KILLS = 5
WRITER = """
import sys
from dataclasses import replace
from gateway.store.database import open_database
from tests.store.estate import A, B, SECOND, WEB, move, placed_on
database = open_database(sys.argv[1])
snapshot = database.repository.load()
here, revision, at = snapshot.placements.get(WEB.index), snapshot.revision, snapshot.at
print("ready", flush=True)
while True:
    revision, at = revision + 1, at + SECOND
    there = placed_on(B if here.host == A.index else A, at)
    database.repository.commit(move(revision, at, here, there))
    here = there
    print(revision, flush=True)
"""


def check(database: Database, told: int) -> int:
    """Everything that is there belongs together; returns the revision. `told`: the last that was acknowledged."""
    snapshot = database.repository.load()
    revision = snapshot.revision
    assert revision >= told
    events = database.history.events(EventFilter(limit=1_000_000))
    assert len(events) == revision - 1  # every revision after the first is one move
    numbers = [event.seq for event in events]
    assert numbers == sorted(set(numbers))  # with gaps: PostgreSQL's sequences do not roll back
    intervals = database.history.placements(WEB.index, limit=1_000_000)
    assert len(intervals) == revision
    place = snapshot.placements.get(WEB.index)
    assert place is not None
    if events:
        assert events[-1].new_host is not None
        assert (events[-1].new_host.index, events[-1].at) == (place.host, place.since)
    with database.connections.read() as connection:
        assert connection.execute(select(tables.revision.c.number)).scalars().all() == list(range(1, revision + 1))
        open_claims = select(tables.claim.c.lower).where(tables.claim.c.valid_to.is_(None))
        assert connection.execute(open_claims).scalars().all() == [place.host]
    return revision


@pytest.mark.parametrize("seed", [1])
def test_a_killed_writer_leaves_whole_revisions(database_url: str, seed: int):
    chance = random.Random(seed)
    database = open_database(database_url)
    database.repository.commit(first_revision(T0))
    assert database.repository.load().placements.get(WEB.index) == placed_on(A)
    root = Path(__file__).parents[2]
    reached = 1
    for _ in range(KILLS):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, database_url],
            stdout=subprocess.PIPE, text=True, cwd=root, env={**os.environ, "PYTHONPATH": str(root)},
        )  # fmt: skip
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        time.sleep(chance.uniform(0.02, 0.3))
        writer.send_signal(signal.SIGKILL)
        lines = writer.stdout.read().split()
        writer.wait(10)
        database.repository.forget()
        wait_until_quiet(database)
        told = int(lines[-1]) if lines else reached
        now = check(database, told)
        assert now >= reached
        reached = now
    assert reached > KILLS
    database.close()


def wait_until_quiet(database: Database) -> None:
    """A server may still carry out the commit of a client that is dead."""
    before = -1
    while (now := database.repository.load().revision) != before:
        before = now
        time.sleep(0.2)
