"""Whose storage is one: by its definition, by declaration, or as a migration that copied nothing proves."""

from dataclasses import replace

import pytest

from gateway.collectors.libvirt.records import Disk, Domain, HostFacts, Pool, Volume
from gateway.collectors.libvirt.storage import Storage
from gateway.model.entities import EntityKind
from gateway.model.observations import Link, Observation
from gateway.model.relations import RelationKind
from tests.collectors.libvirt.given import (
    BOOTED,
    LEFT,
    MIGRATED,
    SOURCE,
    VM1,
    Lab,
    a_pool,
    a_volume,
    attributes,
    definition,
    domain,
    natives,
    told,
    uppers,
    with_disk,
)

IMAGES = "/var/lib/libvirt/images"
DIR = Pool("images", "", "dir", target=IMAGES)
COPIED_NOTHING = "{'operation': 5, 'time_elapsed': 1439, 'data_total': 101457920, 'disk_total': 0, 'disk_remaining': 0}"
COPIED_DISKS = COPIED_NOTHING.replace("'disk_total': 0", "'disk_total': 4096")


def seen(
    lab: Lab, host: str, *domains: Domain, pools: tuple[Pool, ...], volumes: tuple[Volume, ...] = ()
) -> Observation:
    lab.read(1, host, *domains, pools=pools, volumes=volumes)
    return lab.last[host]


def pool_of(seen: Observation) -> str:
    (native,) = natives(seen, EntityKind.STORAGE_POOL)
    return native


def volumes_of(seen: Observation) -> list[str]:
    return natives(seen, EntityKind.VOLUME)


# -- by definition ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "native"),
    [
        ("netfs", "netfs:filer.example:/export/vms"),
        ("iscsi", "iscsi:iqn.2010-05.com.example.server:target-7"),
        ("rbd", "rbd:mon1,mon2/vms"),
        ("gluster", "gluster:gl1/gvol/images"),
        ("logical", "logical:vg0@600140512345678a"),
    ],
)
def test_a_pool_whose_definition_names_its_export_is_one_for_all_hosts(kind, native):
    lab = Lab()
    pools = a_pool(kind)
    assert pool_of(seen(lab, "h1", pools=(pools,))) == pool_of(seen(lab, "h2", pools=(pools,))) == native
    assert attributes(lab.last["h2"], EntityKind.STORAGE_POOL, native)["shared"] is True
    for host in ("h1", "h2"):
        assert uppers(lab.last[host], RelationKind.CONNECTS_TO, EntityKind.HYPERVISOR) == {native: host}
        assert uppers(lab.last[host], RelationKind.PART_OF, EntityKind.HYPERVISOR) == {}


@pytest.mark.parametrize("kind", ["shared", "fs", "scsi"])
def test_a_pool_whose_definition_says_nothing_of_others_is_local(kind):
    lab = Lab()
    pool = a_pool(kind)
    native = f"h1/{pool.name}"
    assert pool_of(seen(lab, "h1", pools=(pool,))) == native
    assert uppers(lab.last["h1"], RelationKind.PART_OF, EntityKind.HYPERVISOR) == {native: "h1"}
    assert attributes(lab.last["h1"], EntityKind.STORAGE_POOL, native)["shared"] is False


def test_a_shared_pool_stays_while_any_host_has_it():
    lab = Lab()
    for host in ("h1", "h2"):
        lab.read(1, host, pools=(a_pool("netfs"),))
    lab.read(60, "h1")
    (pool,) = lab.house.snapshot.named("nfs-vms")
    assert pool.kind is EntityKind.STORAGE_POOL
    lab.read(61, "h2")
    assert lab.house.snapshot.named("nfs-vms") == ()


def test_two_pools_of_one_export_on_one_host_are_one_and_may_go():
    lab = Lab()
    one = a_pool("netfs")
    shown = seen(lab, "h1", pools=(one, replace(one, name="again", target="/mnt")))
    assert pool_of(shown) == "netfs:filer.example:/export/vms"
    lab.read(60, "h1")
    assert natives(lab.last["h1"], EntityKind.STORAGE_POOL) == []


def test_a_pool_that_is_inactive_on_one_host_is_shown_alike_by_both():
    lab = Lab()
    off = Pool("vms", "", "netfs", False, servers=("filer.example",), source_dir="/export/vms", capacity=7)
    lab.read(1, "h1", pools=(a_pool("netfs"),))
    lab.read(1, "h2", pools=(off,))
    lab.read(2, "h1", pools=(a_pool("netfs"),))
    (first,), (second,) = (
        [entity for entity in lab.last[host].entities if entity.key.kind is EntityKind.STORAGE_POOL]
        for host in ("h1", "h2")
    )
    assert first == second
    assert (first.name, first.state.value, first.attributes["capacity_bytes"]) == ("nfs-vms", "running", 7)


# -- disks -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("disk", "native"),
    [
        (
            Disk("vda", kind="network", protocol="rbd", source="vms/db", servers=("mon2:6789", "mon1")),
            "rbd:mon1,mon2/vms/db",
        ),
        (
            Disk("vda", kind="network", protocol="iscsi", source="iqn.2013-07.com.example:x/2", servers=("filer",)),
            "iscsi:iqn.2013-07.com.example:x/2",
        ),
        (Disk("vda", kind="network", protocol="nbd", source="exp", servers=("n:10809",)), "nbd:n/exp"),
        (Disk("vda", kind="block", source="/dev/disk/by-id/wwn-0x6001405123456789"), "wwn:6001405123456789"),
        (Disk("vda", kind="block", source="/dev/mapper/36001405123456789"), "wwn:6001405123456789"),
        (
            Disk("vda", kind="block", source="/dev/disk/by-path/ip-10.9.8.7:3260-iscsi-iqn.2010-05.a.b:t-lun-2"),
            "iscsi:iqn.2010-05.a.b:t/2",
        ),
        (Disk("vda", kind="block", source="/dev/vg0/db"), "h1:/dev/vg0/db"),
        (Disk("vda", source="/srv/db.qcow2"), "h1:/srv/db.qcow2"),
    ],
)
def test_a_disk_is_called_by_what_every_host_calls_it_else_by_its_host_and_path(disk, native):
    place = Storage().place("h1", disk)
    assert place.volume == native
    assert place.local is native.startswith("h1:")


def test_volumes_of_a_pool_that_the_host_does_not_show_are_not_one():
    pool, storage = a_pool("local"), Storage()
    root, data = (Disk("vda", kind="volume", pool=pool.name, volume=name) for name in ("root.img", "data.img"))
    unseen = [storage.place("h1", disk).volume for disk in (root, data)]
    storage.read("h1", (pool,), ())
    assert unseen == [storage.place("h1", disk).volume for disk in (root, data)]
    assert len(set(unseen)) == 2


def test_disks_of_one_domain_and_their_pools():
    lab = Lab()
    of = definition("domain-passthrough")
    pools = (a_pool("shared"), a_pool("rbd"))
    volumes = (Volume("/var/lib/virtlab/shared/vm2.img", "shared", "vm2.img"),)
    shown = seen(lab, "h1", domain(defined=of), pools=pools, volumes=volumes)
    assert volumes_of(shown) == [
        "h1:/srv/vms/db-1.qcow2",
        "wwn:60014051234567890abcdef012345678",
        "rbd:mon1,mon2/vms/db-1-data",
        "iscsi:iqn.2013-07.com.example:iscsi-nopool/2",
        "h1/shared/vm2.img",
        "h1:/srv/iso/debian.iso",
    ]
    assert uppers(shown, RelationKind.BACKED_BY, EntityKind.STORAGE_POOL) == {
        "rbd:mon1,mon2/vms/db-1-data": "rbd:mon1,mon2/vms",
        "h1/shared/vm2.img": "h1/shared",
    }
    modes = {
        r.attributes["target"]: r.attributes["mode"]
        for r in shown.relations
        if r.upper.native == VM1 and "mode" in r.attributes
    }
    assert modes == {"vda": "RWO", "vdb": "RWX", "vdc": "RWO", "vdd": "RWO", "vde": "RWO", "sdb": "ROX"}


def test_a_volume_of_a_shared_pool_is_one_on_all_hosts():
    lab = Lab()
    for host, path in (("h1", "/srv/vms/db.img"), ("h2", "/mnt/db.img")):
        pool = Pool("vms", "", "netfs", servers=("filer",), source_dir="/e", target=path.rpartition("/")[0])
        seen(lab, host, domain(defined=with_disk(path)), pools=(pool,), volumes=(Volume(path, "vms", "db.img"),))
        assert volumes_of(lab.last[host]) == ["netfs:filer:/e/db.img"]


def test_a_file_in_the_folder_of_a_pool_is_in_it_though_the_pool_does_not_list_it():
    lab = Lab()
    shown = seen(lab, "h1", domain(defined=with_disk(f"{IMAGES}/sub/new.img")), pools=(DIR,))
    assert volumes_of(shown) == ["h1/images/sub/new.img"]


# -- as declared -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("declared", ["images", IMAGES, f"{IMAGES}/"])
def test_a_declared_pool_is_one_by_its_name_or_folder(declared):
    lab = Lab(Storage([declared]))
    native = f"dir:{declared.rstrip('/')}"
    for host in ("h1", "h2"):
        shown = seen(lab, host, domain(defined=with_disk(f"{IMAGES}/db.img")), pools=(DIR,))
        assert pool_of(shown) == native
        assert volumes_of(shown) == [f"{native}/db.img"]


def test_a_declared_folder_needs_no_pool():
    place = Storage(["/srv/vms"]).place("h1", Disk("vda", source="/srv/vms/db.img"))
    assert (place.volume, place.local) == ("dir:/srv/vms/db.img", False)
    assert Storage(["/srv/vms"]).place("h1", Disk("vda", source="/srv/vms2/db.img")).local


# -- as observed -----------------------------------------------------------------------------------------------


def migrated(lab: Lab, figures: str, *, path: str = f"{IMAGES}/db.img", path_there: str = "") -> None:
    of, there = with_disk(path), with_disk(path_there or path)
    lab.read(1, "h1", domain(BOOTED, defined=of), pools=(DIR,))
    lab.read(1, "h2", pools=(DIR,))
    lab.event(2, "h2", "LIFECYCLE", "STARTED", "MIGRATED")
    lab.event(3, "h2", "LIFECYCLE", "RESUMED", "MIGRATED")
    lab.reread(3, "h2", domain(MIGRATED, defined=there))
    lab.event(3, "h1", "LIFECYCLE", "STOPPED", "MIGRATED")
    lab.event(3, "h1", "JOB_COMPLETED", figures)
    lab.reread(3, "h1", domain(LEFT, defined=of))
    for host, left in (("h1", [domain(LEFT, defined=of)]), ("h2", [domain(MIGRATED, defined=there)])):
        lab.read(60, host, *left, pools=(DIR,))


def test_a_live_migration_that_copied_no_disk_proves_that_both_pools_are_one():
    lab = Lab()
    migrated(lab, COPIED_NOTHING)
    lab.read(120, "h1", pools=(DIR,))
    assert lab.fleet.storage.pairs == (("h1/images", "h2/images"),)
    link = Link(f"{SOURCE}/storage_pool/h1/images", f"{SOURCE}/storage_pool/h2/images", True)
    assert lab.last["h1"].links == (link,)
    (pool,) = lab.house.snapshot.named("images")
    assert len(pool.records) == 2
    assert uppers(lab.last["h1"], RelationKind.CONNECTS_TO, EntityKind.HYPERVISOR) == {"h1/images": "h1"}
    assert lab.fleet.storage.place("h2", Disk("vda", source=f"{IMAGES}/db.img")).volume == "h1/images/db.img"
    assert not lab.fleet.storage.place("h2", Disk("vda", source=f"{IMAGES}/db.img")).local


@pytest.mark.parametrize(
    ("figures", "path_there"),
    [(COPIED_DISKS, ""), ("{'operation': 2, 'disk_total': 0}", ""), (COPIED_NOTHING, f"{IMAGES}/other.img")],
    ids=["it copied disks", "it was no migration", "the paths differ"],
)
def test_anything_less_proves_nothing(figures, path_there):
    lab = Lab()
    migrated(lab, figures, path_there=path_there)
    assert lab.fleet.storage.pairs == ()
    assert lab.last["h1"].links == ()


# -- disks that move -------------------------------------------------------------------------------------------

SSD = Pool("ssd", "", "dir", target="/srv/ssd")


def test_a_copy_under_way_leaves_the_disk_where_it_is():
    (disk,) = definition("domain-copying").disks
    assert (disk.target, disk.source) == ("vda", "/var/lib/virtlab/shared/vm1.img")


def test_a_disk_whose_copy_is_used_has_moved():
    lab = Lab()
    before, after = (domain(defined=with_disk(f"{folder}/db.img")) for folder in (IMAGES, SSD.target))
    for at_s in (1, 60):
        lab.read(at_s, "h1", before, pools=(DIR, SSD))
    lab.event(70, "h1", "BLOCK_JOB_2", "vda", "2", "0")
    (event,) = lab.reread(70, "h1", after)
    assert (event.kind, event.text) == ("storage_relocation", "vda of vm1 went from images of h1 to ssd of h1")
    assert lab.read(120, "h1", after, pools=(DIR, SSD)) == lab.wait(900) == []


@pytest.mark.parametrize("stays", [True, False], ids=["defined at its origin", "undefined at its origin"])
@pytest.mark.parametrize("late", [True, False], ids=["told after it was read", "told before it was read"])
def test_a_migration_that_copied_the_disks_tells_of_both(stays, late):
    lab, there = Lab(), with_disk(f"{IMAGES}/db.img")
    lab.read(1, "h1", domain(defined=there), pools=(DIR,))
    lab.read(1, "h2", pools=(DIR,))
    lab.event(2, "h2", "LIFECYCLE", "STARTED", "MIGRATED")
    events = lab.reread(2, "h1", domain(defined=there, migrating_out=True))
    lab.event(3, "h2", "LIFECYCLE", "RESUMED", "MIGRATED")
    lab.event(3, "h1", "LIFECYCLE", "STOPPED", "MIGRATED")
    events += lab.reread(3, "h2", domain(MIGRATED, defined=there))
    if late:
        events += lab.reread(3.1, "h1", *([domain(LEFT, defined=there)] if stays else []))
    lab.event(3.2, "h1", "JOB_COMPLETED", COPIED_DISKS)
    events += lab.reread(3.2, "h1", *([domain(LEFT, defined=there)] if stays else []))
    assert told(events) == [("relocation", "vm1", "h1", "h2"), ("storage_relocation", "vm1", "images", "images")]
    assert events[1].caused_by == events[0].id
    assert events[1].text == "vda of vm1 went from images of h1 to images of h2"
    assert lab.read(60, "h1", pools=(DIR,)) + lab.read(60, "h2", domain(MIGRATED, defined=there), pools=(DIR,)) == []
    assert lab.wait(900) == []


@pytest.mark.parametrize("figures", [COPIED_NOTHING, "{}"], ids=["copied nothing", "not told"])
def test_any_other_migration_tells_of_the_host_only(figures):
    lab = Lab()
    migrated(lab, figures)
    lab.read(120, "h1", pools=(DIR,))
    assert told(lab.house.events + lab.wait(900)) == [("relocation", "vm1", "h1", "h2")]


def test_what_was_proved_is_remembered_over_a_restart():
    lab = Lab(Storage(pairs=[("h2/images", "h1/images")]))
    lab.read(1, "h1", pools=(DIR,))
    lab.read(1, "h2", pools=(DIR,))
    assert lab.fleet.storage.pairs == (("h1/images", "h2/images"),)
    (pool,) = lab.house.snapshot.named("images")
    assert len(pool.records) == 2


def test_volume_groups_that_show_the_same_logical_volume_are_one():
    storage = Storage()
    group = Pool("vg0", "", "logical", target="/dev/vg0", source_name="vg0", devices=("/dev/sdb",))
    key = "ccYQ1s-Qvn0-tdMo-SBaw-XX2s-dGt3-AqZfGd"
    for host in ("h1", "h2"):
        storage.read(host, (group,), (Volume("/dev/vg0/db", "vg0", "db", key, "block"),))
    assert storage.pairs == (("h1/vg0", "h2/vg0"),)
    places = {storage.place(host, Disk("vda", kind="block", source="/dev/vg0/db")).volume for host in ("h1", "h2")}
    assert places == {f"lvm:{key}"}


def test_folders_of_the_same_name_are_not_one_by_that():
    storage = Storage()
    for host in ("h1", "h2"):
        storage.read(host, (a_pool("shared"),), (a_volume(),))
    assert storage.pairs == ()
    disk = Disk("vda", source="/var/lib/virtlab/shared/vm1.img")
    assert {storage.place(host, disk).volume for host in ("h1", "h2")} == {"h1/shared/vm1.img", "h2/shared/vm1.img"}


def test_a_disk_of_no_pool_belongs_to_its_host():
    lab = Lab()
    lab.read(1, "h1", domain(defined=with_disk("/x.img")), known=HostFacts("h1", "TEST"))
    assert uppers(lab.last["h1"], RelationKind.CONNECTS_TO, EntityKind.HYPERVISOR) == {"h1:/x.img": "h1"}


# -- many hosts ------------------------------------------------------------------------------------------------

KEY = "ccYQ1s-Qvn0-tdMo-SBaw-XX2s-dGt3-AqZfGd"


def joins(storage: Storage, number: int) -> str:
    """A host reads a volume group that all have."""
    host, group = f"h{number:03}", Pool("vg0", "", "logical", target="/dev/vg0", source_name="vg0")
    storage.read(host, (group,), (Volume("/dev/vg0/db", "vg0", "db", KEY, "block"),))
    return host


def test_a_group_of_many_hosts_is_told_with_one_link_for_each_but_the_first():
    storage = Storage()
    for number in range(40):
        joins(storage, number)
    assert storage.pairs == tuple(("h000/vg0", f"h{number:03}/vg0") for number in range(1, 40))
    assert len(storage.links(SOURCE)) == 39
    assert storage.links(SOURCE) is storage.links(SOURCE)
    assert storage.pairs is storage.pairs


def test_a_host_that_joins_leaves_the_places_of_the_others_as_they_are():
    storage = Storage()
    first, second = joins(storage, 0), joins(storage, 1)
    before = [storage.version_of(host) for host in (first, second)]
    joins(storage, 2)
    assert [storage.version_of(host) for host in (first, second)] == before


def test_what_is_learned_of_a_pool_changes_the_place_of_what_was_translated_before():
    lab = Lab()
    migrated(lab, COPIED_NOTHING)
    disk = Disk("vda", source=f"{IMAGES}/db.img")
    same = domain(MIGRATED, defined=with_disk(f"{IMAGES}/db.img"))
    lab.read(120, "h2", same, pools=(DIR,))
    assert volumes_of(lab.last["h2"]) == ["h1/images/db.img"]
    lab.fleet.storage.departed("u2", "h0", (disk,))
    lab.read(121, "h0", pools=(DIR,))
    lab.fleet.storage.arrived("u2", "h2", (disk,))
    lab.read(122, "h2", same, pools=(DIR,))
    assert volumes_of(lab.last["h2"]) == ["h0/images/db.img"]
