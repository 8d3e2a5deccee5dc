"""A host that does not answer, and whose cluster nodes are lost too, is lost: the root of what follows."""

from dataclasses import dataclass, field, replace

import pytest

from gateway.model.conditions import SECOND, ConditionKind
from gateway.model.entities import EntityKind, EntityState
from gateway.model.events import Cause, Event, EventKind
from gateway.model.observations import Evidence, EvidenceKind, ScopeFailure
from gateway.model.relations import Arrival
from gateway.model.rows import Source, SourceState
from gateway.topology.revise import register_source, scope_failed, update_source
from tests.topology.house import T0, House, told
from tests.topology.layers import Cluster, Fleet, failure, hypervisor, resource

UNCLEAN, OFFLINE, RUNNING = EntityState.UNCLEAN, EntityState.OFFLINE, EntityState.RUNNING


@dataclass
class Estate:
    """Node n1 is the VM m1 on h1, n2 is m2 on h2; the VM `app` is on h1; the resource `web` runs on n1."""

    house: House
    fleet: Fleet
    cluster: Cluster
    amended: list[Event] = field(default_factory=list)

    def fails(self, at_s: float, host: str = "h1") -> list[Event]:
        events = self.house.wait(at_s)
        failure = ScopeFailure("fleet", T0 + round(at_s * SECOND), host, "keepalive timeout", hypervisor(host))
        ids = self.house._ids
        made = scope_failed(self.house.snapshot, failure, self.house.settle_times, lambda: next(ids))
        self.house.snapshot = made[0]
        self.house.events.extend(made[1].events)
        self.amended.extend(made[1].amended)
        return events + list(made[1].events)

    def node_is(self, state: EntityState, at_s: float, *facts: Evidence, node: str = "n1") -> list[Event]:
        self.cluster.states[node] = state
        return self.cluster.read(at_s, *facts)

    def the(self, kind: EventKind) -> Event:
        (found,) = [event for event in self.house.events if event.kind is kind]
        return found


def estate(machines: dict[str, str] | None = None) -> Estate:
    house = House()
    fleet = Fleet(house, hosts=("h1", "h2"), vms=("m1", "m2", "app"))
    machines = {"n1": "m1", "n2": "m2"} if machines is None else machines
    cluster = Cluster(house, nodes=("n1", "n2"), machines=machines)
    for name in ("fleet", "lab"):
        row = Source(0, "", name, "test", SourceState.OK, 60 * SECOND)
        house.snapshot, _ = register_source(house.snapshot, row, T0, lambda: next(house._ids))
    fleet.run("m1", "h1")
    fleet.run("m2", "h2")
    fleet.run("app", "h1")
    cluster.run("web", "n1")
    fleet.read(0)
    cluster.read(0)
    cluster.read(1)
    assert house.events == []
    return Estate(house, fleet, cluster)


def lost(node: str = "n1", at_s: float | None = None) -> Evidence:
    at = None if at_s is None else T0 + round(at_s * SECOND)
    return Evidence(EvidenceKind.HOST_LOST, node, identity=str(at), at=at, text=f"{node} was fenced")


RAISED = [("failure_raised", "h1", None, None)]
TEXT = "h1 is lost: fleet has had no answer for {} s, and lab has lost n1 on it. It took along 2 VMs, 1 node, 1 service"


def test_silence_first_and_the_node_lost_next_is_the_loss_of_the_host():
    it = estate()
    assert it.fails(10) == []
    events = it.node_is(UNCLEAN, 13)
    assert told(events) == RAISED
    assert events[0].text == TEXT.format(3)
    assert (events[0].condition, events[0].entity.kind) == (ConditionKind.HOST_LOST, EntityKind.HYPERVISOR)


def test_the_node_lost_first_and_silence_next_is_the_loss_of_the_host():
    it = estate()
    assert it.node_is(UNCLEAN, 10) == []
    events = it.fails(12)
    assert told(events) == RAISED
    assert events[0].text == TEXT.format(0)


def test_the_silence_of_a_lost_host_is_linked_to_its_loss():
    it = estate()
    it.fails(10)
    loss, silence = it.node_is(UNCLEAN, 13)
    assert (silence.kind, silence.notify, silence.caused_by) == (EventKind.STALE_RAISED, False, loss.id)
    assert it.house.wait(100) == []


def test_silence_that_was_told_before_stays_told():
    it = estate()
    assert told([*it.fails(10), *it.house.wait(25)]) == [("stale_raised", "h1", None, None)]
    assert told(it.node_is(UNCLEAN, 30)) == RAISED


def test_failovers_of_the_same_revision_follow_from_the_loss():
    it = estate()
    it.fails(10)
    it.cluster.run("web", "n2")
    events = it.node_is(OFFLINE, 13, lost(at_s=12))
    assert told(events) == [*RAISED, ("relocation", "web", "n1", "n2")]
    assert (events[-1].cause, events[-1].caused_by) == (Cause.FAILOVER, events[0].id)
    assert "1 service" in events[0].text


def test_failovers_that_were_told_before_the_second_witness_came_are_linked_to_the_loss():
    it = estate()
    it.cluster.run("web", "n2")
    it.node_is(UNCLEAN, 10, lost())
    (move,) = it.house.wait(15)
    assert (move.kind, move.cause, move.caused_by) == (EventKind.RELOCATION, Cause.FAILOVER, "")
    root = it.fails(20)[0]
    assert told([root]) == RAISED
    assert it.amended == [replace(move, caused_by=root.id)]


def test_a_move_that_a_person_asked_for_before_the_loss_does_not_follow_from_it():
    it = estate()
    it.cluster.run("web", "n2")
    asked = Evidence(EvidenceKind.REQUESTED, "n2", resource("web"), "cli-prefer-web", text="crm_resource --move")
    (move,) = it.cluster.read(5, asked)
    assert move.cause is Cause.ADMINISTRATOR
    it.node_is(UNCLEAN, 10)
    assert told(it.fails(12)) == RAISED
    assert it.amended == []


def test_vms_that_are_started_elsewhere_failed_over_and_that_is_sure():
    it = estate()
    it.fails(10)
    it.node_is(UNCLEAN, 13)
    it.fleet.run("app", "h2")
    (move,) = it.fleet.read(14, "h2")
    assert told([move]) == [("relocation", "app", "h1", "h2")]
    assert (move.cause, move.caused_by) == (Cause.FAILOVER, it.the(EventKind.FAILURE_RAISED).id)
    assert move.evidence == ("h1 was lost",)
    assert told(it.house.wait(100)) == []


def test_a_vm_that_was_already_started_elsewhere_is_told_with_the_loss():
    it = estate()
    it.fails(10)
    it.fleet.run("app", "h2")
    assert it.fleet.read(11, "h2") == []
    events = it.node_is(UNCLEAN, 13)
    assert told(events) == [*RAISED, ("relocation", "app", "h1", "h2")]
    assert events[-1].caused_by == events[0].id
    assert told(it.house.wait(100)) == []


def test_what_was_uncertain_is_sure_when_the_host_is_known_to_be_lost():
    it = estate()
    it.fails(10)
    it.fleet.run("app", "h2")
    it.fleet.read(11, "h2")
    assert told(it.house.wait(40))[-1] == ("finding_raised", "app", None, None)
    assert told(it.node_is(UNCLEAN, 41)) == [*RAISED, ("finding_cleared", "app", None, None)]


def test_it_ends_when_the_host_is_read_again_and_what_leaves_it_then_still_follows_from_it():
    it = estate()
    it.fails(10)
    it.node_is(UNCLEAN, 13)
    del it.fleet.where["app"], it.fleet.where["m1"]
    assert told(it.fleet.read(60, "h1")) == [("failure_cleared", "h1", None, None)]
    assert not it.house.snapshot.failing
    it.fleet.run("app", "h2")
    (move,) = it.fleet.read(70, "h2")
    assert (move.cause, move.caused_by) == (Cause.FAILOVER, it.the(EventKind.FAILURE_RAISED).id)


def test_a_node_that_was_down_while_its_host_still_answered_is_no_witness():
    it = estate()
    it.node_is(UNCLEAN, 10)
    it.fleet.read(20)
    it.fails(30)
    it.cluster.read(35)
    assert told(it.house.wait(100)) == [("stale_raised", "h1", None, None)]


def test_a_node_that_was_asked_to_go_is_no_witness():
    it = estate()
    it.node_is(RUNNING, 10, Evidence(EvidenceKind.HOST_DRAINED, "n1", identity="shutdown"))
    it.node_is(OFFLINE, 12)
    assert it.fails(14) == []
    assert told(it.house.wait(100)) == [("stale_raised", "h1", None, None)]


def test_a_living_node_on_the_host_speaks_against_its_loss():
    it = estate({"n1": "m1", "n2": "app"})
    it.fails(10)
    assert it.node_is(UNCLEAN, 13) == []
    assert told(it.node_is(UNCLEAN, 14, node="n2")) == RAISED
    assert "lost n1, n2 on it" in it.the(EventKind.FAILURE_RAISED).text


def test_what_a_stale_cluster_said_is_no_witness():
    it = estate()
    it.node_is(UNCLEAN, 10)
    row = replace(it.house.snapshot.sources["lab"], state=SourceState.STALE)
    ids = it.house._ids
    made = update_source(
        it.house.snapshot, row, EntityState.FAILED, T0 + 11 * SECOND, it.house.settle_times, lambda: next(ids), "silent"
    )
    it.house.snapshot = made[0]
    assert it.fails(12) == []


def test_silence_alone_and_a_lost_node_alone_prove_nothing():
    it = estate()
    assert told(it.node_is(UNCLEAN, 10) + it.house.wait(60)) == []
    other = estate({})
    other.node_is(UNCLEAN, 10)
    assert told(other.fails(12) + other.house.wait(60)) == [("stale_raised", "h1", None, None)]


def test_on_bare_metal_the_node_and_the_hypervisor_share_the_machine():
    it = estate({"n1": "h1", "n2": "h2"})
    it.fails(10)
    it.cluster.run("web", "n2")
    events = it.node_is(OFFLINE, 13, lost(at_s=12))
    assert told(events) == [*RAISED, ("relocation", "web", "n1", "n2")]
    assert events[-1].caused_by == events[0].id


def test_failures_of_what_was_on_it_are_linked_to_the_loss():
    it = estate()
    it.fails(10)
    it.node_is(UNCLEAN, 13)
    it.cluster.conditions = [failure(ConditionKind.BLOCKED, resource("web"))]
    it.cluster.read(20)
    (event,) = it.house.wait(31)
    (loss,) = [one for one in it.house.events if one.condition is ConditionKind.HOST_LOST]
    assert (event.notify, event.caused_by) == (False, loss.id)


@pytest.mark.parametrize("first", ["silence", "node"])
def test_however_often_both_witnesses_speak_it_is_told_once(first):
    it = estate()
    for at in range(10, 30, 4):
        if first == "silence":
            it.fails(at)
        it.node_is(UNCLEAN, at + 1)
        it.fails(at + 2)
    it.house.wait(100)
    assert told(it.house.events) == RAISED


def test_a_live_migration_that_ended_as_the_host_died_stays_one():
    it = estate()
    it.fails(10)
    it.fleet.run("app", "h2", arrival=Arrival.LIVE)
    it.fleet.read(11, "h2")
    events = it.node_is(UNCLEAN, 13)
    assert [(e.cause, e.live) for e in events if e.kind is EventKind.RELOCATION] == [(Cause.LIVE_MIGRATION, True)]
