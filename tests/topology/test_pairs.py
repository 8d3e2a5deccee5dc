"""A VM and the HA resource that it is: one movement, told once, whoever sees it first (design: domain)."""

from itertools import count, permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.model.conditions import SECOND
from gateway.model.entities import EntityKind, EntityState, NativeKey
from gateway.model.events import Cause, Event, EventKind
from gateway.model.observations import Evidence, EvidenceKind
from gateway.model.relations import Arrival, Phase, RelationKind
from gateway.model.rows import Source, SourceState
from gateway.topology.revise import register_source, resume
from tests.topology.house import T0, House, resource, told
from tests.topology.layers import Cluster, Fleet, uuid

LIVE = Arrival.LIVE


def bare_metal(*, joined: bool = True, group: tuple[str, ...] = ()) -> tuple[House, Fleet, Cluster]:
    """The resource `shop-vm` on n1 is the VM `shop` on h1; nodes n1..n3 are the hosts h1..h3 when `joined`."""
    house = House()
    fleet = Fleet(house, vms=("shop",))
    cluster = Cluster(house, machines={"n1": "h1", "n2": "h2", "n3": "h3"} if joined else {})
    cluster.starts["shop-vm"] = "shop"
    if group:
        cluster.group["shop-group"] = group
        for member in group:
            cluster.run(member, "n1")
    fleet.run("shop", "h1")
    cluster.run("shop-vm", "n1")
    fleet.read(0)
    cluster.read(0)
    fleet.read(1)
    assert house.events == []
    return house, fleet, cluster


def vm_moves(fleet: Fleet, at: float, host: str = "h2", arrival: Arrival = LIVE) -> list[Event]:
    fleet.run("shop", host, arrival=arrival)
    return fleet.read(at)


def resource_moves(cluster: Cluster, at: float, host: str = "n2", *facts: Evidence) -> list[Event]:
    cluster.run("shop-vm", host, arrival=LIVE)
    return cluster.read(at, *facts)


VM_MOVED = [("relocation", "shop", "h1", "h2")]
RESOURCE_MOVED = [("relocation", "shop-vm", "n1", "n2")]


def the_pair(house: House) -> tuple[Event, Event]:
    """(the VM's relocation, the resource's): one of each."""
    moved = [event for event in house.events if event.old_host is not None]
    (machine,) = [event for event in moved if event.entity.kind is EntityKind.VM]
    (manager,) = [event for event in moved if event.entity.kind is EntityKind.HA_RESOURCE]
    return machine, manager


def test_both_records_are_one_vm_where_the_hypervisor_says():
    house, *_ = bare_metal()
    (shown,) = house.snapshot.all_entities(kind=EntityKind.VM)
    assert (shown.name, shown.sources) == ("shop", ("fleet", "lab"))
    assert house.snapshot.ref(house.snapshot.placement(shown).host).name == "h1"


@pytest.mark.parametrize("joined", [True, False])
def test_the_hypervisor_first_tells_the_vm_and_the_resource_is_in_the_log(joined):
    house, fleet, cluster = bare_metal(joined=joined)
    assert told(vm_moves(fleet, 10)) == VM_MOVED
    assert told(resource_moves(cluster, 12)) == []
    machine, manager = the_pair(house)
    assert (manager.notify, manager.caused_by) == (False, machine.id)
    assert told(house.wait(1000)) == []


@pytest.mark.parametrize("joined", [True, False])
def test_the_cluster_first_waits_for_the_vm(joined):
    house, fleet, cluster = bare_metal(joined=joined)
    assert resource_moves(cluster, 10) == []
    assert told(vm_moves(fleet, 12)) == VM_MOVED
    machine, manager = the_pair(house)
    assert (manager.notify, manager.caused_by) == (False, machine.id)
    assert told(house.wait(1000)) == []


def test_a_vm_that_does_not_follow_lets_its_resource_be_told_after_ten_seconds():
    house, _, cluster = bare_metal()
    assert resource_moves(cluster, 10) == []
    assert house.wait(19.9) == []
    (event,) = house.wait(20.1)
    assert told([event]) == RESOURCE_MOVED
    assert event.at == T0 + 20 * SECOND


@pytest.mark.parametrize("joined", [True, False])
def test_a_vm_that_follows_late_is_in_the_log(joined):
    house, fleet, cluster = bare_metal(joined=joined)
    resource_moves(cluster, 10)
    assert told(house.wait(30)) == RESOURCE_MOVED
    assert told(vm_moves(fleet, 40)) == []
    machine, manager = the_pair(house)
    assert (machine.notify, machine.caused_by) == (False, manager.id)


def test_a_resource_that_waits_is_still_waiting_after_a_restart():
    house, _fleet, cluster = bare_metal()
    resource_moves(cluster, 10)
    pending = house.snapshot.pending
    stored = House()
    ids = (f"later-{number}" for number in count())
    stored.snapshot = resume(
        house.snapshot.__class__(**{**fields(house.snapshot), "pending": {}}),
        T0 + 11 * SECOND,
        house.settle_times,
        lambda: next(ids),
    )
    assert pending.items() <= stored.snapshot.pending.items()
    assert told(stored.wait(19.9)) == []
    assert told(stored.wait(100)) == RESOURCE_MOVED


def fields(row: object) -> dict[str, object]:
    return {name: getattr(row, name) for name in row.__slots__}  # type: ignore[attr-defined]


def test_a_resource_that_is_back_before_it_was_told_has_not_moved():
    house, _, cluster = bare_metal()
    resource_moves(cluster, 10)
    resource_moves(cluster, 12, "n1")
    assert house.wait(1000) == []
    assert house.events == []


def test_the_next_movement_is_told_again():
    house, fleet, cluster = bare_metal()
    vm_moves(fleet, 10)
    resource_moves(cluster, 11)
    resource_moves(cluster, 30, "n3")
    vm_moves(fleet, 31, "h3")
    vm_moves(fleet, 40, "h1")
    resource_moves(cluster, 41, "n1")
    assert told(house.events) == [
        *VM_MOVED,
        ("relocation", "shop", "h2", "h3"),
        ("relocation", "shop", "h3", "h1"),
    ]
    moved = [event for event in house.events if not event.notify]
    assert [event.caused_by for event in moved] == [event.id for event in house.events if event.notify]


def test_a_resource_that_went_to_another_machine_than_its_vm_waits_for_the_vm_to_follow():
    _house, fleet, cluster = bare_metal()
    vm_moves(fleet, 10)
    assert resource_moves(cluster, 12, "n3") == []
    assert told(vm_moves(fleet, 13, "h3")) == [("relocation", "shop", "h2", "h3")]


def test_nobody_waits_for_a_fleet_that_does_not_answer():
    house, _, cluster = bare_metal()
    silent = Source(0, "", "fleet", "libvirt", SourceState.STALE, 60 * SECOND)
    house.snapshot, _ = register_source(house.snapshot, silent, house.snapshot.at, lambda: "fleet-id")
    assert told(resource_moves(cluster, 10)) == RESOURCE_MOVED


def test_a_vm_that_no_hypervisor_tells_of_is_told_by_its_cluster_at_once():
    house = House()
    cluster = Cluster(house, starts={"shop-vm": "shop"})
    cluster.run("shop-vm", "n1")
    cluster.read(0)
    assert told(resource_moves(cluster, 10)) == [("relocation", "shop", "n1", "n2")]
    machine, manager = the_pair(house)
    assert (manager.notify, manager.caused_by) == (False, machine.id)


# -- why -------------------------------------------------------------------------------------------------------


def wish(host: str = "n2") -> Evidence:
    return Evidence(EvidenceKind.REQUESTED, host, resource("shop-vm"), "cli-prefer-shop-vm", text="a person asked")


FACTS = {
    Cause.FAILOVER: Evidence(EvidenceKind.HOST_LOST, "n1", text="n1 is unclean"),
    Cause.RECOVERY: Evidence(EvidenceKind.FAILED_ON, "n1", resource("shop-vm"), "call=7", text="monitor failed"),
    Cause.EVACUATION: Evidence(EvidenceKind.HOST_DRAINED, "n1", text="n1 is in standby"),
    Cause.ADMINISTRATOR: wish(),
}


@pytest.mark.parametrize("cause", FACTS)
def test_a_fact_of_the_cluster_that_is_known_explains_the_move_of_the_vm(cause):
    house, fleet, cluster = bare_metal()
    cluster.read(9, FACTS[cause])
    (event,) = [event for event in vm_moves(fleet, 10) if event.notify]
    assert event.cause is cause
    assert event.evidence == (FACTS[cause].text,)
    resource_moves(cluster, 11, "n2", FACTS[cause])
    assert [event.cause for event in the_pair(house)] == [cause, cause]


@pytest.mark.parametrize("cause", FACTS)
@pytest.mark.parametrize("joined", [True, False])
def test_a_fact_that_comes_later_amends_what_was_told(cause, joined):
    house, fleet, cluster = bare_metal(joined=joined)
    (event,) = vm_moves(fleet, 10)
    assert event.cause is Cause.LIVE_MIGRATION
    assert told(resource_moves(cluster, 11, "n2", FACTS[cause])) == []
    (better,) = {amended.id: amended for amended in house.amended}.values()
    assert (better.id, better.cause, better.evidence) == (event.id, cause, (FACTS[cause].text,))


def test_a_fact_that_is_known_but_did_not_match_the_vm_yet_amends_it_with_the_resources_move():
    house, fleet, cluster = bare_metal(joined=False)
    cluster.read(9, wish())
    (event,) = vm_moves(fleet, 10)
    assert event.cause is Cause.LIVE_MIGRATION
    resource_moves(cluster, 11, "n2", wish())
    assert [(a.id, a.cause, a.planned) for a in house.amended] == [(event.id, Cause.ADMINISTRATOR, True)]


def test_a_live_migration_that_no_cluster_is_in_charge_of_was_asked_for():
    house = House()
    fleet = Fleet(house, vms=("shop",))
    cluster = Cluster(house, machines={"n1": "h1", "n2": "h2", "n3": "h3"})
    fleet.run("shop", "h1")
    cluster.run("shop-vm", "n1")
    fleet.read(0)
    cluster.read(0)
    (event,) = vm_moves(fleet, 10)
    assert (event.cause, event.planned) == (Cause.LIVE_MIGRATION, True)
    cluster.starts["shop-vm"] = "shop"
    resource_moves(cluster, 11)
    assert [(a.id, a.planned) for a in house.amended] == [(event.id, False)], "the cluster may have moved it"


def test_a_restart_elsewhere_that_nothing_explains_was_not_asked_for():
    house = House()
    fleet = Fleet(house, vms=("shop",))
    fleet.run("shop", "h1")
    fleet.read(0)
    (event,) = vm_moves(fleet, 10, arrival=Arrival.RESTART)
    assert (event.cause, event.planned) == (Cause.COLD_MOVE, False)


def test_a_live_migration_of_what_a_cluster_is_in_charge_of_is_planned_only_by_its_evidence():
    _, fleet, _ = bare_metal()
    (event,) = vm_moves(fleet, 10)
    assert (event.cause, event.planned) == (Cause.LIVE_MIGRATION, False)


def test_a_fact_that_comes_after_both_moves_amends_both():
    house, fleet, cluster = bare_metal(joined=False)
    vm_moves(fleet, 10)
    resource_moves(cluster, 11)
    assert told(resource_moves(cluster, 13, "n2", wish())) == []
    machine, manager = the_pair(house)
    assert {(a.id, a.cause) for a in house.amended} == {(e.id, Cause.ADMINISTRATOR) for e in (machine, manager)}


# -- groups ----------------------------------------------------------------------------------------------------

GROUP = ("shop-ip", "shop-vm")
GROUP_MOVED = ("relocation", "shop-group", "n1", "n2")


def group_moves(cluster: Cluster, at: float) -> list[Event]:
    for member in GROUP:
        cluster.run(member, "n2", arrival=LIVE)
    return cluster.read(at)


@pytest.mark.parametrize("first", ["fleet", "cluster"])
def test_of_a_group_with_a_vm_the_group_is_told(first):
    house, fleet, cluster = bare_metal(group=GROUP)
    for at, move in enumerate([vm_moves, group_moves] if first == "fleet" else [group_moves, vm_moves], 10):
        move(fleet if move is vm_moves else cluster, at)
    assert told(house.events) == [GROUP_MOVED]
    (group,) = [event for event in house.events if event.notify]
    assert [member.name for member in group.members] == ["shop-ip", "shop-vm"]
    (machine,) = [event for event in house.events if event.entity.kind is EntityKind.VM]
    assert (machine.notify, machine.caused_by) == (False, group.id)
    assert house.wait(1000) == []


def test_a_vm_whose_group_does_not_follow_is_told_after_ten_seconds():
    house, fleet, _ = bare_metal(group=GROUP)
    assert vm_moves(fleet, 10) == []
    assert told(house.wait(100)) == VM_MOVED


def test_a_group_that_is_only_the_vm_and_follows_late_is_in_the_log():
    house, fleet, cluster = bare_metal(group=("shop-vm",))
    vm_moves(fleet, 10)
    assert told(house.wait(30)) == VM_MOVED
    assert told(resource_moves(cluster, 40)) == []
    assert house.wait(1000) == []


# -- every order -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("joined", [True, False])
@pytest.mark.parametrize("order", list(permutations(["h1", "h2", "lab"])))
def test_one_movement_is_told_once_in_any_order_of_reads(order, joined):
    house, fleet, cluster = bare_metal(joined=joined)
    fleet.where["shop"] = {"h1": (Phase.STABLE, LIVE), "h2": (Phase.TRANSITIONAL, LIVE)}
    fleet.read(9)
    fleet.run("shop", "h2", arrival=LIVE)
    cluster.run("shop-vm", "n2", arrival=LIVE)
    for step, scope in enumerate(order):
        cluster.read(10 + step) if scope == "lab" else fleet.read(10 + step, scope)
    house.wait(1000)
    assert told(house.events) == VM_MOVED
    assert len([event for event in house.events if not event.notify]) == 1


def test_a_restart_elsewhere_is_one_movement_however_long_it_is_down():
    house, fleet, cluster = bare_metal()
    fleet.where.pop("shop")
    cluster.where.pop("shop-vm")
    fleet.read(10)
    cluster.read(10)
    cluster.states["n1"] = EntityState.UNCLEAN
    cluster.read(200, FACTS[Cause.FAILOVER])
    vm_moves(fleet, 300, arrival=Arrival.RESTART)
    resource_moves(cluster, 304, "n2", FACTS[Cause.FAILOVER])
    machine, manager = the_pair(house)
    assert told(house.events) == VM_MOVED
    assert (machine.cause, machine.live, manager.caused_by) == (Cause.FAILOVER, False, machine.id)


def test_the_relations_of_a_pair_are_shown():
    house, *_ = bare_metal()
    (shown,) = house.snapshot.all_entities(kind=EntityKind.VM)
    managed = [c for c in house.snapshot.claims_of(shown) if c.kind is RelationKind.MANAGED_BY]
    assert [house.snapshot.ref(claim.lower).name for claim in managed] == ["shop-vm"]
    assert NativeKey(EntityKind.VM, "shop-vm") in {house.snapshot.record(r).key for r in shown.records}


# -- migrations that failed ------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["fleet", "cluster"])
def test_a_failed_migration_is_told_once_by_whoever_sees_it_first(first):
    house, fleet, cluster = bare_metal()
    machine = NativeKey(EntityKind.VM, uuid("shop"))
    by_fleet = Evidence(EvidenceKind.MIGRATION_FAILED, "h1", machine, "job 1")
    by_cluster = Evidence(EvidenceKind.MIGRATION_FAILED, "n1", resource("shop-vm"), "migrate_to call=9")
    fleet.run("shop", "h1", Phase.TRANSITIONAL)
    cluster.run("shop-vm", "n1", Phase.TRANSITIONAL)
    fleet.read(10)
    cluster.read(10)
    fleet.run("shop", "h1")
    cluster.run("shop-vm", "n1")
    steps = [lambda at: fleet.read(at, "h1", facts=(by_fleet,)), lambda at: cluster.read(at, by_cluster)]
    for at, step in enumerate(steps if first == "fleet" else steps[::-1], 12):
        step(at)
    failed = [event for event in house.events if event.kind is EventKind.MIGRATION_FAILED]
    assert [event.notify for event in failed] == [True, False]
    assert failed[1].caused_by == failed[0].id
    assert failed[0].entity.kind is (EntityKind.VM if first == "fleet" else EntityKind.HA_RESOURCE)


# -- any history -----------------------------------------------------------------------------------------------

HOSTS = (("h1", "n1"), ("h2", "n2"), ("h3", "n3"))


@st.composite
def movements(draw: st.DrawFn) -> list[tuple[int, list[str], bool, bool, float]]:
    """Each (to which host, scopes in the order of their reads, seen in flight, down in between, pause before it)."""
    found, here = [], 0
    for _ in range(draw(st.integers(1, 4))):
        there = draw(st.sampled_from([host for host in range(3) if host != here]))
        order = draw(st.permutations(["h1", "h2", "h3", "lab"]))
        pause = draw(st.sampled_from([15.0, 60.0, 150.0, 2000.0]))
        found.append((there, order, draw(st.booleans()), draw(st.booleans()), pause))
        here = there
    return found


@given(moves=movements(), joined=st.booleans(), group=st.sampled_from([(), ("shop-vm",), ("shop-ip", "shop-vm")]))
@settings(max_examples=150, deadline=None)
def test_any_history_tells_each_movement_once(moves, joined, group):
    house, fleet, cluster = bare_metal(joined=joined, group=group)
    at, here, expected = 10.0, 0, []
    for there, order, in_flight, down, pause in moves:
        at += pause
        (old, old_node), (new, new_node) = HOSTS[here], HOSTS[there]
        if in_flight:
            fleet.where["shop"] = {old: (Phase.STABLE, LIVE), new: (Phase.TRANSITIONAL, LIVE)}
            for member in group or ("shop-vm",):
                cluster.run(member, old_node, Phase.TRANSITIONAL)
            read_all(fleet, cluster, order, at)
        if down:
            fleet.where["shop"] = {}
            for member in group or ("shop-vm",):
                cluster.where.pop(member)
            read_all(fleet, cluster, order, at + 1)
        fleet.run("shop", new, arrival=Arrival.RESTART if down else LIVE)
        for member in group or ("shop-vm",):
            cluster.run(member, new_node)
        read_all(fleet, cluster, order, at + 2)
        expected.append(("shop-group", old_node, new_node) if group else ("shop", old, new))
        here = there
    house.wait(at + 1000)
    moved = [event for event in house.events if event.old_host is not None]
    assert [(e.entity.name, e.old_host.name, e.new_host.name) for e in moved if e.notify] == expected
    ids = [event.id for event in moved if event.notify]
    assert [event.caused_by for event in moved if not event.notify] == ids


def read_all(fleet: Fleet, cluster: Cluster, order: list[str], at: float) -> None:
    """All scopes, 0.2 s apart."""
    for step, scope in enumerate(order):
        time = at + step / 5
        cluster.read(time) if scope == "lab" else fleet.read(time, scope)
