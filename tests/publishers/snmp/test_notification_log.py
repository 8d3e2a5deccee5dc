"""NOTIFICATION-LOG-MIB: a console that was away fetches each notification with its variables, and what was bumped."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from gateway.model.conditions import RULES, ConditionKind
from gateway.model.events import Event, EventKind
from gateway.model.snapshot import Snapshot
from gateway.notifier.sinks.snmp import SnmpTrapSink
from gateway.notifier.sinks.snmp_settings import SnmpTrapSettings
from gateway.publishers.snmp import SnmpPublisher
from gateway.publishers.snmp.recent import KEPT
from gateway.schema.snmp.affected import affected_address
from gateway.schema.snmp.engine import SnmpEngine
from gateway.schema.snmp.notification_log import LOG, LOG_MIB, LOG_TABLES
from gateway.schema.snmp.notifications import RUNBOOK, notification_of, varbinds_of
from gateway.schema.snmp.targets import Target
from gateway.support.clock import FakeClock
from gateway.wire.ber import Oid
from gateway.wire.oid import format_oid
from gateway.wire.pdu import PduType
from gateway.wire.translation import SNMP_TRAP_ADDRESS
from gateway.wire.values import Counter32, Integer, IpAddress, ObjectIdentifier, OctetString, TimeTicks, Value
from tests.lab import snmptrapd
from tests.publishers.snmp import estate, netsnmp, running
from tests.publishers.snmp.asking import Asker
from tests.publishers.snmp.test_recent import ref, relocation

DOCUMENT = Path(__file__).parents[3] / "docs" / "snmp.md"
LOGGED, BUMPED = (*LOG_MIB, 2, 1, 0), (*LOG_MIB, 2, 2, 0)
COLUMNS = {column.name: table.column_oid(column) for table in LOG_TABLES for column in table.columns}
RUNBOOK_NAME = (*RUNBOOK.oid, 0)
ID, TYPE = COLUMNS["nlmLogVariableID"], COLUMNS["nlmLogVariableValueType"]


def publisher() -> SnmpPublisher:
    return running.make(running.Holder(estate.snapshot(30)))


def raised(seq: int) -> Event:
    rule = RULES[ConditionKind.CRASHED]
    return Event(
        id=estate.uuid(6_000_000 + seq),
        at=estate.T0 + seq,
        kind=EventKind.FAILURE_RAISED,
        entity=ref(20),
        source="fleet",
        condition=ConditionKind.CRASHED,
        severity=rule.severity,
        alarm_key="crashed:x",
        text="is gone",
        remedy="virsh start",
        seq=seq,
    )


def fetched(asker: Asker) -> dict[int, list[tuple[Oid, Value]]]:
    """What a console reads: each notification with its variables in order, each with the one value it has."""
    names = {varbind.oid[-2:]: varbind.value for varbind in asker.walk(ID)}
    values: dict[Oid, Value] = {}
    for name, column in COLUMNS.items():
        if name.endswith("Val"):
            for varbind in asker.walk(column):
                assert varbind.oid[-2:] not in values
                values[varbind.oid[-2:]] = varbind.value
    assert values.keys() == names.keys()
    found: dict[int, list[tuple[Oid, Value]]] = {}
    for place, name in names.items():
        assert isinstance(name, ObjectIdentifier)
        found.setdefault(place[0], []).append((name.value, values[place]))
    return found


def test_each_notification_is_there_as_it_was_sent():
    served = publisher()
    asker = Asker(served)
    events = [relocation(62), raised(63), relocation(64), relocation(700)]
    served.remember(events)
    shown = fetched(asker)
    for event in events:
        address = affected_address(event, estate.snapshot(30))
        assert address is not None
        told = [(varbind.oid, varbind.value) for varbind in varbinds_of(event)]
        assert shown.pop(event.seq) == [*told, (SNMP_TRAP_ADDRESS, IpAddress(address))]
    assert not shown
    told = {varbind.oid[-1]: varbind.value for varbind in asker.walk(COLUMNS["nlmLogNotificationID"])}
    assert told == {event.seq: ObjectIdentifier(notification_of(event.kind).oid) for event in events}


def test_the_runbook_is_there_as_long_as_those_receivers_that_have_one_are_told_the_same():
    served = publisher()
    asker = Asker(served)
    served.remember([raised(63)])
    wiki, other = "https://wiki.example/{kind}/{condition}", "https://other.example/"
    for told, shown in (
        ([], b""),
        ([wiki], b"https://wiki.example/failure_raised/crashed"),
        ([wiki, other], b""),
        (["", other, other], b"https://other.example/"),
    ):
        served.show_targets(receiver(str(number), url) for number, url in enumerate(told))
        assert dict(fetched(asker)[63])[RUNBOOK_NAME] == OctetString(shown)


def receiver(name: str, runbook_url: str) -> Target:
    table = {"kind": "snmp", "host": "192.0.2.1", "community": "c", "runbook_url": runbook_url}
    return SnmpTrapSettings.model_validate(table).target(name)


def test_a_variable_says_of_which_type_its_value_is():
    served = publisher()
    asker = Asker(served)
    served.remember([relocation(62)])
    types = {varbind.oid[-2:]: varbind.value for varbind in asker.walk(TYPE)}
    for number, name in ((2, "Unsigned32"), (4, "Integer32"), (6, "OctetString")):
        of_it = {varbind.oid[-2:] for varbind in asker.walk(COLUMNS[f"nlmLogVariable{name}Val"])}
        assert of_it == {place for place, value in types.items() if value == Integer(number)} != set()


def test_what_is_in_the_log_only_was_no_notification():
    served = publisher()
    served.remember([replace(relocation(62), notify=False), relocation(63)])
    assert [varbind.oid[-1] for varbind in Asker(served).walk(COLUMNS["nlmLogNotificationID"])] == [63]


def test_an_entry_of_before_the_start_has_the_time_0_and_counts_nowhere():
    served = publisher()
    asker = Asker(served)
    now = time.time_ns() // 1000
    served.remember([relocation(62), replace(relocation(63), at=now + 7_000_000)])
    before, after = (varbind.value for varbind in asker.walk(COLUMNS["nlmLogTime"]))
    assert before == TimeTicks(0)
    assert isinstance(after, TimeTicks)
    assert 690 <= after.value <= 1200
    assert asker.get(LOGGED).value == Counter32(1)


def test_what_leaves_to_make_room_is_counted():
    served = publisher()
    asker = Asker(served)
    served.remember(relocation(number) for number in range(1, KEPT + 11))
    assert len(asker.walk(COLUMNS["nlmLogTime"])) == KEPT
    assert asker.get(BUMPED).value == Counter32(10)


def test_the_log_is_bounded_by_what_its_configuration_says():
    asker = Asker(publisher())
    row = {varbind.oid[len(LOG_MIB) + 2 :]: varbind.value for varbind in asker.walk((*LOG_MIB, 1, 3))}
    assert [value.value for value in row.values()] == [b"all", KEPT, 1, 2, 5, 1]
    assert asker.get((*LOG_MIB, 1, 1, 0)).value.value == KEPT
    profile = (3, *b"all", 1, 3)
    assert asker.get((1, 3, 6, 1, 6, 3, 13, 1, 3, 1, 3, *profile)).value == Integer(1)


def test_a_table_that_nobody_walks_costs_nothing():
    served = publisher()
    served.remember(relocation(number) for number in range(1, 200))
    Asker(served).get(LOGGED)
    tables = [table for table in served.renderer.tables if table.table in LOG_TABLES]
    assert len(tables) == len(LOG_TABLES)
    assert not any(table._shards or any(column.segments for column in table.columns) for table in tables)


def test_a_walk_while_events_come_never_goes_back_and_ends():
    served = publisher()
    asker = Asker(served)
    served.remember(relocation(number) for number in range(1, 400))
    oid = LOG
    for seq in range(400, 2000):
        found = asker.varbinds(PduType.GET_BULK, oid, numbers=(0, 50))
        assert [varbind.oid for varbind in found] == sorted({varbind.oid for varbind in found})
        assert found[0].oid > oid
        oid = found[-1].oid
        if oid[: len(LOG)] != LOG:
            return
        served.remember([relocation(seq)])
    raise AssertionError("the walk does not end")


def test_net_snmp_reads_the_log():
    netsnmp.require()
    with running.running(running.Holder(estate.snapshot(30))) as served:
        served.remember([relocation(62), raised(63)])
        said = netsnmp.ask("snmpbulkwalk", served.addresses[0][1], "-On", ".1.3.6.1.2.1.92.1.3")
    assert ".1.3.6.1.2.1.92.1.3.1.1.9.0.63 = OID: .1.3.6.1.4.1.32473.7163.0.4" in said
    assert '.1.3.6.1.2.1.92.1.3.2.1.8.0.63.1 = STRING: "crashed:x"' in said


def test_the_documented_walk_reads_what_came_after_the_last_number_known():
    netsnmp.require()
    documented = re.search(r"`snmpwalk \.\.\. (-CE \S+) gateway:1161 (\S+)\.4711`", DOCUMENT.read_text())
    assert documented is not None
    with running.running(running.Holder(estate.snapshot(30))) as served:
        served.remember([relocation(62), raised(63), relocation(64), relocation(700)])
        target = f"127.0.0.1:{served.addresses[0][1]}"
        begin = ("-v2c", "-c", "public", "-On", *documented[1].split())
        said = netsnmp.call("snmpwalk", *begin, target, f"{documented[2]}.63")
    assert re.findall(r"^\.1\.3\.6\.1\.2\.1\.92\.1\.3\.1\.1\.9\.0\.(\d+) = OID: ", said, re.MULTILINE) == ["64", "700"]
    assert len(said.splitlines()) == 2


def test_a_console_fetches_the_variables_that_snmptrapd_got_with_the_address_of_the_host():
    reason = snmptrapd.missing()
    if reason:
        pytest.skip(reason)
    holder = running.Holder(estate.snapshot(30))
    settings = {"kind": "snmp", "host": "127.0.0.1", "version": "2c", "community": "c"}
    with snmptrapd.Snmptrapd(community="c") as console:
        clock = FakeClock()
        given = SnmpTrapSettings.model_validate({**settings, "port": console.port})
        engine = SnmpEngine(running.ENGINE_ID, 1, clock.monotonic())

        async def send() -> None:
            sink = SnmpTrapSink("console", given, engine, clock)
            await sink.deliver(raised(63), holder.snapshot)
            await sink.close()

        asyncio.run(send())
        got = console.wait_for(lambda each: each.oid.endswith("7163.0.4"))
    served = running.make(holder)
    served.remember([raised(63)])
    holder.snapshot = Snapshot()  # what was told stays as it was told
    log = {format_oid(name): value for name, value in fetched(Asker(served))[63]}
    assert list(log) == [name for name in got.varbinds if name not in LEADING]
    address = log[ADDRESS]
    assert isinstance(address, IpAddress)
    assert str(IPv4Address(address.value)) == got.varbinds[ADDRESS] != "127.0.0.1"


LEADING = ("1.3.6.1.2.1.1.3.0", "1.3.6.1.6.3.1.1.4.1.0")
ADDRESS = "1.3.6.1.6.3.18.1.3.0"
