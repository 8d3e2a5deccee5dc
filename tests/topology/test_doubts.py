"""A node is lost before its host fails: the host's source is asked to look, and what left waits a moment for that."""

from dataclasses import replace

import pytest

from gateway.model.conditions import SECOND, SettleTimes
from gateway.model.entities import EntityState
from gateway.model.events import Cause, Event
from gateway.model.observations import Evidence, EvidenceKind
from gateway.model.rows import SourceState
from gateway.topology.doubts import newly_doubted
from gateway.topology.revise import update_source
from tests.topology.house import T0, told
from tests.topology.layers import Cluster
from tests.topology.test_host_lost_join import facts, in_vms, kinds, lose
from tests.topology.test_lost_hosts import OFFLINE, RAISED, RUNNING, UNCLEAN, Estate, estate, lost

MOVED = ("relocation", "web", "n1", "n2")


def doubts(it: Estate, state: EntityState, at_s: float, *said: Evidence, node: str = "n1") -> list[tuple[str, str]]:
    """Which scopes are to be looked at after the cluster shows a node so."""
    before = it.house.snapshot
    it.node_is(state, at_s, *said, node=node)
    return list(newly_doubted(before, it.house.snapshot))


def moves_away(it: Estate, at_s: float) -> list[Event]:
    """The cluster loses n1 and has restarted `web` on n2."""
    it.cluster.run("web", "n2")
    return it.node_is(UNCLEAN, at_s, lost())


@pytest.mark.parametrize("state", [UNCLEAN, OFFLINE])
def test_the_host_of_a_lost_node_is_doubted_once_for_each_change_of_state(state):
    it = estate()
    assert doubts(it, state, 10) == [("fleet", "h1")]
    assert doubts(it, state, 11) == []
    it.fleet.read(12)
    assert doubts(it, state, 13) == []
    assert doubts(it, RUNNING, 14) == []
    assert doubts(it, state, 15) == [("fleet", "h1")]


def test_the_host_of_a_node_that_was_asked_to_go_is_not_doubted():
    it = estate()
    asked = Evidence(EvidenceKind.HOST_DRAINED, "n1", text="standby")
    it.node_is(RUNNING, 5, asked)
    assert doubts(it, OFFLINE, 10, asked) == []


def test_nobody_is_asked_about_a_node_of_which_no_hypervisor_is_known():
    assert doubts(estate(machines={}), UNCLEAN, 10) == []


def test_a_source_that_does_not_answer_is_not_doubted():
    it = estate()
    base, settle, ids = it.house.snapshot, it.house.settle_times, it.house._ids
    stale = replace(base.sources["fleet"], state=SourceState.STALE)
    made = update_source(base, stale, EntityState.FAILED, T0 + 5 * SECOND, settle, lambda: next(ids), "silent")
    it.house.snapshot = made[0]
    assert doubts(it, UNCLEAN, 10) == []


def test_what_left_a_doubted_host_is_told_after_the_loss():
    it = estate()
    assert moves_away(it, 10) == []
    root, silence, move = it.fails(12.4)
    assert told([root, silence, move]) == [*RAISED, MOVED]
    assert (move.cause, move.caused_by) == (Cause.FAILOVER, root.id)
    assert "1 service" in root.text
    assert told(it.house.wait(100)) == []


def test_what_leaves_a_host_that_answers_is_told_when_it_was_read():
    it = estate()
    assert moves_away(it, 10) == []
    assert told(it.fleet.read(10.2, "h2")) == []
    (move,) = it.fleet.read(10.3, "h1")
    assert (told([move]), move.cause, move.caused_by) == ([MOVED], Cause.FAILOVER, "")
    assert it.house.wait(100) == []


def test_a_read_that_is_no_younger_than_the_doubt_does_not_end_it():
    it = estate()
    moves_away(it, 10)
    assert it.fleet.read(10, "h1") == []
    assert told(it.fails(12)) == [*RAISED, MOVED]


def test_what_leaves_later_while_the_host_is_doubted_waits_as_well():
    it = estate()
    it.node_is(UNCLEAN, 10)
    it.cluster.run("web", "n2")
    assert it.cluster.read(11, lost()) == []
    assert told(it.fails(12)) == [*RAISED, MOVED]


def test_without_an_answer_it_waits_four_seconds():
    it = estate()
    moves_away(it, 10)
    assert it.house.wait(13.9) == []
    assert told(it.house.wait(14)) == [MOVED]


@pytest.mark.parametrize("group_s", [1, 10])
def test_a_group_waits_for_its_host_too_and_is_told_whole(group_s):
    it = estate()
    it.house.settle_times = SettleTimes(group=group_s * SECOND)
    it.cluster.group = {"shop": ("db", "app2")}
    for member in ("db", "app2"):
        it.cluster.run(member, "n1")
    it.cluster.read(5)
    for member in ("db", "app2"):
        it.cluster.run(member, "n2")
    assert it.node_is(UNCLEAN, 10, lost()) == []
    assert told(it.fails(12)) == [*RAISED, ("relocation", "shop", "n1", "n2")]


def test_a_host_that_fails_and_whose_other_node_lives_a_moment_longer_is_still_the_root():
    house, _, cluster = in_vms()
    other = Cluster(house, ("o1",), machines={"o1": "n2"}, name="other")
    cluster.nodes = tuple(node for node in cluster.nodes if node != "n2")
    cluster.where.pop("mail")
    cluster.read(1)
    other.read(1)
    events = lose(cluster, 10, "n1")
    cluster.run("web", "n3")
    cluster.run("db", "n3")
    events += cluster.read(10.5, *facts("n1"))
    events += house.fails(11, "h1")
    assert events == []
    other.states["o1"] = UNCLEAN
    events = other.read(12, Evidence(EvidenceKind.HOST_LOST, "o1", text="o1 is unclean"))
    assert kinds(events) == [("hostLost", "h1"), ("relocation", "web"), ("relocation", "db")]
    assert {event.caused_by for event in events[1:]} == {events[0].id}
