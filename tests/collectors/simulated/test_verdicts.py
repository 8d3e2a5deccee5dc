"""A simulated host is lost: what impact said of its HA resources is what the simulation then does."""

from collections.abc import Mapping

from gateway.collectors.simulated.plan import Deed, Plan, Step
from gateway.model.entities import EntityKind
from gateway.model.snapshot import Snapshot
from gateway.model.verdicts import Verdict, VerdictReason
from gateway.topology.impact import impact
from gateway.topology.lookup import resolve
from tests.collectors.simulated.estates import Estates


def nodes_of_resources(snapshot: Snapshot) -> Mapping[str, int]:
    """Where each HA resource that has one place is."""
    resources = snapshot.all_entities(kind=EntityKind.HA_RESOURCE)
    placed = {one.name: snapshot.placement(one) for one in resources}
    return {name: placement.host for name, placement in placed.items() if placement is not None and placement.open}


def said_and_done(host: str) -> tuple[set[str], set[str]]:
    """(resources that were said to restart, those that run on another node than before)."""
    estates = Estates(Plan(4, 5, 1, 3, 0.0, (Step(1.0, Deed.FAIL_HOST, host, lasting=True),)))
    estates.load()
    before = estates.reconciler.snapshot
    answer = impact(before, [resolve(before, host)], 0)
    estates.play()
    estates.settle()
    was, now = nodes_of_resources(before), nodes_of_resources(estates.reconciler.snapshot)
    vms = {(one.verdict, one.verdict_reason) for one in answer.affected if one.entity.kind is EntityKind.VM}
    assert vms == {(Verdict.UNKNOWN, VerdictReason.NO_MANAGER_KNOWN)}  # the simulation tells of none
    for one in answer.affected:
        if one.entity.name in was and one.destination is not None:
            assert one.destination.index == now[one.entity.name]
    restarts = {one.entity.name for one in answer.affected if one.verdict is Verdict.RESTARTS}
    return restarts & was.keys(), {name for name in was if now[name] != was[name]}


def test_what_was_said_to_restart_runs_on_another_node_after_a_host_was_lost() -> None:
    answers = [said_and_done(f"hv-000{number}") for number in (1, 2, 3, 4)]
    assert [said for said, _ in answers] == [done for _, done in answers]
    assert sum(len(said) for said, _ in answers) == 4
