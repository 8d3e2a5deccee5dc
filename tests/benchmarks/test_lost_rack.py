"""What the loss of a rack costs when clusters tell it first: per host the same, however many are lost with it."""

from __future__ import annotations

import time

import pytest

from gateway.model.conditions import SECOND
from gateway.model.entities import EntityState
from gateway.model.events import EventKind
from gateway.model.observations import Evidence, EvidenceKind, ScopeFailure
from gateway.topology.revise import scope_failed
from tests.benchmarks.goal import report
from tests.topology.house import T0, House
from tests.topology.layers import Cluster, Fleet, hypervisor

SERVICES = 20
SMALL, LARGE = 25, 100
GOAL = 2.0


class Racks:
    """Two racks of so many hosts, and a cluster for each pair; its services run in the first rack."""

    def __init__(self, hosts: int) -> None:
        self.house = House()
        self.pairs = [(f"{number:03}", f"{number + 500:03}") for number in range(hosts)]
        fleet = Fleet(self.house)
        for host in (host for pair in self.pairs for host in pair):
            fleet.vms = (f"m{host}",)
            fleet.run(f"m{host}", host)
            fleet.read(0, host)
        self.clusters = [self._cluster(*pair) for pair in self.pairs]

    def _cluster(self, first: str, second: str) -> Cluster:
        machines = {f"a{first}": f"m{first}", f"b{first}": f"m{second}"}
        cluster = Cluster(self.house, tuple(machines), machines, name=f"c{first}")
        for number in range(SERVICES):
            cluster.run(f"s{first}-{number}", f"a{first}")
        cluster.read(0)
        cluster.read(1)
        return cluster

    def lose_the_first(self, answers: bool) -> float:
        """The first rack loses power, or only the VMs in it; returns CPU seconds per host from the first word of it."""
        began = time.thread_time()
        for number, cluster in enumerate(self.clusters):
            node = cluster.nodes[0]
            cluster.states[node] = EntityState.UNCLEAN
            for service in cluster.where:
                cluster.run(service, cluster.nodes[1])
            cluster.read(10 + number * 1e-6, Evidence(EvidenceKind.HOST_LOST, node, text=f"{node} was fenced"))
        fleet = Fleet(self.house)
        for number, (host, _) in enumerate(self.pairs):
            fleet.vms, fleet.where = (f"m{host}",), {}
            fleet.run(f"m{host}", host)
            fleet.read(12 + number * 1e-6, host) if answers else self._fails(host)
        return (time.thread_time() - began) / len(self.pairs)

    def _fails(self, host: str) -> None:
        failure = ScopeFailure("fleet", T0 + 12 * SECOND, host, "no answer", hypervisor(host))
        ids = self.house._ids
        made = scope_failed(self.house.snapshot, failure, self.house.settle_times, lambda: next(ids))
        self.house.snapshot = made[0]
        self.house.events.extend(made[1].events)


@pytest.mark.benchmark
@pytest.mark.parametrize("answers", [False, True], ids=["the hosts are lost", "the hosts answer"])
def test_a_host_of_a_large_rack_costs_what_one_of_a_small_rack_does(answers: bool) -> None:
    costs = {}
    for hosts in (SMALL, LARGE):
        racks = Racks(hosts)
        costs[hosts] = racks.lose_the_first(answers)
        moves = [event for event in racks.house.events if event.kind is EventKind.RELOCATION]
        assert len(moves) == hosts * SERVICES
        assert all(bool(move.caused_by) is not answers for move in moves)
    report(f"a host of {LARGE} that are lost, CPU against one of {SMALL}", costs[LARGE] / costs[SMALL], GOAL, "x")
