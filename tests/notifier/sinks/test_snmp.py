"""Traps as a real snmptrapd receives them, as pysnmp decodes them, and what happens when they cannot be sent."""

from __future__ import annotations

import asyncio
import logging
import socket
from dataclasses import replace

import pytest
from pyasn1.codec.ber import decoder
from pysnmp.proto.api import v2c

from gateway.model.conditions import ConditionKind, Severity, alarm_key
from gateway.model.entities import Alias, EntityKind, EntityRef, KeyNamespace
from gateway.model.errors import DeliveryError
from gateway.model.events import Cause, Event, EventKind
from gateway.model.notices import Notice, NoticeKind
from gateway.model.snapshot import Snapshot
from gateway.model.windows import WindowRef
from gateway.notifier.sinks.announced import Announced
from gateway.notifier.sinks.snmp import SnmpTrapSink
from gateway.notifier.sinks.snmp_settings import SnmpTrapSettings
from gateway.schema.snmp.affected import affected_address
from gateway.schema.snmp.arcs import ENTERPRISE
from gateway.schema.snmp.engine import SnmpEngine, new_engine_id
from gateway.schema.snmp.notifications import (
    CARRIED,
    EVENT_TYPES,
    NOTIFICATION_TYPES,
    RUNBOOK,
    notification_of,
    varbinds_of,
)
from gateway.schema.snmp.syntax import date_and_time
from gateway.schema.snmp.views import Subtrees
from gateway.support.clock import FakeClock
from gateway.wire.oid import format_oid
from gateway.wire.pdu import TrapV1Pdu
from gateway.wire.snmp import decode_message
from tests.lab import snmptrapd
from tests.publishers.snmp import estate

ENGINE_ID = new_engine_id(bytes(range(1, 13)))
ESTATE = estate.snapshot(60)
COLD_START = "1.3.6.1.6.3.1.1.5.1"
TRAP_ADDRESS = "1.3.6.1.6.3.18.1.3.0"
SECRETS = ("trap-c0mmunity", "authpass1234", "privpass1234")


def ref(index: int) -> EntityRef:
    entity = ESTATE.entities.get(index)
    assert entity is not None
    return EntityRef(index, entity.id, entity.kind, entity.name, "fleet", entity.name)


RELOCATION = Event(
    id=estate.uuid(3_000_001),
    at=estate.T0 + 7 * estate.SECOND,
    kind=EventKind.RELOCATION,
    entity=ref(20),
    source="fleet",
    old_host=ref(1),
    new_host=ref(2),
    cause=Cause.LIVE_MIGRATION,
    planned=True,
    live=True,
    members=(ref(21), ref(22)),
    carried=4,
    caused_by=estate.uuid(3_000_000),
    started_at=estate.T0,
    evidence=("fleet says so",),
)
RAISED = Event(
    id=estate.uuid(3_000_002),
    at=estate.T0,
    kind=EventKind.FAILURE_RAISED,
    entity=ref(20),
    source="fleet",
    alarm_key=alarm_key(ConditionKind.CRASHED, ref(20).id),
    condition=ConditionKind.CRASHED,
    severity=Severity.CRITICAL,
    text="vm-00020 has crashed and nobody restarts it",
    remedy="virsh start vm-00020",
)
CLEARED = replace(RAISED, id=estate.uuid(3_000_003), kind=EventKind.FAILURE_CLEARED, remedy="")
V3 = {
    "version": "3",
    "user": "trapper",
    "auth": "SHA-256",
    "auth_password": "authpass1234",
    "priv": "AES",
    "priv_password": "privpass1234",
}
V2 = {"version": "2c", "community": "trap-c0mmunity"}


START = Notice(NoticeKind.COLD_START, estate.uuid(1), estate.T0)


def sink(port: int, settings: dict[str, object], host: str = "127.0.0.1") -> Announced:
    clock = FakeClock()
    engine = SnmpEngine(ENGINE_ID, 5, clock.monotonic())
    clock.advance(12.34)
    made = SnmpTrapSettings.model_validate({"kind": "snmp", "host": host, "port": port, **settings})
    return Announced(SnmpTrapSink("console", made, engine, clock), START)


@pytest.fixture(scope="module")
def console():
    reason = snmptrapd.missing()
    if reason:
        pytest.skip(reason)
    users = [
        snmptrapd.V3User("trapper", ENGINE_ID.hex(), "SHA-256", "authpass1234", "AES", "privpass1234"),
        snmptrapd.V3User("strong", ENGINE_ID.hex(), "SHA-512", "authpass1234", "AES-256", "privpass1234"),
        snmptrapd.V3User("old", ENGINE_ID.hex(), "SHA", "authpass1234"),
    ]
    with snmptrapd.Snmptrapd(community="trap-c0mmunity", users=users) as started:
        yield started


def test_snmptrapd_receives_a_relocation_with_all_its_varbinds(console):
    console.clear()
    asyncio.run(sink(console.port, V2).deliver(RELOCATION, ESTATE))
    trap = console.wait_for(lambda each: each.oid == "1.3.6.1.4.1.32473.7163.0.1")
    assert console.received()[0].oid == COLD_START
    event = "1.3.6.1.4.1.32473.7163.1.7"
    expected = {
        "1.3.6.1.2.1.1.3.0": "1234",
        f"{event}.2.0": "vm-00020",
        f"{event}.3.0": estate.uuid(20),
        f"{event}.4.0": "6",
        f"{event}.5.0": "20",
        f"{event}.6.0": "host-0001",
        f"{event}.7.0": "1",
        f"{event}.8.0": "host-0002",
        f"{event}.9.0": "2",
        f"{event}.10.0": "6",
        f"{event}.11.0": "1",
        f"{event}.12.0": "1",
        f"{event}.13.0": estate.uuid(3_000_001),
        f"{event}.14.0": estate.uuid(3_000_000),
        f"{event}.17.0": "4",
        f"{event}.18.0": "2",
        f"{event}.19.0": "vm-00021,vm-00022",
        f"{event}.25.0": "fleet",
        f"{event}.26.0": "fleet says so",
        TRAP_ADDRESS: "192.0.2.3",
    }
    assert {name: value for name, value in trap.varbinds.items() if name in expected} == expected
    assert trap.octets[f"{event}.15.0"] == bytes((0x07, 0xE7, 11, 14, 22, 13, 27, 0)) + b"+\0\0"
    wanted = [format_oid((*each.oid, 0)) for each in notification_of(EventKind.RELOCATION).objects]
    assert list(trap.varbinds) == ["1.3.6.1.2.1.1.3.0", *wanted, TRAP_ADDRESS]


@pytest.mark.parametrize(
    "settings",
    [
        V3,
        {**V3, "user": "strong", "auth": "SHA-512", "priv": "AES-256"},
        {"version": "3", "user": "old", "auth": "SHA", "auth_password": "authpass1234"},
    ],
    ids=["SHA-256 AES", "SHA-512 AES-256", "SHA authNoPriv"],
)
def test_every_version_tells_a_failure_and_its_end_with_the_same_key(console, settings):
    console.clear()

    async def both() -> None:
        receiver = sink(console.port, settings)
        await receiver.deliver(RAISED, ESTATE)
        await receiver.deliver(CLEARED, ESTATE)
        await receiver.close()

    asyncio.run(both())
    found = [console.wait_for(lambda each, n=n: each.oid.endswith(f"7163.0.{n}")) for n in (4, 5)]
    keys = [next(value for name, value in each.varbinds.items() if name.endswith(".7.1.0")) for each in found]
    assert keys == [RAISED.alarm_key] * 2
    severities = [next(value for name, value in each.varbinds.items() if name.endswith(".7.22.0")) for each in found]
    assert severities == ["3", "1"]
    assert [each.oid for each in console.received()].count(COLD_START) == 1


def receive(settings: dict[str, object], *events: Event) -> list[bytes]:
    """The datagrams that these events become."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(5)

        async def send() -> None:
            made = sink(receiver.getsockname()[1], settings)
            for event in events:
                await made.deliver(event, ESTATE)
            await made.close()

        asyncio.run(send())
        return [receiver.recv(65535) for _ in range(len(events) + 1)]


def test_snmptrapd_receives_v1_traps_too(console):
    console.clear()
    asyncio.run(sink(console.port, {**V2, "version": "1"}).deliver(RAISED, ESTATE))
    key = "1.3.6.1.4.1.32473.7163.1.7.1.0"
    assert console.wait_for(lambda each: key in each.varbinds).varbinds[key] == RAISED.alarm_key


def test_a_v1_trap_names_the_same_notification_and_the_concerned_host():
    start, raised = (decode_message(each).pdu for each in receive({**V2, "version": "1"}, RAISED))
    assert isinstance(start, TrapV1Pdu)
    assert isinstance(raised, TrapV1Pdu)
    assert (start.generic_trap, start.specific_trap) == (0, 0)
    assert (raised.generic_trap, raised.specific_trap) == (6, 4)
    assert raised.enterprise == (1, 3, 6, 1, 4, 1, 32473, 7163)
    assert raised.time_stamp_ticks == 1234
    placement = ESTATE.placements.get(20)
    assert raised.agent_addr == bytes((192, 0, 2, placement.host + 1))


@pytest.mark.parametrize("kind", list(EventKind))
def test_pysnmp_decodes_every_kind_of_notification_with_its_objects_in_order(kind):
    event = replace(RELOCATION, kind=kind, alarm_key="key", condition=ConditionKind.BLOCKED, text="text", remedy="cure")
    _, datagram = receive(V2, event)
    message, rest = decoder.decode(datagram, asn1Spec=v2c.Message())
    assert not rest
    varbinds = v2c.apiTrapPDU.get_varbinds(v2c.apiMessage.get_pdu(message))
    names = [tuple(name) for name, _ in varbinds]
    wanted = notification_of(kind)
    assert names[2:-1] == [(*each.oid, 0) for each in wanted.objects]
    assert tuple(varbinds[1][1]) == wanted.oid
    assert tuple(varbinds[-1][1].asOctets()) == (192, 0, 2, 3)


def test_every_notification_type_belongs_to_one_kind_of_event():
    told = {notification_of(kind).name for kind in EventKind}
    assert told == {each.name for each in EVENT_TYPES}
    assert {each.name for each in NOTIFICATION_TYPES} - told == {"topologyHeartbeat", "topologyTest", "topologySummary"}


def test_a_long_list_of_members_is_cut_to_the_size_of_the_mib():
    event = replace(RELOCATION, members=tuple(replace(ref(21), name=f"member-{n:05d}") for n in range(1_000)))
    members = {varbind.oid[-2]: varbind.value.value for varbind in varbinds_of(event)}
    assert len(members[19]) <= 1020
    assert members[18] == 1_000


def with_address(index: int, *addresses: str) -> Snapshot:
    entity = ESTATE.entities.get(index)
    aliases = tuple(Alias(KeyNamespace.IP_ADDRESS, address) for address in addresses)
    return replace(ESTATE, entities=ESTATE.entities.evolve({index: replace(entity, aliases=aliases)}))


def test_the_concerned_host_is_where_the_entity_is_now_or_else_the_entity_or_where_it_was():
    assert affected_address(RELOCATION, ESTATE) == bytes((192, 0, 2, 3))
    without = with_address(2)
    assert affected_address(RELOCATION, without) == bytes((192, 0, 2, 2))
    assert affected_address(RELOCATION, replace(without, entities=without.entities.evolve({1: None}))) is None
    node = replace(RAISED, entity=EntityRef(3, estate.uuid(3), EntityKind.PHYSICAL_HOST, "host-0003", "fleet", "x"))
    assert affected_address(node, ESTATE) == bytes((192, 0, 2, 4))
    assert affected_address(node, with_address(3, "::1", "127.0.0.1", "198.51.100.9")) == bytes((198, 51, 100, 9))


def test_without_a_known_address_the_gateway_gives_its_own():
    with_none = replace(RAISED, entity=replace(ref(20), index=9_999))
    _, datagram = receive(V2, with_none)
    message, _ = decoder.decode(datagram, asn1Spec=v2c.Message())
    varbinds = v2c.apiTrapPDU.get_varbinds(v2c.apiMessage.get_pdu(message))
    assert tuple(varbinds[-1][1].asOctets()) == (127, 0, 0, 1)


def test_a_receiver_that_is_not_there_is_an_error_and_is_tried_again(console):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    async def attempt() -> None:
        receiver = sink(port, V2)
        for _ in range(2):
            with pytest.raises(DeliveryError, match=rf"^127.0.0.1 port {port}: Connection refused"):
                await receiver.deliver(RELOCATION, ESTATE)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as later:
            later.bind(("127.0.0.1", port))
            later.settimeout(5)
            await receiver.deliver(RELOCATION, ESTATE)
            assert later.recv(65535)
            assert later.recv(65535)
        await receiver.close()

    asyncio.run(attempt())


def test_a_name_that_means_nothing_is_an_error_that_names_the_setting():
    with pytest.raises(DeliveryError, match=r"no-such-host.invalid.*Correct receivers.console.host"):
        asyncio.run(sink(162, V2, "no-such-host.invalid").deliver(RELOCATION, ESTATE))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"version": "2c"}, "needs a community"),
        ({"version": "3"}, "needs a user"),
        ({**V3, "community": "x"}, "has no community"),
        ({**V2, "user": "x"}, "has no user"),
        ({**V3, "priv_password": "short"}, "too short"),
    ],
)
def test_settings_that_cannot_work_are_refused(given, said):
    with pytest.raises(ValueError, match=said):
        SnmpTrapSettings.model_validate({"kind": "snmp", "host": "console", **given})


def test_no_secret_is_in_logs_reprs_or_errors(caplog):
    caplog.set_level(logging.DEBUG)
    shown = ""
    for settings in (V2, V3):
        made = sink(1, settings)
        with pytest.raises(DeliveryError) as failure:
            asyncio.run(made.deliver(RELOCATION, ESTATE))
        shown += repr(made) + repr(vars(made)) + str(failure.value)
    for secret in SECRETS:
        assert secret not in shown + caplog.text


def test_a_runbook_is_filled_in_for_the_kind_and_the_condition():
    template = "https://wiki.example/{kind}/{condition}"
    runbooks = [
        each.value.value
        for event in (RAISED, RELOCATION)
        for each in varbinds_of(event, template)
        if each.oid == (*RUNBOOK.oid, 0)
    ]
    assert runbooks == [b"https://wiki.example/failure_raised/crashed", b"https://wiki.example/relocation/"]
    without = {each.oid: each.value for each in varbinds_of(RAISED)}
    assert without[(*RUNBOOK.oid, 0)].value == b""


def test_every_notification_begins_with_the_same_objects_a_stable_key_first():
    commons = {tuple(each.name for each in notification_of(kind).objects[:20]) for kind in EventKind}
    assert len(commons) == 1
    assert next(iter(commons))[:4] == ("topoEventAlarmKey", "topoEventId", "topoEventSequence", "topoEventSeverity")
    (key,) = (each.value.value for each in varbinds_of(RELOCATION)[:1])
    assert key == f"relocation:{RELOCATION.entity.id}".encode()


def seeing(port: int, view: Subtrees, **more: object) -> SnmpTrapSink:
    clock = FakeClock()
    given = {"kind": "snmp", "host": "127.0.0.1", "port": port, "view": "narrow", **V2, **more}
    engine = SnmpEngine(ENGINE_ID, 5, clock.monotonic())
    return SnmpTrapSink("console", SnmpTrapSettings.model_validate(given), engine, clock, view)


def test_what_is_outside_the_view_of_a_receiver_is_refused_and_never_sent(console):
    console.clear()
    view = Subtrees(((1, 3),), (notification_of(EventKind.FAILURE_RAISED).oid,))

    async def both() -> None:
        made = seeing(console.port, view)
        assert not made.takes(EventKind.FAILURE_RAISED)
        with pytest.raises(DeliveryError, match=r"'narrow' does not include 1\.3\.6\.1\.4\.1\.32473\.7163\.0\.4\."):
            await made.deliver(RAISED, ESTATE)
        assert made.takes(EventKind.FAILURE_CLEARED)
        await made.deliver(CLEARED, ESTATE)
        await made.close()

    asyncio.run(both())
    console.wait_for(lambda each: each.oid.endswith("7163.0.5"))
    assert [each.oid for each in console.received()] == [format_oid(notification_of(EventKind.FAILURE_CLEARED).oid)]


def test_a_notification_is_outside_a_view_that_lacks_one_of_its_objects():
    made = seeing(162, Subtrees(((1, 3),), (CARRIED.oid,)))
    assert not made.takes(EventKind.RELOCATION)
    assert made.takes(EventKind.FAILURE_RAISED)  # which says nothing of what was carried
    assert made.takes(NoticeKind.TEST)
    assert not seeing(162, Subtrees(((1, 3),), (RUNBOOK.oid,))).takes(EventKind.FAILURE_RAISED)


async def test_a_test_that_the_view_leaves_out_fails_and_names_the_view():
    made = seeing(162, Subtrees(((1, 3, 6, 1, 2, 1, 1),)))
    with pytest.raises(DeliveryError, match=r"kind test is not sent.* \[publishers\.snmp\.views\.narrow\]"):
        await made.tell(Notice(NoticeKind.TEST, estate.uuid(2), estate.T0, "A test"))


def test_a_view_of_our_mib_alone_gets_notifications_without_the_address(console):
    console.clear()

    async def one() -> None:
        made = seeing(console.port, Subtrees((ENTERPRISE,)))
        await made.deliver(RAISED, ESTATE)
        await made.close()

    asyncio.run(one())
    trap = console.wait_for(lambda each: each.oid.endswith("7163.0.4"))
    assert TRAP_ADDRESS not in trap.varbinds


@pytest.mark.parametrize(
    ("family", "host", "agent"),
    [(socket.AF_INET, "127.0.0.1", bytes((127, 0, 0, 1))), (socket.AF_INET6, "::1", bytes(4))],
    ids=["IPv4", "IPv6"],
)
def test_a_v1_trap_that_may_not_name_the_concerned_host_names_the_gateway(family, host, agent):
    with socket.socket(family, socket.SOCK_DGRAM) as receiver:
        receiver.bind((host, 0))
        receiver.settimeout(5)
        port = receiver.getsockname()[1]

        async def one() -> None:
            made = seeing(port, Subtrees((ENTERPRISE,)), host=host, version="1")
            await made.deliver(RAISED, ESTATE)
            await made.close()

        asyncio.run(one())
        trap = decode_message(receiver.recv(65535)).pdu
    assert isinstance(trap, TrapV1Pdu)
    assert trap.agent_addr == agent


def test_what_happens_in_a_planned_window_says_so_and_has_the_start_as_its_root():
    window = WindowRef(7, "kernel update", estate.uuid(3_000_009), estate.T0 + 3600 * estate.SECOND)
    failed = {
        each.name: each.value(replace(RAISED, planned=True, window=window))
        for each in notification_of(RAISED.kind).objects
    }
    assert failed["topoEventText"] == f'{RAISED.text} (planned by the window "kernel update")'
    assert (failed["topoEventCausedBy"], failed["topoEventPlanned"]) == (window.event_id, True)
    moved = {
        each.name: each.value(replace(RELOCATION, window=window)) for each in notification_of(RELOCATION.kind).objects
    }
    assert moved["topoEventText"].endswith('live migration, planned by the window "kernel update"')
    assert moved["topoEventCausedBy"] == RELOCATION.caused_by


def test_start_and_end_of_a_planned_window_have_the_same_objects_and_its_end():
    window = WindowRef(7, "kernel update", estate.uuid(3_000_009), estate.T0 + 3600 * estate.SECOND)
    start = replace(RAISED, kind=EventKind.WINDOW_STARTED, alarm_key="plannedWindow:x", condition=None, window=window)
    end = replace(start, kind=EventKind.WINDOW_ENDED, caused_by=window.event_id)
    told = [[(bind.oid, bind.value) for bind in varbinds_of(event)] for event in (start, end)]
    assert [oid for oid, _ in told[0]] == [oid for oid, _ in told[1]]
    assert told[0][0] == told[1][0]  # the key
    assert told[0][-1][1].value == date_and_time(window.ends_at)
