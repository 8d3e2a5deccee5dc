"""A node is lost before its host fails: the host's source is asked to look, and what left waits a moment for that."""

from dataclasses import replace

import pytest

from gateway.model.conditions import SECOND, SettleTimes
from gateway.model.entities import EntityState
from gateway.model.events import Cause, Event
from gateway.model.observations import Evidence, EvidenceKind, Observation, ObservedEntity, Whole
from gateway.model.rows import SourceState
from gateway.topology.doubts import end_doubt, newly_doubted
from gateway.topology.draft import Draft
from gateway.topology.revise import observe, resume, update_source
from tests.topology.house import T0, entity, node, resource, told
from tests.topology.layers import Cluster, hypervisor, smbios
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


def test_a_node_that_is_lost_again_and_again_delays_nothing_any_longer():
    it = estate()
    moves_away(it, 10)
    events = []
    for at_s in (12, 13, 15):
        events += it.node_is(RUNNING, at_s - 0.5)
        events += it.node_is(UNCLEAN, at_s)
    assert told(events) == [MOVED]
    assert events[0].at == T0 + 14 * SECOND


def test_another_node_that_is_lost_on_a_doubted_host_has_it_asked_again_and_delays_nothing_any_longer():
    it = estate()
    it.fleet.vms += ("x1",)
    it.fleet.run("x1", "h1")
    other = Cluster(it.house, ("o1",), machines={"o1": "x1"}, name="other")
    it.fleet.read(2)
    other.read(3)
    moves_away(it, 10)
    before = it.house.snapshot
    other.states["o1"] = UNCLEAN
    assert told(other.read(13)) == []
    assert list(newly_doubted(before, it.house.snapshot)) == [("fleet", "h1")]
    assert told(it.house.wait(14)) == [MOVED]


def test_a_group_is_told_in_time_though_its_host_is_doubted_again():
    it = estate()
    it.cluster.group = {"shop": ("db",)}
    it.cluster.run("db", "n1")
    it.cluster.read(5)
    it.cluster.run("db", "n2")
    it.node_is(UNCLEAN, 10, lost())
    it.node_is(RUNNING, 12)
    it.node_is(UNCLEAN, 13)
    assert told(it.house.wait(13.9)) == []
    assert told(it.house.wait(14)) == [("relocation", "shop", "n1", "n2")]


@pytest.mark.parametrize("group_s", [1, 60])
def test_what_waits_for_a_doubted_host_when_the_gateway_is_killed_is_told_after_the_loss(group_s):
    it = estate()
    it.house.settle_times = SettleTimes(group=group_s * SECOND)
    moves_away(it, 10)
    restarts(it, 11)
    assert told(it.fails(13)) == [*RAISED, MOVED]
    assert told(it.house.wait(200)) == []


@pytest.mark.parametrize("group_s", [1, 60])
def test_what_waits_for_a_doubted_host_when_the_gateway_is_killed_waits_four_seconds(group_s):
    it = estate()
    it.house.settle_times = SettleTimes(group=group_s * SECOND)
    moves_away(it, 10)
    restarts(it, 11)
    assert told(it.house.wait(14.9)) == []
    assert told(it.house.wait(15)) == [MOVED]


def restarts(it: Estate, at_s: float) -> None:
    """kill -9, and the gateway is back: of what waits the rows are left."""
    left = replace(it.house.snapshot, pending={}, doubts={})
    it.house.snapshot = resume(left, T0 + round(at_s * SECOND), it.house.settle_times, lambda: next(it.house._ids))


# -- who can be asked ------------------------------------------------------------------------------------------


def declared_too() -> Estate:
    """A file declares h1 as well; only the fleet takes doubts."""
    it = estate()
    it.house.askable = frozenset({"fleet"})
    declare(it, 2)
    return it


def declare(it: Estate, at_s: float) -> list[Event]:
    h1 = ObservedEntity(hypervisor("h1"), "h1", "declared", EntityState.RUNNING, aliases=(smbios("h1"),))
    return it.house.see(at_s, [h1], source="facts")


def test_a_file_that_declares_the_host_is_not_asked_and_its_word_ends_no_doubt():
    it = declared_too()
    before = it.house.snapshot
    moves_away(it, 10)
    assert list(newly_doubted(before, it.house.snapshot)) == [("fleet", "h1")]
    assert declare(it, 10.5) == []
    assert told(it.fails(12.4)) == [*RAISED, MOVED]


@pytest.mark.parametrize("askable", [frozenset({"fleet"}), frozenset()], ids=["disabled", "no collector"])
def test_what_leaves_a_host_of_which_nobody_can_be_asked_is_told_at_once(askable):
    it = declared_too()
    it.house.askable = askable
    base, ids = it.house.snapshot, it.house._ids
    disabled = replace(base.sources["fleet"], state=SourceState.DISABLED)
    made = update_source(base, disabled, EntityState.STOPPED, T0 + 5 * SECOND, it.house.settle_times, lambda: next(ids))
    it.house.snapshot = made[0]
    assert told(moves_away(it, 10)) == [MOVED]


def test_a_read_that_is_handed_over_late_ends_no_doubt_and_is_no_younger_than_the_loss():
    it = estate()
    moves_away(it, 10)
    assert late(it, 10.3, began_s=9.9) == []
    assert told(it.fails(12)) == [*RAISED, MOVED]


def late(it: Estate, at_s: float, began_s: float) -> list[Event]:
    """Something else was seen meanwhile; then what the read of h1 found is taken in."""
    it.house.see(at_s, [entity(node("zz"), "member")], source="other")
    entities, relations = it.fleet._view("h1")
    read = Observation("fleet", T0 + round(began_s * SECOND), Whole("h1"), tuple(entities), tuple(relations))
    made = observe(it.house.snapshot, read, it.house.settle_times, lambda: next(it.house._ids))
    it.house.snapshot = made[0]
    return list(made[1].events)


def test_the_end_of_a_doubt_has_only_what_left_that_host_judged_again():
    it = estate()
    it.cluster.run("mail", "n2")
    it.cluster.read(5)
    moves_away(it, 10)
    it.cluster.run("mail", "n1")
    it.node_is(UNCLEAN, 11, node="n2")
    h1, h2 = (it.house.get(hypervisor(name)).index for name in ("h1", "h2"))
    for host, name in ((h1, "web"), (h2, "mail")):
        draft = Draft(it.house.snapshot, T0 + 12 * SECOND, lambda: "")
        end_doubt(draft, host)
        assert draft.touched == {it.house.get(resource(name)).index}


# -- groups, and several nodes ---------------------------------------------------------------------------------


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
