"""A host dies under two sources: its loss is told first, then each movement once, all linked to the loss."""

import pytest

from gateway.model.conditions import SECOND, ConditionKind
from gateway.model.entities import EntityKind, EntityState
from gateway.model.events import Cause, Event
from gateway.model.observations import Evidence, EvidenceKind, ScopeFailure
from gateway.model.relations import Arrival, Phase
from gateway.model.rows import Source, SourceState
from gateway.topology.revise import register_source, scope_failed
from tests.topology.house import T0, House, told
from tests.topology.layers import Cluster, Fleet, hypervisor

NODES = ("n1", "n2", "n3", "n4", "n5")


class Site(House):
    """A house with both sources registered, read every 60 and 20 s."""

    def __init__(self) -> None:
        super().__init__()
        for name, interval in (("fleet", 60), ("lab", 20)):
            row = Source(0, "", name, name, SourceState.OK, interval * SECOND)
            self.snapshot, _ = register_source(self.snapshot, row, T0, lambda: next(self._ids))

    def fails(self, at: float, host: str) -> list[Event]:
        events = self.wait(at)
        failure = ScopeFailure("fleet", T0 + round(at * SECOND), host, "no route to host", hypervisor(host))
        self.snapshot, changes = scope_failed(self.snapshot, failure, self.settle_times, lambda: next(self._ids))
        self.events.extend(changes.events)
        return events + list(changes.events)


def lose(cluster: Cluster, at: float, *nodes: str) -> list[Event]:
    for name in nodes:
        cluster.states[name] = EntityState.UNCLEAN
    for name, (host, phase, arrival) in cluster.where.items():
        cluster.where[name] = (host, Phase.LAST_KNOWN if host in nodes else phase, arrival)
    return cluster.read(at, *facts(*nodes))


def facts(*nodes: str) -> list[Evidence]:
    return [Evidence(EvidenceKind.HOST_LOST, name, text=f"{name} is unclean") for name in nodes]


def in_vms() -> tuple[Site, Fleet, Cluster]:
    """Five nodes are VMs: n1 and n2 on h1, n3 and n4 on h2, n5 on h3. web and db run on n1, mail on n2."""
    house = Site()
    fleet = Fleet(house, vms=NODES)
    cluster = Cluster(house, NODES, machines={name: name for name in NODES})
    for name, host in zip(NODES, ("h1", "h1", "h2", "h2", "h3"), strict=True):
        fleet.run(name, host)
    for name, host in (("web", "n1"), ("db", "n1"), ("mail", "n2")):
        cluster.run(name, host)
    fleet.read(0)
    cluster.read(0)
    return house, fleet, cluster


def kinds(events: list[Event]) -> list[tuple[str, str]]:
    return [(event.condition or event.kind, event.entity.name) for event in events if event.notify]


@pytest.mark.parametrize("first", ["fleet", "cluster"])
def test_two_nodes_of_one_cluster_on_a_dead_host_are_one_root_and_a_move_for_each_service(first):
    house, _, cluster = in_vms()
    if first == "fleet":
        events = house.fails(10, "h1") + lose(cluster, 12, "n1", "n2")
    else:
        events = lose(cluster, 10, "n1", "n2") + house.fails(12, "h1")
    assert kinds(events) == [("hostLost", "h1")]
    (root,) = [event for event in events if event.notify]
    for name, host in (("web", "n3"), ("db", "n4"), ("mail", "n5")):
        cluster.run(name, host)
    moved = cluster.read(20, *facts("n1", "n2"))
    assert sorted(told(moved)) == [
        ("relocation", "db", "n1", "n4"),
        ("relocation", "mail", "n2", "n5"),
        ("relocation", "web", "n1", "n3"),
    ]
    assert {(event.cause, event.caused_by) for event in moved} == {(Cause.FAILOVER, root.id)}
    assert [event for event in house.wait(60) if event.notify and event.condition != ConditionKind.SOURCE_STALE] == []


def test_the_nodes_that_come_back_elsewhere_are_told_with_the_root_and_carry_nothing_twice():
    house, fleet, cluster = in_vms()
    house.fails(10, "h1")
    (root,) = [event for event in lose(cluster, 12, "n1", "n2") if event.notify]
    cluster.run("web", "n3")
    cluster.read(20, *facts("n1", "n2"))
    fleet.where["n1"]["h2"] = (Phase.STABLE, Arrival.RESTART)
    events = fleet.read(40, "h2") + fleet.read(41, "h3")
    assert told(events) == [("relocation", "n1", "h1", "h2")]
    (event,) = [event for event in events if event.notify]
    assert (event.cause, event.caused_by) == (Cause.FAILOVER, root.id)
    names = [event.entity.name for event in house.events if event.old_host is not None and event.notify]
    assert names == ["web", "n1"]


def on_metal() -> tuple[Site, Fleet, Cluster]:
    """n1, n2, n3 are h1, h2, h3. The resource shop-vm on n1 is the VM shop on h1."""
    house = Site()
    fleet = Fleet(house, vms=("shop",))
    cluster = Cluster(house, machines={"n1": "h1", "n2": "h2", "n3": "h3"}, starts={"shop-vm": "shop"})
    fleet.run("shop", "h1")
    cluster.run("shop-vm", "n1")
    fleet.read(0)
    cluster.read(0)
    return house, fleet, cluster


@pytest.mark.parametrize("first", ["fleet", "cluster"])
def test_a_vm_that_its_cluster_restarts_elsewhere_is_told_once_after_the_loss_of_its_host(first):
    house, fleet, cluster = on_metal()
    events = house.fails(10, "h1") + lose(cluster, 12, "n1")
    assert kinds(events) == [("hostLost", "h1")]
    fleet.where["shop"]["h2"] = (Phase.STABLE, Arrival.RESTART)
    cluster.run("shop-vm", "n2")
    steps = [lambda at: fleet.read(at, "h2"), lambda at: cluster.read(at, *facts("n1"))]
    for at, step in enumerate(steps if first == "fleet" else steps[::-1], 20):
        events += step(at)
    house.wait(100)
    moved = [event for event in house.events if event.old_host is not None]
    assert [(event.entity.kind, event.notify) for event in moved] == [
        (EntityKind.VM, True),
        (EntityKind.HA_RESOURCE, False),
    ]
    assert moved[0].caused_by == events[0].id
    assert moved[1].caused_by == moved[0].id
    assert {event.cause for event in moved} == {Cause.FAILOVER}
    told_kinds = [kind for kind, _ in kinds(house.events)]
    assert told_kinds.count("hostLost") == 1
    assert told_kinds.count("relocation") == 1


def test_a_vm_that_is_seen_elsewhere_before_its_old_host_is_known_to_be_lost_is_told_once():
    house, fleet, cluster = on_metal()
    house.fails(10, "h1")
    fleet.where["shop"]["h2"] = (Phase.STABLE, Arrival.RESTART)
    fleet.read(12, "h2")
    cluster.run("shop-vm", "n2")
    cluster.states["n1"] = EntityState.UNCLEAN
    cluster.read(14, *facts("n1"))
    house.wait(200)
    assert [name for kind, name in kinds(house.events) if kind == "relocation"] == ["shop"]
    assert "placementConflict" not in {kind for kind, _ in kinds(house.events)}
