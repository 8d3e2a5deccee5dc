"""libvirt's XML, as captured from real daemons, gives the records that a person reads in it."""

from gateway.collectors.libvirt.parse import domain_definition, host_facts, network, pool, volume
from gateway.collectors.libvirt.records import Disk, Network, Nic, Volume
from tests.collectors.libvirt.given import a_pool, captured, definition, facts


def test_a_running_domain():
    running = definition("domain-running")
    assert (running.type, running.arch, running.machine) == ("qemu", "x86_64", "pc-i440fx-7.2")
    assert (running.vcpus, running.memory, running.cpu_mode) == (1, 96 << 20, "custom")
    assert (running.max_vcpus, running.max_memory, running.os) == (1, 96 << 20, "")
    assert (running.title, running.on_crash, running.watchdog) == ("virtlab guest vm1", "destroy", "reset")
    assert running.agent == "connected"
    assert running.disks == (
        Disk(
            "vda",
            source="/var/lib/virtlab/shared/vm1.img",
            format="raw",
            serial="disk-vm1",
            error_policy="stop",
            bus="virtio",
        ),
    )
    assert running.nics == (Nic("52:54:00:77:01:01", "bridge", "lan", "br0", "vnet0", "virtio"),)
    assert running.smbios_uuid == ""
    assert running.passthrough == ()


def test_the_same_domain_shut_off_has_no_target_of_its_interface_and_no_agent():
    inactive = definition("domain-inactive")
    assert inactive.nics == (Nic("52:54:00:77:01:01", "network", "lan", model="virtio"),)
    assert inactive.agent == "disconnected"


def test_what_a_domain_has_now_and_what_it_may_get():
    growing = definition("domain-growing")
    assert (growing.vcpus, growing.max_vcpus) == (3, 8)
    assert (growing.memory, growing.max_memory) == (12 << 30, 64 << 30)
    assert growing.os == "http://debian.org/debian/12"


def test_a_domain_without_memory_slots_may_get_what_it_was_started_with():
    ballooned = definition("domain-test")
    assert (ballooned.memory, ballooned.max_memory) == (2 << 30, 8 << 30)
    said_once = captured("domain-test").replace("<currentMemory unit='KiB'>2097152</currentMemory>", "")
    assert domain_definition(said_once).memory == 8 << 30


def test_all_kinds_of_disks():
    file, block, rbd, iscsi, of_pool, empty, medium = definition("domain-passthrough").disks
    assert file.backing == ("/srv/vms/base.qcow2", "/srv/vms/root.raw")
    assert (block.kind, block.source, block.shareable) == (
        "block",
        "/dev/disk/by-id/wwn-0x60014051234567890abcdef012345678",
        True,
    )
    assert (rbd.protocol, rbd.source, rbd.servers) == ("rbd", "vms/db-1-data", ("mon1:6789", "mon2:6789"))
    assert (iscsi.protocol, iscsi.source) == ("iscsi", "iqn.2013-07.com.example:iscsi-nopool/2")
    assert (of_pool.pool, of_pool.volume, of_pool.source) == ("shared", "vm2.img", "")
    assert (empty.device, empty.source, empty.readonly) == ("cdrom", "", True)
    assert (medium.device, medium.source) == ("cdrom", "/srv/iso/debian.iso")


def test_what_a_domain_holds_of_its_host():
    assert definition("domain-passthrough").passthrough == (
        "pci 0000:65:00.0",
        "usb 046d:c52b",
        "mdev c2177883-f1bb-47f0-914d-32a22e3a8804",
        "pci 0000:3b:10.2",
        "virtiofs share",
        "tpm emulator",
    )


def test_a_uuid_that_the_guest_sees_instead_of_its_own():
    own = captured("domain-running")
    entry = "<entry name='uuid'>4C4C4544-0042-3510-8052-B4C04F4D3132</entry>"
    sysinfo = f"<sysinfo type='smbios'><system>{entry}</system></sysinfo>"
    assert domain_definition(own.replace("<memory ", f"{sysinfo}<memory ", 1)).smbios_uuid == (
        "4c4c4544-0042-3510-8052-b4c04f4d3132"
    )


def test_a_real_host():
    host = facts()
    assert (host.uuid, host.system_uuid) == ("c3584e8b-049a-5f8c-95de-e60f3ec79fd5",) * 2
    assert (host.serial, host.manufacturer, host.product) == ("VL-SN-00001", "VirtLab Systems", "Rack Server 2000")
    assert (host.arch, host.cpu_model, host.numa_nodes) == ("x86_64", "kvm64", 1)
    assert (host.cpus, host.memory, host.version) == (2, 8 << 30, 9_000_000)


def test_a_host_of_the_test_driver_has_no_hardware():
    host = host_facts("t", "TEST", captured("capabilities-test"), None, 16, 3 << 30, 2, 9_000_000)
    assert (host.uuid, host.system_uuid, host.serial, host.numa_nodes) == ("", "", "", 2)


def test_pools_of_all_kinds():
    assert (a_pool("shared").kind, a_pool("shared").target) == ("dir", "/var/lib/virtlab/shared")
    netfs = a_pool("netfs")
    assert (netfs.servers, netfs.source_dir, netfs.target) == (("Filer.example",), "/export/vms", "/srv/vms")
    iscsi = a_pool("iscsi")
    assert (iscsi.servers, iscsi.devices) == (("10.9.8.7:3260",), ("iqn.2010-05.com.example.server:target-7",))
    assert (a_pool("rbd").source_name, a_pool("rbd").servers) == ("vms", ("mon2:6789", "mon1:6789"))
    assert (a_pool("gluster").source_name, a_pool("gluster").source_dir) == ("gvol", "/images")
    assert (a_pool("logical").source_name, a_pool("logical").devices) == (
        "vg0",
        ("/dev/disk/by-id/wwn-0x600140512345678a",),
    )
    assert a_pool("fs").devices == ("/dev/vdb1",)
    assert not pool(captured("pool-scsi"), False, False).active


def test_a_volume():
    assert volume(captured("volume"), "shared") == Volume(
        "/var/lib/virtlab/shared/vm1.img",
        "shared",
        "vm1.img",
        "/var/lib/virtlab/shared/vm1.img",
        "file",
        "raw",
        256 << 20,
    )


def test_networks():
    lan = network(captured("network-lan"), True, True)
    assert lan == Network("lan", "ee0dd276-384d-5dbe-8cb8-1512f82cc8ed", True, True, "br0", "bridge")
    assert network(captured("network-nat"), False, False).mode == "nat"
    isolated = "<network><name>n</name><uuid>ee0dd276-384d-5dbe-8cb8-1512f82cc8ed</uuid></network>"
    assert network(isolated, True, False).mode == ""
