"""Records of several sources: one thing, or one under the other (design: domain, Identity)."""

import pytest

from gateway.model.entities import Alias, EntityKind, KeyNamespace, NativeKey
from gateway.model.observations import Link
from gateway.model.relations import RelationKind
from gateway.topology.correlate import is_key, swapped_smbios
from tests.topology.house import House, entity, node, on, resource, told, vm

UUID = "4c4c4544-0051-3510-8052-b4c04f4d4e31"
OTHER = "564d0c1a-92d3-4d1c-a7a3-6b1a2f9f0d11"
GUEST, NODE, WEB, VM = NativeKey(EntityKind.GUEST_OS, "n1/os"), node("n1"), resource("web"), vm("web-1")
HOSTS = {name: NativeKey(EntityKind.PHYSICAL_HOST, name) for name in ("h1", "h2")}


def smbios(value: str) -> tuple[Alias, ...]:
    return (Alias(KeyNamespace.SMBIOS_UUID, value),)


def cluster(house: House, at: float, uuid: str = UUID) -> list:
    return house.see(
        at,
        [entity(NODE, ""), entity(GUEST, "", aliases=smbios(uuid)), entity(WEB)],
        [on(NODE, GUEST), on(WEB, NODE)],
        source="cluster",
    )


def machines(house: House, at: float, host: str = "h1", uuid: str = UUID) -> list:
    hosts = [entity(key, "") for key in HOSTS.values()]
    return house.see(at, [*hosts, entity(VM, "", aliases=smbios(uuid))], [on(VM, HOSTS[host])], source="fleet")


@pytest.mark.parametrize("first", [cluster, machines])
def test_an_agreeing_smbios_uuid_puts_the_guest_on_its_vm_in_either_order(first):
    house = House()
    for step, see in enumerate([first, cluster, machines]):
        see(house, step)
    assert house.place(GUEST) == "web-1"
    (claim,) = [c for c in house.snapshot.claims_of(house.get(GUEST)) if c.kind is RelationKind.RUNS_ON]
    assert (claim.source, claim.confidence) == ("correlation", 95)


def test_the_other_byte_order_of_a_uuid_agrees_too():
    assert swapped_smbios(UUID) == "44454c4c-5100-1035-8052-b4c04f4d4e31"
    house = House()
    cluster(house, 0)
    machines(house, 1, uuid=swapped_smbios(UUID))
    assert house.place(GUEST) == "web-1"


@pytest.mark.parametrize("value", ["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"])
def test_a_vendors_default_is_no_key(value):
    assert not is_key(Alias(KeyNamespace.SMBIOS_UUID, value))
    house = House()
    cluster(house, 0, value)
    machines(house, 1, uuid=value)
    assert house.place(GUEST) is None


def test_a_key_that_changes_unlinks_and_links_anew():
    house = House()
    cluster(house, 0)
    machines(house, 1)
    machines(house, 2, uuid=OTHER)
    assert house.place(GUEST) is None
    cluster(house, 3, OTHER)
    assert house.place(GUEST) == "web-1"


def test_a_vm_that_moves_carries_the_cluster_resource_above_it():
    house = House()
    machines(house, 0)
    cluster(house, 1)
    events = machines(house, 2, "h2")
    assert told(events) == [("relocation", "web-1", "h1", "h2")]
    assert [event.carried for event in events if event.notify] == [1]


def test_two_vms_with_one_key_are_a_finding_and_no_link():
    house = House()
    twins = [entity(vm(name), "", aliases=smbios(UUID)) for name in ("web-1", "clone")]
    house.see(0, twins, source="fleet")
    cluster(house, 1)
    assert house.place(GUEST) is None
    assert {alarm.condition for alarm in house.snapshot.active_alarms()} == {"duplicateKey"}
    house.see(2, twins[:1], source="fleet")
    assert house.place(GUEST) == "web-1"
    assert list(house.snapshot.active_alarms()) == []


def test_weak_keys_never_link_but_propose():
    house = House()
    name = (Alias(KeyNamespace.HOST_NAME, "n1"), Alias(KeyNamespace.IP_ADDRESS, "192.0.2.1"))
    house.see(0, [entity(GUEST, "", aliases=name)], source="cluster")
    house.see(1, [entity(VM, "", aliases=name)], source="fleet")
    cluster_again = house.see(2, [entity(GUEST, "", aliases=(*name, *smbios(OTHER)))], source="cluster")
    assert house.place(GUEST) is None
    assert {e.condition for e in [*house.events, *cluster_again]} == {"sameByWeakKeys"}


def test_the_same_vm_in_two_sources_is_one_entity_with_the_oldest_index():
    house = House()
    machines(house, 0)
    index = house.get(VM).index
    house.see(1, [entity(vm("WEB-1 in the other"), "", aliases=smbios(UUID))], source="other")
    (shown,) = [e for e in house.snapshot.all_entities() if e.kind is EntityKind.VM]
    assert (shown.index, shown.sources) == (index, ("fleet", "other"))
    house.see(2, [entity(vm("WEB-1 in the other"), "", aliases=smbios(OTHER))], source="other")
    assert len([e for e in house.snapshot.all_entities() if e.kind is EntityKind.VM]) == 2


def test_people_may_say_what_is_one_and_what_is_not():
    house = House()
    machines(house, 0)
    house.see(1, [entity(vm("twin"), "", aliases=smbios(UUID))], source="other")
    apart = Link("fleet/vm/web-1", "other/vm/twin", same=False)
    house.see(2, [], source="facts", links=(apart,))
    assert len([e for e in house.snapshot.all_entities() if e.kind is EntityKind.VM]) == 2
    house.see(3, [], source="facts", links=())
    assert len([e for e in house.snapshot.all_entities() if e.kind is EntityKind.VM]) == 1
    house.see(4, [entity(vm("twin"), "")], source="other")
    same = Link("fleet/vm/web-1", "other/vm/twin", same=True)
    house.see(5, [], source="facts", links=(same,))
    assert len([e for e in house.snapshot.all_entities() if e.kind is EntityKind.VM]) == 1


def test_a_merge_is_no_relocation():
    house = House()
    machines(house, 0)
    elsewhere = [entity(HOSTS["h2"], ""), entity(vm("twin"), "", aliases=smbios(UUID))]
    house.see(1, elsewhere, [on(vm("twin"), HOSTS["h2"])], source="other")
    assert not [event for event in house.events if event.kind == "relocation"]
