"""Other people's clients: Icinga's check_snmp, pysnmp as an independent implementation, and snmpd as a proxy."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pysnmp.hlapi.v3arch.asyncio import (
    CommunityData,
    ContextData,
    ObjectIdentity,
    ObjectType,
    SnmpEngine,
    UdpTransportTarget,
    UsmUserData,
    bulk_walk_cmd,
    usmAesBlumenthalCfb256Protocol,
    usmHMAC384SHA512AuthProtocol,
)

from gateway.publishers.snmp import SnmpSettings
from gateway.schema.snmp.arcs import ENTERPRISE
from gateway.schema.snmp.keys import LocalizedKeys
from gateway.schema.snmp.notification_log import LOG_TABLES
from gateway.schema.snmp.tables import ALARM_TABLE, LAYER_TABLE
from gateway.wire.oid import format_oid
from tests.publishers.snmp import estate, netsnmp, running
from tests.publishers.snmp.asking import SYS_NAME
from tests.publishers.snmp.test_recent import relocation
from tests.publishers.snmp.test_standard_mibs import hypervisors

DOCUMENT = Path(__file__).parents[3] / "docs" / "snmp.md"
CHECK_SNMP = Path("/usr/lib/nagios/plugins/check_snmp")
ROOT = format_oid(ENTERPRISE)
ALARMS, STALE = f"{ROOT}.1.1.8.0", f"{ROOT}.1.1.9.0"


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    read = estate.read(estate.snapshot(60, alarms=3), time.time_ns() // 1000)
    with running.running(running.Holder(read)) as publisher:
        publisher.remember(relocation(number) for number in range(1, 30))
        yield publisher.addresses[0][1]


def documented(pattern: str) -> str:
    """What the documentation says there, in the one group of the pattern."""
    [found] = re.findall(pattern, DOCUMENT.read_text(), re.MULTILINE)
    return str(found)


# -- net-snmp ----------------------------------------------------------------------------------------------------


def test_the_documented_mibs_name_our_objects_and_the_standard_ones(port):
    names = ("sysName.0", "topoInfoActiveAlarms.0")
    said = netsnmp.ask("snmpget", port, "-m", documented(r"^export MIBS=(\S+) "), *names).splitlines()
    assert said == [
        "SNMPv2-MIB::sysName.0 = STRING: gateway-under-test",
        "TOPOLOGY-GATEWAY-MIB::topoInfoActiveAlarms.0 = Gauge32: 3",
    ]


# -- check_snmp --------------------------------------------------------------------------------------------------


def check_snmp(port: int, *arguments: str) -> tuple[int, str]:
    """(exit status: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN; what it says)"""
    if not CHECK_SNMP.exists():
        pytest.skip("check_snmp is missing: apt-get install -y monitoring-plugins-standard")
    command = [str(CHECK_SNMP), "-H", "127.0.0.1", "-p", str(port), "-t", "20", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "MIBS": "", "LC_ALL": "C"})
    return done.returncode, done.stdout


V2C = ("-P", "2c", "-C", "public")
V3 = (
    "-P",
    "3",
    "-L",
    "authPriv",
    "-U",
    "authuser",
    "-a",
    "SHA",
    "-A",
    "authpass1234",
    "-x",
    "AES",
    "-X",
    "privpass1234",
)


@pytest.mark.parametrize("how", [V2C, V3], ids=["v2c", "v3"])
def test_check_snmp_tells_of_active_alarms(port, how):
    status, said = check_snmp(port, *how, "-o", ALARMS, "-w", "0", "-c", "10", "-l", "alarms")
    assert (status, "alarms *3*" in said) == (1, True)
    assert check_snmp(port, *how, "-o", ALARMS, "-w", "5", "-c", "10", "-l", "alarms")[0] == 0
    assert check_snmp(port, *how, "-o", ALARMS, "-w", "0", "-c", "2", "-l", "alarms")[0] == 2


def test_check_snmp_asks_several_objects_with_getnext_too(port):
    status, said = check_snmp(port, *V2C, "-n", "-o", f"{ROOT}.1.1.8,{ROOT}.1.1.9", "-w", "5,0", "-c", "10,5")
    assert status == 1  # one source is stale
    assert "3 *1*" in said


def test_check_snmp_compares_where_something_is(port):
    host = next(column.number for column in LAYER_TABLE.columns if column.name == "topoLayerHostName")
    oid = f"{format_oid(LAYER_TABLE.oid)}.1.{host}.10"
    status, said = check_snmp(port, *V2C, "-o", oid, "-s", "nowhere")
    assert status == 2
    where = said.split("*")[1].split("|")[0].strip()
    assert check_snmp(port, *V2C, "-o", oid, "-s", where)[0] == 0


# -- pysnmp ------------------------------------------------------------------------------------------------------


async def walk(port: int, who: object, oid: str, context: bytes = b"") -> list[tuple[str, str]]:
    """(OID, value) of all below an OID, by pysnmp's GETBULK."""
    engine, found = SnmpEngine(), []
    try:
        target = await UdpTransportTarget.create(("127.0.0.1", port), timeout=10, retries=1)
        start = ObjectType(ObjectIdentity(oid))
        asked = bulk_walk_cmd(
            engine,
            who,
            target,
            ContextData(contextName=context),
            0,
            25,
            start,
            lexicographicMode=False,
            lookupMib=False,
        )
        async for error, status, _, varbinds in asked:
            assert not error, error
            assert not status, status.prettyPrint()
            found += [(str(name), value.prettyPrint()) for name, value in varbinds]
    finally:
        engine.close_dispatcher()
    return found


NOC = UsmUserData(
    "sha512",
    authKey="authpass1234",
    privKey="privpass1234",
    authProtocol=usmHMAC384SHA512AuthProtocol,
    privProtocol=usmAesBlumenthalCfb256Protocol,
)


@pytest.mark.parametrize("who", [CommunityData("public", mpModel=1), NOC], ids=["v2c", "v3"])
def test_pysnmp_walks_the_rows_that_net_snmp_walks(port, who):
    netsnmp.require()
    table = format_oid(ALARM_TABLE.oid)
    found = asyncio.run(walk(port, who, table))
    said = netsnmp.ask("snmpbulkwalk", port, "-Onq", table).splitlines()
    assert [oid for oid, _ in found] == [line.split()[0].lstrip(".") for line in said]
    assert len(found) == 3 * len(ALARM_TABLE.columns)
    texts = [value for oid, value in found if oid.startswith(f"{table}.1.8.")]
    assert texts
    assert all("is not well" in text for text in texts)


def test_pysnmp_asks_a_context_of_vm_mib():
    with running.running(running.Holder(estate.read(hypervisors(), time.time_ns() // 1000))) as publisher:
        port = publisher.addresses[0][1]
        names = asyncio.run(walk(port, NOC, "1.3.6.1.2.1.236.1.4.1.2", b"host-0001"))
        assert names
        assert asyncio.run(walk(port, NOC, "1.3.6.1.2.1.236.1.4.1.2")) == []


# -- snmpd as a proxy ----------------------------------------------------------------------------------------------


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def snmpd(folder: Path, configuration: str) -> Iterator[int]:
    """A real snmpd with this configuration; yields its port."""
    if shutil.which("snmpd") is None:
        pytest.skip("snmpd is missing: apt-get install -y snmpd")
    port = free_port()
    file = folder / "snmpd.conf"
    file.write_text(f"agentAddress udp:127.0.0.1:{port}\n{configuration}")
    environment = {**os.environ, "MIBS": "", "SNMP_PERSISTENT_DIR": str(folder / "state")}
    modules = documented(r"^ExecStart=/usr/sbin/snmpd .* -I (\S+) -f$")
    command = ["snmpd", "-f", "-LOw", "-C", "-c", str(file), "-I", modules]
    with subprocess.Popen(command, env=environment, cwd=folder, stdin=subprocess.DEVNULL) as process:
        try:
            yield port
        finally:
            process.terminate()


def proxied(port: int, *arguments: str) -> str:
    """What snmpd answers, once it does."""
    for _ in range(40):
        said = netsnmp.call("snmpget", "-v2c", "-c", "console", "-t1", "-r0", f"127.0.0.1:{port}", "1.3.6.1.2.1.1.3.0",
                            check=False)  # fmt: skip
        if "Timeticks" in said:
            break
        time.sleep(0.25)
    return netsnmp.call("snmpbulkwalk", "-v2c", "-c", "console", "-t", "10", f"127.0.0.1:{port}", *arguments)


def keys_of(user: str) -> tuple[str, str]:
    """The keys of a user at the engine of the tests, as its file of keys has them."""
    settings = SnmpSettings.model_validate(running.SETTINGS)
    _, auth, priv = LocalizedKeys.of(settings.users[user].credentials().at(user, running.ENGINE_ID)).text().split(":")
    return auth, priv


@pytest.mark.parametrize("user", ["authuser", "sha512", "reeder"])
def test_snmpd_on_its_port_hands_our_tables_on(port, tmp_path, user):
    netsnmp.require()
    auth, priv = keys_of(user)
    protocols = f"-a {running.USERS[user]['auth']} -3k 0x{auth} -x {running.USERS[user]['priv']} -3K 0x{priv}"
    # docs/snmp.md has these lines.
    configuration = f"""\
rocommunity console 127.0.0.1
proxy -v 3 -l authPriv -u {user} {protocols} 127.0.0.1:{port} .{ROOT}
proxy -v 2c -c public 127.0.0.1:{port} .1.3.6.1.2.1.92
"""
    table = "TOPOLOGY-GATEWAY-MIB::topoLayerTable"
    with snmpd(tmp_path, configuration) as standing:
        assert proxied(standing, table) == netsnmp.ask("snmpbulkwalk", port, table)
        for log in LOG_TABLES:
            through = proxied(standing, format_oid(log.oid))
            assert through == netsnmp.ask("snmpbulkwalk", port, format_oid(log.oid))
            assert len(through.splitlines()) > 100
        own = proxied(standing, format_oid(SYS_NAME[:-1]))
    assert "gateway-under-test" not in own


def test_snmpd_hands_a_context_on(tmp_path):
    netsnmp.require()
    with running.running(running.Holder(estate.read(hypervisors(), time.time_ns() // 1000))) as publisher:
        port = publisher.addresses[0][1]
        configuration = f"""\
com2sec -Cn host-0001 reader 127.0.0.1 hv1
group readers v2c reader
view everything included .1
access readers host-0001 any noauth exact everything none none
rocommunity console 127.0.0.1
proxy -Cn host-0001 -v 2c -c public@host-0001 127.0.0.1:{port} .1.3.6.1.2.1.236
"""
        with snmpd(tmp_path, configuration) as standing:
            proxied(standing, "1.3.6.1.2.1.1.3")
            through = netsnmp.ask("snmpbulkwalk", standing, "1.3.6.1.2.1.236", community="hv1")
            direct = netsnmp.ask("snmpbulkwalk", port, "1.3.6.1.2.1.236", community="public@host-0001")
    assert "INTEGER" in direct
    rows = [line for line in through.splitlines() if "No more variables" not in line]
    assert rows == direct.splitlines()
