"""Where: hops down the layers, branches of what is spread, and where knowledge ends."""

from dataclasses import replace

import pytest

from gateway.model.conditions import ConditionKind
from gateway.model.entities import EntityKind, EntityState
from gateway.model.errors import AmbiguousName, UnknownEntity
from gateway.model.relations import Phase, RelationKind
from gateway.model.rows import SourceState
from gateway.model.snapshot import scope_key
from gateway.topology.hops import Hop, HopState, Where, WhereStatus
from gateway.topology.lookup import End, meaning, resolve
from gateway.topology.where import where
from tests.topology.estate import SECOND, T0, Estate, three_hosts, uuid


def ask(estate: Estate, name: str, now: int = T0) -> Where:
    snapshot = estate.snapshot()
    return where(snapshot, resolve(snapshot, name), now)


def chain(hops: tuple[Hop, ...]) -> list[str]:
    """The entities of a way without branches."""
    found = []
    while hops:
        assert len(hops) == 1
        found.append(f"{hops[0].entity.kind.value}:{hops[0].entity.name}")
        hops = hops[0].below
    return found


DOWN_FROM_N1 = [
    "ha_node:n1",
    "guest_os:os1",
    "vm:vm1",
    "hypervisor:alpha",
    "physical_host:alpha",
    "rack:r1",
    "site:hq",
]


def test_a_primitive_is_followed_through_every_layer_down_to_the_site():
    answer = ask(three_hosts(), "vip")
    assert chain(answer.below) == DOWN_FROM_N1
    assert answer.status is WhereStatus.PLACED
    assert answer.reaches_hardware
    first = answer.below[0]
    assert (first.relation, first.role, first.state) == (RelationKind.RUNS_ON, "started", HopState.STABLE)
    assert (first.since, first.age_us, first.source, first.confidence) == (T0 - 600 * SECOND, SECOND, "c1", 100)


def test_the_way_ends_with_the_reason_where_a_layer_is_unknown():
    estate = three_hosts()
    estate.unplace("ha_node:n1")
    answer = ask(estate, "vip")
    assert chain(answer.below) == ["ha_node:n1"]
    assert answer.below[0].ends == "ha_node n1 is matched to no guest OS"
    assert not answer.reaches_hardware


def test_a_clone_has_a_branch_for_each_instance_with_its_role():
    answer = ask(three_hosts(), "db")
    assert answer.status is WhereStatus.SPREAD
    assert [(hop.entity.name, hop.role) for hop in answer.below] == [("n1", "promoted"), ("n2", "unpromoted")]
    assert answer.said == "ha_resource db is in 2 places: ha_node n1 (promoted), ha_node n2 (unpromoted)"
    assert answer.reaches_hardware


def test_a_group_is_where_its_members_are():
    answer = ask(three_hosts(), "web")
    assert chain(answer.below) == DOWN_FROM_N1
    assert [member.name for member in answer.below[0].members] == ["web-ip", "web-srv"]
    assert answer.status is WhereStatus.PLACED


def test_a_group_that_is_apart_has_a_branch_for_each_host():
    estate = three_hosts()
    estate.unplace("ha_resource:web-srv")
    estate.place("ha_resource:web-srv", "ha_node:n2", "started")
    answer = ask(estate, "web")
    assert answer.status is WhereStatus.SPREAD
    assert [(hop.entity.name, [m.name for m in hop.members]) for hop in answer.below] == [
        ("n1", ["web-ip"]),
        ("n2", ["web-srv"]),
    ]


def test_a_service_is_followed_through_what_it_depends_on():
    answer = ask(three_hosts(), "shop")
    assert [(hop.relation, hop.entity.name) for hop in answer.below] == [
        (RelationKind.DEPENDS_ON, "web"),
        (RelationKind.DEPENDS_ON, "db"),
    ]
    assert chain(answer.below[0].below) == DOWN_FROM_N1
    assert answer.reaches_hardware


def test_what_a_service_depends_on_is_no_place_of_it():
    estate = three_hosts()
    estate.add(EntityKind.SERVICE, "payment", "facts")
    estate.claim(RelationKind.DEPENDS_ON, "service:payment", "ha_resource:vip")
    estate.claim(RelationKind.DEPENDS_ON, "service:shop", "service:payment", attributes={"member": False})
    answer = ask(estate, "shop")
    assert answer.said == "service shop is in 2 places: ha_resource web, ha_resource db"
    assert answer.notes == ("service shop depends on service payment",)


def test_a_service_whose_members_are_in_no_known_place_is_in_none():
    estate = three_hosts()
    estate.add(EntityKind.SERVICE, "typoed", "facts")
    estate.claim(RelationKind.DEPENDS_ON, "service:typoed", "ha_resource:web2")
    unplaced = "ha_resource web2 is placed on no known node"
    answer = ask(estate, "typoed")
    assert (answer.status, answer.said) == (WhereStatus.UNKNOWN, f"service typoed is in no known place; {unplaced}")
    estate.claim(RelationKind.DEPENDS_ON, "service:typoed", "ha_resource:vip")
    answer = ask(estate, "typoed")
    assert answer.status is WhereStatus.PLACED
    assert answer.said.startswith("service typoed depends on ha_resource vip > ha_node n1 > ")
    assert answer.said.endswith(f"; {unplaced}")
    assert {hop.entity.name for hop in answer.below} == {"web2", "vip"}


def test_members_that_are_part_of_a_service_count_too():
    estate = three_hosts()
    estate.claim(RelationKind.PART_OF, "vm:vm3", "service:shop", source="facts")
    assert [hop.entity.name for hop in ask(estate, "shop").below] == ["vm3", "web", "db"]


def test_a_stopped_entity_says_so_and_where_it_was_last():
    answer = ask(three_hosts(), "batch")
    assert answer.status is WhereStatus.STOPPED
    (hop,) = answer.below
    assert (hop.entity.name, hop.state, hop.until) == ("n2", HopState.STOPPED, T0 - 300 * SECOND)
    assert hop.notes == ("ha_resource batch is stopped: this is where it was last",)
    assert answer.said.startswith("ha_resource batch is stopped; it was last on ha_node n2")


def test_a_resource_that_never_ran_has_no_place():
    estate = three_hosts()
    estate.change("ha_resource:web2", state=EntityState.STOPPED)
    answer = ask(estate, "web2")
    assert answer.below == ()
    assert answer.status is WhereStatus.STOPPED
    assert answer.ends == "ha_resource web2 is stopped, and was never seen running"


def test_a_condition_of_what_is_placed_is_part_of_the_sentence():
    estate = three_hosts()
    estate.change("ha_resource:vip", state=EntityState.BLOCKED, reason="failed to stop")
    assert ask(estate, "vip").said.startswith("ha_resource vip, blocked (failed to stop), runs on ha_node n1 > ")


def test_a_host_that_is_not_heard_of_makes_the_placement_the_last_known_one():
    estate = three_hosts()
    estate.unplace("ha_resource:vip")
    estate.place("ha_resource:vip", "ha_node:n1", "started", phase=Phase.LAST_KNOWN, certain=False, left_at=T0 - SECOND)
    answer = ask(estate, "vip")
    assert answer.status is WhereStatus.LAST_KNOWN
    assert answer.below[0].state is HopState.LAST_KNOWN
    assert answer.below[0].notes == ("ha_node n1 is not heard of: this is where ha_resource vip was last",)


def test_a_live_migration_under_way_names_the_other_host():
    estate = three_hosts()
    estate.claim(RelationKind.RUNS_ON, "vm:vm1", "hypervisor:beta", phase=Phase.TRANSITIONAL)
    (hop,) = ask(estate, "vm:vm1").below
    assert hop.entity.name == "alpha"
    assert hop.notes == ("kvm says it is in transition on hypervisor beta too",)


def test_a_second_stable_claim_is_said_as_a_contradiction():
    estate = three_hosts()
    estate.claim(RelationKind.RUNS_ON, "vm:vm1", "hypervisor:beta")
    assert ask(estate, "vm:vm1").below[0].notes == ("kvm says it runs on hypervisor beta too",)


def test_storage_hangs_on_the_layer_that_uses_it():
    answer = ask(three_hosts(), "vm:vm1")
    (lun,) = answer.storage
    assert (lun.relation, lun.entity.name) == (RelationKind.USES_STORAGE, "lun1")
    assert [(hop.relation, hop.entity.name) for hop in lun.storage] == [(RelationKind.BACKED_BY, "san")]
    vm_hop = ask(three_hosts(), "vip").below[0].below[0].below[0]
    assert [hop.entity.name for hop in vm_hop.storage] == ["lun1"]


def test_a_vm_that_no_hypervisor_tells_of_is_where_its_ha_resource_is():
    estate = three_hosts()
    estate.add(EntityKind.VM, "guest", "c1")
    estate.claim(RelationKind.MANAGED_BY, "vm:guest", "ha_resource:vip")
    assert chain(ask(estate, "guest").below) == ["ha_resource:vip", *DOWN_FROM_N1]


def test_data_older_than_three_intervals_is_stale():
    estate = three_hosts()
    estate.freshness[scope_key("kvm", "")] = T0 - 61 * SECOND
    hops = ask(estate, "vip").below
    assert not hops[0].stale
    vm_hop = hops[0].below[0].below[0]
    assert (vm_hop.entity.kind, vm_hop.below[0].stale, vm_hop.below[0].age_us) == (
        EntityKind.VM,
        True,
        61 * SECOND,
    )
    estate.freshness[scope_key("kvm", "")] = T0 - 60 * SECOND
    assert not ask(estate, "vm:vm1").below[0].stale


def test_a_stale_source_makes_its_hops_stale_whatever_their_age():
    estate = three_hosts()
    estate.source("c1", "pacemaker", state=SourceState.STALE)
    assert ask(estate, "vip").below[0].stale


def test_a_declared_fact_does_not_grow_stale():
    estate = three_hosts()
    assert not ask(estate, "rack:r1", T0 + 10**12).below[0].stale


def test_what_was_never_read_is_stale_and_what_no_source_tells_is_not():
    estate = three_hosts()
    del estate.freshness[scope_key("c1", "")]
    hop = ask(estate, "vip").below[0]
    assert (hop.age_us, hop.stale) == (None, True)
    estate.add(EntityKind.MANAGER, "own", "gateway")
    estate.claim(RelationKind.PART_OF, "manager:own", "site:hq")
    assert not ask(estate, "own").below[0].stale


def test_a_joined_hop_is_as_old_as_the_older_of_its_ends():
    estate = three_hosts()
    estate.freshness[scope_key("kvm", "")] = T0 - 30 * SECOND
    os_to_vm = ask(estate, "ha_node:n1").below[0].below[0]
    assert (os_to_vm.entity.name, os_to_vm.age_us) == ("vm1", 30 * SECOND)


def test_relations_that_form_a_ring_are_said_and_not_followed():
    estate = three_hosts()
    estate.add(EntityKind.SERVICE, "a", "facts")
    estate.add(EntityKind.SERVICE, "b", "facts")
    estate.claim(RelationKind.DEPENDS_ON, "service:a", "service:b")
    estate.claim(RelationKind.DEPENDS_ON, "service:b", "service:a")
    b = ask(estate, "service:a").below[0]
    assert b.below[0].ends == "service a was passed already: its relations form a ring"


def test_a_chain_of_a_thousand_services_ends_with_a_hint_and_not_with_an_error():
    estate = three_hosts()
    for number in range(1000):
        estate.add(EntityKind.SERVICE, f"s{number}", "facts")
        if number:
            estate.claim(RelationKind.DEPENDS_ON, f"service:s{number - 1}", f"service:s{number}")
    hop = ask(estate, "s0").below[0]
    while hop.below:
        hop = hop.below[0]
    assert hop.ends.endswith("ask for it by its own name")


def test_a_cluster_is_where_its_nodes_are():
    answer = ask(three_hosts(), "ha_cluster:c1")
    assert [hop.entity.name for hop in answer.below] == ["n1", "n2", "n3"]


def test_raised_alarms_of_the_entity_come_with_the_answer():
    estate = three_hosts()
    estate.alarm("ha_resource:vip", ConditionKind.BLOCKED)
    assert [alarm.condition for alarm in ask(estate, "vip").alarms] == [ConditionKind.BLOCKED]


# -- names -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wanted", ["vip", "VIP", " vip ", "ha_resource:vip", "ha_resource/vip", "HA_RESOURCE:VIP"])
def test_an_entity_is_found_by_its_name_in_any_case_and_with_its_kind(wanted):
    assert resolve(three_hosts().snapshot(), wanted).name == "vip"


def test_an_entity_is_found_by_index_and_id():
    estate = three_hosts()
    index = estate.index("ha_resource:vip")
    assert {resolve(estate.snapshot(), wanted).index for wanted in (str(index), f"#{index}", uuid(index).upper())} == {
        index
    }


def test_one_name_of_several_kinds_is_ambiguous_and_each_way_out_is_listed():
    with pytest.raises(AmbiguousName, match=r"physical_host:alpha, hypervisor:alpha"):
        resolve(three_hosts().snapshot(), "alpha")
    assert resolve(three_hosts().snapshot(), "alpha", EntityKind.HYPERVISOR).kind is EntityKind.HYPERVISOR


def one_machine() -> Estate:
    """Three hosts; the node agents told the host names, so that VM, guest OS and node have the same one."""
    estate = three_hosts()
    for entity in ("vm:vm1", "guest_os:os1"):
        rename(estate, entity, "n1")
    return estate


def rename(estate: Estate, entity: str, name: str) -> None:
    estate.records[entity] = replace(estate.records[entity], name=name)


def test_a_name_of_all_layers_of_one_machine_means_the_end_that_is_asked_for():
    view = one_machine().snapshot()
    top, bottom = meaning(view, "N1", End.TOP), meaning(view, "n1", End.BOTTOM)
    assert (top.entity.kind, top.note) == (EntityKind.HA_NODE, "n1: ha_node; also guest_os, vm of that name below it")
    assert (bottom.entity.kind, bottom.note) == (EntityKind.VM, "n1: vm; also ha_node, guest_os of that name above it")
    alpha = meaning(view, "alpha", End.TOP)
    assert (alpha.entity.kind, alpha.note) == (
        EntityKind.HYPERVISOR,
        "alpha: hypervisor; also physical_host of that name below it",
    )


def test_layers_of_one_name_need_not_be_next_to_each_other():
    estate = one_machine()
    rename(estate, "guest_os:os1", "other")
    assert meaning(estate.snapshot(), "n1", End.BOTTOM).entity.kind is EntityKind.VM


@pytest.mark.parametrize("wanted", ["vip", "vm:n1", "#1"])
def test_what_has_one_meaning_has_no_note(wanted):
    view = one_machine().snapshot()
    assert (meaning(view, wanted, End.TOP).note, meaning(view, wanted, End.TOP).entity) == ("", resolve(view, wanted))


def test_the_layers_of_two_machines_are_not_taken_for_one():
    estate = one_machine()
    rename(estate, "vm:vm2", "n1")
    with pytest.raises(AmbiguousName, match="may mean 4 things"):
        meaning(estate.snapshot(), "n1", End.TOP)


def test_a_machine_that_no_longer_runs_there_is_another_one():
    estate = one_machine()
    estate.place("ha_node:n1", "guest_os:os1", open=False, left_at=T0)
    estate.claims = [claim for claim in estate.claims if claim.upper != estate.index("ha_node:n1")]
    with pytest.raises(AmbiguousName, match="may mean 3 things"):
        meaning(estate.snapshot(), "n1", End.BOTTOM)


def test_a_ring_of_one_name_is_ambiguous():
    estate = one_machine()
    estate.place("vm:vm1", "ha_node:n1")
    with pytest.raises(AmbiguousName, match="may mean 3 things"):
        meaning(estate.snapshot(), "n1", End.TOP)


def test_twins_of_one_kind_are_told_apart_by_index_and_source():
    estate = three_hosts()
    twin = estate.add(EntityKind.HA_RESOURCE, "VIP", "c2", "primitive")
    with pytest.raises(AmbiguousName, match=rf" {twin} \(ha_resource:VIP(?: on \w+)?, source c2\)"):
        resolve(estate.snapshot(), "ha_resource:vip")
    assert resolve(estate.snapshot(), f"#{twin}").index == twin


def test_a_name_of_digits_is_not_taken_for_an_index_without_asking():
    estate = three_hosts()
    estate.add(EntityKind.VM, "2", "kvm")
    with pytest.raises(AmbiguousName, match="vm:2"):
        resolve(estate.snapshot(), "2")


def test_an_unknown_name_offers_those_that_are_close():
    with pytest.raises(UnknownEntity, match=r"Did you mean ha_resource:web-srv"):
        resolve(three_hosts().snapshot(), "web-serv")
    estate = three_hosts()
    estate.add(EntityKind.HYPERVISOR, "hv-0000001", "kvm")
    for wanted in ("hv", "hv-9", "hypervisor:hv-0"):
        with pytest.raises(UnknownEntity, match=r"Did you mean hypervisor:hv-0000001\?"):
            resolve(estate.snapshot(), wanted)
    with pytest.raises(UnknownEntity, match=r"no vm is called 'vip'"):
        resolve(three_hosts().snapshot(), "vm:vip")


@pytest.mark.parametrize(
    "wanted", ["", ":", "#", "#x", "vm:", "0", "#99999999999", "²", "9" * 5000, "\x00", "vm:\udcff"]
)
def test_nonsense_is_unknown_and_nothing_worse(wanted):
    with pytest.raises(UnknownEntity):
        resolve(three_hosts().snapshot(), wanted)
