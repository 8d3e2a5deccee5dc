"""
Recorded events of real libvirt hosts and captured views of a Pacemaker cluster, joined: what one sees of the other.

The recording migrates vm1 from h1 to h2 and back; the captured cluster runs on it, or manages it.
"""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.collectors.libvirt.replay import replay
from gateway.collectors.pacemaker.facts import Domain, NodeFacts
from gateway.model.entities import EntityKind
from gateway.model.events import Event
from gateway.model.observations import Observation
from gateway.topology.hops import walk_hops
from gateway.topology.impact import impact
from gateway.topology.lookup import resolve
from gateway.topology.revise import observe
from gateway.topology.where import where
from tests.collectors.pacemaker.given import changed, observation
from tests.topology.house import T0, House, told

RECORDING = Path(__file__).parents[1] / "collectors" / "libvirt" / "recordings" / "lifecycle"
SECOND = 1_000_000
MOVED_AT = 3.426
"""Seconds: vm1 was resumed on h2."""


class Joined(House):
    """A house that takes observations as the collectors make them."""

    def take(self, at: float, seen: Observation) -> list[Event]:
        events = self.wait(at)
        dated = replace(seen, at=T0 + round(at * SECOND))
        self.snapshot, changes = observe(self.snapshot, dated, self.settle_times, lambda: next(self._ids))
        self.events.extend(changes.events)
        return events + list(changes.events)

    def play(self, begin: float, end: float) -> list[Event]:
        """What the recording shows in this time."""
        seen = [(r.at_s, r.observation) for r in replay(RECORDING)]
        wanted = [(at, o) for at, o in seen if at is not None and o is not None and begin <= at < end]
        return [event for at, o in wanted for event in self.take(at, o)]


def uuid_of(name: str) -> str:
    first = {e.name: e.key.native for r in replay(RECORDING) if r.observation for e in r.observation.entities}
    return first[name]


def chain(house: House, name: str) -> list[str]:
    view = house.snapshot
    answer = where(view, resolve(view, name), view.at)
    return [f"{hop.entity.kind.value}:{hop.entity.name}" for hop in walk_hops(answer.below)]


def moves(events: Iterable[Event]) -> list[Event]:
    return [event for event in events if event.old_host is not None and event.condition is None]


# -- a node of the cluster is the guest ------------------------------------------------------------------------------


def with_node() -> Joined:
    """n1 of the captured cluster is vm1."""
    house = Joined()
    house.play(0, 1)
    house.take(1, observation("quiet", "quiet-cib", [NodeFacts("n1", smbios_uuid=uuid_of("vm1"), host_name="n1")]))
    return house


def test_a_resource_is_followed_through_its_node_and_the_vm_to_the_host():
    house = with_node()
    assert chain(house, "ha_resource:svc-a")[:4] == ["ha_node:n1", "guest_os:n1", "vm:vm1", "hypervisor:h1"]


def test_the_migration_of_the_node_is_one_notification_that_counts_its_services():
    house = with_node()
    events = house.play(1, 4)
    assert told(events) == [("relocation", "vm1", "h1", "h2")]
    (event,) = [event for event in moves(events) if event.notify]
    inside = [other for other in moves(events) if other.caused_by == event.id]
    assert event.carried == len(inside) > 3
    assert {"svc-a", "app-ip"} <= {other.entity.name for other in inside}
    assert chain(house, "ha_resource:svc-a")[3] == "hypervisor:h2"


def test_the_host_takes_the_node_its_services_and_a_vote_along():
    house = with_node()
    view = house.snapshot
    answer = impact(view, [resolve(view, "hypervisor:h1")], view.at)
    lost = {one.entity.name for one in answer.affected if one.entity.kind is EntityKind.HA_RESOURCE}
    assert {"svc-a", "app", "app-ip"} <= lost
    assert [(votes.lost, votes.remain, votes.majority) for votes in answer.quorums] == [(1, 2, True)]


# -- a resource of the cluster is the guest --------------------------------------------------------------------------


def cluster(node: str) -> Observation:
    """The captured cluster, its VM vm-guest on this node; an agent has read that it is the domain vm1."""
    facts = NodeFacts("beta", domains=(Domain("/etc/libvirt/qemu/guest.xml", "vm1", uuid_of("vm1")),))
    if node == "alpha":
        return observation("guests", "guests-cib", [facts])
    begin = '<resource id="vm-guest" resource_agent="ocf:heartbeat:VirtualDomain" role="Started" active="true"'
    rest = (
        ' orphaned="false" blocked="false" managed="true" failed="false" failure_ignored="false" '
        'nodes_running_on="1">\n      <node name="{}" id="{}" cached="true"/>'
    )
    there = (begin + rest.format("alpha", 1), begin + rest.format("beta", 2))
    return observation(changed("guests", there), "guests-cib", [facts])


def with_resource() -> Joined:
    house = Joined()
    house.play(0, 1)
    house.take(1, cluster("alpha"))
    return house


def test_the_domain_and_the_vm_of_the_resource_are_one():
    house = with_resource()
    (vm,) = [e for e in house.snapshot.all_entities(kind=EntityKind.VM) if e.name == "vm1"]
    assert vm.sources == ("libvirt", "lab")
    assert chain(house, "ha_resource:web")[:3] == ["ha_node:guest1", "vm:vm1", "hypervisor:h1"]


@pytest.mark.parametrize("cluster_at", [3.0, MOVED_AT + 0.1, 5.0])
def test_the_migration_is_told_once_whenever_the_cluster_is_read(cluster_at):
    house = with_resource()
    house.play(1, min(cluster_at, 4))
    house.take(cluster_at, cluster("beta"))
    house.play(min(cluster_at, 4), 4)
    house.wait(200)
    assert told(moves(house.events)) == [("relocation", "vm1", "h1", "h2")]
    (event,) = [event for event in moves(house.events) if event.notify]
    linked = {other.entity.name: other.caused_by for other in moves(house.events) if not other.notify}
    assert linked == {"vm-guest": event.id, "web": event.id}
