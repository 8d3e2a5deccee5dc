"""A resource of the cluster that is a guest of the libvirt hosts: two sources see one thing, and it is told once."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab.joined import JoinedLab, VirtualDomain, virtual_domain
from tests.lab.joined.lab import host_of
from tests.lab.joined.told import EXHAUSTED, HOST_LOST
from tests.lab.joined.virtual_domain import MIGRATION_THRESHOLD
from tests.lab.libvirt.told import CRASHED, Notice
from tests.system.joined.comparison import LONGEST_PENDING_S, Comparison
from tests.system.joined.installation import FLEET, RACKS, SITE, joined, on_hosts
from tests.system.setups import SOURCE, Installation

pytestmark = [pytest.mark.lab, pytest.mark.timeout(400)]

RESOURCE, VM = "web", "vm1"


@pytest.fixture(scope="module")
def pair(joined_lab: JoinedLab) -> Iterator[VirtualDomain]:
    """The resource, which the cluster runs."""
    reason = virtual_domain.missing()
    if reason:
        pytest.skip(reason)
    joined_lab.reset()
    resource = VirtualDomain(joined_lab, RESOURCE, VM)
    resource.install()
    yield resource
    resource.uninstall()


@pytest.fixture(scope="module")
def installation(joined_lab: JoinedLab, pair: VirtualDomain) -> Iterator[Installation]:
    """The gateway; the nodes' agents were given the hosts' UUIDs, and found the guest's themselves."""
    with joined(joined_lab, on_hosts(joined_lab)) as made:
        yield made


@pytest.fixture
def seen(installation: Installation, joined_lab: JoinedLab, pair: VirtualDomain) -> Comparison:
    """The comparison from a state in which everything runs."""
    pair.reset()
    installation.join_cluster()
    return Comparison(installation, joined_lab, pair)


def relocations(seen: Comparison) -> list[dict[str, Any]]:
    """What the log says of the pair's moves: of the guest, and of the resource."""
    both = [e for e in seen.events() if e["kind"] == "relocation" and e["entity"]["name"] in (RESOURCE, VM)]
    assert {event["entity"]["kind"] for event in both} <= {"vm", "ha_resource"}
    return both


def told_once_for_the_guest(seen: Comparison, cause: str) -> dict[str, Any]:
    """Of a move that both sources see: one event is told, the other one is caused by it, the cause is the cluster's."""
    deadline = time.monotonic() + LONGEST_PENDING_S
    while len(both := relocations(seen)) < 2 and time.monotonic() < deadline:
        time.sleep(0.2)
    (guest,) = [event for event in both if event["entity"]["kind"] == "vm"]
    (resource,) = [event for event in both if event["entity"]["kind"] == "ha_resource"]
    assert (guest["told"], resource["told"]) == (True, False)
    assert resource["caused_by"] == guest["id"]
    assert (guest["source"], resource["source"]) == (FLEET, SOURCE)
    assert (guest["cause"], bool(guest["evidence"])) == (cause, True), guest
    return guest


def lost(seen: Comparison, subject: str) -> set[tuple[str, str]]:
    """Kind and name of everything that is lost with something."""
    affected = seen.gateway.get(f"/impact/{subject}")["affected"]
    return {(one["entity"]["kind"], one["entity"]["name"]) for one in affected if one["effect"] == "lost"}


def kill_and_await_failure(seen: Comparison) -> None:
    """SIGKILL the guest's QEMU, and wait until the cluster has noticed."""
    host = seen.lab.hosts.place(VM)
    before = domain_id(seen, host)
    cluster = seen.lab.cluster.view()
    assert cluster is not None, "the cluster does not answer"
    seen.lab.hosts.kill(VM)
    seen.lab.hosts.wait_for(lambda _: domain_id(seen, host) != before, f"{VM} of before is gone from {host}")
    seen.lab.cluster.wait_for(lambda view: bool(view.failures - cluster.failures), f"{RESOURCE} has failed")


def domain_id(seen: Comparison, host: str) -> int | None:
    domain = seen.lab.hosts.domain(VM, host)
    return domain.id if domain is not None else None


def other_node(seen: Comparison) -> str:
    return next(node for node in seen.lab.cluster.nodes if node != seen.node_of(RESOURCE))


def test_the_guest_and_the_resource_are_one_thing_with_one_place(seen: Comparison):
    node = seen.node_of(RESOURCE)
    host = seen.lab.hosts.place(VM)
    assert host == host_of(node)

    (vm,) = [each for each in seen.gateway.items("/entities", kind="vm") if each["name"] == VM]
    assert sorted(vm["sources"]) == sorted([FLEET, SOURCE])
    (hop,) = seen.gateway.get(f"/where/vm:{VM}")["hops"]
    assert (hop["entity"]["kind"], hop["entity"]["name"]) == ("hypervisor", host)

    body = seen.gateway.get(f"/where/{RESOURCE}")
    (hop,) = body["hops"]
    assert (hop["entity"]["kind"], hop["entity"]["name"]) == ("ha_node", node)
    (machine,) = body["machines"]
    assert machine["entity"]["name"] == VM
    printed = seen.gateway.cli("where", RESOURCE).stdout
    assert all(name in printed for name in (node, VM, host, RACKS[host], SITE)), printed


def test_impact_of_the_host_lists_the_guest_the_resource_and_the_node(seen: Comparison):
    node = seen.node_of(RESOURCE)
    of_host, of_hypervisor = (lost(seen, f"{kind}:{host_of(node)}") for kind in ("physical_host", "hypervisor"))
    assert {("vm", VM), ("ha_resource", RESOURCE), ("ha_node", node)} <= of_host
    assert {("vm", VM), ("ha_resource", RESOURCE)} <= of_hypervisor
    assert ("ha_node", node) not in of_hypervisor  # it is beside the hypervisor, on the same machine


def test_a_move_that_a_person_asked_for_is_told_once_for_the_guest(seen: Comparison):
    old, new = seen.node_of(RESOURCE), other_node(seen)
    seen.lab.cluster.move(RESOURCE, new)
    seen.step(Notice.relocation(VM, host_of(old), host_of(new), live=True))
    event = told_once_for_the_guest(seen, "administrator")
    assert (event["live"], event["planned"]) == (True, True)
    seen.lab.cluster.unmove(RESOURCE)
    seen.nothing()
    seen.end()


def test_a_node_in_standby_lets_its_guest_go_and_it_is_told_once(seen: Comparison):
    old = seen.node_of(RESOURCE)
    seen.lab.cluster.standby(old)
    step = seen.step()
    assert len([notice for notice in step if notice.entity in (RESOURCE, VM)]) == 1
    event = told_once_for_the_guest(seen, "evacuation")
    assert (event["old_host"]["name"], event["live"]) == (host_of(old), True)
    seen.lab.cluster.unstandby(old)
    seen.step()
    seen.end()


def test_a_qemu_that_is_killed_is_started_again_and_nothing_is_told_until_it_moves(seen: Comparison):
    old = seen.lab.hosts.place(VM)
    for _ in range(MIGRATION_THRESHOLD - 1):
        kill_and_await_failure(seen)
        seen.nothing()
        assert seen.lab.hosts.place(VM) == old
    kill_and_await_failure(seen)
    step = seen.step()
    assert seen.lab.hosts.place(VM) != old
    (moved,) = [notice for notice in step if notice.entity in (RESOURCE, VM)]
    assert (moved.what, moved.entity) == ("relocation", VM)
    event = told_once_for_the_guest(seen, "recovery")
    assert (event["live"], event["planned"]) == (False, False)
    seen.end()


def test_a_guest_whose_host_is_lost_follows_from_that_loss(seen: Comparison):
    node = seen.node_of(RESOURCE)
    host = host_of(node)
    hosts = seen.lab.hosts
    others = [vm for vm in hosts.vms if vm != VM and hosts.place(vm) == host]
    seen.lab.crash(host, node)
    step = seen.step()
    gone = Notice.raised(HOST_LOST, host)
    assert step[gone] == 1
    (moved,) = [notice for notice in step if notice.entity in (RESOURCE, VM)]
    assert (moved.what, moved.entity) == ("relocation", VM)
    root = seen.trap_of(gone)
    assert seen.traps()[0] == root, [trap.name for trap in seen.traps()]
    assert seen.trap_of(moved).objects["topoEventCausedBy"] == root.objects["topoEventId"]
    event = told_once_for_the_guest(seen, "failover")
    assert (event["live"], event["planned"]) == (False, False)

    seen.lab.hosts.boot_host(host)
    seen.lab.boot_nodes(node)
    back = seen.step(Notice.cleared(HOST_LOST, host), *(Notice.raised(CRASHED, vm) for vm in others))
    assert back[Notice.cleared(HOST_LOST, host)] == 1
    for vm in others:  # nobody but the cluster starts a guest again, and these are not the cluster's
        hosts.start(vm, host)
    seen.step(*(Notice.cleared(CRASHED, vm) for vm in others))
    seen.end()


def test_a_guest_that_no_node_can_start_is_one_failure(seen: Comparison, pair: VirtualDomain):
    pair.spoil()
    kill_and_await_failure(seen)
    seen.step(Notice.raised(EXHAUSTED, RESOURCE), quiet_s=LONGEST_PENDING_S)
    pair.mend()
    seen.lab.cluster.cleanup(RESOURCE)
    pair.wait_running()
    back = seen.step()
    assert back[Notice.cleared(EXHAUSTED, RESOURCE)] == 1
    seen.end()


def test_a_migration_that_fails_and_the_restart_that_follows_are_one_move(seen: Comparison, pair: VirtualDomain):
    """The cluster stops the guest and starts it anew on the node that it was asked to move it to."""
    old, new = seen.node_of(RESOURCE), other_node(seen)
    with pair.unreachable(new):
        seen.lab.cluster.move(RESOURCE, new)
        step = seen.step()
    assert [n for n in step if n.what == "relocation"] == [
        Notice.relocation(VM, host_of(old), host_of(new), live=False)
    ]
    event = told_once_for_the_guest(seen, "administrator")
    assert (event["live"], event["planned"]) == (False, True)
    seen.lab.cluster.unmove(RESOURCE)
    seen.end()


@pytest.mark.parametrize(
    "how",
    [pytest.param(signal.SIGTERM, id="stopped", marks=pytest.mark.long), pytest.param(signal.SIGKILL, id="killed")],
)
def test_a_gateway_that_is_restarted_during_a_move_tells_it_once(seen: Comparison, how: signal.Signals):
    old, new = seen.node_of(RESOURCE), other_node(seen)
    seen.lab.cluster.move(RESOURCE, new)
    seen.lab.hosts.wait_for(lambda status: status.active(VM) == [host_of(new)], f"{VM} is on {host_of(new)}")
    seen.gateway.stop(how)
    seen.gateway.start()
    seen.step(Notice.relocation(VM, host_of(old), host_of(new), live=True), quiet_s=LONGEST_PENDING_S)
    assert len([event for event in relocations(seen) if event["told"]]) == 1
    seen.lab.cluster.unmove(RESOURCE)
    seen.end()


@pytest.mark.long
def test_a_guest_that_moves_behind_the_clusters_back_is_told_once(seen: Comparison):
    """virsh takes it to another host; the cluster misses it, and finds it there in the end."""
    node = seen.node_of(RESOURCE)
    old, new = host_of(node), host_of(other_node(seen))
    seen.lab.hosts.migrate(VM, new)
    seen.lab.cluster.wait_for(lambda view: bool(view.failures), f"{RESOURCE} is missed on {node}")
    seen.lab.cluster.wait_settled()
    assert seen.lab.hosts.status().active(VM) == [new], seen.lab.hosts.status()
    step = seen.step(quiet_s=LONGEST_PENDING_S)
    assert [n for n in step if n.what == "relocation"] == [Notice.relocation(VM, old, new, live=True)]
    seen.end()
