"""Every pair of authentication and privacy that net-snmp's client has, against the agent."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from gateway.publishers.snmp import SnmpSettings
from gateway.wire.usm.crypto import Authenticator
from tests.publishers.snmp import estate, running

AUTH = ("MD5", "SHA", "SHA-224", "SHA-256", "SHA-384", "SHA-512")
PRIV = ("", "DES", "AES", "AES-192", "AES-256", "AES-192-C", "AES-256-C")
PASSWORDS = {"auth_password": "authpass1234", "priv_password": "privpass1234"}
SYS_NAME = "1.3.6.1.2.1.1.5.0"


def user(auth: str, priv: str) -> dict[str, object]:
    table: dict[str, object] = {"auth": auth, "auth_password": PASSWORDS["auth_password"]}
    if priv:
        table |= {"priv": priv, "priv_password": PASSWORDS["priv_password"]}
    return table


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    if shutil.which("snmpget") is None:
        pytest.skip("net-snmp's clients are missing: apt-get install -y snmp")
    users = {f"{auth}+{priv}": {**user(auth, priv), "allow_weak": True} for auth in AUTH for priv in PRIV}
    users["elsewhere"] = {**user("SHA-256", "AES"), "allow": ["192.0.2.0/24", "2001:db8::/32"]}
    settings = {"listen": ["127.0.0.1:0"], "name": "gateway-under-test", "users": users}
    with running.running(running.Holder(estate.snapshot(3)), settings) as publisher:
        yield publisher.addresses[0][1]


def get(port: int, name: str, auth: str, priv: str, **more: str) -> str:
    given = PASSWORDS | more
    command = ["snmpget", "-v3", "-Oqv", "-t", "2", "-r", "1", "-u", name, "-a", auth, "-A", given["auth_password"]]
    command += ["-l", "authPriv", "-x", priv, "-X", given["priv_password"]] if priv else ["-l", "authNoPriv"]
    environment = {**os.environ, "MIBS": "", "SNMPCONFPATH": "/nonexistent", "LC_ALL": "C"}
    agent = f"127.0.0.1:{port}"
    done = subprocess.run([*command, agent, SYS_NAME], capture_output=True, text=True, env=environment, timeout=30)
    return done.stdout + done.stderr


@pytest.mark.parametrize("priv", PRIV)
@pytest.mark.parametrize("auth", AUTH)
def test_every_pair_is_understood(port, auth, priv):
    assert get(port, f"{auth}+{priv}", auth, priv) == '"gateway-under-test"\n'


@pytest.mark.parametrize(("auth", "short"), [("SHA", "AES-256"), ("SHA", "AES-192"), ("SHA-224", "AES-256")])
def test_the_two_ways_to_extend_a_key_are_not_mixed_up(port, auth, short):
    assert "gateway-under-test" not in get(port, f"{auth}+{short}", auth, f"{short}-C")
    assert "gateway-under-test" not in get(port, f"{auth}+{short}-C", auth, short)


def test_a_wrong_privacy_password_is_told_apart_from_a_wrong_authentication_password(port):
    said = get(port, "SHA-256+AES", "SHA-256", "AES", auth_password="something else")
    assert "Authentication failure" in said
    said = get(port, "SHA-256+AES", "SHA-256", "AES", priv_password="something else")
    assert "Decryption error" in said


def test_a_user_from_another_network_gets_no_answer(port):
    assert "Timeout" in get(port, "elsewhere", "SHA-256", "AES")


@pytest.mark.parametrize(("auth", "priv", "said"), [("MD5", "AES", "MD5 is weak"), ("SHA", "DES", "DES is weak")])
def test_what_is_weak_has_to_be_asked_for(auth, priv, said):
    with pytest.raises(ValueError, match=f"{said}: use .*; allow_weak = true takes it"):
        SnmpSettings.model_validate({"users": {"old": user(auth, priv)}})
    assert SnmpSettings.model_validate({"users": {"old": {**user(auth, priv), "allow_weak": True}}})


def test_digests_are_compared_in_constant_time():
    assert "compare_digest" in Authenticator.verify.__code__.co_names
