"""Garbage at every door of a running gateway: clear errors, nothing dies, memory stays flat."""

import random
import re
import socket
import subprocess
from pathlib import Path

import httpx
import pytest

from gateway.wire.pdu import Pdu, PduType, Version
from gateway.wire.snmp import CommunityMessage, encode_message
from gateway.wire.values import VarBind
from tests.crash.cluster import ScriptedCluster
from tests.crash.gateway import Gateway, compare, running, wait_for, wait_until_seen
from tests.lab.snmptrapd import Snmptrapd

ROUNDS = 4000
REQUEST = encode_message(
    CommunityMessage(Version.V2C, b"public", Pdu(PduType.GET, 1, varbinds=(VarBind((1, 3, 6, 1, 2, 1, 1, 5, 0)),)))
)
"""A GET of sysName.0; every other packet is this one, damaged."""


@pytest.mark.timeout(240)
def test_garbage_at_every_door(tmp_path: Path, sqlite_url: str, cluster: ScriptedCluster, snmptrapd: Snmptrapd) -> None:
    gateway = Gateway(tmp_path, sqlite_url, cluster.prefix[0], snmptrapd.port)
    chance = random.Random(11)
    with running(gateway, cluster) as process:
        wait_until_seen(gateway, cluster, process)
        port = snmp_port(gateway)
        (uds,) = gateway.state_dir.glob("*.sock")
        transport = httpx.HTTPTransport(uds=str(uds))
        with httpx.Client(transport=transport, base_url="http://gateway", timeout=20) as client:
            throw(port, client, chance, ROUNDS // 4)
            before = resident_kib(process)
            throw(port, client, chance, ROUNDS)
            after = resident_kib(process)
            for broken in (
                b"",
                b"<",
                b"\xff\xfe",
                b"<pacemaker-result><nodes/></pacemaker-result>",
                chance.randbytes(5000),
            ):
                show_raw(cluster, broken)
                reads = len(cluster.reads())
                wait_for(lambda reads=reads: len(cluster.reads()) > reads, gateway, process)
            assert client.get("/api/v1/entities").status_code == 200
        cluster.step()
        wait_until_seen(gateway, cluster, process)
    assert after - before < 8 * 1024, f"resident memory grew from {before} to {after} KiB"
    log = gateway.log.read_text()
    assert "Traceback" not in log, log[-3000:]
    assert "source prod" in log
    (cluster.folder / "reads").write_text("".join(f"{pid} {state}\n" for pid, state in cluster.reads() if state < RAW))
    compare(gateway, cluster, snmptrapd)


RAW = 1_000_000
"""Numbers of states that are no states."""


def show_raw(cluster: ScriptedCluster, document: bytes) -> None:
    """Let crm_mon print this."""
    (cluster.folder / f"state-{RAW}").write_bytes(document)
    temporary = cluster.folder / "next"
    temporary.symlink_to(f"state-{RAW}")
    temporary.replace(cluster.folder / "current")


def throw(port: int, client: httpx.Client, chance: random.Random, rounds: int) -> None:
    """Random and damaged packets, bodies and queries."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for number in range(rounds):
            packet = bytearray(REQUEST)
            for _ in range(chance.randint(1, 4)):
                packet[chance.randrange(len(packet))] = chance.randrange(256)
            sender.sendto(packet if number % 2 else chance.randbytes(chance.randint(0, 400)), ("127.0.0.1", port))
            if number % 20 == 0:
                body = chance.randbytes(chance.randint(0, 2000))
                assert 400 <= client.post("/ingest/prod", content=body).status_code < 500
                assert 400 <= client.post("/api/v1/events", content=body).status_code < 500
                query = body[:40].hex()
                assert client.get(f"/api/v1/where/{query}", params={"at": query}).status_code in (400, 404, 422)


def snmp_port(gateway: Gateway) -> int:
    found = re.search(r"snmp: listening on 127\.0\.0\.1 port (\d+)", gateway.log.read_text())
    assert found
    return int(found[1])


def resident_kib(process: subprocess.Popen[bytes]) -> int:
    status = Path(f"/proc/{process.pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found
    return int(found[1])
