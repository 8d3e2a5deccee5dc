"""How corosync counts votes: read by the agent on a node, taken by the gateway, told of the cluster and its nodes."""

import json

import pytest

from gateway.collectors.pacemaker.agent.gateway_agent import MAX_NODES, quorum, with_quorum
from gateway.collectors.pacemaker.facts import NodeFacts, dump_facts, facts_of
from gateway.collectors.pacemaker.votes import Voting, voting_of
from gateway.model.entities import EntityKind
from gateway.model.errors import IngestError
from gateway.model.observations import Observation
from gateway.model.relations import RelationKind
from tests.collectors.pacemaker.given import entity, observation, relations


def conf(rules: str, *votes: int, totem: str = "two_node: 1") -> str:
    """A corosync.conf with these rules of quorum, and nodes n1, n2, ... with these votes (0: none is written)."""
    nodes = "".join(
        f"  node {{\n    ring0_addr: 192.0.2.{number}\n    name: n{number}\n"
        + (f"    quorum_votes: {count}\n" if count else "")
        + "  }\n"
        for number, count in enumerate(votes, 1)
    )
    return f"totem {{\n  version: 2\n  {totem}\n}}\nquorum {{\n{rules}\n}}\n# quorum {{\nnodelist {{\n{nodes}}}\n"


DEVICE = "provider: corosync_votequorum\ndevice {\n model: net\n%s net {\n  host: qnetd\n  algorithm: %s\n }\n}"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (conf("provider: corosync_votequorum", 0, 0, 0), Voting(expected_votes=3)),
        (conf("two_node: 1", 0, 0), Voting(two_node=True, wait_for_all=True, expected_votes=2)),
        (conf("two_node:1\n  wait_for_all: 0", 0, 0), Voting(two_node=True, expected_votes=2)),
        (conf("wait_for_all: 1", 0, 2), Voting(wait_for_all=True, expected_votes=3, nodes={"n2": 2})),
        (conf(DEVICE % (" votes: 1\n", "ffsplit"), 0, 0), Voting(expected_votes=3, device_votes=1)),
        # corosync 3.1.7 says: Expected votes: 5
        (conf(DEVICE % ("", "lms"), 0, 0, 0), Voting(expected_votes=5, device_votes=2)),
        (conf("device {\n}", 0, 0), Voting(expected_votes=2)),
        (conf("expected_votes: 5", 0, 0, 0), Voting(expected_votes=5)),
        (conf("expected_votes: 8"), Voting(expected_votes=8)),
        (conf("auto_tie_breaker: 1", 0, 0), Voting(auto_tie_breaker=True, expected_votes=2)),
        (conf("last_man_standing: 1", 0, 0, 0), Voting(last_man_standing=True, expected_votes=3)),
        # corosync takes no device then: it cannot know its votes
        (conf(DEVICE % ("", "lms") + "\nexpected_votes: 3", 0, 0), Voting(expected_votes=3)),
        (conf(DEVICE % ("", "lms"), 0, 2), Voting(expected_votes=3, nodes={"n2": 2})),
    ],
    ids=[
        "usual",
        "two_node",
        "does not wait",
        "votes",
        "device",
        "device's default",
        "no device",
        "expected votes",
        "no list of nodes",
        "tie breaker",
        "last man standing",
        "device and expected votes",
        "device and uneven votes",
    ],
)
def test_the_file_of_corosync_is_read_with_its_defaults(text: str, told: Voting):
    assert voting_of(quorum(text), "quorum") == told


@pytest.mark.parametrize(
    "text",
    [
        conf(DEVICE % (" votes: many\n", "ffsplit"), 0, 0),
        conf(DEVICE % (" votes: 5000000000\n", "ffsplit"), 0, 0),
        conf("expected_votes: 4294967296", 0, 0),
        conf("expected_votes: -1", 0, 0),
        conf("", 4_294_967_295, 4_294_967_295),
        conf("", *[1] * (MAX_NODES + 1)),
        conf("", 1).replace("n1", "n" * 300),
    ],
    ids=["no number", "too many", "expected too many", "less than none", "in all too many", "nodes", "long name"],
)
def test_a_file_that_corosync_would_not_take_tells_nothing(tmp_path, text: str):
    path = tmp_path / "corosync.conf"
    path.write_text(text)
    assert with_quorum({"node": "n1"}, str(path)) == {"node": "n1"}


def test_what_the_agent_tells_of_the_largest_cluster_is_taken(tmp_path):
    path = tmp_path / "corosync.conf"
    path.write_text(conf("", *[1] * MAX_NODES))
    facts = facts_of(with_quorum({"node": "n1"}, str(path)), "facts")
    assert facts.quorum is not None
    assert facts.quorum.expected_votes == MAX_NODES


def test_a_file_that_is_missing_tells_nothing_and_given_facts_stand(tmp_path):
    path = tmp_path / "corosync.conf"
    assert with_quorum({"node": "n1"}, str(path)) == {"node": "n1"}
    path.write_text(conf("two_node: 1", 0, 0))
    assert with_quorum({"node": "n1"}, str(path))["quorum"]["two_node"] is True
    assert with_quorum({"quorum": {}}, str(path)) == {"quorum": {}}


def test_what_is_remembered_is_what_was_told():
    told = {"two_node": True, "last_man_standing": True, "expected_votes": 6, "device_votes": 2, "nodes": {"n1": 3}}
    facts = facts_of({"node": "n1", "quorum": told}, "facts")
    assert facts.quorum == Voting(
        two_node=True, last_man_standing=True, expected_votes=6, device_votes=2, nodes={"n1": 3}
    )
    assert facts_of(json.loads(dump_facts([facts]))[0], "state") == facts


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ([], r"quorum is list, not a table"),
        ({"votes": 1}, r"unknown key 'votes'. Known keys: two_node"),
        ({"two_node": 1}, r"quorum.two_node must be true or false"),
        ({"device_votes": -1}, r"quorum.device_votes must be a number of votes"),
        ({"expected_votes": "3"}, r"quorum.expected_votes must be a number of votes"),
        ({"nodes": ["n1"]}, r"quorum.nodes must be a table"),
        ({"nodes": {"n1": "2"}}, r"quorum.nodes.n1 must be a number of votes"),
    ],
)
def test_rules_of_another_form_are_refused(document: object, said: str):
    with pytest.raises(IngestError, match=said):
        voting_of(document, "quorum")


def shown(*facts: NodeFacts) -> Observation:
    return observation("quiet", "quiet-cib", list(facts))


def votes_of(seen: Observation) -> dict[str, object]:
    members = [one for node in ("n1", "n2", "n3") for one in relations(seen, RelationKind.MEMBER_OF, node)]
    return {one.upper.native: one.attributes["votes"] for one in members}


def test_the_cluster_tells_its_rules_and_its_nodes_their_votes():
    rules = Voting(two_node=True, wait_for_all=True, expected_votes=7, device_votes=2, nodes={"n2": 3})
    seen = shown(NodeFacts("n3", quorum=rules))
    told = entity(seen, EntityKind.HA_CLUSTER, "halab").attributes
    assert (told["two_node"], told["wait_for_all"], told["qdevice_votes"]) == (True, True, 2)
    assert (told["auto_tie_breaker"], told["last_man_standing"], told["expected_votes"]) == (False, False, 7)
    assert votes_of(seen) == {"n1": 1, "n2": 3, "n3": 1}


def test_of_rules_that_nobody_tells_nothing_is_said():
    seen = shown(NodeFacts("n1"))
    assert not {"two_node", "qdevice_votes", "expected_votes"} & set(
        entity(seen, EntityKind.HA_CLUSTER, "halab").attributes
    )
    assert votes_of(seen) == {"n1": 1, "n2": 1, "n3": 1}
