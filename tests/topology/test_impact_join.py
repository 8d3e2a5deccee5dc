"""What a loss reaches through the layers of several sources: hosts, pools, nodes, the services in VMs, votes."""

from dataclasses import replace

import pytest

from gateway.model.entities import EntityKind, EntityState, NativeKey
from gateway.model.observations import Link, ObservedEntity, ObservedRelation, Whole
from gateway.model.relations import RelationKind
from gateway.model.rows import Entity, Source, SourceState
from gateway.model.snapshot import scope_key
from gateway.topology.impact import Impact, impact
from gateway.topology.layers import Layer
from gateway.topology.revise import register_source
from gateway.topology.spread import Effect
from tests.topology.house import T0, House, entity, on
from tests.topology.layers import Cluster, Fleet, hypervisor

K = EntityKind
UNTOLD = " (each node counted as one: nothing tells how corosync counts)"
SECOND = 1_000_000


def virtual_cluster() -> tuple[House, Fleet, Cluster]:
    """
    Nodes n1, n2, n3 are VMs: n1 and n2 on h1, n3 on h3. web runs on n1, mail on n2. VM batch is on h2.

    The disks of n1 and n3 are on the shared pool `nfs` (h1, h2, h3), that of n2 on the local pool of h1.
    """
    house = House()
    fleet = Fleet(house, vms=("n1", "n2", "n3", "batch"), pools={"nfs": ("h1", "h2", "h3")})
    fleet.disks = {"n1": "nfs", "n3": "nfs", "n2": "h1/local"}
    cluster = Cluster(house, machines={name: name for name in ("n1", "n2", "n3")})
    for name, host in (("n1", "h1"), ("n2", "h1"), ("n3", "h3"), ("batch", "h2")):
        fleet.run(name, host)
    cluster.run("web", "n1")
    cluster.run("mail", "n2")
    cluster.read(0)
    fleet.read(0)
    shop = entity(NativeKey(K.SERVICE, "shop"), "")
    needs = ObservedRelation(RelationKind.DEPENDS_ON, shop.key, NativeKey(K.HA_RESOURCE, "web"))
    house.see(0, [shop, entity(needs.lower, "")], [needs], source="facts")
    return house, fleet, cluster


def find(house: House, kind: EntityKind, name: str) -> Entity:
    found = [e for e in house.snapshot.named(name) if e.kind is kind]
    return found[0]


def lose(house: House, kind: EntityKind, *names: str, at: int = T0 + SECOND) -> Impact:
    return impact(house.snapshot, [find(house, kind, name) for name in names], at)


def hit(answer: Impact, effect: Effect = Effect.LOST) -> set[str]:
    return {f"{one.entity.kind.value}:{one.entity.name}" for one in answer.affected if one.effect is effect}


ON_H1 = {"vm:n1", "vm:n2", "guest_os:n1", "guest_os:n2", "ha_node:n1", "ha_node:n2"} | {
    "ha_resource:web",
    "ha_resource:mail",
    "storage_pool:h1/local",
    "volume:n2.qcow2",
}


def test_a_host_takes_its_vms_the_nodes_and_services_in_them_and_its_local_storage():
    house, *_ = virtual_cluster()
    answer = lose(house, K.PHYSICAL_HOST, "h1")
    assert hit(answer) == ON_H1 | {"hypervisor:h1"}
    assert hit(answer, Effect.DEGRADED) == {"ha_cluster:lab"}


def test_a_hypervisor_takes_what_its_machine_takes():
    house, *_ = virtual_cluster()
    assert hit(lose(house, K.HYPERVISOR, "h1")) == ON_H1


def test_the_votes_that_a_host_takes_along_are_counted():
    house, *_ = virtual_cluster()
    (votes,) = lose(house, K.PHYSICAL_HOST, "h1").quorums
    assert (votes.cluster.name, votes.votes, votes.lost, votes.remain, votes.majority) == ("lab", 3, 2, 1, False)
    assert votes.said == "1 of 3 votes remain, no majority" + UNTOLD
    (votes,) = lose(house, K.PHYSICAL_HOST, "h3").quorums
    assert (votes.lost, votes.remain, votes.majority, votes.said) == (1, 2, True, "2 of 3 votes remain" + UNTOLD)
    assert lose(house, K.PHYSICAL_HOST, "h2").quorums == ()


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({}, "1 of 2 votes remain, no majority (it goes on only if corosync has two_node or a quorum device)"),
        ({"two_node": True}, "1 of 2 votes remain (two_node: the other node goes on)"),
        ({"qdevice_votes": 1}, "2 of 3 votes remain (1 of them the quorum device's, if it answers)"),
        ({"two_node": False, "qdevice_votes": 0}, "1 of 2 votes remain, no majority"),
        (
            {"two_node": False, "no_quorum_policy": "stop"},
            "1 of 2 votes remain, no majority (no-quorum-policy=stop: what remains stops too)",
        ),
    ],
)
def test_two_nodes_are_judged_by_what_the_cluster_tells(attributes, said):
    house, _, cluster = virtual_cluster()
    cluster.nodes = ("n1", "n3")
    cluster.where.pop("mail")
    cluster.read(1)
    snapshot = house.snapshot
    shown = find(house, K.HA_CLUSTER, "lab")
    told = {shown.index: replace(shown, attributes=attributes)}
    house.snapshot = replace(snapshot, entities=snapshot.entities.evolve(told))
    (votes,) = lose(house, K.PHYSICAL_HOST, "h1").quorums
    assert votes.said == said


def test_a_quorum_device_gives_no_quorum_to_nobody_and_the_cluster_waits_for_all():
    house, *_ = virtual_cluster()
    shown = find(house, K.HA_CLUSTER, "lab")
    told = replace(shown, attributes={"qdevice_votes": 9, "wait_for_all": True})
    house.snapshot = replace(house.snapshot, entities=house.snapshot.entities.evolve({shown.index: told}))
    hosts = [find(house, K.PHYSICAL_HOST, name) for name in ("h1", "h3")]
    (votes,) = impact(house.snapshot, hosts, T0).quorums
    assert votes.said == (
        "0 of 12 votes remain, no majority (wait_for_all: it starts again only when all its nodes are there)"
    )


def test_a_node_that_is_down_already_takes_no_vote_along():
    house, _, cluster = virtual_cluster()
    cluster.states["n2"] = EntityState.OFFLINE
    cluster.read(1)
    (votes,) = lose(house, K.PHYSICAL_HOST, "h1").quorums
    assert (votes.lost, votes.remain) == (1, 1)


# -- storage -------------------------------------------------------------------------------------------------------


def test_a_pool_takes_its_volumes_the_vms_and_all_that_runs_in_them():
    house, *_ = virtual_cluster()
    answer = lose(house, K.STORAGE_POOL, "nfs")
    assert hit(answer) == {"volume:n1.qcow2", "volume:n3.qcow2"} | {
        f"{kind}:{name}" for kind in ("vm", "guest_os", "ha_node") for name in ("n1", "n3")
    } | {"ha_resource:web"}
    assert hit(answer, Effect.DEGRADED) == {"ha_cluster:lab"}
    assert {one.entity.name for one in answer.affected if one.layer is Layer.STORAGE} == {"n1.qcow2", "n3.qcow2"}
    assert [votes.said for votes in answer.quorums] == ["1 of 3 votes remain, no majority" + UNTOLD]


def test_a_pool_does_not_take_the_hypervisors_that_are_connected_to_it():
    house, *_ = virtual_cluster()
    answer = lose(house, K.STORAGE_POOL, "nfs")
    assert not {one.entity.kind for one in answer.affected} & {K.HYPERVISOR, K.PHYSICAL_HOST}


def test_one_of_the_hosts_does_not_take_a_shared_pool():
    house, *_ = virtual_cluster()
    assert "storage_pool:nfs" not in hit(lose(house, K.PHYSICAL_HOST, "h1"))
    assert "vm:n3" not in hit(lose(house, K.PHYSICAL_HOST, "h1"))


def test_a_pool_that_one_host_calls_local_and_another_has_too_stays_while_one_is_left():
    house, fleet, _ = virtual_cluster()
    links = (Link("fleet/storage_pool/h1/local", "fleet/storage_pool/nfs", same=True),)
    house.see(1, [], source="facts", links=links)
    fleet.read(2)
    (pool,) = house.snapshot.all_entities(kind=K.STORAGE_POOL)
    assert f"storage_pool:{pool.name}" not in hit(lose(house, K.HYPERVISOR, "h1"))
    assert f"storage_pool:{pool.name}" in hit(lose(house, K.HYPERVISOR, "h1", "h2", "h3"))


def test_a_medium_in_a_drive_is_missed_and_does_not_stop_the_vm():
    house, *_ = virtual_cluster()
    disc, pool = NativeKey(K.VOLUME, "iso/install.iso"), NativeKey(K.STORAGE_POOL, "iso")
    key = house.snapshot.record(find(house, K.VM, "batch").index).key
    inserted = ObservedRelation(RelationKind.USES_STORAGE, key, disc, attributes={"mode": "ROX", "device": "cdrom"})
    backed = ObservedRelation(RelationKind.BACKED_BY, disc, pool)
    runs = on(key, hypervisor("h2"), role="")
    entities = [ObservedEntity(key, "batch"), entity(disc, ""), entity(pool, ""), entity(hypervisor("h2"), "")]
    house.see(1, entities, [inserted, backed, runs], source="fleet", covers=Whole("h2"))
    answer = lose(house, K.STORAGE_POOL, "iso")
    assert "vm:batch" in hit(answer, Effect.DEGRADED)
    assert "vm:batch" not in hit(answer)


def test_the_way_from_a_service_to_a_pool_is_shown():
    house, *_ = virtual_cluster()
    answer = lose(house, K.STORAGE_POOL, "nfs")
    (web,) = [one for one in answer.affected if one.entity.name == "web"]
    assert [step.entity.kind for step in web.path] == [K.HA_NODE, K.GUEST_OS, K.VM, K.VOLUME, K.STORAGE_POOL]


def test_a_pool_of_which_no_volume_is_known_is_not_called_unused():
    house, fleet, _ = virtual_cluster()
    fleet.pools["iso"] = ("h1",)
    fleet.read(1)
    answer = lose(house, K.STORAGE_POOL, "iso")
    assert answer.affected == ()
    assert answer.blind_spots == ("nothing is seen on storage_pool iso: no source tells what uses it",)


def test_a_snapshot_is_not_lost_with_the_host_that_its_vm_runs_on():
    house, *_ = virtual_cluster()
    before = NativeKey(K.SNAPSHOT, "before")
    key = house.snapshot.record(find(house, K.VM, "batch").index).key
    inside = ObservedRelation(RelationKind.PART_OF, before, key)
    house.see(1, [ObservedEntity(key, "batch"), entity(before, "")], [inside], source="fleet")
    assert "snapshot:before" not in hit(lose(house, K.VM, "batch"))


# -- a resource that is a VM ---------------------------------------------------------------------------------------


def bare_metal() -> House:
    """n1, n2, n3 are h1, h2, h3. The resource shop-vm, on n1, is the VM shop on h1; its disk is on `nfs`."""
    house = House()
    fleet = Fleet(house, vms=("shop",), pools={"nfs": ("h1", "h2")}, disks={"shop": "nfs"})
    cluster = Cluster(house, machines={"n1": "h1", "n2": "h2", "n3": "h3"}, starts={"shop-vm": "shop"})
    fleet.run("shop", "h1")
    cluster.run("shop-vm", "n1")
    fleet.read(0)
    cluster.read(0)
    return house


@pytest.mark.parametrize(
    ("kind", "name"), [(K.HYPERVISOR, "h1"), (K.STORAGE_POOL, "nfs"), (K.PHYSICAL_HOST, "h1"), (K.HA_NODE, "n1")]
)
def test_a_vm_and_the_resource_that_it_is_are_lost_together(kind, name):
    assert {"vm:shop", "ha_resource:shop-vm"} <= hit(lose(bare_metal(), kind, name))


def test_another_machine_of_the_cluster_takes_neither():
    answer = lose(bare_metal(), K.PHYSICAL_HOST, "h2")
    assert hit(answer) == {"hypervisor:h2", "guest_os:n2", "ha_node:n2"}


# -- what cannot be known --------------------------------------------------------------------------------------------


def test_a_node_that_no_vm_or_machine_is_joined_to_is_a_blind_spot():
    house, _, cluster = virtual_cluster()
    cluster.machines.pop("n3")
    cluster.read(1)
    answer = lose(house, K.HYPERVISOR, "h1")
    assert answer.blind_spots == ("ha_node n3 is matched to no guest OS: may be affected, or not",)
    assert lose(house, K.HA_NODE, "n1").blind_spots == ()


def test_a_host_that_does_not_answer_is_a_blind_spot_though_its_source_does():
    house, *_ = virtual_cluster()
    source = Source(0, "", "fleet", "libvirt", SourceState.OK, 60 * SECOND, last_success=T0 + 200 * SECOND)
    house.snapshot, _ = register_source(house.snapshot, source, T0 + SECOND, lambda: "fleet-id")
    fresh = {scope_key("fleet", host): T0 + 200 * SECOND for host in ("h1", "h3")}
    house.snapshot = replace(house.snapshot, freshness=house.snapshot.freshness.evolve(fresh))
    answer = lose(house, K.HYPERVISOR, "h1", at=T0 + 201 * SECOND)
    assert answer.blind_spots == ("hypervisor h2 does not answer: what is known of it is up to 201 s old",)
