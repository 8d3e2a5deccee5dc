"""What is encoded again after a change, and what is not; the order of rows across shards and gaps."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.model.rows import SourceState
from gateway.model.snapshot import Snapshot, scope_key
from gateway.publishers.snmp.render import Renderer, TableColumn
from gateway.topology.ages import entity_is_stale
from gateway.wire.pdu import PduType
from tests.publishers.snmp import estate, running
from tests.publishers.snmp.asking import Asker

HOLES = range(100, 400)


def column(renderer: Renderer, name: str) -> TableColumn:
    for table in renderer.tables:
        for described, served in zip(table.table.columns, table.columns, strict=True):
            if described.name == name:
                return served
    raise AssertionError(name)


def blobs(renderer: Renderer, snapshot: Snapshot) -> dict[tuple[tuple[int, ...], int], bytes]:
    """Every segment there is, read."""
    renderer.use(snapshot)
    return {(c.prefix, n): c.refresh(n).blob for c in renderer.columns for n in range(c.count)}


def segments(renderer: Renderer) -> dict[tuple[tuple[int, ...], int], int]:
    return {(c.prefix, n): id(segment) for c in renderer.columns for n, segment in c.segments.items()}


def test_nothing_is_encoded_until_somebody_reads():
    renderer = Renderer()
    renderer.use(estate.snapshot(300))
    assert segments(renderer) == {}


def test_a_move_encodes_the_changed_columns_of_one_shard_again_and_nothing_else():
    before = estate.snapshot(2_000)
    vm = 1_500
    renderer = Renderer()
    blobs(renderer, before)
    known = segments(renderer)
    after = estate.moved(before, vm, to=7)
    changed_blobs = blobs(renderer, after)
    changed = {place for place, identity in segments(renderer).items() if known[place] != identity}
    names = {
        served.prefix: d.name for t in renderer.tables for d, served in zip(t.table.columns, t.columns, strict=True)
    }
    impact = {(names[prefix], number) for prefix, number in changed if names[prefix].startswith("topoImpact")}
    where = {(names[prefix], number) for prefix, number in changed} - impact
    shard = vm >> 6
    assert {number for _, number in impact} == {before.placements.get(vm).host, 7}
    assert {name for name, number in where if number == shard} == {name for name, _ in where}
    assert {name for name, _ in where if name.startswith("topoWhere")} == {
        "topoWhereHostIndex",
        "topoWhereHostName",
        "topoWhereHostPointer",
        "topoWhereSince",
    }
    assert not {name for name, _ in where if name.startswith("topoEntity")}
    assert changed_blobs == blobs(Renderer(), after)


def judged(renderer: Renderer) -> dict[int, list[object]]:
    """Hosts of which it was worked out what their loss affects -> what was made of each."""
    return {number: segment.rows for number, segment in column(renderer, "topoImpactVerdict").segments.items()}


def test_a_read_works_out_the_loss_of_the_hosts_whose_rows_it_hands_out_and_of_no_other():
    holder = running.Holder(estate.snapshot(2_000))
    publisher = running.make(holder)
    verdict = column(publisher.renderer, "topoImpactVerdict")
    found = Asker(publisher).varbinds(PduType.GET_BULK, (*verdict.prefix, 40), numbers=(0, 10))
    assert {varbind.oid[-2] for varbind in found} == {40}
    assert len(found) == 10
    assert judged(publisher.renderer).keys() == {40}


def test_the_loss_of_a_host_is_worked_out_again_only_when_something_on_it_has_changed():
    before = estate.snapshot(2_000)
    vm, neighbour = 1_500, 1_501
    left, other = (before.placements.get(each).host for each in (vm, neighbour))
    renderer = Renderer()
    blobs(renderer, before)
    known = judged(renderer)
    blobs(renderer, estate.moved(before, vm, to=7))
    assert vm >> 6 == neighbour >> 6
    assert {host for host, rows in judged(renderer).items() if known.get(host) is not rows} == {left, 7}
    assert other not in (left, 7)


@pytest.mark.parametrize(
    "change",
    [
        lambda s: estate.renamed(s, 3, "another-name"),
        lambda s: estate.moved(s, 50, to=2),
        lambda s: estate.with_alarms(s, [20, 21, 22]),
        lambda s: replace(s, alarms=s.alarms.evolve({1: None}), entity_alarms=s.entity_alarms.evolve({11: None})),
        lambda s: replace(s, entities=s.entities.evolve({40: None}), placements=s.placements.evolve({40: None})),
        lambda s: replace(s, sources={**s.sources, "fleet": replace(s.sources["fleet"], state=SourceState.STALE)}),
        lambda s: replace(s, claims=s.claims.evolve({45: None})),
        lambda s: replace(s, entities=s.entities.evolve({5: None, 300: estate.host(300)})),
        lambda s: replace(s, records=s.records.evolve({2: replace(s.records.get(2), entity=1)})),
    ],
    ids=[
        "host renamed",
        "moved",
        "alarms",
        "alarm cleared",
        "gone",
        "source stale",
        "relation ended",
        "hosts go and come",
        "host merged",
    ],
)
def test_after_a_change_all_is_as_if_rendered_anew(change):
    before = estate.snapshot(200)
    renderer = Renderer()
    blobs(renderer, before)
    after = change(before)
    assert blobs(renderer, after) == blobs(Renderer(), after)
    assert blobs(renderer, before) == blobs(Renderer(), before)


def test_a_renamed_host_shows_in_the_rows_of_what_runs_on_it():
    before = estate.snapshot(200)
    renderer = Renderer()
    renderer.use(before)
    host_names = column(renderer, "topoWhereHostName")
    assert b"host-0003" in host_names.refresh(1).blob
    renderer.use(estate.renamed(before, 3, "renamed"))
    assert b"host-0003" not in host_names.refresh(1).blob
    assert b"renamed" in host_names.refresh(1).blob


@pytest.mark.parametrize(("intervals", "stale"), [(3, True), (10, False)])
def test_an_entity_is_stale_by_the_rule_of_rest_when_its_scope_is_silent_though_its_source_answers(intervals, stale):
    made = estate.snapshot(200)
    now = [estate.T0 + 60 * estate.SECOND]
    renderer = Renderer(lambda: now[0], intervals)
    flags = column(renderer, "topoEntityStale")
    vm = 151

    def told() -> tuple[bool, bool]:
        renderer.use(replace(renderer.snapshot if renderer.serial else made))
        by_rest = entity_is_stale(made, made.entities.get(vm), now[0], intervals)
        return dict(zip(flags.refresh(vm >> 6).keys, flags.segments[vm >> 6].values, strict=True))[vm], by_rest

    assert told() == (False, False)
    now[0] += estate.SECOND
    assert told() == (stale, stale)


def test_an_entity_of_a_scope_that_does_not_answer_is_stale_at_once_and_fresh_when_it_does():
    made, vm = estate.snapshot(200), 151
    silent = replace(made, failing={scope_key("fleet", ""): 1})
    renderer = Renderer(lambda: estate.T0 + estate.SECOND, 3)
    flags = column(renderer, "topoEntityStale")
    for shown, stale in ((made, False), (silent, True), (made, False)):
        renderer.use(shown)
        told = dict(zip(flags.refresh(vm >> 6).keys, flags.segments[vm >> 6].values, strict=True))
        by_rest = entity_is_stale(shown, shown.entities.get(vm), estate.T0 + estate.SECOND, 3)
        assert (told[vm], by_rest) == (stale, stale)


def test_a_new_rule_of_what_is_stale_counts_for_the_rows_that_were_rendered():
    renderer = Renderer(lambda: estate.T0 + 61 * estate.SECOND, 3)
    renderer.use(estate.snapshot(200))
    flags = column(renderer, "topoEntityStale")
    vm = 151
    told = []
    for intervals in (10, 3):
        renderer.use_stale_intervals(intervals)
        told.append(dict(zip(flags.refresh(vm >> 6).keys, flags.segments[vm >> 6].values, strict=True))[vm])
    assert told == [False, True]


def test_rows_are_in_the_order_of_their_index_also_across_gaps():
    made = estate.snapshot(300, HOLES)
    renderer = Renderer()
    renderer.use(made)
    names = column(renderer, "topoEntityName")
    keys = [key for number in range(names.count) for key in names.refresh(number).keys]
    assert keys == estate.indexes(300, HOLES)


def test_settling_alarms_are_no_rows():
    renderer = Renderer()
    renderer.use(estate.snapshot(200, alarms=5))
    assert list(column(renderer, "topoActiveAlarmKey").refresh(0).keys) == [1, 2, 3, 4, 5]
    assert renderer.active_alarms == 5


def test_two_sources_that_say_the_same_are_one_relation():
    renderer = Renderer()
    renderer.use(estate.snapshot(200))
    relation = column(renderer, "topoRelationSources")
    keys = [key for number in range(relation.count) for key in relation.refresh(number).keys]
    assert keys == sorted(set(keys))
    assert b"declared,fleet" in relation.refresh(0).blob
