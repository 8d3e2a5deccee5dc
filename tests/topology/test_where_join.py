"""Where something is, through the layers of several sources: the whole chain, the VM that a resource is, storage."""

import pytest

from gateway.model.entities import Alias, EntityKind, KeyNamespace, NativeKey
from gateway.model.errors import AmbiguousName
from gateway.model.observations import ObservedEntity, ObservedRelation, Whole
from gateway.model.relations import Phase, RelationKind
from gateway.topology.hops import Hop, HopState, Where, WhereStatus
from gateway.topology.lookup import End, meaning, resolve
from gateway.topology.where import where
from tests.topology.house import T0, House, entity
from tests.topology.layers import Cluster, Fleet, machine, smbios

K = EntityKind
SECOND = 1_000_000


def racks(house: House) -> None:
    """Declared facts: blade h1 in rack r1 of site hq; the service shop needs the resource web."""
    places = [NativeKey(K.RACK, "r1"), NativeKey(K.SITE, "hq")]
    blade = ObservedEntity(machine("blade"), "h1", aliases=(smbios("h1"),))
    shop, web = NativeKey(K.SERVICE, "shop"), NativeKey(K.HA_RESOURCE, "web")
    inside = [
        ObservedRelation(RelationKind.PART_OF, blade.key, places[0]),
        ObservedRelation(RelationKind.PART_OF, *places),
        ObservedRelation(RelationKind.DEPENDS_ON, shop, web),
    ]
    alias = Alias(KeyNamespace.DECLARED, "lab web")
    stand_in = ObservedEntity(web, "web", aliases=(alias,))
    house.see(0, [blade, *(entity(place, "") for place in places), entity(shop, ""), stand_in], inside, source="facts")


def in_a_vm() -> tuple[House, Fleet, Cluster]:
    """web runs on node n1, which is the VM n1 on h1, with its disk on the shared pool nfs."""
    house = House()
    fleet = Fleet(house, ("h1", "h2"), ("n1",), pools={"nfs": ("h1", "h2")}, disks={"n1": "nfs"})
    cluster = Cluster(house, ("n1",), machines={"n1": "n1"})
    fleet.run("n1", "h1")
    cluster.run("web", "n1")
    racks(house)
    cluster.read(0)
    fleet.read(1)
    return house, fleet, cluster


def on_metal() -> tuple[House, Fleet, Cluster]:
    """The resource shop-vm on node n1 is the VM shop on h1; n1 is h1, n2 is h2."""
    house = House()
    fleet = Fleet(house, ("h1", "h2"), ("shop",))
    cluster = Cluster(house, ("n1", "n2"), machines={"n1": "h1", "n2": "h2"}, starts={"shop-vm": "shop"})
    fleet.run("shop", "h1")
    cluster.run("shop-vm", "n1")
    cluster.read(0)
    fleet.read(1)
    return house, fleet, cluster


def ask(house: House, name: str, at: float = 2) -> Where:
    return where(house.snapshot, resolve(house.snapshot, name), T0 + round(at * SECOND))


def chain(hops: tuple[Hop, ...]) -> list[str]:
    found = []
    while hops:
        (hop,) = hops
        found.append(f"{hop.entity.kind.value}:{hop.entity.name}")
        hops = hop.below
    return found


def test_the_chain_goes_from_the_resource_to_the_site_each_hop_with_its_source_age_and_confidence():
    house, *_ = in_a_vm()
    (resource,) = [e for e in house.snapshot.named("web") if "lab" in e.sources]
    answer = where(house.snapshot, resource, T0 + 2 * SECOND)
    assert chain(answer.below) == [
        "ha_node:n1",
        "guest_os:n1",
        "vm:n1",
        "hypervisor:h1",
        "physical_host:h1",
        "rack:r1",
        "site:hq",
    ]
    hops, told = answer.below, []
    while hops:
        told.append((hops[0].source, hops[0].confidence, hops[0].age_us))
        hops = hops[0].below
    assert told == [
        ("lab", 100, 2 * SECOND),
        ("lab", 100, 2 * SECOND),
        ("correlation", 95, 2 * SECOND),
        ("fleet", 100, SECOND),
        ("fleet", 100, SECOND),
        ("facts", 100, 2 * SECOND),
        ("facts", 100, 2 * SECOND),
    ]


def test_storage_hangs_on_the_vm_and_names_the_hosts_of_a_shared_pool():
    house, *_ = in_a_vm()
    (volume,) = ask(house, "vm:n1").storage
    (pool,) = volume.storage
    assert (volume.relation, volume.entity.name) == (RelationKind.USES_STORAGE, "n1.qcow2")
    assert (pool.relation, pool.entity.name) == (RelationKind.BACKED_BY, "nfs")
    assert pool.ends == "is connected to hypervisor h1, h2"


def test_a_pool_is_where_its_hypervisors_are():
    answer = ask(in_a_vm()[0], "nfs")
    assert [(hop.relation, hop.entity.name) for hop in answer.below] == [
        (RelationKind.CONNECTS_TO, "h1"),
        (RelationKind.CONNECTS_TO, "h2"),
    ]
    assert answer.status is WhereStatus.SPREAD


def test_a_volume_is_said_to_be_on_its_pool():
    assert ask(in_a_vm()[0], "n1.qcow2").said == "volume n1.qcow2 backed by storage_pool nfs"


def test_a_resource_that_is_a_vm_names_its_node_and_its_hypervisor_without_contradiction():
    answer = ask(on_metal()[0], "shop-vm")
    assert chain(answer.below) == ["ha_node:n1", "guest_os:n1", "physical_host:h1"]
    (vm,) = answer.machines
    assert (vm.relation, vm.entity.name) == (RelationKind.IS_SAME_AS, "shop")
    assert chain(vm.below) == ["hypervisor:h1", "physical_host:h1"]
    assert answer.notes == ()
    assert answer.status is WhereStatus.PLACED
    assert answer.said == (
        "ha_resource shop-vm runs on ha_node n1 > guest_os n1 > physical_host h1; it is vm shop, on hypervisor h1"
    )


def test_a_resource_whose_vm_is_ahead_says_so():
    house, fleet, _ = on_metal()
    fleet.run("shop", "h2")
    fleet.read(2)
    (note,) = ask(house, "shop-vm").notes
    assert note.startswith("vm shop is on physical_host h2, its node on physical_host h1: a move is under way")


def test_the_vm_names_the_resource_that_manages_it():
    answer = ask(on_metal()[0], "vm:shop")
    assert chain(answer.below) == ["hypervisor:h1", "physical_host:h1"]
    assert answer.notes == ("vm shop is managed by ha_resource shop-vm (lab)",)


def test_the_vms_of_a_groups_members_are_named():
    house, _, cluster = on_metal()
    cluster.group["shop-group"] = ("shop-vm",)
    cluster.read(2)
    answer = ask(house, "shop-group", 3)
    assert [hop.entity.name for hop in answer.machines] == ["shop"]


def test_a_vm_that_only_its_cluster_sees_run_is_where_the_cluster_says():
    house, fleet, _ = on_metal()
    fleet.where.clear()
    fleet.read(2)
    answer = ask(house, "vm:shop", 3)
    assert chain(answer.below)[0] == "ha_node:n1"
    assert "fleet does not see it run; it was last on hypervisor h1" in answer.notes
    assert answer.status is WhereStatus.PLACED


def test_a_vm_that_is_off_everywhere_is_where_it_was_last():
    house, fleet, cluster = on_metal()
    fleet.where.clear()
    cluster.where.clear()
    fleet.read(2)
    cluster.read(2)
    answer = ask(house, "vm:shop", 3)
    assert answer.status is WhereStatus.STOPPED
    assert (answer.below[0].entity.name, answer.below[0].state) == ("h1", HopState.STOPPED)


def test_a_migration_under_way_is_noted_where_it_is():
    house, fleet, _ = on_metal()
    fleet.where["shop"]["h2"] = (Phase.TRANSITIONAL, fleet.where["shop"]["h1"][1])
    fleet.read(2)
    (hop,) = ask(house, "vm:shop").below
    assert (hop.entity.name, hop.notes) == ("h1", ("fleet says it is in transition on hypervisor h2 too",))


@pytest.mark.parametrize(("end", "kind"), [(End.TOP, K.HA_RESOURCE), (End.BOTTOM, K.VM)])
def test_a_resource_and_its_vm_of_one_name_are_one_machine_to_ask_for(end, kind):
    house = House()
    fleet = Fleet(house, ("h1",), ("shop",))
    cluster = Cluster(house, ("n1",), starts={"shop": "shop"})
    fleet.run("shop", "h1")
    cluster.run("shop", "n1")
    cluster.read(0)
    fleet.read(1)
    assert meaning(house.snapshot, "shop", end).entity.kind is kind


def test_twins_are_told_apart_by_where_they_are_in_words_that_a_shell_takes():
    house = House()
    fleet = Fleet(house, ("h1", "h2"))
    for host in fleet.hosts:
        key = NativeKey(K.STORAGE_POOL, f"{host}/images")
        twin = ObservedEntity(key, "images", "dir")
        metal = entity(NativeKey(K.HYPERVISOR, host), "qemu")
        relation = ObservedRelation(RelationKind.PART_OF, key, metal.key)
        house.see(0, [metal, twin], [relation], source="fleet", covers=Whole(host))
    indexes = [pool.index for pool in house.snapshot.named("images")]
    with pytest.raises(AmbiguousName) as caught:
        resolve(house.snapshot, "images")
    said = str(caught.value)
    for index, host in zip(indexes, ("h1", "h2"), strict=True):
        assert f" {index} (storage_pool:images on {host}, source fleet)" in said
        assert resolve(house.snapshot, str(index)).index == index
    assert "#" not in said
