"""
Two gateways in front of one database, and one that dies, hangs or is stopped: the other takes over.

Each event is told, in the order of the log, and none is invented; what both have told has one id. Receivers know one
sender: the installation's engine, whose boots grow with each take-over (an SNMPv3 receiver refuses older ones).
"""

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Select, select

from gateway.store import tables
from gateway.store.database import open_database
from tests.crash.cluster import ScriptedCluster
from tests.crash.gateway import Gateway, compare, wait_for, wait_until_seen
from tests.lab.snmptrapd import Snmptrapd, V3User

RECEIVER = """\
version = "3"
user = "told"
auth = "SHA-256"
auth_password = "authpass1234"
priv = "AES"
priv_password = "privpass1234"
"""
LOST = 1


class Pair:
    """Two gateways, each with a state folder of its own."""

    def __init__(self, folder: Path, database: str, cluster: ScriptedCluster, port: int) -> None:
        self.gateways = []
        for name in ("a", "b"):
            (folder / name).mkdir()
            self.gateways.append(Gateway(folder / name, database, cluster.prefix[0], port, RECEIVER))
        self.running: list[subprocess.Popen[bytes] | None] = [None, None]

    def start(self, number: int) -> subprocess.Popen[bytes]:
        process = self.running[number] = self.gateways[number].start("", 0)
        return process

    def stop(self) -> None:
        for process in self.running:
            if process is not None and process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
                process.wait(10)

    def terms(self) -> int:
        """How often somebody has begun to lead."""
        return int(self._read(select(tables.lease.c.epoch)))

    def boots(self) -> int:
        return int(self._read(select(tables.meta.c.value).where(tables.meta.c.key == "engine_boots")))

    def engine(self) -> str:
        return str(self._read(select(tables.meta.c.value).where(tables.meta.c.key == "engine_id")))

    def _read(self, question: Select[Any]) -> Any:
        database = open_database(self.gateways[0].database, upgrade=False)
        try:
            with database.connections.read() as connection:
                return connection.execute(question).scalar_one()
        finally:
            database.close()


@pytest.fixture(params=["postgresql", pytest.param("sqlite", marks=pytest.mark.long)])
def pair(
    request: pytest.FixtureRequest, tmp_path: Path, cluster: ScriptedCluster, snmptrapd: Snmptrapd
) -> Iterator[Pair]:
    made = Pair(tmp_path, request.getfixturevalue(f"{request.param}_url"), cluster, snmptrapd.port)
    yield made
    made.stop()


@pytest.mark.timeout(300)
def test_the_other_takes_over_and_everything_is_told_once(
    pair: Pair, cluster: ScriptedCluster, snmptrapd: Snmptrapd
) -> None:
    a, b = pair.gateways
    first = pair.start(0)
    wait_until_seen(a, cluster, first)
    snmptrapd.add_user(V3User("told", pair.engine(), "SHA-256", "authpass1234", "AES", "privpass1234"))
    second = pair.start(1)
    wait_for(lambda: "stands by" in b.log.read_text(), b, second)
    cluster.step()
    wait_until_seen(a, cluster, first)
    assert pair.terms() == pair.boots() == 1

    first.kill()
    first.wait(10)
    cluster.step()
    wait_until_seen(b, cluster, second)
    assert pair.terms() == pair.boots() == 2

    first = pair.start(0)
    wait_for(lambda: a.log.read_text().count("stands by") == 1, a, first)
    second.send_signal(signal.SIGSTOP)
    cluster.step()
    wait_until_seen(a, cluster, first)
    asked = len(cluster.reads())
    second.send_signal(signal.SIGCONT)
    assert second.wait(30) == LOST
    assert "has taken over (epoch 3" in b.log.read_text()
    cluster.forget(second.pid, asked)  # what it read then it could not commit
    assert pair.terms() == pair.boots() == 3

    second = pair.start(1)
    wait_for(lambda: b.log.read_text().count("stands by") == 2, b, second)
    first.terminate()
    first.wait(30)
    cluster.step()
    wait_until_seen(b, cluster, second)
    assert pair.terms() == pair.boots() == 4
    second.terminate()
    assert second.wait(30) == 0
    compare(a, cluster, snmptrapd)
