"""The agent as net-snmp's clients see it: the golden walk, tables, all security levels and protocols."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.publishers.snmp import SnmpPublisher
from tests.publishers.snmp import estate, netsnmp, running

GOLDEN = Path(__file__).parent / "golden_walk.txt"
ESTATE = estate.snapshot(12, holes=range(5, 70), alarms=2)


@pytest.fixture(scope="module")
def publisher() -> Iterator[SnmpPublisher]:
    netsnmp.require()
    with running.running(running.Holder(estate.read(ESTATE, time.time_ns() // 1_000))) as started:
        yield started


@pytest.fixture
def port(publisher: SnmpPublisher) -> int:
    return publisher.addresses[0][1]


def test_a_bulkwalk_prints_the_golden_walk(port):
    said = netsnmp.ask("snmpbulkwalk", port, "-Cr7", "TOPOLOGY-GATEWAY-MIB::topologyGatewayMIB")
    said = re.sub(r"(topoInfoVersion.0 = STRING: ).*", r"\1VERSION", said)
    said = re.sub(r"((?:LastRead|LeftAt)\.\S+ = STRING: )20.*", r"\1NOW", said)
    assert said == GOLDEN.read_text()


def test_getnext_after_getnext_prints_the_same_as_a_bulkwalk(port):
    table = "TOPOLOGY-GATEWAY-MIB::topoWhereTable"
    walked = netsnmp.ask("snmpbulkwalk", port, table).splitlines()
    name, stepped = table, []
    for _ in walked:
        line = netsnmp.ask("snmpgetnext", port, name).rstrip("\n")
        stepped.append(line)
        name = line.split(" = ")[0]
    assert stepped == walked


def test_a_table_is_a_table(port):
    rows = netsnmp.ask("snmptable", port, "-Ci", "-Cf", ";", "TOPOLOGY-GATEWAY-MIB::topoWhereTable").splitlines()
    assert rows[2].split(";")[:3] == ["index", "topoWhereHostIndex", "topoWhereHostName"]
    assert len(rows) == 3 + len(ESTATE.placements)
    assert rows[3].split(";")[:4] == ["4", "1", "host-0001", "here"]


def test_a_name_of_the_mib_is_translated():
    netsnmp.require()
    said = netsnmp.call("snmptranslate", "-On", "TOPOLOGY-GATEWAY-MIB::topoEntityName.7")
    assert said.strip() == ".1.3.6.1.4.1.32473.7163.1.3.1.5.7"


def test_a_set_is_refused(port):
    said = netsnmp.ask("snmpset", port, "1.3.6.1.2.1.1.6.0", "s", "elsewhere", check=False)
    assert "notWritable" in said


def v3(user: str, level: str = "") -> list[str]:
    given = running.USERS[user]
    options = ["-v3", "-u", user, "-t", "5", "-r", "1"]
    options += ["-l", level or ("authPriv" if "priv" in given else "authNoPriv" if "auth" in given else "noAuthNoPriv")]
    if "auth" in given:
        options += ["-a", given["auth"], "-A", given["auth_password"]]
    if "priv" in given:
        options += ["-x", given["priv"], "-X", given["priv_password"]]
    return options


@pytest.mark.parametrize("user", running.USERS)
def test_every_protocol_of_v3_walks_the_same_rows(port, user):
    table = "TOPOLOGY-GATEWAY-MIB::topoActiveAlarmTable"
    said = netsnmp.call("snmpbulkwalk", *v3(user), f"127.0.0.1:{port}", table)
    assert said == netsnmp.ask("snmpbulkwalk", port, table)


def test_a_user_is_not_answered_below_its_level(port):
    said = netsnmp.call(
        "snmpget", *v3("authuser", "noAuthNoPriv"), f"127.0.0.1:{port}", "1.3.6.1.2.1.1.5.0", check=False
    )
    assert "Unsupported security level" in said
    assert "gateway-under-test" not in said


def test_a_wrong_password_and_an_unknown_user_are_refused(port):
    wrong = ["-v3", "-l", "authNoPriv", "-u", "signer", "-a", "SHA-256", "-A", "notthepassword", "-t", "2", "-r", "0"]
    said = netsnmp.call("snmpget", *wrong, f"127.0.0.1:{port}", "1.3.6.1.2.1.1.5.0", check=False)
    assert "Authentication failure" in said
    stranger = ["-v3", "-l", "noAuthNoPriv", "-u", "nobody", "-t", "2", "-r", "0"]
    said = netsnmp.call("snmpget", *stranger, f"127.0.0.1:{port}", "1.3.6.1.2.1.1.5.0", check=False)
    assert "Unknown user name" in said


def test_an_unknown_context_is_refused(port):
    said = netsnmp.call(
        "snmpget", *v3("authuser"), "-n", "elsewhere", f"127.0.0.1:{port}", "1.3.6.1.2.1.1.5.0", check=False
    )
    assert "context" in said.lower()


def test_v1_walks_everything_but_counter64(port):
    root = "TOPOLOGY-GATEWAY-MIB::topoInfo"
    v1 = netsnmp.call("snmpwalk", "-v1", "-c", "public", f"127.0.0.1:{port}", root)
    v2 = netsnmp.ask("snmpwalk", port, root)
    assert v1.splitlines() == [line for line in v2.splitlines() if "Counter64" not in line]


def test_ipv6_is_answered():
    netsnmp.require()
    settings = {**running.SETTINGS, "listen": ["127.0.0.1:0", "[::1]:0"]}
    with running.running(running.Holder(ESTATE), settings) as both:
        host, port = both.addresses[1]
        assert host == "::1"
        said = netsnmp.call("snmpget", "-v2c", "-c", "public", f"udp6:[::1]:{port}", "1.3.6.1.2.1.1.6.0")
    assert "rack 7" in said
