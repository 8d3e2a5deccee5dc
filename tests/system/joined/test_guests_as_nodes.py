"""A cluster whose nodes are guests of the libvirt hosts: one chain, one notification for a guest, one root."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab.joined import JoinedLab
from tests.lab.joined.lab import guest_of, node_in
from tests.lab.joined.told import HOST_LOST
from tests.lab.libvirt.told import SILENT, Notice
from tests.system.agreement import CLONES, PRIMITIVES, expected_places
from tests.system.comparison import moment
from tests.system.joined.comparison import LONGEST_PENDING_S, Comparison
from tests.system.joined.installation import (
    FLEET,
    MEMBER,
    RACKS,
    SERVICE,
    SHARED_POOL,
    SITE,
    declared_name,
    in_guests,
    joined,
)
from tests.system.setups import SOURCE, Installation
from tests.system.walk import chain_of, column

pytestmark = [pytest.mark.lab, pytest.mark.timeout(400)]

RUNS_ON, USES_STORAGE, BACKED_BY = 1, 5, 6  # TopologyRelationKind


@pytest.fixture(scope="module")
def installation(joined_lab: JoinedLab) -> Iterator[Installation]:
    """The gateway; the nodes' agents were given the guests' UUIDs."""
    joined_lab.reset()
    with joined(joined_lab, in_guests(joined_lab)) as made:
        yield made


@pytest.fixture(scope="module")
def at_rest(installation: Installation, joined_lab: JoinedLab) -> Comparison:
    """For questions, asked before anything happens."""
    return compared(installation, joined_lab)


@pytest.fixture
def seen(installation: Installation, joined_lab: JoinedLab) -> Comparison:
    """The comparison from a state in which everything runs."""
    joined_lab.reset()
    return compared(installation, joined_lab)


def compared(installation: Installation, joined_lab: JoinedLab) -> Comparison:
    """From now on, with each guest on a host of its own."""
    for vm in joined_lab.hosts.vms:
        home = joined_lab.hosts.plan.home(vm)
        if joined_lab.hosts.place(vm) != home:
            joined_lab.hosts.migrate(vm, home, move=True)
    installation.join_cluster()
    return Comparison(installation, joined_lab)


def chain(node: str, host: str) -> list[str]:
    """What is below a resource on a node, down to the site; the machine has the name that people gave it."""
    upper = [f"ha_node:{node}", f"guest_os:{node}", f"vm:{guest_of(node)}"]
    machine = f"physical_host:{declared_name(host)}"
    return [*upper, f"hypervisor:{host}", machine, f"rack:{RACKS[host]}", f"site:{SITE}"]


def hops_of(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The hops of an answer that is one straight way."""
    found, hops = [], body["hops"]
    while hops:
        (hop,) = hops
        found.append(hop)
        hops = hop["below"]
    return found


def named(hops: list[dict[str, Any]]) -> list[str]:
    return [f"{hop['entity']['kind']}:{hop['entity']['name']}" for hop in hops]


def test_a_service_is_followed_down_to_the_site_by_every_way_of_asking(at_rest: Comparison):
    node = at_rest.node_of(MEMBER)
    host = at_rest.lab.hosts.place(guest_of(node))
    wanted = chain(node, host)

    by_rest = at_rest.gateway.get(f"/where/{MEMBER}")
    by_command = json.loads(at_rest.gateway.cli("where", MEMBER, "--json").stdout)
    of_service = at_rest.gateway.get(f"/where/{SERVICE}")
    assert named(hops_of(by_rest)) == named(hops_of(by_command)) == wanted
    assert named(hops_of(of_service)) == [f"ha_resource:{MEMBER}", *wanted]
    assert by_rest["reaches_hardware"] is True
    for hop in hops_of(of_service):
        assert hop["age_s"] is not None, hop
        assert (bool(hop["source"]), hop["confidence"] > 0, hop["stale"]) == (True, True, False), hop

    assert chain_of(at_rest.installation, MEMBER) == [step.split(":", 1)[1] for step in wanted]

    printed = at_rest.gateway.cli("where", SERVICE).stdout
    assert all(step.split(":", 1)[1] in printed for step in wanted), printed


def test_the_chain_names_the_storage_of_the_guest(at_rest: Comparison):
    node = at_rest.node_of(MEMBER)
    vm = next(hop for hop in hops_of(at_rest.gateway.get(f"/where/{SERVICE}")) if hop["entity"]["kind"] == "vm")
    (volume,) = vm["storage"]
    (pool,) = volume["storage"]
    assert named([volume, pool]) == [f"volume:{guest_of(node)}.img", f"storage_pool:{SHARED_POOL}"]


def test_an_snmp_walk_tells_the_relations_with_their_sources_and_confidence(at_rest: Comparison):
    node = at_rest.node_of(MEMBER)
    host = at_rest.lab.hosts.place(guest_of(node))
    names = {index: name for (index,), name in column(at_rest.installation, "topoEntityName").items()}
    sources = column(at_rest.installation, "topoRelationSources")
    confidences = column(at_rest.installation, "topoRelationConfidence")
    relations = {(names[up], kind, names[low]): (up, kind, low) for up, kind, low in sources}
    disk = f"{guest_of(node)}.img"
    wanted = {
        (MEMBER, RUNS_ON, node): (SOURCE, 100),
        (guest_of(node), RUNS_ON, host): (FLEET, 100),
        (guest_of(node), USES_STORAGE, disk): (FLEET, 100),
        (disk, BACKED_BY, SHARED_POOL): (FLEET, 100),
        (node, RUNS_ON, guest_of(node)): ("correlation", 95),
    }
    found = {name: relations.get(name) for name in wanted}
    assert {name: index and (sources[index], int(confidences[index])) for name, index in found.items()} == wanted


def test_impact_lists_everything_on_a_host_and_the_votes_that_go_with_it(at_rest: Comparison):
    node = at_rest.node_of(MEMBER)
    host = at_rest.lab.hosts.place(guest_of(node))
    for subject in (f"physical_host:{host}", f"hypervisor:{host}"):
        body = at_rest.gateway.get(f"/impact/{subject}")
        lost = {one["entity"]["name"] for one in body["affected"] if one["effect"] == "lost"}
        assert {SERVICE, guest_of(node), node} <= lost
        singles = set(at_rest.lab.cluster.inventory.singles)
        assert lost & singles == at_rest.inside(node) & singles
        ((quorum),) = body["quorums"]
        assert (quorum["votes"], quorum["lost"], quorum["remain"], quorum["majority"]) == (3, 1, 2, True)
    assert json.loads(at_rest.gateway.cli("impact", f"physical_host:{host}", "--json").stdout)["quorums"]


def test_impact_of_the_shared_pool_reaches_every_guest_and_no_hypervisor(at_rest: Comparison):
    body = at_rest.gateway.get(f"/impact/storage_pool:{SHARED_POOL}")
    lost = {(one["entity"]["kind"], one["entity"]["name"]) for one in body["affected"] if one["effect"] == "lost"}
    assert {("vm", vm) for vm in at_rest.lab.hosts.vms} <= lost
    assert {("ha_node", node) for node in at_rest.lab.cluster.nodes} <= lost
    assert not {kind for kind, _ in lost} & {"hypervisor", "physical_host"}


def test_the_guest_of_a_node_says_which_node_lives_in_it(at_rest: Comparison):
    for vm in at_rest.lab.hosts.vms:
        lost = at_rest.gateway.get(f"/impact/vm:{vm}")["affected"]
        assert node_in(vm) in {one["entity"]["name"] for one in lost if one["entity"]["kind"] == "ha_node"}


def test_impact_of_two_nodes_on_one_host_says_that_the_majority_is_lost(seen: Comparison):
    host = seen.lab.hosts.place("vm1")
    seen.lab.hosts.migrate("vm2", host)
    seen.step()
    body = seen.gateway.get(f"/impact/physical_host:{host}")
    (quorum,) = body["quorums"]
    assert (quorum["lost"], quorum["remain"], quorum["majority"]) == (2, 1, False)
    assert {"n1", "n2"} <= {one["entity"]["name"] for one in body["affected"] if one["effect"] == "lost"}


def test_a_guest_that_migrates_is_told_alone_with_the_number_that_it_carries(seen: Comparison):
    node = seen.node_of(MEMBER)
    vm = guest_of(node)
    old, new = seen.lab.hosts.place(vm), seen.lab.hosts.elsewhere(vm)
    before = time.time()
    seen.lab.hosts.migrate(vm, new)
    moved = Notice.relocation(vm, old, new, live=True)
    seen.step(moved)

    view = seen.lab.cluster.view()
    assert view is not None
    inside = {r for r in (*PRIMITIVES, *CLONES) if any(place == node for place, _ in expected_places(view, r))}
    assert int(seen.trap_of(moved).objects["topoEventCarried"]) == len(inside) > 0
    guest, *others = seen.events()
    assert (guest["entity"]["name"], guest["carried"], guest["told"]) == (vm, len(inside), True)
    assert {event["entity"]["name"] for event in others} == inside
    assert {(event["caused_by"], event["told"]) for event in others} == {(guest["id"], False)}

    assert named(hops_of(seen.gateway.get(f"/where/{MEMBER}"))) == chain(node, new)
    assert chain_of(seen.installation, MEMBER)[3:5] == [new, declared_name(new)]
    assert named(hops_of(seen.gateway.get(f"/where/{MEMBER}", at=moment(before)))) == chain(node, old)
    seen.end()


@pytest.mark.parametrize("farewell", [True, False], ids=["connections end", "power cut"])
def test_a_host_that_is_lost_is_the_root_of_what_its_node_loses(seen: Comparison, farewell: bool):
    node = seen.node_of(MEMBER)
    vm = guest_of(node)
    host = seen.lab.hosts.place(vm)
    if not farewell:  # nobody closes its connections, which keepalive notices after 15 s
        seen.lab.hosts.isolate(host)
    seen.lab.crash(host, node)
    told = seen.step()
    lost = Notice.raised(HOST_LOST, host)
    assert told[lost] == 1
    moved = [notice for notice in told if notice.what == "relocation"]
    assert MEMBER in {notice.entity for notice in moved}

    root = seen.trap_of(lost)
    assert seen.traps()[0] == root, [trap.name for trap in seen.traps()]
    for notice in moved:
        assert seen.trap_of(notice).objects["topoEventCausedBy"] == root.objects["topoEventId"], notice
    causes = {event["cause"] for event in seen.events() if event["told"] and event["kind"].endswith("relocation")}
    assert causes == {"failover"}

    seen.lab.hosts.boot_host(host)
    seen.lab.hosts.start(vm, host)
    seen.lab.boot_nodes(node)
    back = seen.step()
    assert back[Notice.cleared(HOST_LOST, host)] == 1
    assert not {notice for notice in back if notice.what in ("raised", "cleared")} - {Notice.cleared(HOST_LOST, host)}
    seen.end()


def test_a_host_whose_node_still_lives_is_silent_and_not_lost(seen: Comparison):
    host = seen.lab.hosts.place("vm1")
    seen.lab.hosts.isolate(host)
    seen.step(Notice.raised(SILENT, host), quiet_s=LONGEST_PENDING_S)
    hypervisor = next(
        hop for hop in hops_of(seen.gateway.get("/where/ha_node:n1")) if hop["entity"]["kind"] == "hypervisor"
    )
    assert (hypervisor["entity"]["name"], hypervisor["stale"]) == (host, True)
    seen.lab.hosts.reconnect(host)
    seen.step(Notice.cleared(SILENT, host))
    seen.end()


def test_a_node_that_dies_in_a_guest_that_runs_is_no_lost_host(seen: Comparison):
    node = seen.node_of(MEMBER)
    seen.lab.cluster.kill(node)
    told = seen.step()
    assert {notice.what for notice in told} == {"relocation"}
    assert not [event for event in seen.events() if event["condition"] == HOST_LOST]
    seen.lab.boot_nodes(node)
    seen.step()
    seen.end()


@pytest.mark.parametrize(
    "how",
    [pytest.param(signal.SIGTERM, id="stopped", marks=pytest.mark.long), pytest.param(signal.SIGKILL, id="killed")],
)
def test_a_gateway_that_is_restarted_while_a_host_is_lost_tells_nothing_twice(seen: Comparison, how: signal.Signals):
    node = seen.node_of(MEMBER)
    vm = guest_of(node)
    host = seen.lab.hosts.place(vm)
    seen.lab.crash(host, node)
    assert seen.step()[Notice.raised(HOST_LOST, host)] == 1
    seen.gateway.stop(how)
    seen.gateway.start()
    seen.nothing()
    seen.lab.hosts.boot_host(host)
    seen.lab.hosts.start(vm, host)
    seen.lab.boot_nodes(node)
    assert seen.step()[Notice.cleared(HOST_LOST, host)] == 1
    seen.end()
