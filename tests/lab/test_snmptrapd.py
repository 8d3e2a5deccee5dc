"""snmptrapd as the receiver of the tests: what a real sender says arrives, whatever is in its strings."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

from tests.lab.snmptrapd import SYS_UPTIME, Snmptrapd, SnmptrapdError, V3User

MOVED = "1.3.6.1.4.1.99999.1"
TEXT = "1.3.6.1.4.1.99999.2.1"
OCTETS = "1.3.6.1.4.1.99999.2.2"
NUMBER = "1.3.6.1.4.1.99999.2.3"
POINTER = "1.3.6.1.4.1.99999.2.4"
ENGINE_ID = "80000000010203040506"
USER = V3User("watcher", ENGINE_ID, "SHA-256", "authentic", "AES", "concealed")


def send(receiver: Snmptrapd, *arguments: str, version: tuple[str, ...] = ("-v2c", "-c", "public")) -> None:
    command = ["snmptrap", *version, f"{receiver.address}:{receiver.port}", *arguments]
    subprocess.run(command, check=True, capture_output=True, env={"PATH": "/usr/bin", "MIBS": ""})


def send_v3(receiver: Snmptrapd, boots: int, text: str, *, password: str = USER.auth_password) -> None:
    keys = ("-a", USER.auth_protocol, "-A", password, "-x", USER.privacy_protocol, "-X", USER.privacy_password)
    version = ("-v3", "-e", ENGINE_ID, "-Z", f"{boots},1", "-u", USER.name, "-l", "authPriv", *keys)
    send(receiver, "42", MOVED, TEXT, "s", text, version=version)


def test_every_varbind_arrives_whatever_is_in_it(snmptrapd: Snmptrapd):
    text = 'say "hi" = it\'s\nnext\tline, Zürich'
    varbinds = [TEXT, "s", text, OCTETS, "x", "07e80102", NUMBER, "C", "12345678901", POINTER, "o", "1.3.6.1.2"]
    send(snmptrapd, "4711", MOVED, *varbinds)

    notification = snmptrapd.wait_for(lambda each: each.oid == MOVED)

    assert notification.varbinds == {
        SYS_UPTIME: "4711",
        TEXT: text,
        OCTETS: "0x07e80102",
        NUMBER: "12345678901",
        POINTER: "1.3.6.1.2",
    }
    assert notification.octets[OCTETS] == bytes.fromhex("07e80102")
    assert notification.octets[TEXT] == text.encode()


def test_a_v3_sender_that_restarted_is_still_heard(snmptrapd: Snmptrapd):
    snmptrapd.add_user(USER)
    for boots in (1, 2, 3):
        send_v3(snmptrapd, boots, f"boot {boots}")
    heard = snmptrapd.wait_for_many(lambda each: each.oid == MOVED, 3)
    assert [each.varbinds[TEXT] for each in heard] == ["boot 1", "boot 2", "boot 3"]


def test_a_wrong_key_or_community_is_not_heard(snmptrapd: Snmptrapd):
    snmptrapd.add_user(USER)
    send_v3(snmptrapd, 1, "forged", password="guessed-it")
    send(snmptrapd, "", MOVED, version=("-v2c", "-c", "wrong"))
    with pytest.raises(SnmptrapdError):
        snmptrapd.wait_for(lambda each: True, timeout_s=0.5)


def test_what_was_received_outlives_a_restart_of_the_receiver(snmptrapd: Snmptrapd):
    send(snmptrapd, "", MOVED, TEXT, "s", "before")
    snmptrapd.wait_for(lambda each: each.varbinds.get(TEXT) == "before")
    snmptrapd.stop()
    snmptrapd.start()
    send(snmptrapd, "", MOVED, TEXT, "s", "after")
    snmptrapd.wait_for(lambda each: each.varbinds.get(TEXT) == "after")
    assert [each.varbinds[TEXT] for each in snmptrapd.received()] == ["before", "after"]


def test_an_inform_is_acknowledged(start_snmptrapd: Callable[..., Snmptrapd]):
    receiver = start_snmptrapd(community="other")
    send(receiver, "", MOVED, version=("-v2c", "-Ci", "-c", "other"))  # fails when nobody answers
    assert len(receiver.received()) == 1
