"""Damaged messages of all versions: no fault, nothing but reports for those who are not who they say, memory flat."""

from __future__ import annotations

import gc
import itertools
import resource
import time
from collections.abc import Iterator

import pytest

from gateway.wire.pdu import Pdu, PduType, Version, encode_pdu
from gateway.wire.snmp import CommunityMessage, ScopedPdu, decode_message, encode_message
from gateway.wire.usm import AuthProtocol, PrivProtocol, RemoteSession, SecurityLevel, UsmCredentials
from gateway.wire.values import Counter64, Integer, ObjectIdentifier, OctetString, TimeTicks, VarBind
from tests.publishers.snmp import estate, running
from tests.publishers.snmp.asking import SYS_NAME, TABLES
from tests.publishers.snmp.mutator import Mutator

ENTITY = TABLES["entity"]
ROW = tuple(VarBind((*ENTITY, column, 20)) for column in range(2, 14))
VALUES = (
    VarBind((*ENTITY, 5, 3), OctetString(b"x" * 30)),
    VarBind((*ENTITY, 6, 3), Integer(-5)),
    VarBind((*ENTITY, 7, 300), ObjectIdentifier((1, 3, 6, 1, 4, 1, 70_000))),
    VarBind(SYS_NAME, Counter64(2**63)),
    VarBind(SYS_NAME, TimeTicks(9)),
)
PDUS = (
    Pdu(PduType.GET, 1, varbinds=(VarBind(SYS_NAME),)),
    Pdu(PduType.GET, 0x12345678, varbinds=ROW),
    Pdu(PduType.GET_NEXT, 0x12345678, varbinds=(VarBind((*TABLES["relation"], 4, 20, 1, 2)),)),
    Pdu(PduType.GET_BULK, 0x12345678, 1, 20, (VarBind(SYS_NAME), *ROW)),
    Pdu(PduType.GET_BULK, -5, 0, 127, (VarBind((*ENTITY, 2)),)),
    Pdu(PduType.SET, 7, varbinds=VALUES),
    Pdu(PduType.INFORM, 7, varbinds=VALUES),
)
USERS = (
    UsmCredentials.from_passwords(b"signer", AuthProtocol.SHA256, b"authpass1234"),
    UsmCredentials.from_passwords(b"authuser", AuthProtocol.SHA, b"authpass1234", PrivProtocol.AES, b"privpass1234"),
)
SETTINGS = {**running.SETTINGS, "users": {name: running.USERS[name] for name in ("signer", "authuser")}}
KNOWN = {b"public", b"systemonly"}


def corpus() -> Iterator[bytes]:
    for pdu in PDUS:
        for community in (b"public", b"systemonly", b"guess"):
            yield encode_message(CommunityMessage(Version.V2C, community, pdu))
        if pdu.type in (PduType.GET, PduType.GET_NEXT):
            yield encode_message(CommunityMessage(Version.V1, b"public", pdu))
    for who in USERS:
        level = SecurityLevel.AUTH_PRIV if who.priv else SecurityLevel.AUTH_NO_PRIV
        session = RemoteSession(who, level, first_salt=1)
        yield session.discovery(9)
        session.learn_engine_id(running.ENGINE_ID)
        session._boots, session._offset_s = 3, 0
        for number, pdu in enumerate(PDUS):
            yield session.seal(encode_pdu(pdu), 1000 + number, 0)


def check(message: bytes, answer: bytes, good: frozenset[bytes]) -> None:
    """An answer is a whole message, and more than a Report only for who knows a community or a key."""
    said = decode_message(answer)
    if isinstance(said, CommunityMessage):
        assert said.community in KNOWN
        assert isinstance(said.pdu, Pdu)
        assert said.pdu.type is PduType.RESPONSE
    elif message not in good:
        assert isinstance(said.data, ScopedPdu)  # in clear: only what authenticates is answered in secret
        assert isinstance(said.data.pdu, Pdu)
        assert said.data.pdu.type is PduType.REPORT


def fuzz(seed: int, packets: int) -> None:
    publisher = running.make(running.Holder(estate.snapshot(100)), SETTINGS)
    messages = tuple(corpus())
    good = frozenset(messages)
    respond = publisher.agent.respond
    for message in messages:
        answer = respond(message, "127.0.0.1")
        if answer is not None:
            check(message, answer, good)
    answered = 0
    settled = 0
    begun = time.process_time()
    for number, message in enumerate(itertools.islice(Mutator(messages, seed), packets)):
        answer = respond(message, "127.0.0.1")
        if answer is not None:
            answered += 1
            check(message, answer, good)
        if number == packets // 4:
            gc.collect()
            settled = len(gc.get_objects())
    gc.collect()
    grown = len(gc.get_objects()) - settled
    took = (time.process_time() - begun) / packets * 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{packets:,} packets, {answered:,} answered, {took:.0f} us each, {grown:+,} objects, at most {peak} MiB")
    assert publisher.counters.in_packets == packets + len(messages)
    assert publisher.counters.internal_errors == 0
    assert grown < 20_000  # what caches hold is bounded: heads, shapes, OIDs, envelopes


def test_twenty_thousand_damaged_messages():
    fuzz(seed=1, packets=20_000)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(2, 6))
def test_a_million_damaged_messages(seed):
    fuzz(seed, packets=250_000)
