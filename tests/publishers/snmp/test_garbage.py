"""Garbage in: counted and dropped; nothing is raised, nothing grows, nothing secret is told."""

from __future__ import annotations

import logging
import random
import socket
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.wire.pdu import Pdu, PduType, Version
from gateway.wire.snmp import CommunityMessage, encode_message
from gateway.wire.values import VarBind
from tests.publishers.snmp import estate, running
from tests.publishers.snmp.asking import SYS_NAME, Asker

ESTATE = estate.snapshot(100)
GOOD = encode_message(
    CommunityMessage(Version.V2C, b"public", Pdu(PduType.GET_BULK, 9, 0, 20, (VarBind((1, 3, 6, 1)),)))
)
SHARED = running.make(running.Holder(ESTATE))


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_octets_are_answered_or_dropped(data):
    answer = SHARED.agent.respond(data, "127.0.0.1")
    assert answer is None or answer[0] == 0x30


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_a_damaged_request_is_answered_or_dropped(changes):
    damaged = bytearray(GOOD)
    for place, octet in changes:
        damaged[place] = octet
    answer = SHARED.agent.respond(bytes(damaged), "127.0.0.1")
    assert answer is None or answer[0] == 0x30


def test_what_is_malformed_is_counted():
    publisher = running.make(running.Holder(ESTATE))
    asker = Asker(publisher)
    for message in (
        b"",
        b"\x30\x03\x02\x01\x02",
        GOOD[:-1],
        b"\x30\x05\x02\x01\x01\x04\x00",
        b"\x30\x04\x02\x01\x03\x30",
    ):
        assert asker.raw(message) is None
    counted = publisher.counters
    assert counted.in_packets == 5
    assert counted.bad_versions == 1
    assert counted.parse_errors + counted.invalid_messages == 4


def test_a_hundred_thousand_random_packets_leave_memory_flat():
    publisher = running.make(running.Holder(ESTATE))
    chance = random.Random(3)

    def flood(number: int) -> None:
        for _ in range(number):
            damaged = bytearray(GOOD)
            for _ in range(chance.randint(0, 3)):
                damaged[chance.randrange(len(damaged))] = chance.randrange(256)
            publisher.agent.respond(bytes(damaged) if chance.random() < 0.8 else chance.randbytes(60), "127.0.0.1")

    flood(20_000)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        flood(80_000)
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 2_000_000
    assert publisher.counters.in_packets == 100_000


def test_the_agent_goes_on_after_garbage_on_its_socket():
    with running.running(running.Holder(ESTATE)) as publisher:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(5)
            client.connect(publisher.addresses[0])
            for _ in range(200):
                client.send(random.randbytes(40))
            client.send(GOOD)
            assert client.recv(65535)[0] == 0x30
        assert publisher.counters.internal_errors == 0


def test_a_fault_of_ours_is_told_once_and_counted_and_the_agent_goes_on(caplog):
    class Broken:
        failing = True

        @property
        def snapshot(self):
            if self.failing:
                raise RuntimeError("broken on purpose")
            return ESTATE

    holder = Broken()
    with running.running(holder) as publisher, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(5)
        client.connect(publisher.addresses[0])
        for _ in range(3):
            client.send(GOOD)
        holder.failing = False
        while publisher.counters.in_packets < 3:
            pass
        client.send(GOOD)
        assert client.recv(65535)[0] == 0x30
        assert publisher.counters.internal_errors <= 3
    assert sum("could not be answered" in record.message for record in caplog.records) <= 1


def test_no_secret_is_in_logs_reprs_or_errors(caplog):
    caplog.set_level(logging.DEBUG)
    publisher = running.make(running.Holder(ESTATE))
    for community in (b"public", b"systemonly", b"sesame-wrong"):
        Asker(publisher, community).ask(PduType.GET, SYS_NAME)
    shown = caplog.text + repr(publisher) + repr(publisher.agent) + repr(publisher.counters)
    shown += repr(running.SnmpSettings.model_validate(running.SETTINGS))
    for secret in ("authpass1234", "privpass1234", "notfromhere", "sesame-wrong"):
        assert secret not in shown
    with pytest.raises(ValueError, match="too short") as failure:
        running.SnmpSettings.model_validate({"users": {"u": {"auth": "SHA", "auth_password": "s3cret"}}})
    assert "s3cret" not in str(failure.value)
