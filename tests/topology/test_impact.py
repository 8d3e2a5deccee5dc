"""Impact: what a loss reaches, how it gets there, and what cannot be known."""

import time
from collections.abc import Mapping

import pytest

from gateway.model.entities import EntityKind, EntityState, Value
from gateway.model.relations import Phase, RelationKind
from gateway.model.rows import SourceState
from gateway.model.snapshot import scope_key
from gateway.topology.impact import Affected, Impact, KindCount, impact
from gateway.topology.layers import LAYERS, Layer
from gateway.topology.lookup import resolve
from gateway.topology.spread import Effect
from tests.topology.estate import SECOND, T0, Estate, three_hosts


def lose(estate: Estate, *names: str, now: int = T0) -> Impact:
    snapshot = estate.snapshot()
    return impact(snapshot, [resolve(snapshot, name) for name in names], now)


def hit(answer: Impact) -> dict[str, Affected]:
    return {f"{one.entity.kind.value}:{one.entity.name}": one for one in answer.affected}


def lost(answer: Impact) -> set[str]:
    return {name for name, one in hit(answer).items() if one.effect is Effect.LOST}


def degraded(answer: Impact) -> set[str]:
    return {name for name, one in hit(answer).items() if one.effect is Effect.DEGRADED}


UNTOLD = " (each node counted as one: nothing tells how corosync counts)"
ON_ALPHA = {"hypervisor:alpha", "vm:vm1", "guest_os:os1", "ha_node:n1"}
ON_N1 = {"ha_resource:vip", "ha_resource:web", "ha_resource:web-ip", "ha_resource:web-srv"}


def test_a_lost_host_takes_all_that_runs_on_it_through_every_layer():
    answer = lose(three_hosts(), "physical_host:alpha")
    assert lost(answer) == ON_ALPHA | ON_N1
    assert degraded(answer) == {"ha_cluster:c1", "ha_resource:ping", "ha_resource:db", "service:shop"}
    assert answer.blind_spots == ()
    assert answer.said == "Without physical_host alpha: 8 lost, 4 degraded."


def test_the_path_leads_from_the_affected_to_the_lost():
    steps = hit(lose(three_hosts(), "physical_host:alpha"))["ha_resource:vip"].path
    assert [(step.relation, step.entity.name) for step in steps] == [
        (RelationKind.RUNS_ON, "n1"),
        (RelationKind.RUNS_ON, "os1"),
        (RelationKind.RUNS_ON, "vm1"),
        (RelationKind.RUNS_ON, "alpha"),
        (RelationKind.RUNS_ON, "alpha"),
    ]
    assert steps[-1].entity.kind is EntityKind.PHYSICAL_HOST


def test_the_answer_is_ordered_by_layer_services_first_and_lost_before_degraded():
    answer = lose(three_hosts(), "physical_host:alpha")
    layers = list(dict.fromkeys(one.layer for one in answer.affected))
    assert layers == [Layer.SERVICE, Layer.HA, Layer.GUEST, Layer.VIRTUALIZATION]
    ha = [one.effect for one in answer.affected if one.layer is Layer.HA]
    assert ha == sorted(ha, key=[Effect.LOST, Effect.DEGRADED].index)


def test_one_instance_of_a_clone_degrades_it_and_all_of_them_lose_it():
    one = hit(lose(three_hosts(), "n1"))["ha_resource:ping"]
    assert (one.effect, one.parts_lost, one.parts) == (Effect.DEGRADED, 1, 3)
    all_of_them = hit(lose(three_hosts(), "n1", "n2", "n3"))["ha_resource:ping"]
    assert (all_of_them.effect, all_of_them.parts_lost) == (Effect.LOST, 3)
    assert all_of_them.reason == "loses 3 of 3 instances (started on n1, n2, n3)"


def test_the_lost_promoted_instance_is_told():
    one = hit(lose(three_hosts(), "n1"))["ha_resource:db"]
    assert one.roles_lost == ("promoted",)
    assert one.reason == "loses 1 of 2 instances (promoted on n1)"
    assert hit(lose(three_hosts(), "n2"))["ha_resource:db"].roles_lost == ("unpromoted",)


def test_a_cluster_is_degraded_by_one_node_and_lost_with_the_last():
    one = hit(lose(three_hosts(), "n1"))["ha_cluster:c1"]
    assert one.effect is Effect.DEGRADED
    assert one.reason == "loses 1 of 3 members (n1); 2 of 3 votes remain" + UNTOLD
    assert hit(lose(three_hosts(), "n1", "n2", "n3"))["ha_cluster:c1"].effect is Effect.LOST


def test_a_cluster_that_keeps_no_majority_of_its_votes_says_so():
    estate = three_hosts()
    estate.change("ha_node:n3", state=EntityState.OFFLINE)
    reason = hit(lose(estate, "n1"))["ha_cluster:c1"].reason
    assert reason == "loses 1 of 3 members (n1); 1 of 3 votes remain, no majority" + UNTOLD


TOLD: Mapping[str, Value] = {"two_node": False, "wait_for_all": False, "qdevice_votes": 0, "no_quorum_policy": "stop"}


def managed_hosts(**attributes: Value) -> Estate:
    """The three hosts, whose cluster manages its resources; the service payment is vip, which runs on n3."""
    estate = three_hosts()
    estate.change("ha_cluster:c1", attributes={**TOLD, **attributes})
    estate.unplace("ha_resource:vip")
    estate.place("ha_resource:vip", "ha_node:n3", "started")
    estate.add(EntityKind.SERVICE, "payment", "facts")
    estate.claim(RelationKind.DEPENDS_ON, "service:payment", "ha_resource:vip", source="facts")
    for name in ("vip", "web", "web-ip", "web-srv", "ping", "db", "batch"):
        estate.claim(RelationKind.MANAGED_BY, f"ha_resource:{name}", "ha_cluster:c1")
    return estate


def test_what_a_cluster_without_a_majority_stops_on_the_nodes_that_remain_is_lost():
    answer = lose(managed_hosts(), "n1", "n2")
    stopped = {"ha_cluster:c1", "ha_resource:vip", "ha_resource:ping", "service:payment"}
    assert stopped <= lost(answer)
    assert not {"ha_node:n3", "ha_resource:batch"} & hit(answer).keys()
    vip = hit(answer)["ha_resource:vip"]
    assert vip.reason == "is stopped by ha_cluster c1, which keeps 1 of 3 votes"
    assert [(step.relation, step.entity.name) for step in vip.path] == [
        (RelationKind.MANAGED_BY, "c1"),
        (RelationKind.MEMBER_OF, "n1"),
    ]
    assert vip.certain
    (votes,) = answer.quorums
    assert (votes.lost, votes.remain, votes.majority) == (2, 1, False)


@pytest.mark.parametrize(
    "attributes",
    [{"no_quorum_policy": "freeze"}, {"no_quorum_policy": "ignore"}, {"maintenance_mode": True}],
    ids=str,
)
def test_what_remains_of_a_cluster_goes_on_without_a_majority_when_its_policy_says_so(attributes: dict[str, Value]):
    answer = lose(managed_hosts(**attributes), "n1", "n2")
    assert {"ha_cluster:c1", "ha_resource:ping"} <= degraded(answer)
    assert not {"ha_resource:vip", "service:payment"} & hit(answer).keys()


def test_a_cluster_that_keeps_its_majority_stops_nothing():
    assert "ha_resource:vip" not in hit(lose(managed_hosts(), "n1"))


def test_a_resource_that_its_cluster_does_not_manage_is_not_stopped():
    estate = managed_hosts()
    estate.change("ha_resource:vip", attributes={"managed": False})
    assert "ha_resource:vip" not in hit(lose(estate, "n1", "n2"))


def test_the_policy_demote_stops_all_but_leaves_promotable_instances_unpromoted():
    estate = managed_hosts(no_quorum_policy="demote")
    estate.add(EntityKind.HA_RESOURCE, "db3", "c1", "promotable")
    estate.claim(RelationKind.RUNS_ON, "ha_resource:db3", "ha_node:n3", role="promoted")
    estate.claim(RelationKind.MANAGED_BY, "ha_resource:db3", "ha_cluster:c1")
    answer = lose(estate, "n1", "n2")
    assert "ha_resource:vip" in lost(answer)
    db3 = hit(answer)["ha_resource:db3"]
    assert (db3.effect, db3.roles_lost) == (Effect.DEGRADED, ("promoted",))
    assert db3.reason == "is demoted by ha_cluster c1, which keeps 1 of 3 votes"


def test_what_stops_only_if_a_rule_does_not_keep_the_quorum_is_told_as_uncertain():
    answer = hit(lose(managed_hosts(last_man_standing=True, auto_tie_breaker=True), "n1", "n2"))
    vip = answer["ha_resource:vip"]
    assert (vip.effect, vip.certain, answer["ha_cluster:c1"].certain) == (Effect.LOST, False, False)
    assert vip.reason == "may be stopped by ha_cluster c1, which keeps 1 of 3 votes"
    web = answer["ha_resource:web"]
    assert (web.reason, web.certain) == ("loses 2 of 2 members (web-ip, web-srv)", True)


def test_a_group_that_loses_one_member_is_degraded_and_so_is_the_service_on_it():
    answer = lose(three_hosts(), "web-ip")
    assert degraded(answer) == {"ha_resource:web", "service:shop"}
    assert lost(answer) == set()
    assert hit(answer)["service:shop"].reason == "ha_resource web is degraded"


def test_a_service_that_loses_all_it_depends_on_is_lost():
    answer = lose(three_hosts(), "n1", "n2")
    assert "service:shop" in lost(answer)
    assert hit(answer)["service:shop"].reason == "loses 2 of 2 members (web, db)"


def shop_that_needs_payment(**attributes: Value) -> Estate:
    """The shop (members web on n1, db on n1 and n2) needs the payment, which is the resource pay on n3."""
    estate = three_hosts()
    estate.change("service:shop", attributes=attributes)
    estate.add(EntityKind.SERVICE, "payment", "facts")
    estate.add(EntityKind.HA_RESOURCE, "pay", "c1", "primitive")
    estate.place("ha_resource:pay", "ha_node:n3", "started")
    estate.claim(RelationKind.DEPENDS_ON, "service:payment", "ha_resource:pay", source="facts")
    estate.claim(RelationKind.DEPENDS_ON, "service:shop", "service:payment", attributes={"member": False})
    return estate


def test_a_service_without_all_of_its_members_is_lost_though_what_it_needs_is_left():
    shop = hit(lose(shop_that_needs_payment(redundancy="any"), "n1", "n2"))["service:shop"]
    assert (shop.effect, shop.reason) == (Effect.LOST, "loses 2 of 2 members (web, db)")


def test_a_service_without_what_it_needs_is_lost_with_all_of_its_members_left():
    shop = hit(lose(shop_that_needs_payment(redundancy="any"), "n3"))["service:shop"]
    assert (shop.effect, shop.reason) == (Effect.LOST, "depends on service payment, which is lost")
    assert [step.entity.name for step in shop.path] == ["payment", "pay", "n3"]


def test_a_service_is_degraded_with_what_it_needs():
    estate = shop_that_needs_payment(redundancy="any")
    estate.claim(RelationKind.DEPENDS_ON, "service:payment", "ha_resource:db", source="facts")
    shop = hit(lose(estate, "pay"))["service:shop"]
    assert (shop.effect, shop.reason) == (Effect.DEGRADED, "depends on service payment, which is degraded")


def test_a_service_that_needs_all_of_its_members_is_lost_with_one():
    one = hit(lose(shop_that_needs_payment(redundancy="all"), "web"))["service:shop"]
    assert (one.effect, one.reason) == (Effect.LOST, "loses 1 of 2 members (web), and needs all")
    assert "service:shop" in degraded(lose(shop_that_needs_payment(redundancy="any"), "web"))


def test_a_stopped_resource_is_not_affected():
    assert "ha_resource:batch" not in hit(lose(three_hosts(), "n2"))


def test_losing_a_rack_loses_its_hosts_and_a_site_all_of_them():
    rack = lose(three_hosts(), "rack:r1")
    assert {"physical_host:alpha", "physical_host:beta"} <= lost(rack)
    assert hit(rack)["physical_host:alpha"].reason == "is in rack r1, which is lost"
    assert "physical_host:gamma" not in hit(rack)
    site = lose(three_hosts(), "hq")
    assert site.counts[EntityKind.PHYSICAL_HOST] == KindCount(lost=3)
    assert "ha_cluster:c1" in lost(site)


def test_losing_a_host_does_not_affect_its_rack():
    assert "rack:r1" not in hit(lose(three_hosts(), "physical_host:alpha"))


def test_lost_storage_takes_the_vm_that_uses_it():
    answer = lose(three_hosts(), "san")
    assert {"volume:lun1", "vm:vm1", "guest_os:os1", "ha_node:n1"} <= lost(answer)
    assert hit(answer)["vm:vm1"].reason == "uses volume lun1, which is lost"


def test_one_of_two_backings_only_degrades():
    estate = three_hosts()
    estate.add(EntityKind.STORAGE_POOL, "san2", "facts")
    estate.claim(RelationKind.BACKED_BY, "volume:lun1", "storage_pool:san2")
    answer = lose(estate, "san")
    assert {"volume:lun1", "vm:vm1"} <= degraded(answer)
    assert lost(answer) == set()
    assert "volume:lun1" in lost(lose(estate, "san", "san2"))


def test_a_resource_that_depends_on_a_lost_one_is_lost():
    estate = three_hosts()
    estate.place("ha_resource:web2", "ha_node:n3", "started")
    estate.claim(RelationKind.DEPENDS_ON, "ha_resource:web2", "ha_resource:vip")
    one = hit(lose(estate, "n1"))["ha_resource:web2"]
    assert (one.effect, one.reason) == (Effect.LOST, "depends on ha_resource vip, which is lost")


def test_a_move_under_way_is_told_as_uncertain():
    estate = three_hosts()
    estate.claim(RelationKind.RUNS_ON, "vm:vm1", "hypervisor:beta", phase=Phase.TRANSITIONAL)
    one = hit(lose(estate, "hypervisor:beta"))["vm:vm1"]
    assert (one.effect, one.certain) == (Effect.DEGRADED, False)
    assert "is in transition on hypervisor beta" in one.reason


def test_a_last_known_place_is_told_as_uncertain():
    estate = three_hosts()
    estate.unplace("ha_resource:vip")
    estate.place("ha_resource:vip", "ha_node:n1", phase=Phase.LAST_KNOWN, certain=False)
    one = hit(lose(estate, "n1"))["ha_resource:vip"]
    assert (one.effect, one.certain) == (Effect.LOST, False)
    assert one.reason == "was last on ha_node n1, which is lost"


def test_a_vm_known_only_through_its_ha_resource_goes_with_it():
    estate = three_hosts()
    estate.add(EntityKind.VM, "guest", "c1")
    estate.claim(RelationKind.MANAGED_BY, "vm:guest", "ha_resource:vip")
    assert "vm:guest" in lost(lose(estate, "n1"))


def test_stopped_members_do_not_keep_a_group_alive():
    estate = three_hosts()
    estate.change("ha_resource:web-srv", state=EntityState.STOPPED)
    assert "ha_resource:web" in lost(lose(estate, "web-ip"))


def test_stale_data_is_flagged_where_it_is_used():
    estate = three_hosts()
    estate.freshness[scope_key("kvm", "")] = T0 - 61 * SECOND
    answer = lose(estate, "physical_host:alpha")
    assert answer.stale
    assert hit(answer)["vm:vm1"].stale
    assert hit(answer)["vm:vm1"].age_us == 61 * SECOND
    assert not hit(answer)["ha_resource:vip"].stale


def test_a_silent_source_is_a_blind_spot():
    estate = three_hosts()
    estate.source("kvm", "libvirt", state=SourceState.STALE)
    assert lose(estate, "n1").blind_spots == ("source kvm is stale: what is known of it is 1 s old",)


def test_a_node_that_no_layer_below_is_joined_to_is_a_blind_spot_of_a_host():
    estate = three_hosts()
    estate.unplace("ha_node:n3")
    answer = lose(estate, "physical_host:alpha")
    assert answer.blind_spots == ("ha_node n3 is matched to no guest OS: may be affected, or not",)
    assert lose(estate, "n1").blind_spots == ()


def test_a_host_on_which_nothing_is_seen_is_not_called_safe():
    estate = three_hosts()
    estate.add(EntityKind.PHYSICAL_HOST, "delta", "facts")
    answer = lose(estate, "delta")
    assert answer.affected == ()
    assert answer.blind_spots == ("nothing is seen on physical_host delta: no source tells what runs there",)
    assert answer.said == "Without physical_host delta: nothing that is known is affected; 1 blind spot."


def test_counts_by_kind_tell_lost_from_degraded():
    counts = lose(three_hosts(), "n1").counts
    assert counts[EntityKind.HA_RESOURCE] == KindCount(lost=4, degraded=2)
    assert counts[EntityKind.HA_CLUSTER] == KindCount(degraded=1)


def test_rings_end():
    estate = three_hosts()
    estate.claim(RelationKind.DEPENDS_ON, "ha_resource:vip", "ha_resource:db")
    estate.claim(RelationKind.DEPENDS_ON, "ha_resource:db", "ha_resource:vip")
    assert "ha_resource:db" in lost(lose(estate, "vip"))


@pytest.mark.parametrize("kind", list(EntityKind))
def test_every_kind_has_a_layer(kind):
    assert LAYERS[kind] in Layer


def test_a_site_of_many_hosts_in_one_cluster_is_answered_in_seconds():
    estate = three_hosts()
    estate.add(EntityKind.VIRT_CLUSTER, "big", "kvm")
    for number in range(1500):
        estate.add(EntityKind.HYPERVISOR, f"h{number}", "kvm")
        estate.claim(RelationKind.PART_OF, f"hypervisor:h{number}", "virt_cluster:big")
        estate.claim(RelationKind.PART_OF, f"hypervisor:h{number}", "site:hq", source="facts")
    began = time.process_time()
    answer = lose(estate, "hq")
    assert time.process_time() - began < 5
    assert answer.counts[EntityKind.HYPERVISOR].lost == 1503
    assert hit(answer)["virt_cluster:big"].effect is Effect.LOST
