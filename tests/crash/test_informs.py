"""
kill -9 of the gateway and of the receiver, in random order, under a load of relocations, told by informs.

Each event of the log arrives at least once, none is invented, a repetition has the same id, and the order is kept:
what arrives for the first time comes in the order of the log.
"""

import random
import subprocess
import time
from pathlib import Path

import pytest

from gateway.model.events import EventKind
from gateway.schema.snmp.notifications import EVENT_ID, RELOCATION, SEQUENCE
from gateway.wire.oid import format_oid
from tests.crash.cluster import ScriptedCluster
from tests.crash.gateway import Gateway, compare, let_it_see
from tests.lab.snmptrapd import Snmptrapd, V3User

V2C = """\
version = "2c"
community = "public"
inform = true
timeout_s = 0.3
retries = 1
longest_pause_s = 1.0
"""
V3 = """\
version = "3"
user = "told"
auth = "SHA-256"
auth_password = "authpass1234"
priv = "AES"
priv_password = "privpass1234"
inform = true
timeout_s = 0.3
retries = 1
longest_pause_s = 1.0
"""
USER = V3User("told", None, "SHA-256", "authpass1234", "AES", "privpass1234")
ID, NUMBER = (format_oid((*each.oid, 0)) for each in (EVENT_ID, SEQUENCE))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("receiver", [V2C, V3], ids=["v2c", "v3"])
def test_both_are_killed_for_twenty_seconds_and_each_event_is_told(
    tmp_path: Path, sqlite_url: str, cluster: ScriptedCluster, snmptrapd: Snmptrapd, receiver: str
) -> None:
    if receiver == V3:
        snmptrapd.add_user(USER)
    gateway = Gateway(tmp_path, sqlite_url, cluster.prefix[0], snmptrapd.port, receiver)
    kill_both(gateway, cluster, snmptrapd, seconds=20, seed=1)


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("receiver", [V2C, V3], ids=["v2c", "v3"])
def test_both_are_killed_for_minutes_and_each_event_is_told(
    tmp_path: Path, database_url: str, cluster: ScriptedCluster, snmptrapd: Snmptrapd, receiver: str
) -> None:
    snmptrapd.add_user(USER)
    gateway = Gateway(tmp_path, database_url, cluster.prefix[0], snmptrapd.port, receiver)
    kill_both(gateway, cluster, snmptrapd, seconds=240, seed=2)


def kill_both(gateway: Gateway, cluster: ScriptedCluster, snmptrapd: Snmptrapd, seconds: float, seed: int) -> None:
    """Move things all the time; kill one of the two every few seconds and start it again after a while."""
    chance = random.Random(seed)
    let_it_see(gateway, cluster)
    ends = time.monotonic() + seconds
    running: subprocess.Popen[bytes] | None = None
    listens, killed = True, {"gateway": 0, "receiver": 0}
    while time.monotonic() < ends or min(killed.values()) < 2:
        if running is None:
            running = gateway.start("", 0)
        for _ in range(chance.randint(3, 8)):
            cluster.step()
            time.sleep(chance.uniform(0.1, 0.5))
        if not listens:
            snmptrapd.start()
            listens = True
        elif chance.random() < 0.5:
            snmptrapd.kill()
            listens = False
            killed["receiver"] += 1
        if chance.random() < 0.5:
            running.kill()
            running.wait(10)
            running = None
            killed["gateway"] += 1
    if running is not None:
        running.kill()
        running.wait(10)
    if not listens:
        snmptrapd.start()
    let_it_see(gateway, cluster)
    told = len(snmptrapd.received())
    print(f"killed: {killed}; {len(gateway.events())} events, {told} notifications arrived")
    compare(gateway, cluster, snmptrapd)
    compare_numbers(gateway, snmptrapd)


def compare_numbers(gateway: Gateway, snmptrapd: Snmptrapd) -> None:
    """What arrived has the ids and numbers of the log, and new ones come in its order."""
    log = {event.id: event.seq for event in gateway.events() if event.kind is EventKind.RELOCATION and event.notify}
    oid = format_oid(RELOCATION.oid)
    arrived = [(each.varbinds[ID], int(each.varbinds[NUMBER])) for each in snmptrapd.received() if each.oid == oid]
    assert dict(arrived) == log
    first = list(dict.fromkeys(number for _, number in arrived))
    assert first == sorted(log.values())
