"""Quorum: whether what remains goes on, by votequorum(5), as compared with the simulator of corosync 3.1.7."""

import pytest

from gateway.model.entities import EntityKind, EntityState, Value
from gateway.model.relations import RelationKind
from gateway.model.rows import Claim, Entity
from gateway.topology.quorum import Quorum, quorum

TOLD = {"two_node": False, "wait_for_all": False, "qdevice_votes": 0}
"""What the source of a usual cluster tells."""
TIE = "may stay quorate: auto_tie_breaker, if the deciding node remains"
LAST = "may stay quorate: last_man_standing, if nodes are lost one after another"


def row(index: int, kind: EntityKind, state: EntityState, attributes: dict[str, Value]) -> Entity:
    name = f"{kind.value}{index}"
    return Entity(index, name, kind, "", name, state, "", 0, 0, ("lab",), (index,), attributes)


def forecast(nodes: int, lost: int, down: int = 0, **rules: Value) -> Quorum:
    """The votes of a cluster of `nodes`, of which the last `down` are down, when the `lost` before them are lost."""
    cluster = row(99, EntityKind.HA_CLUSTER, EntityState.RUNNING, {**TOLD, "expected_votes": nodes, **rules})
    up = nodes - down
    states = [EntityState.RUNNING] * up + [EntityState.OFFLINE] * down
    members = [
        (
            Claim("lab", RelationKind.MEMBER_OF, number, 99, attributes={"votes": 1}),
            row(number, EntityKind.HA_NODE, state, {}),
        )
        for number, state in enumerate(states)
    ]
    found = quorum(cluster, members, range(up - lost, up))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (forecast(3, 1, expected_votes=5), "2 of 5 votes remain, no majority (corosync expects 5, the nodes have 3)"),
        (forecast(4, 1, expected_votes=5), "3 of 5 votes remain (corosync expects 5, the nodes have 4)"),
        (forecast(3, 1, expected_votes=0), "2 of 3 votes remain"),
        (forecast(5, 3, expected_votes=3), "2 of 5 votes remain, no majority"),
        (
            forecast(5, 1, 2, expected_votes=3),
            "2 of 5 votes remain, no majority "
            "(may stay quorate: expected_votes is 3, if not all its nodes were up together)",
        ),
    ],
    ids=["no majority of the expected", "a majority of them", "none are told", "fewer are expected", "some were down"],
)
def test_a_majority_of_what_is_expected_is_needed(found: Quorum, said: str):
    assert found.said == said


@pytest.mark.parametrize(
    ("nodes", "lost", "down", "said"),
    [
        (4, 1, 0, "3 of 4 votes remain"),
        (4, 2, 0, f"2 of 4 votes remain, no majority ({TIE})"),
        (4, 3, 0, "1 of 4 votes remain, no majority"),
        (2, 1, 0, f"1 of 2 votes remain, no majority ({TIE})"),
        (5, 3, 0, "2 of 5 votes remain, no majority"),
        (5, 2, 1, f"2 of 5 votes remain, no majority ({TIE})"),
    ],
)
def test_a_tie_may_be_broken(nodes: int, lost: int, down: int, said: str):
    assert forecast(nodes, lost, down, auto_tie_breaker=True, two_node=True).said == said


@pytest.mark.parametrize(
    ("nodes", "lost", "down", "said"),
    [
        (5, 2, 0, "3 of 5 votes remain"),
        (5, 1, 2, f"2 of 5 votes remain, no majority ({LAST})"),
        (5, 4, 0, "1 of 5 votes remain, no majority"),
    ],
)
def test_fewer_votes_may_be_expected_after_a_loss(nodes: int, lost: int, down: int, said: str):
    assert forecast(nodes, lost, down, last_man_standing=True).said == said


def test_what_happens_when_no_rule_helps_is_told_with_what_may():
    found = forecast(4, 2, auto_tie_breaker=True, no_quorum_policy="stop")
    assert found.note == f"{TIE}; no-quorum-policy=stop: else what remains stops too"


def test_a_cluster_without_quorum_gains_none_by_a_loss():
    found = forecast(4, 1, expected_votes=5, wait_for_all=True, quorate=False)
    assert not found.majority
    assert found.said == "3 of 5 votes remain, no majority (corosync expects 5, the nodes have 4; it has no quorum now)"
    assert forecast(4, 1, quorate=True).majority


@pytest.mark.parametrize("rule", ["auto_tie_breaker", "last_man_standing"])
def test_a_quorum_device_gives_no_votes_beside_a_rule_that_excludes_it(rule: str):
    assert forecast(4, 2, qdevice_votes=1, expected_votes=5, **{rule: True}).remain == 2
    assert forecast(4, 2, qdevice_votes=1, expected_votes=5).said == (
        "3 of 5 votes remain (1 of them the quorum device's, if it answers)"
    )


@pytest.mark.parametrize(
    ("policy", "stops", "note"),
    [
        ("stop", True, "no-quorum-policy=stop: what remains stops too"),
        ("freeze", False, "no-quorum-policy=freeze: what remains goes on, what is lost is not started there"),
        ("ignore", False, "no-quorum-policy=ignore: what remains goes on as with a majority"),
    ],
)
def test_what_remains_without_a_majority_stops_or_goes_on_by_the_policy(policy: str, stops: bool, note: str):
    found = forecast(3, 2, no_quorum_policy=policy)
    assert (found.stops, found.note, found.sure) == (stops, note, True)
    assert not forecast(3, 1, no_quorum_policy=policy).stops
    assert forecast(3, 3, no_quorum_policy=policy).stops


def test_in_maintenance_mode_nothing_is_stopped():
    found = forecast(3, 2, no_quorum_policy="stop", maintenance_mode=True)
    assert not found.stops
    assert found.note == "no-quorum-policy=stop, but in maintenance mode nothing is stopped"


def test_a_majority_is_sure():
    assert forecast(3, 1).sure
    assert forecast(4, 1, auto_tie_breaker=True, last_man_standing=True).sure


def test_a_forecast_that_a_rule_may_overturn_is_not_sure():
    assert not forecast(4, 2, no_quorum_policy="stop", auto_tie_breaker=True).sure
