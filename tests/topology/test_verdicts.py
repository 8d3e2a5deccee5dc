"""Verdicts: what becomes of what a loss reaches, each reason of the catalogue, and the whole answer in a colour."""

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.model.conditions import ConditionKind
from gateway.model.entities import EntityKind, EntityState, Value
from gateway.model.relations import Phase, RelationKind
from gateway.model.rows import Placement, SourceState
from gateway.model.verdicts import Colour, Verdict, VerdictReason
from gateway.topology.impact import Affected, Impact, impact
from gateway.topology.lookup import resolve
from tests.topology.estate import T0, Estate, three_hosts

K, R, V, S = EntityKind, VerdictReason, Verdict, EntityState
TOLD: Mapping[str, Value] = {"two_node": False, "qdevice_votes": 0, "no_quorum_policy": "stop"}
Told = tuple[Verdict, VerdictReason, str | None, str | None]


def house(**cluster: Value) -> Estate:
    """Three hosts whose VMs start with them, and whose cluster manages its resources."""
    estate = three_hosts()
    for number in (1, 2, 3):
        estate.change(f"vm:vm{number}", attributes={"autostart": True})
    estate.change("ha_cluster:c1", attributes={**TOLD, **cluster})
    for name in ("vip", "web", "web-ip", "web-srv", "ping", "db", "batch"):
        estate.claim(RelationKind.MANAGED_BY, f"ha_resource:{name}", "ha_cluster:c1")
    return estate


def reboot(estate: Estate, *names: str) -> Impact:
    snapshot = estate.snapshot()
    return impact(snapshot, [resolve(snapshot, name) for name in names], T0)


def told(answer: Impact) -> dict[str, Affected]:
    return {f"{one.entity.kind.value}:{one.entity.name}": one for one in answer.affected}


def verdict(answer: Impact, name: str) -> Told:
    """(verdict, reason, destination, manager)."""
    one = told(answer)[name]
    where, who = one.destination, one.manager
    return one.verdict, one.verdict_reason, where.name if where else None, who.name if who else None


VIP = "ha_resource:vip"

# -- HA resources --------------------------------------------------------------------------------------------------


def test_a_resource_is_restarted_by_its_cluster_which_chooses_among_the_nodes_that_are_left():
    answer = reboot(house(), "physical_host:alpha")
    assert verdict(answer, VIP) == (V.RESTARTS, R.RESTARTED_BY_MANAGER, None, "c1")


@pytest.mark.parametrize(
    "change",
    [
        lambda e: e.change("ha_node:n3", state=S.STANDBY),
        lambda e: e.change("ha_node:n3", state=S.MAINTENANCE),
        lambda e: e.change("ha_node:n3", reason="shutting down"),
        lambda e: e.claim(RelationKind.CONSTRAINED_TO, VIP, "ha_node:n3", attributes={"score": "-INFINITY"}),
        lambda e: e.change(VIP, attributes={"exhausted_on": "n3"}),
    ],
    ids=["standby", "maintenance", "shutting down", "banned", "failed too often"],
)
def test_the_destination_is_told_when_one_node_is_left(change):
    estate = house()
    change(estate)
    assert verdict(reboot(estate, "n1"), VIP) == (V.RESTARTS, R.RESTARTED_BY_MANAGER, "n2", "c1")


def test_a_finite_score_keeps_a_resource_off_no_node():
    estate = house()
    estate.claim(RelationKind.CONSTRAINED_TO, VIP, "ha_node:n3", attributes={"score": "-100"})
    assert verdict(reboot(estate, "n1"), VIP)[2] is None


def test_a_cluster_that_must_be_asked_in_runs_a_resource_only_where_a_constraint_lets_it():
    estate = house(symmetric=False)
    estate.claim(RelationKind.CONSTRAINED_TO, VIP, "ha_node:n1", attributes={"score": "100"})
    assert verdict(reboot(estate, "n1"), VIP) == (V.LOST, R.BANNED, None, "c1")
    estate.claim(RelationKind.CONSTRAINED_TO, VIP, "ha_node:n2", attributes={"score": "0"})
    assert verdict(reboot(estate, "n1"), VIP)[2] == "n2"


def only_n1_left(estate: Estate, **fields: object) -> None:
    for node in ("n2", "n3"):
        estate.change(f"ha_node:{node}", **fields)


def banned(estate: Estate, **more: Value) -> None:
    for node in ("n2", "n3"):
        estate.claim(RelationKind.CONSTRAINED_TO, VIP, f"ha_node:{node}", attributes={"score": "-INFINITY", **more})


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda e: e.change(VIP, attributes={"managed": False}), (V.LOST, R.UNMANAGED)),
        (lambda e: e.change(VIP, state=S.MAINTENANCE), (V.LOST, R.UNMANAGED)),
        (lambda e: e.change("ha_cluster:c1", attributes={**TOLD, "maintenance_mode": True}), (V.LOST, R.UNMANAGED)),
        (lambda e: e.change(VIP, state=S.BLOCKED), (V.LOST, R.BLOCKED)),
        (lambda e: e.alarm(VIP, ConditionKind.BLOCKED), (V.LOST, R.BLOCKED)),
        (lambda e: e.alarm(VIP, ConditionKind.EXHAUSTED), (V.LOST, R.EXHAUSTED)),
        (lambda e: e.change(VIP, attributes={"exhausted_on": "n2,n3"}), (V.LOST, R.EXHAUSTED)),
        (banned, (V.LOST, R.BANNED)),
        (lambda e: banned(e, leftover=True), (V.LOST, R.LEFTOVER_BAN)),
        (lambda e: only_n1_left(e, state=S.STANDBY), (V.LOST, R.NO_NODE_LEFT)),
        (lambda e: only_n1_left(e, state=S.OFFLINE), (V.LOST, R.QUORUM_LOST)),
        (lambda e: e.change("ha_cluster:c1", attributes={**TOLD, "quorate": False}), (V.LOST, R.QUORUM_LOST)),
        (lambda e: e.source("c1", "pacemaker", state=SourceState.STALE), (V.UNKNOWN, R.MANAGER_SILENT)),
    ],
)
def test_a_resource_that_its_cluster_does_not_restart_says_why(change, expected):
    estate = house()
    change(estate)
    assert verdict(reboot(estate, "n1"), VIP) == (*expected, None, "c1")


def test_a_resource_that_no_cluster_is_known_to_run_is_unknown():
    estate = house()
    estate.claims = [c for c in estate.claims if c.kind is not RelationKind.MANAGED_BY]
    assert verdict(reboot(estate, "n1"), VIP) == (V.UNKNOWN, R.NO_MANAGER_KNOWN, None, None)


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"no_quorum_policy": "stop"}, (V.LOST, R.QUORUM_LOST)),
        ({"no_quorum_policy": "freeze"}, (V.LOST, R.QUORUM_LOST)),
        ({"no_quorum_policy": "ignore"}, (V.RESTARTS, R.RESTARTED_BY_MANAGER)),
        ({"last_man_standing": True, "auto_tie_breaker": True}, (V.UNKNOWN, R.QUORUM_DOUBTFUL)),
    ],
    ids=str,
)
def test_without_a_majority_the_policy_decides(attributes, expected):
    answer = reboot(house(**attributes), "n1", "n2")
    assert verdict(answer, VIP)[:2] == expected


def test_what_a_cluster_without_a_majority_stops_on_other_nodes_is_lost_too():
    estate = house()
    estate.add(K.HA_RESOURCE, "far", "c1", "primitive")
    estate.place("ha_resource:far", "ha_node:n3", "started")
    estate.claim(RelationKind.MANAGED_BY, "ha_resource:far", "ha_cluster:c1")
    answer = reboot(estate, "n1", "n2")
    assert verdict(answer, "ha_resource:far") == (V.LOST, R.QUORUM_LOST, None, "c1")
    assert verdict(answer, "ha_cluster:c1")[:2] == (V.LOST, R.QUORUM_LOST)
    assert "ha_resource:far" not in told(reboot(estate, "n1"))


def test_a_cluster_stays_with_its_majority_and_one_that_tells_of_no_votes_is_unknown():
    assert verdict(reboot(house(), "n1"), "ha_cluster:c1")[:2] == (V.STAYS, R.OTHERS_LEFT)
    estate = house()
    estate.claims = [c for c in estate.claims if c.kind is not RelationKind.MEMBER_OF]
    for number in (1, 2, 3):
        estate.claim(RelationKind.MEMBER_OF, f"ha_node:n{number}", "ha_cluster:c1")
    assert verdict(reboot(estate, "n1"), "ha_cluster:c1")[:2] == (V.UNKNOWN, R.QUORUM_DOUBTFUL)
    assert verdict(reboot(estate, "n1"), VIP)[:2] == (V.UNKNOWN, R.QUORUM_DOUBTFUL)


def test_a_clone_stays_while_an_instance_is_left():
    assert verdict(reboot(house(), "n1"), "ha_resource:ping") == (V.STAYS, R.OTHERS_LEFT, None, None)


def test_a_clone_of_which_only_last_known_instances_are_left_is_unknown():
    estate = house()
    estate.unplace("ha_resource:ping")
    estate.claim(RelationKind.RUNS_ON, "ha_resource:ping", "ha_node:n1", role="started")
    estate.claim(RelationKind.RUNS_ON, "ha_resource:ping", "ha_node:n2", role="started", phase=Phase.LAST_KNOWN)
    assert verdict(reboot(estate, "n1"), "ha_resource:ping")[:2] == (V.UNKNOWN, R.UNSETTLED)


def test_the_promoted_role_moves_to_the_replica_that_is_left():
    estate = house()
    index, node = estate.index("ha_resource:db"), estate.index("ha_node:n1")
    estate.placements[index] = Placement(index, node, "promoted", estate.at, "c1")
    assert verdict(reboot(estate, "n1"), "ha_resource:db") == (V.RESTARTS, R.ROLE_MOVES, "n2", "c1")
    assert verdict(reboot(estate, "n2"), "ha_resource:db")[:2] == (V.STAYS, R.OTHERS_LEFT)


def test_the_promoted_role_is_lost_where_nothing_may_be_promoted():
    estate = house()
    estate.claim(RelationKind.CONSTRAINED_TO, "ha_resource:db", "ha_node:n2", attributes={"score": "-INFINITY"})
    assert verdict(reboot(estate, "n1"), "ha_resource:db")[:2] == (V.LOST, R.BANNED)


def test_a_group_goes_where_all_of_its_members_may():
    estate = house()
    estate.claim(RelationKind.CONSTRAINED_TO, "ha_resource:web", "ha_node:n2", attributes={"score": "-INFINITY"})
    answer = reboot(estate, "n1")
    for name in ("web", "web-ip", "web-srv"):
        assert verdict(answer, f"ha_resource:{name}") == (V.RESTARTS, R.RESTARTED_BY_MANAGER, "n3", "c1")
    estate.change("ha_resource:web-srv", attributes={"exhausted_on": "n3"})
    assert verdict(reboot(estate, "n1"), "ha_resource:web")[:2] == (V.LOST, R.BANNED)


def bound(upper: str, lower: str, kind: RelationKind, **attributes: Value) -> Estate:
    """`upper` is bound to `lower`; both are on n1."""
    estate = house()
    for name in (upper, lower):
        estate.add(K.HA_RESOURCE, name, "c1", "primitive")
        estate.place(f"ha_resource:{name}", "ha_node:n1", "started")
        estate.claim(RelationKind.MANAGED_BY, f"ha_resource:{name}", "ha_cluster:c1")
    estate.claim(kind, f"ha_resource:{upper}", f"ha_resource:{lower}", attributes=attributes)
    return estate


def test_a_resource_goes_where_the_one_goes_that_it_is_bound_to():
    estate = bound("app", "disk", RelationKind.DEPENDS_ON, colocation="with", score="INFINITY")
    estate.claim(RelationKind.CONSTRAINED_TO, "ha_resource:disk", "ha_node:n2", attributes={"score": "-INFINITY"})
    assert verdict(reboot(estate, "n1"), "ha_resource:app")[2] == "n3"
    estate.change("ha_resource:disk", attributes={"managed": False})
    assert verdict(reboot(estate, "n1"), "ha_resource:app")[:2] == (V.LOST, R.FOLLOWS_DEPENDENCY)


def test_of_two_that_may_not_meet_only_one_gets_the_node_that_is_left():
    estate = bound("second", "first", RelationKind.ANTI_AFFINE, score="-INFINITY")
    estate.change("ha_node:n3", state=S.STANDBY)
    answer = reboot(estate, "n1")
    assert verdict(answer, "ha_resource:first")[2] == "n2"
    assert verdict(answer, "ha_resource:second")[:2] == (V.LOST, R.BANNED)


# -- VMs -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"autostart": True}, (V.RESTARTS, R.AUTOSTART, "alpha")),
        ({"autostart": False}, (V.LOST, R.NO_AUTOSTART, None)),
        ({}, (V.UNKNOWN, R.NO_MANAGER_KNOWN, None)),
    ],
    ids=str,
)
def test_a_vm_without_a_manager_comes_back_with_its_host_when_that_starts_it(attributes, expected):
    estate = house()
    estate.change("vm:vm1", attributes=attributes)
    answer = reboot(estate, "physical_host:alpha")
    assert verdict(answer, "vm:vm1")[:3] == expected
    for inside in ("guest_os:os1", "ha_node:n1"):
        assert verdict(answer, inside)[:3] == (expected[0], R.FOLLOWS_CARRIER, expected[2])
    assert verdict(answer, "hypervisor:alpha")[:2] == (V.RESTARTS, R.FOLLOWS_CARRIER)


def managed_vm() -> Estate:
    """The nodes are the three machines; the VM shop on alpha is the resource shop-vm on n1."""
    estate = house()
    for number, host in enumerate(("alpha", "beta", "gamma"), 1):
        estate.unplace(f"guest_os:os{number}")
        estate.place(f"guest_os:os{number}", f"physical_host:{host}")
    estate.add(K.VM, "guest", "kvm", attributes={"autostart": False})
    estate.place("vm:guest", "hypervisor:alpha")
    estate.add(K.HA_RESOURCE, "shop-vm", "c1", "primitive")
    estate.place("ha_resource:shop-vm", "ha_node:n1", "started")
    estate.claim(RelationKind.MANAGED_BY, "ha_resource:shop-vm", "ha_cluster:c1")
    estate.claim(RelationKind.MANAGED_BY, "vm:guest", "ha_resource:shop-vm")
    estate.claim(RelationKind.CONSTRAINED_TO, "ha_resource:shop-vm", "ha_node:n3", attributes={"score": "-INFINITY"})
    return estate


def test_a_vm_that_a_cluster_runs_is_restarted_on_the_hypervisor_of_the_node_that_is_left():
    answer = reboot(managed_vm(), "physical_host:alpha")
    assert verdict(answer, "ha_resource:shop-vm") == (V.RESTARTS, R.RESTARTED_BY_MANAGER, "n2", "c1")
    assert verdict(answer, "vm:guest") == (V.RESTARTS, R.RESTARTED_BY_MANAGER, "beta", "c1")
    one = told(answer)["vm:guest"]
    assert one.destination is not None
    assert one.destination.kind is K.HYPERVISOR


def test_a_vm_whose_resource_is_stopped_is_its_hosts_to_start():
    estate = managed_vm()
    estate.unplace("ha_resource:shop-vm")
    estate.change("ha_resource:shop-vm", state=S.STOPPED)
    assert verdict(reboot(estate, "physical_host:alpha"), "vm:guest")[:2] == (V.LOST, R.NO_AUTOSTART)


def test_a_cluster_starts_no_vm_elsewhere_whose_disk_is_only_on_the_host():
    estate = managed_vm()
    estate.add(K.STORAGE_POOL, "local", "kvm")
    estate.claim(RelationKind.PART_OF, "storage_pool:local", "hypervisor:alpha")
    estate.claim(RelationKind.USES_STORAGE, "vm:guest", "storage_pool:local")
    answer = reboot(estate, "physical_host:alpha")
    assert verdict(answer, "vm:guest")[:2] == (V.LOST, R.LOCAL_DISK)
    assert verdict(answer, "storage_pool:local")[:2] == (V.RESTARTS, R.FOLLOWS_CARRIER)
    assert verdict(reboot(estate, "storage_pool:local"), "vm:guest")[:2] == (V.LOST, R.FOLLOWS_STORAGE)


def test_a_vm_that_starts_with_its_host_finds_its_local_disk_there():
    estate = house()
    estate.add(K.STORAGE_POOL, "local", "kvm")
    estate.claim(RelationKind.PART_OF, "storage_pool:local", "hypervisor:alpha")
    estate.claim(RelationKind.USES_STORAGE, "vm:vm1", "storage_pool:local")
    assert verdict(reboot(estate, "physical_host:alpha"), "vm:vm1") == (V.RESTARTS, R.AUTOSTART, "alpha", None)


def test_storage_that_is_asked_about_is_gone_and_what_uses_it_is_lost():
    answer = reboot(house(), "san")
    assert verdict(answer, "volume:lun1")[:2] == (V.LOST, R.FOLLOWS_STORAGE)
    assert verdict(answer, "vm:vm1")[:2] == (V.LOST, R.FOLLOWS_STORAGE)
    assert verdict(answer, VIP)[:2] == (V.RESTARTS, R.RESTARTED_BY_MANAGER)


def test_storage_with_another_copy_stays_and_so_does_what_uses_it():
    estate = house()
    estate.add(K.STORAGE_POOL, "san2", "facts")
    estate.claim(RelationKind.BACKED_BY, "volume:lun1", "storage_pool:san2")
    answer = reboot(estate, "san")
    assert verdict(answer, "volume:lun1")[:2] == (V.STAYS, R.OTHERS_LEFT)
    assert verdict(answer, "vm:vm1")[:2] == (V.STAYS, R.FOLLOWS_STORAGE)
    assert (answer.colour, answer.outlook) == (Colour.GREEN, f"GREEN after a reboot: {len(answer.affected)} stay")


def test_a_medium_in_a_drive_stops_nothing():
    estate = house()
    estate.add(K.VOLUME, "install.iso", "kvm")
    estate.claim(RelationKind.USES_STORAGE, "vm:vm1", "volume:install.iso", attributes={"device": "cdrom"})
    assert verdict(reboot(estate, "install.iso"), "vm:vm1")[:2] == (V.STAYS, R.REMOVABLE_MEDIUM)


def test_what_is_on_its_way_to_a_host_is_unknown():
    estate = house()
    estate.claim(RelationKind.RUNS_ON, "vm:vm1", "hypervisor:beta", phase=Phase.TRANSITIONAL)
    assert verdict(reboot(estate, "hypervisor:beta"), "vm:vm1")[:2] == (V.UNKNOWN, R.UNSETTLED)


def test_a_pod_is_not_known_to_boot_with_its_node():
    estate = house()
    estate.add(K.POD, "web-7d4", "kvm")
    estate.place("pod:web-7d4", "guest_os:os1")
    assert verdict(reboot(estate, "vm:vm1"), "pod:web-7d4")[:2] == (V.UNKNOWN, R.NO_MANAGER_KNOWN)


# -- services, groups that vote ----------------------------------------------------------------------------------------


def test_a_service_follows_what_it_consists_of():
    answer = reboot(house(), "n1")
    assert verdict(answer, "service:shop")[:2] == (V.RESTARTS, R.FOLLOWS_MEMBERS)
    estate = house()
    estate.change("ha_resource:db", attributes={"managed": False})
    assert verdict(reboot(estate, "n1"), "service:shop")[:2] == (V.LOST, R.FOLLOWS_MEMBERS)


def test_a_service_of_which_any_member_is_enough_stays_with_one_and_follows_the_best():
    estate = house()
    estate.change("service:shop", attributes={"redundancy": "any"})
    assert verdict(reboot(estate, "web"), "service:shop")[:2] == (V.STAYS, R.OTHERS_LEFT)
    estate.change("ha_resource:db", attributes={"managed": False})
    assert verdict(reboot(estate, "n1"), "service:shop")[:2] == (V.RESTARTS, R.FOLLOWS_MEMBERS)


def test_a_service_without_what_it_needs_is_lost():
    estate = house()
    estate.add(K.SERVICE, "payment", "facts")
    estate.claim(RelationKind.DEPENDS_ON, "service:shop", "service:payment", attributes={"member": False})
    assert verdict(reboot(estate, "payment"), "service:shop")[:2] == (V.LOST, R.FOLLOWS_DEPENDENCY)


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        (("vm1",), (V.STAYS, R.OTHERS_LEFT)),
        (("vm1", "vm2"), (V.UNKNOWN, R.QUORUM_DOUBTFUL)),
        (("vm1", "vm2", "vm3"), (V.UNKNOWN, R.QUORUM_DOUBTFUL)),
    ],
    ids=len,
)
def test_a_group_of_copies_stays_with_more_than_half_of_them(members, expected):
    estate = house()
    estate.add(K.REPLICATION_GROUP, "galera", "facts")
    for number in (1, 2, 3):
        estate.claim(RelationKind.MEMBER_OF, f"vm:vm{number}", "replication_group:galera", source="facts")
    assert verdict(reboot(estate, *members), "replication_group:galera")[:2] == expected


def test_every_reason_of_the_catalogue_has_a_case_here():
    with open(__file__, encoding="utf-8") as own:
        text = own.read()
    unsaid = {R.REBOOTED}  # of what is asked about itself, which is no row of the answer
    assert {reason for reason in R if f"R.{reason.name}" not in text} == set()
    assert unsaid


# -- the whole answer --------------------------------------------------------------------------------------------------


def test_an_answer_is_red_when_something_is_lost_and_amber_when_all_of_it_comes_back():
    estate = house()
    answer = reboot(estate, "physical_host:alpha")
    assert answer.colour is Colour.AMBER
    assert answer.outlook == "AMBER after a reboot: 10 restart, 2 stay"
    estate.change(VIP, attributes={"managed": False})
    red = reboot(estate, "physical_host:alpha")
    assert (red.colour, red.outlook) == (Colour.RED, "RED after a reboot: 1 lost, 9 restart, 2 stay")


def test_an_empty_host_is_green_though_its_hypervisor_restarts():
    estate = house()
    estate.add(K.PHYSICAL_HOST, "spare", "facts")
    estate.add(K.HYPERVISOR, "spare", "kvm")
    estate.place("hypervisor:spare", "physical_host:spare")
    answer = reboot(estate, "physical_host:spare")
    assert verdict(answer, "hypervisor:spare")[0] is V.RESTARTS
    assert (answer.colour, answer.blind_spots) == (Colour.GREEN, ())


def test_an_answer_with_a_blind_spot_is_not_green():
    estate = house()
    estate.add(K.PHYSICAL_HOST, "delta", "facts")
    answer = reboot(estate, "delta")
    assert (answer.colour, answer.outlook) == (Colour.AMBER, "AMBER after a reboot: nothing that is known is affected")


# -- properties --------------------------------------------------------------------------------------------------------

CHANGES = [
    lambda e: e.change(VIP, attributes={"managed": False}),
    lambda e: e.change("vm:vm2", attributes={"autostart": False}),
    lambda e: e.change("vm:vm3", attributes={}),
    lambda e: e.change("ha_node:n3", state=S.STANDBY),
    lambda e: e.change("ha_node:n2", state=S.OFFLINE),
    lambda e: e.change("ha_cluster:c1", attributes={**TOLD, "last_man_standing": True}),
    lambda e: e.change("ha_cluster:c1", attributes={**TOLD, "no_quorum_policy": "ignore"}),
    lambda e: e.change("ha_cluster:c1", attributes={**TOLD, "no_quorum_policy": "demote"}),
    lambda e: e.change("service:shop", attributes={"redundancy": "any"}),
    lambda e: e.claim(RelationKind.RUNS_ON, "vm:vm1", "hypervisor:beta", phase=Phase.TRANSITIONAL),
    lambda e: e.claim(RelationKind.CONSTRAINED_TO, VIP, "ha_node:n2", attributes={"score": "-INFINITY"}),
    lambda e: e.claim(RelationKind.DEPENDS_ON, VIP, "ha_resource:db", attributes={"colocation": "a"}),
    lambda e: e.claim(RelationKind.DEPENDS_ON, "ha_resource:db", VIP, attributes={"colocation": "b"}),
    lambda e: e.claim(RelationKind.ANTI_AFFINE, VIP, "ha_resource:web", attributes={"score": "-INFINITY"}),
    lambda e: e.claim(RelationKind.MEMBER_OF, "vm:vm1", "replication_group:galera", source="facts"),
    lambda e: e.claim(RelationKind.MEMBER_OF, "vm:vm2", "replication_group:galera", source="facts"),
    lambda e: e.claim(RelationKind.USES_STORAGE, "vm:guest", "storage_pool:local"),
    lambda e: e.claim(RelationKind.PART_OF, "storage_pool:local", "hypervisor:beta"),
]
INSIDE = managed_vm()
INSIDE.add(K.REPLICATION_GROUP, "galera", "facts")
INSIDE.add(K.STORAGE_POOL, "local", "kvm")
NAMES = sorted(INSIDE.records)


@given(st.data(), st.sets(st.integers(0, len(CHANGES) - 1)), st.booleans())
@settings(max_examples=200, deadline=None)
def test_each_affected_thing_has_one_verdict_and_a_greater_loss_makes_none_better(data, changes, on_machines):
    estate = managed_vm() if on_machines else house()
    for kind, name, source in (
        (K.REPLICATION_GROUP, "galera", "facts"),
        (K.STORAGE_POOL, "local", "kvm"),
        (K.VM, "guest", "kvm"),
    ):
        if f"{kind.value}:{name}" not in estate.records:
            estate.add(kind, name, source)
    for number in sorted(changes):
        CHANGES[number](estate)
    few = data.draw(st.sets(st.sampled_from(NAMES), min_size=1, max_size=3)) & estate.records.keys()
    more = few | data.draw(st.sets(st.sampled_from(NAMES), max_size=3)) & estate.records.keys()
    snapshot = estate.snapshot()
    entities = {name: snapshot.entity(estate.index(name)) for name in more}
    less, greater = (impact(snapshot, [entities[name] for name in names], T0) for names in (sorted(few), sorted(more)))
    assert len(told(less)) == len(less.affected)
    for name, one in told(less).items():
        if name not in more:
            assert told(greater)[name].verdict.badness >= one.verdict.badness, name
