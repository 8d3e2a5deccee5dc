"""The layers of two sources joined: what meets by a strong key, what only proposes, what is carried and told."""

import pytest

from gateway.model.entities import DECLARED, Alias, EntityKind, EntityState, KeyNamespace, NativeKey
from gateway.model.observations import ObservedEntity, ObservedRelation
from gateway.model.relations import RelationKind
from gateway.topology.correlate import swapped_smbios
from gateway.topology.lookup import End, meaning, resolve
from gateway.topology.where import where
from tests.topology.house import T0, House, entity, node, on, resource, told, vm
from tests.topology.layers import Cluster, Fleet, hypervisor, mac, machine, smbios, uuid

K = EntityKind


def kinds(house: House, kind: EntityKind) -> list[str]:
    return [entity.name for entity in house.snapshot.all_entities(kind=kind)]


def findings(house: House) -> list[str]:
    return [alarm.text for alarm in house.snapshot.active_alarms() if alarm.condition == "sameByWeakKeys"]


# -- a VM by its name only -------------------------------------------------------------------------------------

NAME = Alias(KeyNamespace.DOMAIN_NAME, "shop")


def by_name(house: House, at: float, *more: Alias) -> None:
    machine_ = ObservedEntity(vm("shop-vm"), "shop-vm", aliases=(NAME, *more))
    managed = ObservedRelation(RelationKind.MANAGED_BY, vm("shop-vm"), resource("shop-vm"))
    house.see(at, [machine_, entity(resource("shop-vm"))], [managed], source="lab")


def known(house: House, at: float, source: str = "fleet") -> None:
    aliases = (Alias(KeyNamespace.DOMAIN_UUID, uuid("shop")), NAME)
    house.see(at, [ObservedEntity(vm(uuid("shop")), "shop", aliases=aliases)], source=source)


@pytest.mark.parametrize("order", [(by_name, known), (known, by_name)])
def test_a_vm_of_which_only_the_name_is_known_is_proposed_and_not_merged(order):
    house = House()
    for at, see in enumerate(order):
        see(house, at)
    assert sorted(kinds(house, K.VM)) == ["shop", "shop-vm"]
    assert findings(house) == ["may be the same as shop of fleet: only the name agrees, which proves nothing"]


def test_the_proposal_ends_when_the_agent_tells_the_uuid_and_they_are_one():
    house = House()
    by_name(house, 0)
    known(house, 1)
    by_name(house, 2, Alias(KeyNamespace.DOMAIN_UUID, uuid("shop")))
    assert len(kinds(house, K.VM)) == 1
    assert findings(house) == []


def test_a_vm_whose_uuid_is_another_one_is_not_proposed():
    house = House()
    known(house, 0)
    by_name(house, 1, Alias(KeyNamespace.DOMAIN_UUID, uuid("other")))
    assert findings(house) == []


# -- a guest that two sources tell of ------------------------------------------------------------------------------

GUEST = NativeKey(K.GUEST_OS, "n1/os")
AGENTS = NativeKey(K.GUEST_OS, uuid("n1"))
WEAK = (
    Alias(KeyNamespace.HOST_NAME, "n1"),
    Alias(KeyNamespace.MACHINE_ID, "9f1c2d3e4b5a69788796a5b4c3d2e1f0"),
    Alias(KeyNamespace.IP_ADDRESS, "192.0.2.1"),
)


def node_agent(house: House, at: float, *keys: Alias) -> None:
    house.see(at, [entity(node("n1"), ""), entity(GUEST, "", aliases=keys)], [on(node("n1"), GUEST)], source="lab")


def guest_agent(house: House, at: float, *keys: Alias) -> None:
    machine_ = ObservedEntity(vm(uuid("n1")), "n1", aliases=(smbios("n1"), Alias(KeyNamespace.MAC, mac("n1"))))
    inside = entity(AGENTS, "", aliases=keys)
    house.see(at, [machine_, inside], [on(AGENTS, vm(uuid("n1")))], source="fleet")


@pytest.mark.parametrize("key", [smbios("n1"), Alias(KeyNamespace.MAC, mac("n1"))])
def test_a_guest_of_the_node_agent_and_of_the_guest_agent_is_one_by_a_strong_key(key):
    house = House()
    node_agent(house, 0, key, *WEAK)
    guest_agent(house, 1, key, *WEAK)
    (guest,) = house.snapshot.all_entities(kind=K.GUEST_OS)
    assert guest.sources == ("lab", "fleet")
    assert house.snapshot.ref(house.snapshot.placement(guest).host).name == "n1"
    assert house.snapshot.placement(guest).open


def test_weak_keys_do_not_make_two_guests_one_however_many_agree():
    house = House()
    node_agent(house, 0, *WEAK)
    guest_agent(house, 1, *WEAK)
    assert len(kinds(house, K.GUEST_OS)) == 2


# -- hosts -----------------------------------------------------------------------------------------------------------

SERIAL = Alias(KeyNamespace.SERIAL, "7XK21B3")


@pytest.mark.parametrize(
    "declared",
    [smbios("h1"), Alias(KeyNamespace.SMBIOS_UUID, swapped_smbios(uuid("h1"))), SERIAL],
    ids=["uuid", "other byte order", "serial"],
)
@pytest.mark.parametrize("own_machine", [True, False], ids=["libvirt tells the machine", "hypervisor only"])
def test_a_hypervisor_is_on_the_declared_machine_of_its_uuid_or_serial(declared, own_machine):
    house = House()
    rack = NativeKey(K.RACK, "r1")
    blade = ObservedEntity(machine("blade-7"), "blade-7", aliases=(declared,))
    inside = ObservedRelation(RelationKind.PART_OF, machine("blade-7"), rack)
    house.see(0, [blade, entity(rack, "")], [inside], source="facts")
    keys = (smbios("h1"), SERIAL)
    entities = [entity(hypervisor("h1"), "qemu", aliases=keys)]
    if own_machine:
        entities.append(entity(machine("h1"), "", aliases=keys))
    house.see(1, entities, [on(hypervisor("h1"), machine("h1"))] if own_machine else [], source="fleet")
    (only,) = house.snapshot.all_entities(kind=K.PHYSICAL_HOST)
    assert house.snapshot.record(only.index).source == "facts"
    assert house.snapshot.placement(house.get(hypervisor("h1"))).host == only.index


@pytest.mark.parametrize("first", ["facts", "fleet"])
def test_a_machine_has_the_name_that_a_person_declared_and_its_sources_name_finds_it_too(first):
    house = House()
    declared = ObservedEntity(machine("srv-1"), "srv-1", DECLARED, aliases=(smbios("h1"),))
    fleet = Fleet(house, ("h1",), ("v1",))
    fleet.run("v1", "h1")
    views = [lambda: house.see(0, [declared], source="facts"), lambda: fleet.read(0)]
    for view in views if first == "facts" else reversed(views):
        view()
    (only,) = house.snapshot.all_entities(kind=K.PHYSICAL_HOST)
    assert only.name == "srv-1"
    assert where(house.snapshot, house.get(vm("v1")), T0).said.endswith("hypervisor h1 > physical_host srv-1")
    for name in ("srv-1", "physical_host:h1", "physical_host:srv-1"):
        assert resolve(house.snapshot, name) == only
    lowest = meaning(house.snapshot, "h1", End.BOTTOM)
    assert (lowest.entity, lowest.note) == (only, "srv-1: physical_host; also hypervisor h1 above it")
    assert meaning(house.snapshot, "h1", End.TOP).entity == house.get(hypervisor("h1"))
    house.see(1, [], source="facts")
    assert house.snapshot.entity(only.index).name == "h1"


def test_the_node_and_the_hypervisor_of_one_bare_machine_meet_on_it():
    house = House()
    fleet, cluster = Fleet(house), Cluster(house, machines={"n1": "h1", "n2": "h2"})
    cluster.read(0)
    fleet.read(1)
    (guest,) = [found for found in house.snapshot.named("n1") if found.kind is K.GUEST_OS]
    host = house.snapshot.placement(guest).host
    assert (house.snapshot.ref(host).kind, house.snapshot.ref(host).name) == (K.PHYSICAL_HOST, "h1")
    assert house.snapshot.placement(house.get(hypervisor("h1"))).host == host


# -- what a VM carries ---------------------------------------------------------------------------------------------


def virtual_cluster() -> tuple[House, Fleet, Cluster]:
    """Nodes n1, n2, n3 are VMs of these names: n1 and n2 on h1, n3 on h3. web and db run on n1, mail on n2."""
    house = House()
    fleet = Fleet(house, vms=("n1", "n2", "n3"))
    cluster = Cluster(house, machines={name: name for name in ("n1", "n2", "n3")})
    for name, host in (("n1", "h1"), ("n2", "h1"), ("n3", "h3")):
        fleet.run(name, host)
    for name, host in (("web", "n1"), ("db", "n1"), ("mail", "n2")):
        cluster.run(name, host)
    fleet.read(0)
    cluster.read(0)
    assert house.events == []
    return house, fleet, cluster


def test_a_node_that_is_live_migrated_is_told_once_with_what_it_carries():
    house, fleet, cluster = virtual_cluster()
    fleet.run("n1", "h2")
    events = fleet.read(10) + cluster.read(11)
    assert told(events) == [("relocation", "n1", "h1", "h2")]
    (event,) = [event for event in events if event.notify]
    assert event.carried == 2
    inside = {(e.entity.name, e.old_host.name, e.new_host.name, e.caused_by) for e in events if not e.notify}
    assert inside == {("db", "h1", "h2", event.id), ("web", "h1", "h2", event.id)}
    assert house.wait(1000) == []


def test_two_nodes_of_one_cluster_that_leave_a_host_are_told_one_each():
    _, fleet, cluster = virtual_cluster()
    fleet.run("n1", "h2")
    fleet.run("n2", "h3")
    events = fleet.read(10) + cluster.read(11)
    assert sorted(told(events)) == [("relocation", "n1", "h1", "h2"), ("relocation", "n2", "h1", "h3")]
    assert {e.entity.name: e.carried for e in events if e.notify} == {"n1": 2, "n2": 1}


def test_a_service_that_moves_to_another_node_is_told_and_its_vm_is_not():
    _, fleet, cluster = virtual_cluster()
    cluster.run("web", "n3")
    assert told(cluster.read(10) + fleet.read(11)) == [("relocation", "web", "n1", "n3")]


def test_the_chain_from_a_service_to_the_machine_is_known_layer_by_layer():
    house, *_ = virtual_cluster()
    found, key = [], resource("web")
    current = house.get(key)
    while (placement := house.snapshot.placement(current)) is not None:
        current = house.snapshot.entity(placement.host)
        found.append((current.kind, current.name))
    assert found == [(K.HA_NODE, "n1"), (K.GUEST_OS, "n1"), (K.VM, "n1"), (K.HYPERVISOR, "h1"), (K.PHYSICAL_HOST, "h1")]


def test_a_cluster_that_loses_a_node_says_nothing_of_its_vm():
    house, fleet, cluster = virtual_cluster()
    cluster.states["n1"] = EntityState.OFFLINE
    cluster.read(10)
    assert told(fleet.read(11)) == []
    assert house.place(vm("n1")) == "h1"
