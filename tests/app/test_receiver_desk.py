"""Receivers of a running gateway: seen, made, changed, tested and replayed, by REST and on the command line."""

import json
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest

from gateway.schema.snmp.notifications import EVENT_ID, HEARTBEAT, RELOCATION, TEST
from gateway.schema.snmp.receivers import DELIVERY_TABLES, RECEIVER_TABLE
from gateway.wire.oid import format_oid
from gateway.wire.pdu import Pdu, PduType, Version
from gateway.wire.snmp import CommunityMessage, encode_message
from gateway.wire.values import VarBind
from tests.app.estate import CONFIGURATION, Estate, Running, until
from tests.lab.snmptrapd import Snmptrapd

COLD_START, WARM_START, AUTHENTICATION_FAILURE = (f"1.3.6.1.6.3.1.1.5.{number}" for number in (1, 2, 5))
MOVED, TESTED, BEAT = (format_oid(each.oid) for each in (RELOCATION, TEST, HEARTBEAT))
ID = format_oid((*EVENT_ID.oid, 0))
PATIENCE_S = 60.0


def informed(port: int, **more: object) -> dict[str, object]:
    given = {"kind": "snmp", "host": "127.0.0.1", "port": port, "community_file": "noc", "inform": True}
    return {**given, "timeout_s": 0.2, "retries": 1, "longest_pause_s": 0.5, **more}


def written(name: str, table: dict[str, object]) -> str:
    return f"\n[receivers.{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items())


@pytest.fixture
def asking(estate: Estate) -> Iterator[httpx.Client]:
    """The running gateway, over its UNIX socket."""
    transport = httpx.HTTPTransport(uds=str(estate.state / "gateway.sock"))
    with httpx.Client(transport=transport, base_url="http://gateway/api/v1/receivers/", timeout=30) as client:
        yield client


def secret(estate: Estate) -> None:
    folder = estate.state / "secrets"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "noc").write_text("public\n")
    (folder / "noc").chmod(0o600)


def settled(gateway: Running) -> None:
    gateway.wait_until("where", "web", said="runs on hypervisor alpha")


def test_a_receiver_that_is_made_at_run_time_is_told_and_outlives_a_restart(
    estate: Estate, asking: httpx.Client, snmptrapd: Snmptrapd
) -> None:
    secret(estate)
    with estate.start() as gateway:
        settled(gateway)
        made = asking.put("noc", json=informed(snmptrapd.port))
        assert (made.status_code, made.json()) == (200, {"name": "noc", "new": True})
        snmptrapd.wait_for(lambda each: each.oid == COLD_START, PATIENCE_S)
        estate.place("web beta", "db beta")
        snmptrapd.wait_for(lambda each: each.oid == MOVED, PATIENCE_S)
        gateway.wait_until("receivers", "noc", said='"delivered":1')
        shown = asking.get("noc").json()
        assert shown["settings"]["community"] == "***"
        assert (shown["by_configuration"], shown["delivery"]["missed"]) == (False, 0)
        gateway.signal(signal.SIGTERM)
        gateway.process.wait(20)
    snmptrapd.clear()
    with estate.start():
        snmptrapd.wait_for(lambda each: each.oid == WARM_START, PATIENCE_S)
        assert asking.put("noc", json=informed(snmptrapd.port, kinds=["failure_raised"])).json()["new"] is False
        assert asking.delete("noc").status_code == 200
        assert asking.get("noc").status_code == 404
        assert asking.delete("noc").status_code == 404


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"kind": "snmp", "host": "h", "community": "in-clear"}, "receivers.noc.community: a receiver that is made at"),
        ({"kind": "snmp", "host": "h", "community_file": "../../etc/passwd"}, "without a folder"),
        ({"kind": "snmp", "host": "h", "community_file": "missing"}, "cannot be read"),
        ({"kind": "pigeon"}, "Known: snmp"),
        ({"kind": "snmp", "host": "h", "community_file": "noc", "knids": []}, "Did you mean 'kinds'"),
        ({"kind": "snmp", "host": "h", "community_file": "noc", "view": "nowhere"}, "no such view"),
    ],
)
def test_a_table_that_cannot_work_is_refused_and_says_why(
    estate: Estate, asking: httpx.Client, table: dict[str, object], said: str
) -> None:
    secret(estate)
    with estate.start():
        refused = asking.put("noc", json=table)
        assert refused.status_code == 422
        assert said in refused.json()["detail"]
        assert "in-clear" not in refused.text
        assert asking.get("noc").status_code == 404


def test_the_configurations_receivers_are_changed_there(estate: Estate, asking: httpx.Client) -> None:
    secret(estate)
    estate.configure(CONFIGURATION + written("noc", informed(9, community_file="state/secrets/noc", enabled=True)))
    with estate.start():
        for refused in (asking.put("noc", json=informed(9)), asking.delete("noc")):
            assert refused.status_code == 422
            assert "Change [receivers.noc] there" in refused.json()["detail"]


def test_what_was_given_up_is_listed_and_sent_again_on_the_command_line(estate: Estate, snmptrapd: Snmptrapd) -> None:
    secret(estate)
    table = informed(snmptrapd.port, community_file="state/secrets/noc", give_up_attempts=2)
    estate.configure(CONFIGURATION + written("noc", table))
    snmptrapd.stop()
    with estate.start() as gateway:
        settled(gateway)
        estate.place("web beta", "db beta")
        gateway.wait_until("receivers", "noc", said='"missed":1')
        assert "is given up" in gateway.log
        missed = estate.command("notifications", "list", "noc").stdout
        assert missed == estate.command("notifications", "list", "--receiver", "noc").stdout
        assert "relocation" in missed
        assert "Connection refused" in missed
        tested = estate.command("test-notification", "noc")
        assert tested.returncode == 2
        assert "Connection refused" in tested.stderr
        snmptrapd.start()
        assert "sent, and the receiver has acknowledged it" in estate.command("test-notification").stderr
        snmptrapd.wait_for(lambda each: each.oid == TESTED, PATIENCE_S)
        again = estate.command("notifications", "replay", "--receiver", "noc")
        assert "1 notifications are sent again" in again.stderr
        told = snmptrapd.wait_for(lambda each: each.oid == MOVED, PATIENCE_S)
        gateway.wait_until("receivers", "noc", said='"replaying":0')
        assert "v2c inform" in estate.command("notifications", "list").stdout
        estate.command("notifications", "replay", "--since", "-1h")
        (first, second) = snmptrapd.wait_for_many(lambda each: each.oid == MOVED, 2, PATIENCE_S)
        assert first.varbinds[ID] == second.varbinds[ID] == told.varbinds[ID]
    assert "no receiver 'nobody'" in estate.command("notifications", "replay", "--receiver", "nobody").stderr
    assert f"noc       127.0.0.1:{snmptrapd.port} v2c inform" in estate.command("notifications", "list").stdout


@pytest.mark.parametrize("way", ["a test", "a heartbeat", "another notice"])
def test_when_a_receiver_is_tried_next_is_shown_and_what_arrives_ends_its_pause(
    estate: Estate, asking: httpx.Client, snmptrapd: Snmptrapd, way: str
) -> None:
    def next_try_s() -> float:
        """Seconds until then; 0: nothing waits for it."""
        at = asking.get("noc").json()["delivery"]["next_try_at"]
        return (datetime.fromisoformat(at) - datetime.now(UTC)).total_seconds() if at is not None else 0.0

    secret(estate)
    table = informed(snmptrapd.port, community_file="state/secrets/noc", longest_pause_s=300, retries=0)
    table["heartbeat_s"] = 1 if way == "a heartbeat" else 0
    known = '\n[publishers.snmp.communities.noc]\ncommunity = "right"\n'
    estate.configure(CONFIGURATION + written("noc", table) + known)
    snmptrapd.stop()
    with estate.start() as gateway:
        settled(gateway)
        estate.place("web beta", "db beta")
        until(lambda: next_try_s() > 6, PATIENCE_S, lambda: gateway.log)
        snmptrapd.start()
        left_s = next_try_s()
        if way == "a test":
            assert asking.post("noc/test").status_code == 200
        elif way == "another notice":
            intrude(int(re.findall(r"snmp: listening on 127.0.0.1 port (\d+)", gateway.log)[0]))
        snmptrapd.wait_for(lambda each: each.oid == MOVED, left_s - 1)
        until(lambda: next_try_s() == 0, PATIENCE_S, lambda: gateway.log)
        assert "NEXT TRY" in estate.command("notifications", "list").stdout


def test_heartbeats_and_wrong_credentials_are_told(estate: Estate, snmptrapd: Snmptrapd) -> None:
    secret(estate)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    table = informed(snmptrapd.port, community_file="state/secrets/noc", heartbeat_s=0.5)
    known = '\n[publishers.snmp.communities.noc]\ncommunity = "right"\n'
    estate.configure(CONFIGURATION.replace('["127.0.0.1:0"]', f'["127.0.0.1:{port}"]') + written("noc", table) + known)
    with estate.start() as gateway:
        settled(gateway)
        snmptrapd.wait_for_many(lambda each: each.oid == BEAT, 2, PATIENCE_S)
        intrude(port)
        snmptrapd.wait_for(lambda each: each.oid == AUTHENTICATION_FAILURE, PATIENCE_S)
        assert [each.oid for each in snmptrapd.received()].count(AUTHENTICATION_FAILURE) == 1


def intrude(port: int) -> None:
    """Ask the agent there with a wrong community, a few times."""
    asked = Pdu(PduType.GET, 1, varbinds=(VarBind((1, 3, 6, 1, 2, 1, 1, 1, 0)),))
    request = encode_message(CommunityMessage(Version.V2C, b"wrong", asked))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as intruder:
        for _ in range(3):
            intruder.sendto(request, ("127.0.0.1", port))


def walked(gateway: Running, table: str) -> dict[str, str]:
    """Instances of a table as snmpbulkwalk prints them, by their OID below the table's entry."""
    asked, agent = re.findall(r"so ask it: (SNMPCONFPATH=.* snmpbulkwalk) (\S+) ", gateway.log)[-1]
    command = f"{asked} -Onq {agent} {table}"
    said = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=30, check=True).stdout
    found = (line.partition(" ") for line in said.splitlines() if line.startswith(f".{table}.1."))
    return {oid[len(table) + 4 :]: value for oid, _, value in found}


def test_what_becomes_of_notifications_is_in_tables_of_the_agent(estate: Estate, snmptrapd: Snmptrapd) -> None:
    secret(estate)
    snmptrapd.stop()
    table = informed(snmptrapd.port, community_file="state/secrets/noc", give_up_attempts=2)
    estate.configure(CONFIGURATION + written("noc", table))
    noc = "3.110.111.99"
    receivers, missed = (format_oid(each.oid) for each in DELIVERY_TABLES)

    def shown(**wanted: str) -> bool:
        found = walked(gateway, receivers)
        numbers = {column.name.removeprefix("topoReceiver"): column.number for column in RECEIVER_TABLE.columns}
        return all(found.get(f"{numbers[name]}.{noc}") == value for name, value in wanted.items())

    def seen(**wanted: str) -> None:
        until(lambda: shown(**wanted), 30, lambda: f"{wanted} is not in {walked(gateway, receivers)}")

    with estate.start() as gateway:
        settled(gateway)
        seen(Address=f'"127.0.0.1:{snmptrapd.port}"', Protocol='"SNMPv2c"', Acknowledges="1")
        estate.place("web beta", "db beta")
        seen(GivenUp="1", Sent="1", Retries="1", Acknowledged="0", Waiting="0", State="4", Missed="1", Position="1")
        refused = walked(gateway, missed)
        assert set(refused) == {f"{column}.{noc}.1" for column in range(2, 9)}
        assert refused[f"4.{noc}.1"] == '"web"'
        assert "Connection refused" in refused[f"7.{noc}.1"]
        snmptrapd.start()
        assert estate.command("notifications", "replay").returncode == 0
        seen(Missed="0", Replaying="0", Acknowledged="1", LastSent="1", State="2", LastError='""')
        assert walked(gateway, missed) == {}
        estate.place("web alpha", "db beta")
        seen(Sent="3", Acknowledged="2", LastSent="2", Position="2", Waiting="0")
