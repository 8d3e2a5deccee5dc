"""topoLayerTable and topoImpactTable say what `where` and `impact` answer, also after something has changed."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from gateway.model.entities import EntityKind, EntityState
from gateway.model.rows import SourceState
from gateway.model.shelf import Buckets
from gateway.model.snapshot import Snapshot, scope_key
from gateway.publishers.snmp.render import Renderer
from gateway.schema.snmp.enums import VERDICT_REASONS, VERDICTS, LayerEffect, LayerStatus
from gateway.schema.snmp.layers import HOSTS
from gateway.schema.snmp.syntax import date_and_time
from gateway.schema.snmp.tables import ALARM_TABLE, ENTITY_TABLE, IMPACT_TABLE, LAYER_TABLE, WHERE_TABLE
from gateway.topology.hops import WhereStatus, walk_hops
from gateway.topology.impact import impact
from gateway.topology.lookup import resolve
from gateway.topology.spread import Effect
from gateway.topology.where import where
from gateway.wire.values import Gauge32, Integer, ObjectIdentifier, OctetString
from tests.publishers.snmp import estate, running
from tests.publishers.snmp.asking import Asker
from tests.topology.estate import Estate, three_hosts
from tests.topology.test_verdicts import house
from tests.topology.test_where_silent import estate as two_hosts

NOW = time.time_ns() // 1000
SECOND = 1_000_000
ENTITY_ID = ENTITY_TABLE.column_oid(ENTITY_TABLE.columns[0])
LAYER = {column.name: LAYER_TABLE.column_oid(column) for column in LAYER_TABLE.columns}
IMPACT = {column.name: IMPACT_TABLE.column_oid(column) for column in IMPACT_TABLE.columns}


def reads(before: Snapshot, **times: int) -> Snapshot:
    """When each source was read last."""
    return replace(before, freshness=before.freshness.evolve({scope_key(name, ""): at for name, at in times.items()}))


def layer(asker: Asker, column: str, index: int) -> object:
    return asker.get((*LAYER[f"topoLayer{column}"], index)).value


def text(value: str) -> OctetString:
    return OctetString(value.encode())


JUDGED = ("Effect", "Reason", "Verdict", "VerdictReason", "Destination", "DestinationName")


def impacts(asker: Asker) -> dict[tuple[int, int], tuple[object, ...]]:
    """(host, affected) -> what is judged of it."""
    columns = [asker.walk(IMPACT[f"topoImpact{name}"]) for name in JUDGED]
    return {row[0].oid[-2:]: tuple(cell.value for cell in row) for row in zip(*columns, strict=True)}


def expected_impacts(snapshot: Snapshot) -> dict[tuple[int, int], tuple[object, ...]]:
    found = {}
    for host in snapshot.all_entities():
        if host.kind in HOSTS:
            for one in impact(snapshot, [host], 0).affected:
                key = (host.index, one.entity.index)
                where = one.destination
                found[key] = (
                    Integer(LayerEffect[one.effect.name]),
                    text(one.reason),
                    Integer(VERDICTS[one.verdict]),
                    Integer(VERDICT_REASONS[one.verdict_reason]),
                    Gauge32(where.index if where else 0),
                    text(where.name if where else ""),
                )
    return found


def agree(asker: Asker, snapshot: Snapshot) -> None:
    for entity in snapshot.all_entities():
        answer = where(snapshot, entity, 0)
        assert layer(asker, "Status", entity.index) == Integer(LayerStatus[answer.status.name])
        assert layer(asker, "Text", entity.index) == text(answer.said)
        hosts = {hop.entity.index for hop in walk_hops(answer.below) if hop.entity.kind is EntityKind.PHYSICAL_HOST}
        hosts |= {entity.index} if entity.kind is EntityKind.PHYSICAL_HOST else set()
        if not answer.machines:
            assert layer(asker, "HostIndex", entity.index) == Gauge32(hosts.pop() if len(hosts) == 1 else 0)
    assert impacts(asker) == expected_impacts(snapshot)


def test_one_get_answers_where_something_is_down_to_the_site():
    snapshot = three_hosts().snapshot()
    asker = Asker(running.make(running.Holder(snapshot)))
    vip = resolve(snapshot, "vip").index
    said = {name: layer(asker, name, vip) for name in ("NodeName", "GuestName", "VmName", "HypervisorName", "HostName")}
    assert list(said.values()) == [text(name) for name in ("n1", "os1", "vm1", "alpha", "alpha")]
    assert (layer(asker, "RackName", vip), layer(asker, "SiteName", vip)) == (text("r1"), text("hq"))
    assert layer(asker, "VmIndex", vip) == Gauge32(resolve(snapshot, "vm:vm1").index)


def test_what_is_in_several_places_has_all_names_and_no_index():
    snapshot = three_hosts().snapshot()
    asker = Asker(running.make(running.Holder(snapshot)))
    spread = next(e for e in snapshot.all_entities() if where(snapshot, e, 0).status is WhereStatus.SPREAD)
    assert layer(asker, "Status", spread.index) == Integer(LayerStatus.SPREAD)
    value = layer(asker, "NodeName", spread.index)
    assert isinstance(value, OctetString)
    assert b", " in value.value
    assert layer(asker, "NodeIndex", spread.index) == Gauge32(0)


def test_both_tables_agree_with_topology():
    snapshot = three_hosts().snapshot()
    agree(Asker(running.make(running.Holder(snapshot))), snapshot)


def unplaced(estate: Estate) -> None:
    estate.unplace("ha_node:n1")


def in_standby(estate: Estate) -> None:
    estate.change("ha_node:n3", state=EntityState.STANDBY)


def unanswered(estate: Estate) -> None:
    estate.source("c1", "pacemaker", state=SourceState.STALE)


@pytest.mark.parametrize(
    "change",
    [unplaced, in_standby, unanswered],
    ids=["a node is matched to no guest any more", "one node is left for a resource", "a cluster does not answer"],
)
def test_after_a_change_both_tables_are_as_if_made_anew(change):
    estate = house()
    holder = running.Holder(estate.snapshot())
    asker = Asker(running.make(holder))
    agree(asker, holder.snapshot)
    change(estate)
    holder.snapshot = estate.snapshot()
    agree(asker, holder.snapshot)


def test_what_runs_on_a_host_that_falls_silent_was_last_there_until_it_answers():
    house = two_hosts()
    heard, silent = two_hosts(silent=()).snapshot, house.snapshot
    holder = running.Holder(heard)
    asker = Asker(running.make(holder))
    v1, v2 = (resolve(silent, name).index for name in ("v1", "v2"))
    told = []
    for holder.snapshot in (heard, silent, heard):
        agree(asker, holder.snapshot)
        told.append([layer(asker, "Status", vm) for vm in (v1, v2)])
    placed, last_known = Integer(LayerStatus.PLACED), Integer(LayerStatus.LAST_KNOWN)
    assert told == [[placed, placed], [last_known, placed], [placed, placed]]


def test_a_row_is_as_old_as_the_oldest_read_that_it_rests_on():
    before = estate.snapshot(30, alarms=0)
    vm, host = 12, before.placements.get(12).host
    assert before.records.get(vm).source == "declared"
    assert before.records.get(host).source == "fleet"
    holder = running.Holder(reads(before, declared=NOW - SECOND, fleet=NOW - 9 * SECOND))
    asker = Asker(running.make(holder))
    assert layer(asker, "LastRead", vm) == OctetString(date_and_time(NOW - 9 * SECOND))
    holder.snapshot = reads(before, declared=NOW - SECOND, fleet=NOW)
    assert layer(asker, "LastRead", vm) == OctetString(date_and_time(NOW - SECOND))


def test_what_a_loss_affects_is_as_old_as_what_tells_of_it():
    before = three_hosts().snapshot()
    scopes = {scope_key(record.source, record.scope) for _, record in before.records.rows()}
    one = sorted(scopes)[0]
    holder = running.Holder(
        replace(before, freshness=Buckets().evolve({**dict.fromkeys(scopes, NOW), one: NOW - SECOND}))
    )
    asker = Asker(running.make(holder))
    told = {varbind.value for varbind in asker.walk(IMPACT["topoImpactLastRead"])}
    assert told == {OctetString(date_and_time(NOW)), OctetString(date_and_time(NOW - SECOND))}


def test_a_row_whose_source_is_silent_says_so_and_an_unread_one_has_no_time():
    before = estate.snapshot(30, alarms=0)
    by_declared, by_fleet, now = 12, 10, time.time_ns() // 1000
    holder = running.Holder(reads(before, declared=now - SECOND, fleet=now))
    asker = Asker(running.make(holder))
    said = {vm: layer(asker, "Stale", vm) for vm in (by_declared, by_fleet)}
    assert said == {by_declared: Integer(1), by_fleet: Integer(2)}
    holder.snapshot = reads(before, declared=now, fleet=now - 100 * SECOND)
    assert layer(asker, "Stale", by_fleet) == Integer(1)
    holder.snapshot = replace(before, freshness=Buckets())
    assert layer(asker, "LastRead", by_fleet) == OctetString(bytes(8))


def test_a_read_without_news_makes_no_row_anew_but_its_time():
    before = estate.snapshot(30, alarms=0)
    holder = running.Holder(reads(before, declared=NOW, fleet=NOW - SECOND))
    publisher = running.make(holder)
    asker = Asker(publisher)
    asker.walk(LAYER["topoLayerText"])
    table = next(each for each in publisher.renderer.tables if each.table is LAYER_TABLE)
    rows = table.shard_rows(0)
    holder.snapshot = reads(before, declared=NOW, fleet=NOW)
    assert layer(asker, "LastRead", 10) == OctetString(date_and_time(NOW))
    assert table.shard_rows(0) is rows


def test_a_pointer_leads_to_the_row_of_the_entity():
    snapshot = estate.snapshot(30, alarms=2)
    asker = Asker(running.make(running.Holder(snapshot)))
    placement, alarm = snapshot.placements.get(12), snapshot.alarms.get(1)
    where_pointer = (*WHERE_TABLE.column_oid(WHERE_TABLE.columns[-1]), 12)
    assert asker.get(where_pointer).value == ObjectIdentifier((*ENTITY_ID, placement.host))
    alarm_pointer = (*ALARM_TABLE.column_oid(ALARM_TABLE.columns[-2]), 1)
    assert asker.get(alarm_pointer).value == ObjectIdentifier((*ENTITY_ID, alarm.entity))
    assert asker.get((*ENTITY_ID, placement.host)).value == text(estate.uuid(placement.host))


def test_every_word_of_topology_has_its_number():
    assert {each.name for each in WhereStatus} == {each.name for each in LayerStatus}
    assert {each.name for each in Effect} == {each.name for each in LayerEffect}


def test_what_nobody_reads_is_not_worked_out():
    renderer = Renderer()
    renderer.use(three_hosts().snapshot())
    assert not any(column.segments for column in renderer.columns)
