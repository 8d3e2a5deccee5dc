"""A host and its domains as entities, relations and keys; a domain that did not change costs next to nothing."""

from dataclasses import replace
from time import perf_counter

import pytest

from gateway.collectors.libvirt.blockers import WORDS
from gateway.collectors.libvirt.mapping import observe_host
from gateway.collectors.libvirt.records import DomainDefinition, Guest, HostFacts, HostReading, Network, Nic, Volume
from gateway.model.entities import Alias, EntityKind, EntityState, KeyNamespace, NativeKey
from gateway.model.observations import Objects, ObservedEntity, Whole
from gateway.model.relations import Arrival, Phase, RelationKind
from tests.collectors.libvirt.given import (
    LEFT,
    MIGRATED,
    OFF,
    SAVED,
    VM1,
    Lab,
    a_pool,
    a_volume,
    attributes,
    definition,
    domain,
    facts,
    natives,
    uppers,
)

UUID = "c3584e8b-049a-5f8c-95de-e60f3ec79fd5"


def entity(lab: Lab, kind: EntityKind, native: str, host: str = "h1") -> ObservedEntity:
    (found,) = [one for one in lab.last[host].entities if one.key == NativeKey(kind, native)]
    return found


def read(*domains, **more) -> Lab:  # type: ignore[no-untyped-def]
    lab = Lab()
    lab.read(1, "h1", *domains, **more)
    return lab


# -- the host --------------------------------------------------------------------------------------------------


def test_a_hypervisor_and_the_machine_under_it():
    lab = read(known=facts())
    keys = (Alias(KeyNamespace.SMBIOS_UUID, UUID), Alias(KeyNamespace.SERIAL, "VL-SN-00001"))
    hypervisor = entity(lab, EntityKind.HYPERVISOR, "h1")
    assert (hypervisor.name, hypervisor.subtype, hypervisor.state) == ("h1", "qemu", EntityState.RUNNING)
    assert hypervisor.aliases == keys
    assert hypervisor.attributes == {
        "driver": "QEMU",
        "host_name": "h1",
        "version": "9.0.0",
        "libvirt_version": "9.0.0",
        "cpus": 2,
        "memory_bytes": 8 << 30,
        "numa_nodes": 1,
        "cpu_model": "kvm64",
        "arch": "x86_64",
    }
    machine = entity(lab, EntityKind.PHYSICAL_HOST, "h1")
    assert machine.aliases == keys
    assert machine.attributes["product"] == "Rack Server 2000"
    assert uppers(lab.last["h1"], RelationKind.RUNS_ON, EntityKind.PHYSICAL_HOST) == {"h1": "h1"}
    assert lab.last["h1"].covers == Whole("h1")


def test_the_test_driver_manages_no_machine():
    lab = read(known=HostFacts("localhost", "TEST"))
    assert natives(lab.last["h1"], EntityKind.PHYSICAL_HOST) == []
    assert entity(lab, EntityKind.HYPERVISOR, "h1").aliases == ()


@pytest.mark.parametrize("serial", ["", "0", "To be filled by O.E.M.", "Default string", "Not Specified"])
def test_what_boards_have_for_a_serial_number_is_none(serial):
    lab = read(known=replace(facts(), serial=serial))
    namespaces = [alias.namespace for alias in entity(lab, EntityKind.HYPERVISOR, "h1").aliases]
    assert namespaces == [KeyNamespace.SMBIOS_UUID]


def test_the_uuid_of_the_capabilities_stands_in_for_that_of_smbios():
    lab = read(known=replace(facts(), system_uuid="", uuid=UUID.upper(), serial=""))
    assert entity(lab, EntityKind.PHYSICAL_HOST, "h1").aliases == (Alias(KeyNamespace.SMBIOS_UUID, UUID),)


# -- a domain --------------------------------------------------------------------------------------------------


def test_a_running_domain():
    lab = read(domain(defined=definition()), pools=(a_pool("shared"),), volumes=(a_volume(),))
    vm = entity(lab, EntityKind.VM, VM1)
    assert (vm.name, vm.subtype, vm.state, vm.reason) == ("vm1", "qemu", EntityState.RUNNING, "")
    assert set(vm.aliases) >= {
        Alias(KeyNamespace.DOMAIN_UUID, VM1),
        Alias(KeyNamespace.SMBIOS_UUID, VM1),
        Alias(KeyNamespace.MAC, "52:54:00:77:01:01"),
    }
    assert vm.attributes == {
        "vcpus": 1,
        "max_vcpus": 1,
        "memory_bytes": 96 << 20,
        "max_memory_bytes": 96 << 20,
        "autostart": False,
        "persistent": True,
        "managed_save": False,
        "title": "virtlab guest vm1",
        "on_crash": "destroy",
        "watchdog": "reset",
        "cpu_mode": "custom",
        "agent": "connected",
        "migration_blockers": "local_disk:vda",
    }
    (runs_on,) = [r for r in lab.last["h1"].relations if r.upper == vm.key and r.kind is RelationKind.RUNS_ON]
    assert (runs_on.lower.native, runs_on.phase, runs_on.arrival) == ("h1", Phase.STABLE, Arrival.RESTART)
    volume = entity(lab, EntityKind.VOLUME, "h1/shared/vm1.img")
    assert (volume.name, volume.attributes) == ("vm1.img", {"capacity_bytes": 256 << 20, "format": "raw"})


def test_what_a_domain_has_now_is_told_beside_what_it_may_get():
    lab = read(domain(defined=definition("domain-growing")))
    shown = attributes(lab.last["h1"], EntityKind.VM, VM1)
    assert (shown["vcpus"], shown["max_vcpus"]) == (3, 8)
    assert (shown["memory_bytes"], shown["max_memory_bytes"]) == (12 << 30, 64 << 30)
    assert shown["os"] == "http://debian.org/debian/12"


def test_a_disk_is_told_with_its_bus_and_a_volume_as_what_its_pool_says():
    logical = Volume("/dev/vg0/erp-root", "vg0", "erp-root", "/dev/vg0/erp-root", "block", "raw", 20 << 30)
    lab = read(domain(defined=definition("domain-growing")), pools=(a_pool("logical"),), volumes=(logical,))
    (used,) = [r for r in lab.last["h1"].relations if r.kind is RelationKind.USES_STORAGE]
    assert used.attributes == {"mode": "RWO", "target": "sda", "bus": "scsi"}
    (volume,) = [e for e in lab.last["h1"].entities if e.key.kind is EntityKind.VOLUME]
    assert (volume.name, volume.subtype) == ("erp-root", "block")


def test_what_the_guest_sees_as_its_uuid_is_its_key():
    seen_uuid = "4c4c4544-0042-3510-8052-b4c04f4d3132"
    lab = read(domain(defined=replace(definition(), smbios_uuid=seen_uuid)))
    aliases = entity(lab, EntityKind.VM, VM1).aliases
    assert Alias(KeyNamespace.SMBIOS_UUID, seen_uuid) in aliases
    assert Alias(KeyNamespace.SMBIOS_UUID, VM1) not in aliases


@pytest.mark.parametrize(
    ("shown", "state"),
    [
        ((1, 1), EntityState.RUNNING),
        ((2, 0), EntityState.RUNNING),
        ((3, 1), EntityState.PAUSED),
        ((3, 2), EntityState.MIGRATING),
        ((3, 5), EntityState.PAUSED),
        ((3, 10), EntityState.CRASHED),
        ((3, 11), EntityState.STARTING),
        ((4, 0), EntityState.STOPPING),
        ((5, 0), EntityState.STOPPED),
        ((5, 3), EntityState.CRASHED),
        ((5, 5), EntityState.SUSPENDED),
        ((5, 6), EntityState.CRASHED),
        ((6, 1), EntityState.CRASHED),
        ((7, 0), EntityState.SUSPENDED),
        ((99, 0), EntityState.UNKNOWN),
    ],
)
def test_states_in_the_words_of_all_sources(shown, state):
    assert entity(read(domain(shown)), EntityKind.VM, VM1).state is state


def test_what_is_off_runs_on_nothing_and_keeps_its_disks():
    lab = read(domain(SAVED, defined=definition(), managed_save=True))
    assert uppers(lab.last["h1"], RelationKind.RUNS_ON, EntityKind.HYPERVISOR) == {}
    assert uppers(lab.last["h1"], RelationKind.USES_STORAGE, EntityKind.VOLUME) == {
        VM1: "h1:/var/lib/virtlab/shared/vm1.img"
    }
    assert entity(lab, EntityKind.VM, VM1).attributes["managed_save"] is True


def test_what_keeps_a_domain_from_being_migrated_is_said_in_closed_words():
    held = domain(defined=definition("domain-passthrough"), snapshots=("before",))
    lab = read(held, pools=(a_pool("rbd"),))
    blockers = str(attributes(lab.last["h1"], EntityKind.VM, VM1)["migration_blockers"]).split(",")
    assert blockers == [
        "passthrough:pci 0000:65:00.0",
        "usb:046d:c52b",
        "passthrough:mdev c2177883-f1bb-47f0-914d-32a22e3a8804",
        "passthrough:pci 0000:3b:10.2",
        "virtiofs:share",
        "tpm:emulator",
        "local_disk:vda",
        "shareable:vdb",
        "local_disk:vde",
        "local_disk:sdb",
        "cpu_mode:host-passthrough",
        "snapshots",
    ]
    assert {blocker.partition(":")[0] for blocker in blockers} <= WORDS


def test_snapshots_and_checkpoints_are_parts_of_their_vm():
    lab = read(domain(snapshots=("before", "after"), checkpoints=("before",)))
    shown = [(e.key.native, e.name, e.subtype) for e in lab.last["h1"].entities if e.key.kind is EntityKind.SNAPSHOT]
    assert shown == [
        (f"{VM1}/before", "before", ""),
        (f"{VM1}/after", "after", ""),
        (f"{VM1}/checkpoint/before", "before", "checkpoint"),
    ]
    assert set(uppers(lab.last["h1"], RelationKind.PART_OF, EntityKind.VM).values()) == {VM1}


def test_networks_and_bridges_with_the_addresses_that_connect_to_them():
    nics = (Nic("52:54:00:00:00:01", "network", "lan"), Nic("52:54:00:00:00:02", "network", "lan"))
    nics += (Nic("52:54:00:00:00:03", "bridge", "", "br7"),)
    lab = read(domain(defined=DomainDefinition("kvm", nics=nics)), networks=(Network("lan", "", mode="nat"),))
    connected = {
        r.lower.native: r.attributes["mac"]
        for r in lab.last["h1"].relations
        if r.kind is RelationKind.CONNECTS_TO and r.upper.native == VM1
    }
    assert connected == {"h1/lan": "52:54:00:00:00:01,52:54:00:00:00:02", "h1/bridge:br7": "52:54:00:00:00:03"}
    assert entity(lab, EntityKind.NETWORK, "h1/lan").subtype == "nat"
    assert entity(lab, EntityKind.NETWORK, "h1/bridge:br7").name == "br7"


def test_an_interface_is_told_with_the_model_of_its_card():
    lab = read(domain(defined=definition("domain-growing")))
    (joined,) = [r for r in lab.last["h1"].relations if r.kind is RelationKind.CONNECTS_TO and r.upper.native == VM1]
    assert joined.attributes == {"mac": "52:54:00:0b:2d:01,52:54:00:0b:2d:02", "model": "virtio,e1000e"}


def test_a_volume_that_two_domains_share_is_said_once():
    lab = read(domain(defined=definition()), domain(uuid="u2", name="vm2", defined=definition()))
    assert len(natives(lab.last["h1"], EntityKind.VOLUME)) == 1
    assert len([r for r in lab.last["h1"].relations if r.kind is RelationKind.USES_STORAGE]) == 2


# -- what runs in it -------------------------------------------------------------------------------------------

TOLD = Guest(
    VM1,
    "Web-1.example.",
    "Debian GNU/Linux 12",
    "12",
    "6.1.0",
    (
        ("52:54:00:77:01:01", ("10.0.0.5/24", "fe80::1", "2001:DB8::5")),
        ("02:42:ac:11:00:01", ("172.17.0.1",)),
        ("00:00:00:00:00:00", ("127.0.0.1",)),
    ),
    (("/", "ext4"), ("/boot/efi", "vfat")),
)


def test_the_system_in_a_domain_has_the_keys_that_its_agent_told():
    lab = read(domain(defined=definition()), guests={VM1: TOLD})
    system = entity(lab, EntityKind.GUEST_OS, VM1)
    assert system.name == "Web-1.example."
    assert {alias for alias in system.aliases if alias.namespace is not KeyNamespace.SMBIOS_UUID} == {
        Alias(KeyNamespace.MAC, "52:54:00:77:01:01"),
        Alias(KeyNamespace.HOST_NAME, "web-1.example"),
        Alias(KeyNamespace.IP_ADDRESS, "10.0.0.5"),
        Alias(KeyNamespace.IP_ADDRESS, "2001:db8::5"),
    }
    assert uppers(lab.last["h1"], RelationKind.RUNS_ON, EntityKind.VM) == {VM1: VM1}


def test_the_system_in_a_domain_is_shown_with_its_version_and_file_systems():
    lab = read(domain(defined=definition()), guests={VM1: TOLD})
    assert attributes(lab.last["h1"], EntityKind.GUEST_OS, VM1) == {
        "os_name": "Debian GNU/Linux 12",
        "os_version": "12",
        "kernel": "6.1.0",
        "filesystems": "ext4:/,vfat:/boot/efi",
    }


def test_of_very_many_file_systems_the_first_are_shown():
    many = tuple((f"/pods/{number:04}", "ext4") for number in range(1000))
    lab = read(domain(defined=definition()), guests={VM1: replace(TOLD, filesystems=many)})
    shown = str(attributes(lab.last["h1"], EntityKind.GUEST_OS, VM1)["filesystems"]).split(",")
    assert (len(shown), shown[-1]) == (32, "ext4:/pods/0031")


def test_no_system_runs_in_a_domain_that_is_off():
    lab = read(domain(OFF, defined=definition()), guests={VM1: TOLD})
    assert natives(lab.last["h1"], EntityKind.GUEST_OS) == []


# -- parts of a host -------------------------------------------------------------------------------------------


def test_domains_that_are_read_again_cover_themselves():
    lab = read(domain(), domain(uuid="u2", name="vm2"))
    lab.reread(2, "h1", domain((3, 1)), uuids=(VM1, "u3"))
    seen = lab.last["h1"]
    assert seen.covers == Objects(frozenset({NativeKey(EntityKind.VM, VM1), NativeKey(EntityKind.VM, "u3")}), "h1")
    assert [one.name for one in seen.entities if one.key.kind is EntityKind.VM] == ["vm1"]
    assert seen.judged


def test_a_read_that_holds_what_others_speak_of_judges_nothing():
    lab = read(domain())
    lab.read(2, "h2", domain(MIGRATED))
    lab.reread(3, "h1", domain(LEFT))
    assert lab.last["h1"].judged == frozenset()
    assert lab.last["h1"].entities == ()


def test_a_host_of_which_one_domain_cannot_be_read_is_shown_with_all_else():
    lab = Lab()
    parts = {"facts": facts(), "pools": (a_pool("shared"),), "networks": (Network("lan", "", mode="nat"),)}
    lab.reread(1, "h1", domain(defined=definition()), volumes=(a_volume(),), **parts)
    shown = {kind: natives(lab.last["h1"], kind) for kind in (EntityKind.HYPERVISOR, EntityKind.PHYSICAL_HOST)}
    assert shown == {EntityKind.HYPERVISOR: ["h1"], EntityKind.PHYSICAL_HOST: ["h1"]}
    assert lab.last["h1"].links == ()
    (hypervisor,) = [e for e in lab.house.snapshot.named("h1") if e.kind is EntityKind.HYPERVISOR]
    assert hypervisor.state is EntityState.RUNNING
    assert uppers(lab.last["h1"], RelationKind.BACKED_BY, EntityKind.STORAGE_POOL) == {"h1/shared/vm1.img": "h1/shared"}
    assert lab.place() == "h1"


def test_of_a_host_that_is_read_in_part_what_is_missing_is_gone_where_it_was_read():
    lab = Lab()
    lab.read(1, "h1", domain(), pools=(a_pool("shared"),), networks=(Network("lan", ""),), known=facts())
    lab.reread(2, "h1", domain(), pools=())
    assert lab.house.snapshot.named("shared") == ()
    assert len(lab.house.snapshot.named("lan")) == 1
    lab.reread(3, "h1", domain(), networks=())
    assert lab.house.snapshot.named("lan") == ()
    assert lab.place() == "h1"


# -- cost ------------------------------------------------------------------------------------------------------


def test_what_did_not_change_is_the_same_object_again():
    lab, domains = Lab(), [domain(uuid=f"u{n}", name=f"vm{n}", defined=definition()) for n in range(40)]
    lab.read(1, "h1", *domains)
    before = {entity.key: entity for entity in lab.last["h1"].entities}
    domains[7] = domain(uuid="u7", name="vm7", defined=replace(definition(), vcpus=9))
    lab.read(2, "h1", *domains)
    changed = [e.name for e in lab.last["h1"].entities if e.key.kind is EntityKind.VM and before[e.key] is not e]
    assert changed == ["vm7"]


def test_what_is_learned_beside_an_unchanged_domain_is_shown():
    lab, same = Lab(), domain(defined=definition())
    lab.read(1, "h1", same)
    assert natives(lab.last["h1"], EntityKind.VOLUME) == ["h1:/var/lib/virtlab/shared/vm1.img"]
    lab.read(2, "h1", same, pools=(a_pool("shared"),))
    assert natives(lab.last["h1"], EntityKind.VOLUME) == ["h1/shared/vm1.img"]
    lab.read(3, "h1", same, pools=(a_pool("shared"),), guests={VM1: TOLD})
    assert natives(lab.last["h1"], EntityKind.GUEST_OS) == [VM1]


def test_what_did_not_change_costs_much_less_than_what_is_new():
    """A bound that holds on any machine: unchanged against new, on the same one."""
    lab = Lab()
    domains = tuple(domain(uuid=f"u{n}", name=f"vm{n}", defined=definition()) for n in range(40))
    reading = HostReading("h1", HostFacts("h1", "QEMU"), domains)

    def mapped() -> float:
        began = perf_counter()
        observe_host("lab", 1, reading, lab.memory("h1"), lab.fleet)
        return perf_counter() - began

    new = mapped()
    assert min(mapped() for _ in range(20)) < new / 3
