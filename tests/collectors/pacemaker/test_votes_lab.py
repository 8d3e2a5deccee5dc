"""Two real nodes: what the agent reads in corosync.conf is what corosync does, and the answer to a loss is true."""

import json
import re
import time

import pytest

from gateway.collectors.pacemaker.agent import AGENT
from gateway.collectors.pacemaker.facts import facts_of
from gateway.model.entities import EntityKind, NativeKey
from gateway.topology.impact import impact
from tests.collectors.pacemaker.given import observation
from tests.lab.pacemaker import PacemakerLab
from tests.topology.house import House

pytestmark = pytest.mark.lab


def told_by_corosync(lab: PacemakerLab) -> dict[str, str]:
    """`KEY: VALUE` of corosync-quorumtool as n1 sees it; it ends with status 1 without quorum."""
    said = lab.run("n1", "corosync-quorumtool", "-s", check=False).stdout
    return dict(re.findall(r"^(\w[\w ]*):\s+(.*?)\s*$", said, re.M))


def told_by_agent(lab: PacemakerLab) -> House:
    """The topology by one view of n1 and the facts of its agent."""
    facts = facts_of(json.loads(lab.run("n1", "python3", str(AGENT), "facts", "--node", "n1").stdout), "facts")
    seen = observation(lab.status_xml("n1").encode(), lab.cib("n1").encode(), [facts])
    house = House()
    house.see(0, seen.entities, seen.relations)
    return house


def test_one_of_two_nodes_goes_on_as_impact_says(second_pacemaker_lab: PacemakerLab):
    lab = second_pacemaker_lab
    house = told_by_agent(lab)
    (votes,) = impact(house.snapshot, [house.get(NativeKey(EntityKind.HA_NODE, "n2"))], 0).quorums
    now = told_by_corosync(lab)
    assert {"2Node", "WaitForAll"} <= set(now["Flags"].split())
    assert (votes.votes, votes.needed) == (int(now["Expected votes"]), int(now["Quorum"]))
    assert (votes.remain, votes.majority, votes.note) == (1, True, "two_node: the other node goes on")

    lab.kill("n2")
    until = time.monotonic() + 15
    while (now := told_by_corosync(lab))["Nodes"] != "1" and time.monotonic() < until:
        time.sleep(0.1)
    assert (now["Nodes"], now["Total votes"], now["Quorate"]) == ("1", "1", "Yes")
