"""A real cluster of three nodes loses one: what impact said of each resource is what then happens to it."""

import json

import pytest

from gateway.collectors.pacemaker.agent import AGENT
from gateway.collectors.pacemaker.facts import facts_of
from gateway.model.entities import EntityKind
from gateway.model.verdicts import Colour, Verdict, VerdictReason
from gateway.topology.impact import Impact, impact
from tests.collectors.pacemaker.given import observation
from tests.lab.pacemaker import PacemakerLab
from tests.lab.pacemaker.view import View
from tests.topology.house import House, node

pytestmark = pytest.mark.lab

MEMBERS = ("app-ip", "app-fs", "app-db")
MOVED = {"svc-a", "vm-1", *MEMBERS}


def arrange(lab: PacemakerLab) -> None:
    """All that has one place is on n2; n3 takes nothing; svc-b may run on n2 only."""
    for name, part in (("svc-a", "svc-a"), ("svc-b", "svc-b"), ("vm-1", "vm-1"), ("app", "app-ip")):
        if "n2" not in lab.locate(part):
            lab.move(name, "n2")
    for other in ("n1", "n3"):
        lab.run("n1", "crm_resource", "--ban", "--resource", "svc-b", "--node", other)
    lab.standby("n3")
    lab.wait_for(
        lambda view: all(view.nodes_of(name) == ["n2"] for name in (*MOVED, "svc-b")) and "n3" in view.standby, "on n2"
    )
    lab.wait_settled()


def said(lab: PacemakerLab, *lost: str) -> Impact:
    facts = facts_of(json.loads(lab.run("n1", "python3", str(AGENT), "facts", "--node", "n1").stdout), "facts")
    seen = observation(lab.status_xml("n1").encode(), lab.cib("n1").encode(), [facts])
    house = House()
    house.see(0, seen.entities, seen.relations, seen.conditions)
    return impact(house.snapshot, [house.get(node(name)) for name in lost], 0)


def test_what_impact_says_of_a_node_is_what_its_loss_brings(pacemaker_lab: PacemakerLab):
    lab = pacemaker_lab
    arrange(lab)
    answer = said(lab, "n2")
    told = {one.entity.name: one for one in answer.affected if one.entity.kind is EntityKind.HA_RESOURCE}
    restarts = {name: one for name, one in told.items() if one.verdict is Verdict.RESTARTS}
    assert {name for name, one in restarts.items() if one.verdict_reason is VerdictReason.RESTARTED_BY_MANAGER} == {
        *MOVED,
        "app",
    }
    assert {one.destination.name if one.destination else None for one in restarts.values()} == {"n1"}
    assert (told["svc-b"].verdict, told["svc-b"].verdict_reason) == (Verdict.LOST, VerdictReason.LEFTOVER_BAN)
    assert told["agent-clone"].verdict is Verdict.STAYS
    assert answer.colour is Colour.RED

    ran_while_down: set[str] = set()

    def came_true(view: View) -> bool:
        if "n2" in view.online or "n2" in view.unclean:
            return False
        ran_while_down.update(view.nodes_of("svc-b"))
        role_is_there = "db-clone" not in restarts or view.promoted == {"n1"}
        return role_is_there and not view.busy and all(view.nodes_of(name) == ["n1"] for name in MOVED)

    before = lab.view()
    assert before is not None
    assert ("db-clone" in restarts) == (before.promoted == {"n2"})
    lab.kill("n2")
    lab.wait_for(came_true, "what was said to restart runs on n1", 30)
    assert ran_while_down == set()
    now = lab.view()
    assert now is not None
    assert "n1" in now.nodes_of("agent")


def test_what_a_cluster_without_a_majority_stops_was_said_to_be_lost(pacemaker_lab: PacemakerLab):
    lab = pacemaker_lab
    answer = said(lab, "n1", "n2")
    told = {one.entity.name: one for one in answer.affected if one.entity.kind is EntityKind.HA_RESOURCE}
    assert {(one.verdict, one.verdict_reason) for one in told.values()} == {(Verdict.LOST, VerdictReason.QUORUM_LOST)}
    assert {*MOVED, "svc-b", "app", "agent-clone", "db-clone"} == told.keys()
    lab.kill("n1", "n2")
    lab.wait_for(
        lambda view: not view.quorate and not any(where == "n3" for _, where in view.running), "n3 stops all", 40
    )
