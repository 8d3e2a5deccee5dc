"""When disks have moved to other storage, and when they have not (design: domain, Relocation)."""

from collections.abc import Iterable

import pytest

from gateway.model.conditions import SECOND
from gateway.model.entities import EntityKind, NativeKey
from gateway.model.events import Cause, Event
from gateway.model.observations import Evidence, EvidenceKind, Link, Objects, ObservedRelation, Whole
from gateway.model.relations import Arrival, Phase, RelationKind
from gateway.model.windows import WindowWish
from gateway.topology.revise import resume
from gateway.topology.windows import declare
from tests.topology.house import House, entity, on, resource, told, vm

WEB = vm("web")
H1, H2 = (NativeKey(EntityKind.HYPERVISOR, name) for name in ("h1", "h2"))
SAN, NAS = (NativeKey(EntityKind.STORAGE_POOL, name) for name in ("san", "nas"))
LOCAL1, LOCAL2 = (NativeKey(EntityKind.STORAGE_POOL, f"{host}/local") for host in ("h1", "h2"))
MOVED = ("storage_relocation", "web", "san", "nas")
HERE = (ObservedRelation(RelationKind.PART_OF, LOCAL1, H1),)
THERE = (ObservedRelation(RelationKind.PART_OF, LOCAL2, H2),)
COPIED = Evidence(EvidenceKind.STORAGE_COPIED, "h1", WEB, "1", text="its disks were copied")


def disk(pool: NativeKey | None, name: str = "vda", file: str = "", device: str = "") -> list[ObservedRelation]:
    """A disk of the VM in a file of its own; `pool` None: nobody knows where that is."""
    volume = NativeKey(EntityKind.VOLUME, f"{pool.native if pool else '?'}/{file or name}")
    attributes = {"target": name, **({"device": device} if device else {})}
    used = ObservedRelation(RelationKind.USES_STORAGE, WEB, volume, attributes=attributes)
    return [used, ObservedRelation(RelationKind.BACKED_BY, volume, pool)] if pool else [used]


class Fleet(House):
    """Two hosts, each a scope, with a VM and two arrays that a scope of their own tells of."""

    def __init__(self, *arrays: NativeKey) -> None:
        super().__init__()
        self.see(0, [entity(pool, "") for pool in arrays or (SAN, NAS)], covers=Whole("arrays"))

    def show(
        self, at_s: float, host: NativeKey, *relations: ObservedRelation, evidence: Iterable[Evidence] = ()
    ) -> list[Event]:
        """The whole view of one host; the VM is in it when something is said of it."""
        named = {key for relation in relations for key in (relation.upper, relation.lower)} | {host}
        entities = [entity(key, "") for key in sorted(named - {SAN, NAS}, key=lambda key: (key.kind, key.native))]
        return self.see(at_s, entities, relations, evidence=evidence, covers=Whole(host.native))

    def restart(self) -> None:
        self.snapshot = resume(self.snapshot, self.snapshot.at, self.settle_times, lambda: next(self._ids))


def running(host: NativeKey = H1, *disks: list[ObservedRelation], arrival: Arrival = Arrival.RESTART) -> list:
    return [on(WEB, host, role="", arrival=arrival), *(relation for each in disks for relation in each)]


def begun(*disks: list[ObservedRelation]) -> Fleet:
    fleet = Fleet()
    fleet.show(0, H1, *running(H1, *disks), *HERE)
    fleet.show(0, H2, *THERE)
    fleet.show(60, H1, *running(H1, *disks), *HERE)
    assert fleet.events == []
    return fleet


def test_a_disk_that_changed_over_to_another_pool_is_told_once_as_live():
    fleet = begun(disk(SAN))
    (event,) = fleet.show(70, H1, *running(H1, disk(NAS)), *HERE)
    assert told([event]) == [MOVED]
    assert (event.cause, event.planned, event.live, event.caused_by) == (Cause.LIVE_MIGRATION, True, True, "")
    assert [member.name for member in event.members] == ["nas/vda"]
    assert event.text == "vda of web went from san to nas"
    assert event.started_at == event.at - 10_000_000
    assert fleet.show(80, H1, *running(H1, disk(NAS)), *HERE) == fleet.wait(1000) == []


def test_it_is_live_though_its_host_was_read_once_and_what_that_said_was_taken_in_later():
    fleet = Fleet()
    fleet.see(5, [], covers=Whole("another"))
    fleet.wait(5)
    fleet.show(0, H1, *running(H1, disk(SAN)), *HERE)
    (event,) = fleet.show(20, H1, *running(H1, disk(NAS)), *HERE)
    assert event.live


def test_it_is_told_also_when_only_the_vm_was_read_again():
    fleet = begun(disk(SAN))
    there = running(H1, disk(NAS))
    entities = [entity(WEB, ""), entity(NativeKey(EntityKind.VOLUME, "nas/vda"), ""), entity(NAS, "")]
    events = fleet.see(70, entities, there, covers=Objects(frozenset({WEB}), "h1"))
    assert told(events) == [MOVED]


def test_disks_that_move_together_are_one_event_and_the_last_one_ends_the_waiting():
    fleet = begun(disk(SAN), disk(SAN, "vdb"))
    assert fleet.show(70, H1, *running(H1, disk(NAS), disk(SAN, "vdb")), *HERE) == []
    (event,) = fleet.show(74, H1, *running(H1, disk(NAS), disk(NAS, "vdb")), *HERE)
    assert told([event]) == [MOVED]
    assert [member.name for member in event.members] == ["nas/vda", "nas/vdb"]
    assert event.text.startswith("vda, vdb of web")


def test_a_disk_that_does_not_follow_is_not_waited_for_longer_than_a_member_of_a_group():
    fleet = begun(disk(SAN), disk(SAN, "vdb"))
    fleet.show(70, H1, *running(H1, disk(NAS), disk(SAN, "vdb")), *HERE)
    assert [told(fleet.wait(79)), told(fleet.wait(80))] == [[], [MOVED]]
    later = fleet.show(500, H1, *running(H1, disk(NAS), disk(NAS, "vdb")), *HERE)
    assert [[member.name for member in event.members] for event in later] == [["nas/vdb"]]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([disk(SAN)], [disk(SAN), disk(NAS, "vdb")]),
        ([disk(SAN), disk(NAS, "vdb")], [disk(SAN)]),
        ([disk(SAN)], [disk(SAN, file="other")]),
        ([disk(SAN), disk(SAN, "hdc", device="cdrom")], [disk(SAN), disk(NAS, "hdc", device="cdrom")]),
        ([disk(SAN)], [disk(None)]),
        ([disk(SAN)], []),
    ],
    ids=["added", "removed", "another file of the same pool", "a medium", "nobody knows the pool", "no disk"],
)
def test_what_is_no_move_of_storage(before: list, after: list):
    fleet = begun(*before)
    assert fleet.show(70, H1, *running(H1, *after), *HERE) == fleet.wait(1000) == []


def test_what_was_unknown_for_a_while_is_compared_with_what_was_known_before():
    fleet = begun(disk(SAN))
    assert fleet.show(70, H1, *running(H1, disk(None)), *HERE) == fleet.wait(500) == []
    fleet.restart()
    assert told(fleet.show(510, H1, *running(H1, disk(NAS)), *HERE)) == [MOVED]


def test_a_disk_that_is_back_where_it_was_has_not_moved():
    fleet = begun(disk(SAN))
    fleet.show(70, H1, *running(H1, disk(None)), *HERE)
    assert fleet.show(80, H1, *running(H1, disk(SAN)), *HERE) == fleet.wait(500) == []
    assert fleet.snapshot.placement(fleet.get(WEB)).storage_from == ()


def test_stopped_in_between_only_delays_and_is_not_live():
    fleet = begun(disk(SAN))
    assert fleet.show(70, H1, *running(H1, disk(SAN))[1:], *HERE) == []
    assert fleet.show(200, H1, *running(H1, disk(NAS))[1:], *HERE) == []
    (event,) = fleet.show(300, H1, *running(H1, disk(NAS)), *HERE)
    assert told([event]) == [MOVED]
    assert (event.cause, event.planned, event.live) == (Cause.COLD_MOVE, False, False)


def test_a_wish_for_the_pool_makes_it_the_administrators():
    fleet = begun(disk(SAN))
    wish = Evidence(EvidenceKind.REQUESTED, "nas", WEB, "task-1", text="asked for by root")
    (event,) = fleet.show(70, H1, *running(H1, disk(NAS)), *HERE, evidence=[wish])
    assert (event.cause, event.planned, event.evidence) == (Cause.ADMINISTRATOR, True, ("asked for by root",))


def at(path: str, pool: NativeKey) -> ObservedRelation:
    """The pool is this folder of h1."""
    return ObservedRelation(RelationKind.PART_OF, pool, H1, attributes={"path": path})


@pytest.mark.parametrize(
    ("old", "new", "is_told"),
    [
        ("/srv/images", "/srv/ssd", True),
        ("/srv/images", "/srv/images2", True),
        ("/srv/images", "/srv/images/web/", False),
        ("/srv/images/web", "/srv/images", False),
        ("/dev/disk/by-path", "/dev/disk/by-path", True),
        ("", "", True),
        ("", "/srv/images", True),
    ],
)
def test_a_pool_in_the_folder_of_another_is_no_other_storage(old: str, new: str, is_told: bool):
    fleet, folders = Fleet(), (at(old, SAN), at(new, NAS))
    for at_s in (0, 60):
        fleet.show(at_s, H1, *running(H1, disk(SAN)), *folders)
    events = fleet.show(70, H1, *running(H1, disk(NAS)), *folders) + fleet.wait(1000)
    assert told(events) == ([MOVED] if is_told else [])


def test_a_pool_that_is_called_otherwise_now_is_no_other_storage():
    fleet = Fleet(SAN)
    fleet.show(0, H1, *running(H1, disk(SAN)), *HERE)
    fleet.show(60, H1, *running(H1, disk(SAN)), *HERE)
    fleet.see(65, [entity(NAS, "")], covers=Whole("arrays"))
    assert fleet.show(70, H1, *running(H1, disk(NAS)), *HERE) == fleet.wait(1000) == []


def remove_san(fleet: Fleet, at_s: float) -> list[Event]:
    return fleet.see(at_s, [entity(NAS, "")], covers=Whole("arrays"))


def test_disks_that_leave_a_pool_which_is_removed_before_the_last_of_them_is_seen_elsewhere_are_told():
    fleet = begun(disk(SAN), disk(SAN, "vdb"))
    fleet.show(70, H1, *running(H1, disk(NAS), disk(SAN, "vdb")), *HERE)
    assert remove_san(fleet, 72) == []
    (event,) = fleet.show(74, H1, *running(H1, disk(NAS), disk(NAS, "vdb")), *HERE)
    assert told([event]) == [MOVED]
    assert event.text.startswith("vda, vdb of web")
    assert fleet.wait(1000) == []


def test_a_disk_whose_pool_was_removed_before_it_is_seen_in_another_one_is_told():
    fleet = begun(disk(SAN))
    assert remove_san(fleet, 65) == []
    assert told(fleet.show(70, H1, *running(H1, disk(NAS)), *HERE)) == [MOVED]
    assert fleet.wait(1000) == []


@pytest.mark.parametrize(("old", "is_told"), [("/srv/images", True), ("/srv/ssd", False)])
def test_of_a_folder_that_was_a_pool_it_is_remembered_which_one(old: str, is_told: bool):
    fleet, new = Fleet(), at("/srv/ssd", NAS)
    for at_s in (0, 60):
        fleet.show(at_s, H1, *running(H1, disk(SAN)), at(old, SAN), new)
    remove_san(fleet, 65)
    events = fleet.show(70, H1, *running(H1, disk(NAS)), new) + fleet.wait(1000)
    assert told(events) == ([MOVED] if is_told else [])


# -- with a move of the VM ---------------------------------------------------------------------------------------


def arrives(fleet: Fleet, pool: NativeKey, copied: bool = False) -> list[Event]:
    """It migrates live to h2, and has its disk in that pool there."""
    fleet.show(70, H1, on(WEB, H1, Phase.TRANSITIONAL, ""), *disk(LOCAL1), *HERE)
    fleet.show(70, H2, on(WEB, H2, Phase.TRANSITIONAL, ""), *disk(pool), *THERE)
    events = fleet.show(75, H2, *running(H2, disk(pool), arrival=Arrival.LIVE), *THERE)
    return events + fleet.show(75, H1, *HERE, evidence=[COPIED] if copied else [])


def test_a_migration_that_copied_the_disks_is_told_for_the_host_and_then_for_the_storage():
    host, storage = arrives(begun(disk(LOCAL1)), LOCAL2, copied=True)
    assert told([host, storage]) == [
        ("relocation", "web", "h1", "h2"),
        ("storage_relocation", "web", "h1/local", "h2/local"),
    ]
    assert (storage.caused_by, storage.cause, storage.live, storage.planned) == (host.id, host.cause, True, True)
    assert storage.evidence == ("its disks were copied",)
    assert storage.text == "vda of web went from h1/local of h1 to h2/local of h2"


def test_a_folder_of_another_host_may_be_the_same_storage_and_is_no_move_unless_it_is_known_to_be_copied():
    fleet = begun(disk(LOCAL1))
    assert told(arrives(fleet, LOCAL2) + fleet.wait(500)) == [("relocation", "web", "h1", "h2")]
    late = Evidence(EvidenceKind.STORAGE_COPIED, "h1", WEB, "2", at=fleet.snapshot.at)
    assert fleet.show(600, H1, *HERE, evidence=[late]) == []


def test_folders_that_prove_to_be_one_are_no_move():
    fleet = begun(disk(LOCAL1))
    fleet.show(70, H1, *HERE)
    fleet.show(71, H2, *running(H2, disk(LOCAL2), arrival=Arrival.LIVE), *THERE)
    links = (Link("lab/storage_pool/h1/local", "lab/storage_pool/h2/local", True),)
    fleet.see(72, [], covers=Objects(frozenset(), "h2"), links=links)
    assert told(fleet.events + fleet.wait(1000)) == [("relocation", "web", "h1", "h2")]


def test_exports_that_all_hosts_know_are_two():
    fleet = Fleet()
    fleet.show(0, H1, *running(H1, disk(SAN)))
    fleet.show(60, H1, *running(H1, disk(SAN)))
    events = fleet.show(70, H2, *running(H2, disk(NAS))) + fleet.show(70, H1)
    host, storage = events
    assert (storage.caused_by, storage.live) == (host.id, False)


def test_a_registration_left_behind_has_no_word_in_where_the_disks_are():
    fleet = begun(disk(SAN))
    assert fleet.show(70, H2, *running(H2, disk(NAS)), *THERE) == []
    host, storage = fleet.show(72, H1, *disk(SAN), *HERE)
    assert told([host, storage]) == [("relocation", "web", "h1", "h2"), MOVED]
    assert (storage.caused_by, host.started_at) == (host.id, storage.started_at)
    assert host.started_at == host.at - 12_000_000  # when h1 was read last while it ran there
    assert fleet.show(80, H1, *disk(LOCAL1), *HERE) == fleet.show(82, H2, *running(H2, disk(NAS)), *THERE) == []
    assert fleet.wait(1000) == []


def test_a_transient_vm_that_is_nowhere_between_two_hosts_is_compared_with_what_it_had():
    fleet = begun(disk(SAN))
    assert fleet.show(70, H1, *HERE) == []
    fleet.restart()
    events = fleet.show(90, H2, *running(H2, disk(NAS)), *THERE)
    assert [event.kind for event in events] == ["relocation", "storage_relocation"]
    assert fleet.wait(1000) == []


def test_the_storage_of_a_vm_waits_with_it_for_the_group_that_is_told_first():
    fleet, group, starter = begun(disk(SAN)), resource("app"), resource("web-vm")
    other = resource("app-ip")
    node1, node2 = NativeKey(EntityKind.HA_NODE, "n1"), NativeKey(EntityKind.HA_NODE, "n2")
    known = [entity(group, "group"), entity(starter), entity(other), *(entity(key, "") for key in (node1, node2, WEB))]
    inside = [ObservedRelation(RelationKind.PART_OF, member, group) for member in (starter, other)]
    inside.append(ObservedRelation(RelationKind.MANAGED_BY, WEB, starter))
    fleet.see(61, known, [*inside, on(starter, node1), on(other, node1)], covers=Whole("cluster"))
    fleet.see(70, known, [*inside, on(starter, node2)], covers=Whole("cluster"))
    assert fleet.show(71, H2, *running(H2, disk(NAS)), *THERE) == []
    fleet.show(72, H1, *HERE)
    events = fleet.wait(100)
    assert [event.kind.value for event in events if event.notify][-1] == "storage_relocation"
    assert {"relocation", "storage_relocation"} == {event.kind.value for event in events if event.entity.name == "web"}
    assert fleet.wait(1000) == []


def test_after_a_restart_a_move_that_waited_for_another_disk_is_told_once():
    fleet = begun(disk(SAN), disk(SAN, "vdb"))
    fleet.show(70, H1, *running(H1, disk(NAS), disk(SAN, "vdb")), *HERE)
    fleet.restart()
    assert told(fleet.wait(1000)) == [MOVED]
    fleet.restart()
    assert fleet.wait(2000) == []


@pytest.mark.parametrize(("named", "planned"), [(H1, True), (SAN, True), (NAS, True), (H2, False)])
def test_storage_that_moves_is_in_the_window_of_the_host_and_of_both_pools(named: NativeKey, planned: bool):
    fleet = begun(disk(SAN))
    now = fleet.snapshot.at
    wish = WindowWish("new array", (fleet.get(named).index,), now, now + 3600 * SECOND)
    fleet.snapshot, _, window = declare(fleet.snapshot, wish, now, lambda: "window")
    (event,) = fleet.show(70, H1, *running(H1, disk(NAS)), *HERE)
    assert told([event]) == [MOVED]
    assert event.window == (window.ref if planned else None)
