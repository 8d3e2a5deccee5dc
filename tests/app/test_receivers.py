"""Receivers of a running gateway: they come and go with the configuration, and a test can be sent."""

import json
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway.schema.snmp.arcs import AUTHENTICATION_FAILURE
from gateway.schema.snmp.notifications import TEST, TEXT
from gateway.store.database import open_database
from gateway.wire.ber import encode_oid
from gateway.wire.pdu import Pdu, PduType, Version
from gateway.wire.snmp import CommunityMessage, encode_message
from gateway.wire.values import VarBind
from tests.app.estate import CONFIGURATION, Estate, until

COLD_START = bytes.fromhex("06092b0601060301010501")
"""OBJECT IDENTIFIER 1.3.6.1.6.3.1.1.5.1 in BER."""


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.bind(("127.0.0.1", 0))
        opened.settimeout(20)
        yield opened


def receiver(name: str, listener: socket.socket) -> str:
    port = listener.getsockname()[1]
    return f'\n[receivers.{name}]\nkind = "snmp"\nhost = "127.0.0.1"\nport = {port}\ncommunity = "traps"\n'


def test_a_receiver_is_told_of_the_start_and_of_a_move(estate: Estate, listener: socket.socket) -> None:
    estate.configure(CONFIGURATION + receiver("noc", listener))
    with estate.start() as gateway:
        assert COLD_START in listener.recv(65535)
        gateway.wait_until("where", "web", said="runs on hypervisor alpha")
        estate.place("web beta", "db beta")
        trap = listener.recv(65535)
    assert b"traps" in trap
    assert b"web" in trap
    assert b"alpha" in trap
    assert b"beta" in trap


def test_a_new_receiver_gets_what_happens_from_now_on_and_the_old_one_is_left_alone(
    estate: Estate, listener: socket.socket
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as second:
        second.bind(("127.0.0.1", 0))
        second.settimeout(20)
        estate.configure(CONFIGURATION + receiver("noc", listener))
        with estate.start() as gateway:
            assert COLD_START in listener.recv(65535)
            gateway.wait_until("where", "web", said="runs on hypervisor alpha")
            estate.configure(CONFIGURATION + receiver("noc", listener) + receiver("second", second))
            gateway.signal(signal.SIGHUP)
            gateway.wait_for_log("the configuration was read again")
            assert COLD_START in second.recv(65535)
            estate.place("web beta", "db beta")
            assert b"web" in second.recv(65535)
            assert b"web" in listener.recv(65535)
            assert "receiver noc: restarts" not in gateway.log


def test_a_receiver_whose_settings_changed_is_not_told_of_a_start_again(
    estate: Estate, listener: socket.socket
) -> None:
    estate.configure(CONFIGURATION + receiver("noc", listener))
    with estate.start() as gateway:
        assert COLD_START in listener.recv(65535)
        gateway.wait_until("where", "web", said="runs on hypervisor alpha")
        estate.configure(CONFIGURATION + receiver("noc", listener).replace('"traps"', '"others"'))
        gateway.signal(signal.SIGHUP)
        gateway.wait_for_log("receiver noc: restarts")
        gateway.wait_for_log("the configuration was read again")
        estate.place("web beta", "db beta")
        trap = listener.recv(65535)
        assert COLD_START not in trap
        assert b"others" in trap
        assert b"web" in trap


def test_what_waits_for_a_receiver_that_is_taken_out_is_given_up(estate: Estate) -> None:
    estate.configure(CONFIGURATION + '\n[receivers.x]\nkind = "snmp"\nhost = "x.invalid"\ncommunity = "c"\n')
    with estate.start() as gateway:
        gateway.wait_until("where", "web", said="runs on hypervisor alpha")
        estate.place("web beta", "db beta")
        gateway.wait_for_log("receiver x: failed, trying again")
        estate.configure(CONFIGURATION)
        gateway.signal(signal.SIGHUP)
        gateway.wait_for_log("1 notifications for receivers that are gone are given up")


def test_check_sends_a_test_only_when_asked(estate: Estate, listener: socket.socket) -> None:
    estate.configure(CONFIGURATION + receiver("noc", listener))
    listener.settimeout(0.5)
    assert estate.command("check").returncode == 0
    with pytest.raises(TimeoutError):
        listener.recv(65535)
    sent = estate.command("check", "--send")
    assert sent.returncode == 0, sent.stdout
    assert encode_oid(TEST.oid) in listener.recv(65535)


def test_check_sends_no_v3_trap_under_the_engine_of_a_gateway_that_leads_elsewhere(
    estate: Estate, listener: socket.socket
) -> None:
    """Its boots would be above the leader's, whose traps the receiver would refuse from then on (RFC 3414 3.2)."""
    v3 = 'version = "3"\nuser = "noc"\nauth = "SHA-256"\nauth_password = "authpass1234"\n'
    estate.configure(CONFIGURATION + receiver("noc", listener).replace('community = "traps"\n', v3))
    estate.state.mkdir(mode=0o700, exist_ok=True)
    database = open_database(f"sqlite:///{estate.state / 'topology.db'}")
    try:
        assert database.lease.take("elsewhere", database.lease.look())
        boots = database.administration.next_engine_boots()
        said = {(each["what"], each["outcome"]): each["said"] for each in json.loads(checked(estate))}
        assert "led by elsewhere" in said["database", "ok"]
        assert said["receiver noc", "skipped"].endswith("Where it runs: gateway test-notification noc")
        assert database.administration.next_engine_boots() == boots + 1
        database.lease.release()
        assert ("receiver noc", "skipped") not in {(a["what"], a["outcome"]) for a in json.loads(checked(estate))}
    finally:
        database.close()


def checked(estate: Estate) -> str:
    return estate.command("check", "--send", "--json").stdout


def test_check_sends_to_all_receivers_at_once_and_lists_them_in_their_order(
    estate: Estate, listener: socket.socket
) -> None:
    names = ["noc", "archive", "desk"]
    more = "inform = true\ntimeout_s = 3\n"
    estate.configure(CONFIGURATION + "".join(receiver(name, listener) + more for name in names))

    def acknowledge_when_all_were_asked() -> None:
        informs: dict[object, bytes] = {}
        while len(informs) < len(names):
            inform, sender = listener.recvfrom(65535)
            informs[sender] = inform
        for sender, inform in informs.items():
            listener.sendto(inform.replace(b"traps\xa6", b"traps\xa2", 1), sender)

    with ThreadPoolExecutor(1) as pool:
        acknowledged = pool.submit(acknowledge_when_all_were_asked)
        sent = estate.command("check", "--send", "--json")
        acknowledged.result(30)
    said = [(each["what"], each["outcome"]) for each in json.loads(sent.stdout) if "receiver" in each["what"]]
    assert said == [(f"receiver {name}", "ok") for name in names for _ in range(2)]


def test_check_says_when_a_receiver_has_no_address(estate: Estate) -> None:
    estate.configure(CONFIGURATION + '\n[receivers.x]\nkind = "snmp"\nhost = "x.invalid"\ncommunity = "c"\n')
    result = estate.command("check")
    assert result.returncode == 1
    assert "x.invalid" in result.stdout


def test_check_asks_the_running_agent_as_everybody_who_may(estate: Estate) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    users = """
[publishers.snmp.communities.noc]
community = "one-secret"
[publishers.snmp.users.ops]
auth = "SHA-512"
auth_password = "a-long-password"
priv = "AES-256"
priv_password = "another-password"
"""
    estate.configure(CONFIGURATION.replace('["127.0.0.1:0"]', f'["127.0.0.1:{port}"]') + users)
    with estate.start() as gateway:
        gateway.wait_until("where", "web", said="alpha")
        said = estate.command("check").stdout
        assert f"127.0.0.1:{port} answers community noc: revision" in said
        assert f"127.0.0.1:{port} answers user ops: revision" in said
        estate.configure(estate.config.read_text().replace("one-secret", "another-secret"))
        result = estate.command("check")
    assert result.returncode == 1
    assert "community noc" in result.stdout
    assert "Restart it" in result.stdout


@pytest.mark.parametrize("kinds", ["", 'kinds = ["relocation", "authentication_failure"]\n'])
def test_who_asks_with_wrong_credentials_is_named_in_the_log_and_to_those_who_want_it(
    estate: Estate, listener: socket.socket, kinds: str
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as second, free_port() as free:
        second.bind(("127.0.0.1", 0))
        second.settimeout(20)
        port = free.getsockname()[1]
        free.close()
        text = CONFIGURATION.replace('["127.0.0.1:0"]', f'["127.0.0.1:{port}"]') + receiver("noc", listener) + kinds
        estate.configure(text + receiver("few", second) + 'kinds = ["relocation"]\n')
        with estate.start() as gateway:
            assert COLD_START in listener.recv(65535)
            assert COLD_START in second.recv(65535)
            for _ in range(2):
                listener.sendto(asking(b"gue55ed"), ("127.0.0.1", port))
            gateway.wait_for_log("snmp: 127.0.0.1 asked with an unknown community")
            trap = listener.recv(65535)
            assert encode_oid(AUTHENTICATION_FAILURE) in trap
            assert encode_oid((*TEXT.oid, 0)) in trap
            assert b"127.0.0.1 asked with an unknown community" in trap
            second.settimeout(0.5)
            with pytest.raises(TimeoutError):
                second.recv(65535)
    assert "gue55ed" not in gateway.log
    assert b"gue55ed" not in trap


def test_what_the_view_of_a_receiver_leaves_out_is_listed_as_filtered_and_a_test_fails_and_names_the_view(
    estate: Estate, listener: socket.socket
) -> None:
    narrow = '\n[publishers.snmp.views.narrow]\ninclude = ["1.3.6.1.2.1.1"]\n'
    estate.configure(CONFIGURATION + narrow + receiver("noc", listener) + 'view = "narrow"\n')
    listener.settimeout(0.5)
    with estate.start() as gateway:
        gateway.wait_until("where", "web", said="runs on hypervisor alpha")
        estate.place("web beta", "db beta")
        gateway.wait_until("where", "web", said="runs on hypervisor beta")

        def delivery() -> dict[str, int]:
            listed = json.loads(estate.command("notifications", "list", "--json").stdout)
            found: dict[str, int] = listed["items"][0]["delivery"]
            return found

        until(lambda: delivery()["filtered"] == 1, 20, lambda: gateway.log)
        assert (delivery()["delivered"], delivery()["pending"]) == (0, 0)
        tested = estate.command("test-notification", "noc")
    assert tested.returncode != 0
    assert "[publishers.snmp.views.narrow]" in tested.stderr
    with pytest.raises(TimeoutError):
        listener.recv(65535)


def test_a_receiver_takes_a_view_that_is_new_and_one_that_has_changed(estate: Estate, listener: socket.socket) -> None:
    def view(subtree: str) -> str:
        return f'\n[publishers.snmp.views.new]\ninclude = ["{subtree}"]\n'

    def read_again(text: str) -> None:
        gateway.wait_for_log("runs as process")
        times = gateway.log.count("the configuration was read again")
        estate.configure(text)
        gateway.signal(signal.SIGHUP)
        until(lambda: gateway.log.count("the configuration was read again") > times, 20, lambda: gateway.log)

    told = receiver("noc", listener) + 'view = "new"\n'
    with estate.start() as gateway:
        gateway.wait_until("where", "web", said="runs on hypervisor alpha")
        read_again(CONFIGURATION + told + view("1.3.6.1.2.1.1"))
        assert "[publishers.snmp.views.new]" in estate.command("test-notification", "noc").stderr
        read_again(CONFIGURATION + told + view("1.3.6.1"))
        assert estate.command("test-notification", "noc").returncode == 0
        assert encode_oid(TEST.oid) in listener.recv(65535)
        read_again(CONFIGURATION + told + view("1.3.6.1") + receiver("second", listener))
        assert gateway.log.count("receiver noc: restarts") == 1


def test_nobody_is_told_of_wrong_credentials_when_that_is_switched_off(estate: Estate, listener: socket.socket) -> None:
    with free_port() as free:
        port = free.getsockname()[1]
    off = f'["127.0.0.1:{port}"]\nauthentication_traps = false'
    estate.configure(CONFIGURATION.replace('["127.0.0.1:0"]', off, 1) + receiver("noc", listener))
    with estate.start() as gateway:
        assert COLD_START in listener.recv(65535)
        listener.sendto(asking(b"gue55ed"), ("127.0.0.1", port))
        gateway.wait_for_log("snmp: 127.0.0.1 asked with an unknown community")
        listener.settimeout(0.5)
        with pytest.raises(TimeoutError):
            listener.recv(65535)


def asking(community: bytes) -> bytes:
    varbind = VarBind((1, 3, 6, 1, 2, 1, 1, 3, 0))
    return encode_message(CommunityMessage(Version.V2C, community, Pdu(PduType.GET, 9, varbinds=(varbind,))))


def free_port() -> socket.socket:
    free = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    free.bind(("127.0.0.1", 0))
    return free
