"""What a person reads: the tree of `where`, the counts, votes and trees of `impact`."""

import json
from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.tree import Tree

from gateway.app.answers import SHOWN, alarm_lines, impact_lines, impact_trees, where_tree, window_lines
from gateway.model.entities import EntityKind, EntityState
from gateway.publishers.rest import render
from gateway.topology.impact import impact
from gateway.topology.lookup import resolve
from gateway.topology.where import where
from tests.topology.house import T0, House
from tests.topology.layers import Cluster, Fleet

SECOND = 1_000_000
NOW = T0 + 2 * SECOND


def in_vms(*more: str) -> House:
    """web runs on node n1, which is the VM n1 on h1 with its disk on nfs; n2 is a VM on h2; `more` VMs on h1."""
    house = House()
    fleet = Fleet(house, ("h1", "h2"), ("n1", "n2", *more), pools={"nfs": ("h1", "h2")}, disks={"n1": "nfs"})
    cluster = Cluster(house, ("n1", "n2"), machines={"n1": "n1", "n2": "n2"})
    for name, host in (("n1", "h1"), ("n2", "h2"), *((name, "h1") for name in more)):
        fleet.run(name, host)
    cluster.run("web", "n1")
    cluster.read(0)
    fleet.read(0)
    return house


def on_metal() -> House:
    house = House()
    fleet = Fleet(house, ("h1",), ("shop",))
    cluster = Cluster(house, ("n1",), machines={"n1": "h1"}, starts={"shop-vm": "shop"})
    fleet.run("shop", "h1")
    cluster.run("shop-vm", "n1")
    cluster.read(0)
    fleet.read(0)
    return house


def where_body(house: House, name: str) -> Any:
    view = house.snapshot
    return json.loads(render.where_model(view, where(view, resolve(view, name), NOW), 3).model_dump_json())


def impact_body(house: House, *names: str, limit: int = 1000) -> Any:
    view = house.snapshot
    answer = impact(view, [resolve(view, name) for name in names], NOW)
    return json.loads(render.impact_model(answer, limit).model_dump_json())


def lines(trees: Iterable[Tree | None]) -> list[str]:
    """As it is printed, without the branches and what comes after the first `; `."""
    console = Console(width=300, color_system=None)
    with console.capture() as capture:
        for tree in trees:
            console.print(tree)
    return [line.lstrip("│├└─ ") for line in capture.get().splitlines()]


def short(printed: list[str]) -> list[str]:
    return [line.split(";")[0] for line in printed]


def test_the_chain_is_a_tree_down_to_the_machine_with_the_storage_of_the_vm():
    printed = lines([where_tree(where_body(in_vms(), "web"))])
    assert short(printed) == [
        "web (ha_resource)",
        "runs on n1 (ha_node)",
        "runs on n1 (guest_os)",
        "runs on n1 (vm)",
        "runs on h1 (hypervisor)",
        "runs on h1 (physical_host)",
        "(physical_host h1 is in no known rack or site)",
        "uses storage n1.qcow2 (volume)",
        "backed by nfs (storage_pool)",
        "(is connected to hypervisor h1, h2)",
    ]


def test_a_hop_says_since_when_how_old_who_and_how_sure():
    (hop,) = [line for line in lines([where_tree(where_body(in_vms(), "web"))]) if "n1 (vm)" in line]
    assert hop == ("runs on n1 (vm); since 2023-11-14T22:13:20Z; read 2 s ago; source correlation; confidence 95 %")


def test_a_resource_that_is_a_vm_has_both_ways_down():
    printed = short(lines([where_tree(where_body(on_metal(), "shop-vm"))]))
    assert printed[:4] == [
        "shop-vm (ha_resource)",
        "runs on n1 (ha_node)",
        "runs on n1 (guest_os)",
        "runs on h1 (physical_host)",
    ]
    assert "is same as shop (vm)" in printed
    assert printed.index("runs on h1 (hypervisor)") > printed.index("is same as shop (vm)")


def test_what_is_nowhere_has_no_tree():
    house = House()
    Cluster(house, ()).read(0)
    body = where_body(house, "lab")
    assert where_tree({**body, "ends": ""}) is None


def test_a_loss_is_a_tree_of_what_it_takes_along():
    printed = short(lines(impact_trees(impact_body(in_vms(), "physical_host:h1"))))
    assert printed == [
        "h1 (physical_host)",
        "h1 (hypervisor): lost",
        "n1 (vm): lost",
        "n1 (guest_os): lost",
        "n1 (ha_node): lost",
        "web (ha_resource): lost",
        "lab (ha_cluster): degraded",
    ]


def test_the_tree_of_a_pool_goes_by_its_volumes():
    printed = lines(impact_trees(impact_body(in_vms(), "nfs")))
    assert printed[:3] == [
        "nfs (storage_pool)",
        "n1.qcow2 (volume): lost; lost (follows storage); backed by",
        "n1 (vm): lost; lost (follows storage); uses storage",
    ]


def test_what_restarts_says_where_and_who_decides():
    house = House()
    cluster = Cluster(house)
    cluster.run("web", "n1")
    cluster.states["n3"] = EntityState.STANDBY
    cluster.read(0)
    body = impact_body(house, "n1")
    assert "web (ha_resource): lost; restarts on n2 (lab: restarted by manager)" in lines(impact_trees(body))
    assert (body["colour"], body["outlook"]) == ("amber", "AMBER after a reboot: 1 restart, 1 stay")


def test_counts_and_votes_come_first():
    assert list(impact_lines(impact_body(in_vms(), "physical_host:h1"))) == [
        "lost: 1 ha_node, 1 ha_resource, 1 guest_os, 1 hypervisor, 1 vm",
        "degraded: 1 ha_cluster",
        "quorum: lab loses 1 vote, 1 of 2 remain: no majority "
        "(it goes on only if corosync has two_node or a quorum device)",
    ]


def test_a_crowd_is_counted_and_not_listed():
    crowd = [f"vm-{number:02}" for number in range(SHOWN + 10)]
    printed = lines(impact_trees(impact_body(in_vms(*crowd), "hypervisor:h1")))
    assert len([line for line in printed if "(vm): lost" in line]) == SHOWN
    assert "and 11 more vm, with what depends on them (--json lists all)" in printed


def test_what_the_answer_left_out_is_said():
    printed = lines(impact_trees(impact_body(in_vms(), "physical_host:h1", limit=2)))
    assert printed == [
        "h1 (physical_host)",
        "n1 (ha_node): lost; unknown (follows carrier); runs on guest_os n1, which is lost",
        "web (ha_resource): lost; unknown (lab: quorum doubtful)",
        "and 4 more that are affected; the REST answer gives all with a higher limit",
    ]


def test_each_affected_entity_is_in_the_trees_once():
    body = impact_body(in_vms(), "hypervisor:h1", "hypervisor:h2", "nfs")
    printed = short(lines(impact_trees(body)))
    named = [f"{one['entity']['name']} ({one['entity']['kind']}): {one['effect']}" for one in body["affected"]]
    assert sorted(line for line in printed if ": " in line) == sorted(named)


def test_names_with_brackets_are_shown_as_they_are():
    printed = lines(impact_trees(impact_body(in_vms("[bold]x[/bold]"), "hypervisor:h1")))
    assert "[bold]x[/bold] (vm): lost; unknown (no manager known)" in printed


def test_an_alarm_comes_with_what_to_do():
    alarms = [{"severity": "major", "planned": False, "text": "h1 does not answer", "remedy": "look at it"}]
    assert list(alarm_lines(alarms)) == ["major: h1 does not answer -> look at it"]


def test_an_alarm_of_a_planned_window_says_so_and_the_window_has_a_line():
    alarms = [{"severity": "major", "planned": True, "text": "h1 does not answer", "remedy": ""}]
    assert list(alarm_lines(alarms)) == ["major, planned: h1 does not answer"]
    windows = [{"name": "kernel", "ends_at": "2026-11-21T05:00:00.909519Z", "reason": "CHG-1"}]
    assert list(window_lines(windows)) == ['planned: in the window "kernel" until 2026-11-21T05:00:00Z: CHG-1']


def test_every_kind_of_hop_in_the_json_is_complete():
    body = where_body(on_metal(), "shop-vm")
    (machine,) = body["machines"]
    assert machine["entity"]["kind"] == EntityKind.VM
    assert set(machine) == set(body["hops"][0])
