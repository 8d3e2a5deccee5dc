"""Informs, acknowledged by a real snmptrapd; and what happens when they are not."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace

import pytest

from gateway.model.errors import DeliveryError
from gateway.notifier.sinks.announced import Announced
from gateway.notifier.sinks.snmp import SnmpTrapSink
from gateway.notifier.sinks.snmp_settings import SnmpTrapSettings
from gateway.schema.snmp.engine import SnmpEngine
from gateway.schema.snmp.notifications import EVENT_ID
from gateway.support.clock import SystemClock
from gateway.wire.oid import format_oid
from gateway.wire.pdu import Pdu, PduType, Version
from gateway.wire.snmp import CommunityMessage, decode_message, encode_message
from tests.lab.snmptrapd import V3User
from tests.notifier.sinks.test_snmp import CLEARED, ENGINE_ID, ESTATE, RAISED, RELOCATION, START, V2, V3

ID = format_oid((*EVENT_ID.oid, 0))
QUICK = {"inform": True, "timeout_s": 0.1, "retries": 1}
USER = V3User("trapper", None, "SHA-256", "authpass1234", "AES", "privpass1234")


def sink(port: int, settings: dict[str, object], host: str = "127.0.0.1") -> Announced:
    clock = SystemClock()
    engine = SnmpEngine(ENGINE_ID, 5, clock.monotonic())
    made = SnmpTrapSettings.model_validate({"kind": "snmp", "host": host, "port": port, "inform": True, **settings})
    return Announced(SnmpTrapSink("console", made, engine, clock), START)


async def tell(made: Announced, *events) -> None:
    for event in events:
        await made.deliver(event, ESTATE)
    await made.close()


@pytest.mark.parametrize(
    ("settings", "user"),
    [
        (V2, None),
        (V3, USER),
        (
            {**V3, "auth": "SHA-512", "priv": "AES-256"},
            V3User("trapper", None, "SHA-512", "authpass1234", "AES-256", "privpass1234"),
        ),
        (
            {"version": "3", "user": "trapper", "auth": "SHA", "auth_password": "authpass1234"},
            V3User("trapper", None, "SHA", "authpass1234"),
        ),
        ({"version": "3", "user": "trapper"}, V3User("trapper")),
    ],
    ids=["v2c", "SHA-256 AES", "SHA-512 AES-256", "SHA authNoPriv", "noAuthNoPriv"],
)
def test_snmptrapd_acknowledges_informs_of_each_version_in_their_order(start_snmptrapd, settings, user):
    receiver = start_snmptrapd(community="trap-c0mmunity", users=[user] if user else [])
    asyncio.run(tell(sink(receiver.port, settings), RAISED, CLEARED, RELOCATION))
    told = receiver.wait_for_many(lambda each: ID in each.varbinds, 3)
    assert [each.varbinds[ID] for each in told] == [RAISED.id, CLEARED.id, RELOCATION.id]
    assert len(receiver.received()) == 4  # with the start, and none twice


def test_a_receiver_that_was_restarted_is_told_with_its_new_clock(start_snmptrapd):
    receiver = start_snmptrapd(users=[USER])

    async def both() -> None:
        made = sink(receiver.port, V3)
        await made.deliver(RAISED, ESTATE)
        await asyncio.to_thread(receiver.stop)
        with pytest.raises(DeliveryError, match=r"Connection refused|no answer"):
            await made.deliver(CLEARED, ESTATE)
        await asyncio.to_thread(receiver.start)
        await tell(made, CLEARED)

    asyncio.run(both())
    receiver.wait_for(lambda each: each.varbinds.get(ID) == CLEARED.id)


def test_a_receiver_that_was_replaced_by_another_engine_is_told(start_snmptrapd):
    first = start_snmptrapd(users=[USER])

    async def both() -> None:
        made = sink(first.port, V3)
        await made.deliver(RAISED, ESTATE)
        await asyncio.to_thread(first.remove)
        second = await asyncio.to_thread(lambda: start_snmptrapd(users=[USER], port=first.port))
        await tell(made, CLEARED)
        second.wait_for(lambda each: each.varbinds.get(ID) == CLEARED.id)

    asyncio.run(both())


@pytest.mark.parametrize(
    ("user", "said"),
    [
        (replace(USER, name="another"), "does not know the user. Create it there, without an engine ID"),
        (replace(USER, auth_password="another-password"), "another authentication password"),
        (replace(USER, auth_protocol="SHA"), "another authentication password"),
        (replace(USER, privacy_protocol="", privacy_password=""), "has not this security level"),
    ],
)
def test_what_is_wrong_with_the_user_is_said(start_snmptrapd, user, said):
    receiver = start_snmptrapd(users=[user])
    with pytest.raises(DeliveryError, match=said):
        asyncio.run(tell(sink(receiver.port, V3), RAISED))


def serving() -> tuple[socket.socket, int]:
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.bind(("127.0.0.1", 0))
    opened.settimeout(5)
    return opened, opened.getsockname()[1]


def response(request: bytes, **changes: int) -> bytes:
    message = decode_message(request)
    assert isinstance(message, CommunityMessage)
    assert isinstance(message.pdu, Pdu)
    return encode_message(
        CommunityMessage(Version.V2C, message.community, replace(message.pdu, type=PduType.RESPONSE, **changes))
    )


def exchange(*answers) -> list[bytes]:
    """Deliver one event without a start to a receiver that answers so; returns what it got."""
    opened, port = serving()
    got: list[bytes] = []

    def serve() -> None:
        for answer in answers:
            data, sender = opened.recvfrom(65535)
            got.append(data)
            for each in answer(data):
                opened.sendto(each, sender)

    async def both() -> None:
        made = Announced(sink(port, {**V2, **QUICK})._sink, None)
        served = asyncio.get_running_loop().run_in_executor(None, serve)
        try:
            await made.deliver(RAISED, ESTATE)
        finally:
            await served
            await made.close()

    with opened:
        asyncio.run(both())
    return got


def test_an_inform_is_repeated_with_the_same_number_until_it_is_answered():
    got = exchange(lambda data: [], lambda data: [response(data)])
    assert got[0] == got[1]


def test_answers_to_something_else_and_garbage_do_not_count():
    others = (lambda d: b"\x30\x03\x02\x01\x07", lambda d: response(d, request_id=77), lambda d: d)
    got = exchange(lambda data: [other(data) for other in others], lambda data: [response(data)])
    assert len(got) == 2


def test_an_error_in_the_answer_is_said():
    with pytest.raises(DeliveryError, match="RESOURCE_UNAVAILABLE"):
        exchange(lambda data: [response(data, error_status=13)])


def test_silence_is_an_error_after_all_repetitions():
    with pytest.raises(DeliveryError, match=r"no answer to 2 informs\. Does it take informs there, and by this comm"):
        exchange(lambda data: [], lambda data: [])


def test_a_receiver_with_another_privacy_password_is_silent_and_that_is_said(start_snmptrapd):
    receiver = start_snmptrapd(users=[USER])
    made = sink(receiver.port, {**V3, "priv_password": "another one", **QUICK})
    with pytest.raises(DeliveryError, match="is it up, and are privacy password and protocol the same on both sides"):
        asyncio.run(tell(made, RAISED))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({**V2, "version": "1"}, "SNMPv1 has no informs"),
        ({**V2, "timeout_s": 60, "retries": 10}, "at most 600 s in all"),
    ],
)
def test_informs_that_cannot_work_are_refused(given, said):
    with pytest.raises(ValueError, match=said):
        SnmpTrapSettings.model_validate({"kind": "snmp", "host": "console", "inform": True, **given})
