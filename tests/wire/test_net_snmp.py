"""Interoperability: the command line tools and the trap receiver of net-snmp, on 127.0.0.1."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable

import pytest

from gateway.wire.pdu import PduType, Version, encode_pdu
from gateway.wire.snmp import CommunityMessage, decode_message, encode_message
from gateway.wire.translation import notification, trap_to_v1
from gateway.wire.usm import (
    AuthoritativeEngine,
    AuthProtocol,
    PrivProtocol,
    RemoteSession,
    SecurityLevel,
    UsmCredentials,
    UsmUser,
)
from gateway.wire.values import (
    Counter32,
    Counter64,
    Gauge32,
    Integer,
    IpAddress,
    ObjectIdentifier,
    OctetString,
    TimeTicks,
    VarBind,
)
from tests.lab.snmptrapd import Snmptrapd, V3User
from tests.wire.snmp_agent import Agent

ROOT = (1, 3, 6, 1, 4, 1, 64444, 1)
ROWS = [
    VarBind((*ROOT, 1, 0), OctetString(b"web01")),
    VarBind((*ROOT, 2, 0), Integer(-5)),
    VarBind((*ROOT, 3, 0), Counter64(2**64 - 1)),
    VarBind((*ROOT, 4, 0), Gauge32(2**32 - 1)),
    VarBind((*ROOT, 5, 0), TimeTicks(12345)),
    VarBind((*ROOT, 6, 0), ObjectIdentifier((1, 3, 6, 1, 4, 1, 36957))),
    VarBind((*ROOT, 7, 0), IpAddress(b"\xc0\x00\x02\x01")),
    VarBind((*ROOT, 8, 0), Counter32(7)),
    *(VarBind((*ROOT, 9, index), OctetString(b"row %d" % index)) for index in range(1, 400)),
]
DOTTED = ".1.3.6.1.4.1.64444.1"
ENGINE = bytes.fromhex("8000fbbc0467617465776179")
AUTH, PRIV = "authpassword", "privpassword"
TRAP_OID = (*ROOT, 0, 1)
PAIRS = [
    *((auth, "AES") for auth in ("SHA", "SHA-224", "SHA-256", "SHA-384", "SHA-512")),
    *((auth, priv) for auth in ("SHA", "SHA-256", "SHA-512") for priv in ("AES-256", "AES-256-C")),
    ("SHA", "AES-192"),
]


def net_snmp(tool: str, agent: Agent, *arguments: str) -> str:
    """What the tool prints; its own configuration files stay unread."""
    path = shutil.which(tool)
    if path is None:
        pytest.skip(f"{tool} is missing: apt-get install --no-install-recommends snmp")
    *options, oid = arguments
    command = [path, "-On", "-t", "2", "-r", "1", *options, f"127.0.0.1:{agent.port}", oid]
    environment = {"SNMPCONFPATH": "/nonexistent", "MIBS": "", "PATH": "/usr/bin"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, check=False)
    return done.stdout + done.stderr


def v3(auth: str = "SHA-256", priv: str = "AES") -> list[str]:
    return ["-v3", "-l", "authPriv", "-u", "alice", "-a", auth, "-A", AUTH, "-x", priv, "-X", PRIV]


def alice(auth: str = "SHA-256", priv: str = "AES") -> UsmCredentials:
    return UsmCredentials.from_passwords(
        b"alice", AuthProtocol.parse(auth), AUTH.encode(), PrivProtocol.parse(priv), PRIV.encode()
    )


def engine(credentials: UsmCredentials, max_size: int = 1472) -> AuthoritativeEngine:
    users = [credentials.localize(ENGINE), UsmUser(b"guest", ENGINE)]
    return AuthoritativeEngine(ENGINE, 3, users, first_salt=12345, max_size=max_size)


@pytest.mark.parametrize("options", [["-v1", "-c", "public"], ["-v2c", "-c", "public"]])
def test_get_and_getnext_with_a_community(options: list[str]) -> None:
    with Agent(ROWS) as agent:
        assert f'{DOTTED}.1.0 = STRING: "web01"' in net_snmp("snmpget", agent, *options, f"{DOTTED}.1.0")
        printed = net_snmp("snmpgetnext", agent, *options, f"{DOTTED}.1.0")
        assert f"{DOTTED}.2.0 = INTEGER: -5" in printed
        assert agent.refused == []


def test_every_type_in_one_getbulk() -> None:
    with Agent(ROWS) as agent:
        printed = net_snmp("snmpbulkget", agent, "-v2c", "-c", "public", "-Cr8", DOTTED)
    for line in (
        f'{DOTTED}.1.0 = STRING: "web01"',
        f"{DOTTED}.2.0 = INTEGER: -5",
        f"{DOTTED}.3.0 = Counter64: 18446744073709551615",
        f"{DOTTED}.4.0 = Gauge32: 4294967295",
        f"{DOTTED}.5.0 = Timeticks: (12345) 0:02:03.45",
        f"{DOTTED}.6.0 = OID: .1.3.6.1.4.1.36957",
        f"{DOTTED}.7.0 = IpAddress: 192.0.2.1",
        f"{DOTTED}.8.0 = Counter32: 7",
    ):
        assert line in printed


@pytest.mark.parametrize("options", [["-v2c", "-c", "public"], v3(), v3("SHA-512", "AES-256")])
def test_a_walk_with_truncated_responses(options: list[str]) -> None:
    credentials = alice("SHA-512", "AES-256") if "SHA-512" in options else alice()
    with Agent(ROWS, engine(credentials)) as agent:
        printed = net_snmp("snmpbulkwalk", agent, *options, "-Cr200", DOTTED)
        assert printed.count(" = ") == len(ROWS) + 1
        assert printed.endswith("(It is past the end of the MIB tree)\n")


def test_what_is_not_there() -> None:
    with Agent(ROWS) as agent:
        for options, words in (
            (["-v1", "-c", "public"], "noSuchName"),
            (["-v2c", "-c", "public"], "No Such Object"),
        ):
            assert words in net_snmp("snmpget", agent, *options, f"{DOTTED}.99.0")


@pytest.mark.parametrize(("auth", "priv"), PAIRS)
def test_get_with_authentication_and_privacy(auth: str, priv: str) -> None:
    with Agent(ROWS, engine(alice(auth, priv))) as agent:
        printed = net_snmp("snmpget", agent, *v3(auth, priv), f"{DOTTED}.1.0")
    assert f'{DOTTED}.1.0 = STRING: "web01"' in printed


def test_get_without_authentication() -> None:
    with Agent(ROWS, engine(alice())) as agent:
        for tool, row in (("snmpget", "1.0"), ("snmpgetnext", "1")):
            printed = net_snmp(tool, agent, "-v3", "-l", "noAuthNoPriv", "-u", "guest", f"{DOTTED}.{row}")
            assert f'{DOTTED}.1.0 = STRING: "web01"' in printed


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["-v3", "-l", "authNoPriv", "-u", "bob", "-a", "SHA", "-A", AUTH], "Unknown user name"),
        (["-v3", "-l", "authNoPriv", "-u", "guest", "-a", "SHA", "-A", AUTH], "Unsupported security level"),
        (["-v3", "-l", "authNoPriv", "-u", "alice", "-a", "SHA-256", "-A", "wrong password"], "Authentication"),
        ([*v3()[:-1], "wrong password"], "Decryption error"),
    ],
)
def test_net_snmp_understands_why_it_is_refused(options: list[str], words: str) -> None:
    with Agent(ROWS, engine(alice())) as agent:
        assert words in net_snmp("snmpget", agent, *options, f"{DOTTED}.1.0")


# -- notifications --------------------------------------------------------------------------


def trap(pdu_type: PduType = PduType.TRAP):
    return notification(pdu_type, 4711, 12345, TRAP_OID, (VarBind((*ROOT, 1, 0), OctetString(b"web01")),))


def send(port: int, data: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(data, ("127.0.0.1", port))


def test_a_v2c_trap_arrives(snmptrapd: Snmptrapd) -> None:
    send(snmptrapd.port, encode_message(CommunityMessage(Version.V2C, b"public", trap())))
    arrived = snmptrapd.wait_for(lambda n: n.oid == DOTTED[1:] + ".0.1")
    assert arrived.varbinds[f"{DOTTED[1:]}.1.0"] == "web01"


def test_a_v1_trap_arrives(snmptrapd: Snmptrapd) -> None:
    v1 = trap_to_v1(trap(), b"\x7f\0\0\1")
    send(snmptrapd.port, encode_message(CommunityMessage(Version.V1, b"public", v1)))
    # The record has no place for enterprise and specific-trap; pysnmp checks those octets.
    snmptrapd.wait_for(lambda n: n.varbinds.get(f"{DOTTED[1:]}.1.0") == "web01")


@pytest.mark.parametrize(("auth", "priv"), [("SHA", "AES"), ("SHA-256", "AES-256"), ("SHA-512", "AES")])
def test_a_v3_trap_arrives(start_snmptrapd: Callable[..., Snmptrapd], auth: str, priv: str) -> None:
    user = V3User("alice", ENGINE.hex(), auth, AUTH, priv, PRIV)
    receiver = start_snmptrapd(users=[user])
    sender = engine(alice(auth, priv))
    send(
        receiver.port,
        sender.seal_notification(b"alice", SecurityLevel.AUTH_PRIV, encode_pdu(trap()), 1, 100),
    )
    arrived = receiver.wait_for(lambda n: n.oid == DOTTED[1:] + ".0.1")
    assert arrived.varbinds[f"{DOTTED[1:]}.1.0"] == "web01"


@pytest.mark.parametrize("level", [SecurityLevel.AUTH_NO_PRIV, SecurityLevel.AUTH_PRIV])
def test_a_v3_inform_arrives_and_is_acknowledged(
    start_snmptrapd: Callable[..., Snmptrapd], level: SecurityLevel
) -> None:
    private = level is SecurityLevel.AUTH_PRIV
    user = V3User("alice", None, "SHA-256", AUTH, "AES" if private else "", PRIV if private else "")
    receiver = start_snmptrapd(users=[user])
    session = RemoteSession(alice(), level, first_salt=77)
    inform = encode_pdu(trap(PduType.INFORM))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.connect(("127.0.0.1", receiver.port))
        sender.settimeout(5)
        for msg_id in range(1, 6):
            now_s = int(time.monotonic())
            known = session.engine_id is not None
            sender.send(session.seal(inform, msg_id, now_s) if known else session.discovery(msg_id))
            reply = session.open(sender.recv(65535), now_s)
            assert reply.msg_id == msg_id
            if reply.report is None:
                break
    assert (reply.pdu.type, reply.pdu.request_id, reply.level) == (PduType.RESPONSE, 4711, level)
    assert msg_id == 3  # discovery, time, acknowledgement
    receiver.wait_for(lambda n: n.oid == DOTTED[1:] + ".0.1")


def test_a_v2c_inform_is_acknowledged(snmptrapd: Snmptrapd) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.connect(("127.0.0.1", snmptrapd.port))
        sender.settimeout(5)
        sender.send(encode_message(CommunityMessage(Version.V2C, b"public", trap(PduType.INFORM))))
        answer = decode_message(sender.recv(65535))
    assert isinstance(answer, CommunityMessage)
    assert (answer.pdu.type, answer.pdu.request_id) == (PduType.RESPONSE, 4711)
