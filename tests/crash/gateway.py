"""The harness of the crash tests: a gateway that reads the scripted cluster and tells a real snmptrapd."""

import os
import socket
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from gateway.model.events import Event, EventKind
from gateway.model.ports import EventFilter
from gateway.schema.snmp.notifications import EVENT_ID, RELOCATION
from gateway.store.database import open_database
from tests.crash.cluster import ScriptedCluster
from tests.crash.truth import wrong
from tests.lab.snmptrapd import Snmptrapd

ROOT = Path(__file__).resolve().parents[2]
CONFIGURATION = """
[gateway]
state_dir = "{state}"
database = "{database}"

[sources.prod]
kind = "pacemaker"
prefix = ["{tool}"]
interval_s = 1

[receivers.console]
kind = "snmp"
host = "127.0.0.1"
port = {port}
{receiver}

[publishers.snmp]
listen = ["127.0.0.1:0"]

[publishers.snmp.communities.asked]
community = "public"

[publishers.rest]
listen = "127.0.0.1:{rest}"
"""

TRAPS = 'version = "2c"\ncommunity = "public"'


class Gateway:
    """One gateway after the other on the same state folder and database."""

    def __init__(self, folder: Path, database: str, tool: str, port: int, receiver: str = TRAPS) -> None:
        self.configuration = folder / "gateway.toml"
        self.state_dir = folder / "state"
        self.log = folder / "gateway.log"
        self.database = database
        text = CONFIGURATION.format(
            state=self.state_dir, database=database, tool=tool, port=port, rest=free_port(), receiver=receiver
        )
        self.configuration.write_text(text)
        self.configuration.chmod(0o600)

    def start(self, phase: str, number: int, environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start it; in the phases of `tests.crash.entry` it kills itself."""
        words = [sys.executable, "-m", "gateway"]
        if phase in ("before-commit", "after-commit", "after-send"):
            words = [sys.executable, "-m", "tests.crash.entry", phase, str(number)]
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [*words, "run", "--config", str(self.configuration)],
                cwd=ROOT,
                stdout=log,
                stderr=log,
                env={**os.environ, **(environment or {})},
            )

    def events(self) -> list[Event]:
        """The whole event log, as it is committed."""
        database = open_database(self.database, upgrade=False)
        try:
            found: list[Event] = []
            while page := database.history.events(EventFilter(after=found[-1].seq if found else 0, limit=500)):
                found.extend(page)
            return found
        finally:
            database.close()

    def waiting(self) -> int:
        """How many notifications have not been delivered."""
        database = open_database(self.database, upgrade=False)
        try:
            return sum(delivery.pending for delivery in database.administration.deliveries())
        finally:
            database.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def let_it_see(gateway: Gateway, cluster: ScriptedCluster) -> None:
    """Run a gateway until it has seen the last state, told everything, and stopped cleanly."""
    with running(gateway, cluster) as process:
        wait_until_seen(gateway, cluster, process)


@contextmanager
def running(
    gateway: Gateway, cluster: ScriptedCluster, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A gateway that is stopped cleanly at the end."""
    process = gateway.start("", 0, environment)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)
    # the stop is clean, so its last read was committed: another read of the same process says so
    with (cluster.folder / "reads").open("a") as reads:
        reads.write(f"{process.pid} {cluster.reads()[-1][1]}\n")


def wait_until_seen(gateway: Gateway, cluster: ScriptedCluster, process: subprocess.Popen[bytes]) -> None:
    """Until the process has committed the last state and everything is delivered."""
    before = len(cluster.reads())

    def seen() -> int:
        last = len(cluster.history) - 1
        return sum(pid == process.pid and state == last for pid, state in cluster.reads()[before:])

    wait_for(lambda: seen() >= 2 and not gateway.waiting(), gateway, process)


def wait_for(
    condition: Callable[[], object], gateway: Gateway, process: subprocess.Popen[bytes], timeout_s: float = 60
) -> None:
    """Until the condition holds; the gateway must live all the time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert process.poll() is None, gateway.log.read_text()[-3000:]
        assert time.monotonic() < deadline, gateway.log.read_text()[-3000:]
        time.sleep(0.2)


def compare(gateway: Gateway, cluster: ScriptedCluster, snmptrapd: Snmptrapd) -> None:
    log = [event for event in gateway.events() if event.kind is EventKind.RELOCATION and event.notify]
    told = defaultdict(list)
    for event in log:
        assert event.old_host is not None
        assert event.new_host is not None
        told[event.entity.name].append((event.old_host.name, event.new_host.name))
    assert wrong(told, cluster.history, cluster.reads()) == {}
    assert len({event.id for event in log}) == len(log)
    oid = ".".join(map(str, RELOCATION.oid))
    event_id = ".".join(map(str, (*EVENT_ID.oid, 0)))
    received = [n.varbinds[event_id] for n in snmptrapd.received() if n.oid == oid]
    assert list(dict.fromkeys(received)) == [event.id for event in log]
