"""Recorded losses of nodes: what impact said before, held against what the cluster then did."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from gateway.collectors.pacemaker.replay import replay
from gateway.model.entities import EntityKind, NativeKey
from gateway.model.observations import Observation
from gateway.model.relations import Phase, RelationKind
from gateway.model.verdicts import Verdict, VerdictReason
from gateway.topology.impact import Affected, impact
from tests.collectors.pacemaker.given import changed, entity, observation
from tests.topology.house import House, node

RECORDINGS = Path(__file__).parent / "recordings"
CLUSTER = EntityKind.HA_CLUSTER


def without(first: Observation, *nodes: str) -> Mapping[str, Affected]:
    """What impact says of the resources, by name."""
    house = House()
    house.see(0, first.entities, first.relations, first.conditions)
    answer = impact(house.snapshot, [house.get(node(name)) for name in nodes], 0)
    return {one.entity.name: one for one in answer.affected if one.entity.kind is EntityKind.HA_RESOURCE}


def places(seen: Observation) -> Mapping[str, set[tuple[str, str]]]:
    """Where each resource stably is: (node, role)."""
    found: dict[str, set[tuple[str, str]]] = {}
    for one in seen.relations:
        if one.kind is RelationKind.RUNS_ON and one.phase is Phase.STABLE:
            found.setdefault(one.upper.native, set()).add((one.lower.native, one.role))
    return found


def judgement(one: Affected) -> tuple[Verdict, VerdictReason, str | None]:
    return one.verdict, one.verdict_reason, one.destination.name if one.destination else None


@pytest.mark.parametrize(
    ("recording", "lost", "moved"),
    [
        ("kill-node", "n1", {"svc-a", "db-clone"}),
        ("cut-network", "n1", {"svc-a", "vm-1", "app", "app-ip", "app-fs", "app-db"}),
        ("whatif-real", "n1", {"svc-a", "app", "app-ip", "app-fs", "app-db"}),
        ("kill-remote-fenced", "r1", {"svc-a", "vm-1"}),
    ],
)
def test_what_was_said_to_restart_ran_on_another_node_and_what_was_said_to_stay_went_on(recording, lost, moved):
    views = [seen for one in replay(RECORDINGS / recording) if (seen := one.observation) is not None]
    said = without(views[0], lost)
    assert {name for name, one in said.items() if one.verdict is Verdict.RESTARTS} == moved
    assert {one.verdict for one in said.values()} <= {Verdict.RESTARTS, Verdict.STAYS}
    then = places(views[-1])
    for name in moved - {"app"}:
        role = "promoted" if said[name].verdict_reason is VerdictReason.ROLE_MOVES else ""
        now = {where for where, as_what in then[name] if not role or as_what == role}
        assert now, name
        assert lost not in now, name
    for name in said.keys() - moved:
        assert then[name], name


def test_a_resource_names_the_nodes_on_which_it_failed_too_often():
    seen = observation("exhausted", "exhausted-cib")
    assert entity(seen, EntityKind.HA_RESOURCE, "svc-b").attributes["exhausted_on"] == "n1,n2,n3"


def test_a_cluster_in_which_nothing_may_run_unless_it_is_said_where_tells_so():
    asymmetric = changed("quiet", ('symmetric-cluster="true"', 'symmetric-cluster="false"'))
    seen = observation(asymmetric, "quiet-cib")
    (cluster,) = [one for one in seen.entities if one.key.kind is CLUSTER]
    assert cluster.attributes["symmetric"] is False
    on_n1 = {one.upper.native for one in seen.relations if one.lower == NativeKey(EntityKind.HA_NODE, "n1")}
    said = without(seen, "n1")
    singles = {name for name in on_n1 & said.keys() if said[name].entity.subtype == "primitive"}
    assert singles
    for name in singles:
        assert judgement(said[name]) == (Verdict.LOST, VerdictReason.BANNED, None), name
