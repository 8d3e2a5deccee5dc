"""What is advised where a chain ends."""

from gateway.model.entities import EntityKind, EntityState
from gateway.model.relations import RelationKind
from gateway.publishers.rest.advice import advice
from gateway.topology.where import where
from tests.topology.estate import Estate, three_hosts


def cluster() -> Estate:
    """A Pacemaker cluster, and nothing known of what is below it."""
    estate = Estate()
    estate.source("c1", "pacemaker")
    for number in range(1, 8):
        estate.add(EntityKind.HA_NODE, f"n{number}", "c1")
        estate.unplace(f"ha_node:n{number}")
    estate.add(EntityKind.HA_RESOURCE, "vip", "c1", "primitive")
    estate.place("ha_resource:vip", "ha_node:n1", "started")
    estate.add(EntityKind.HA_RESOURCE, "ping", "c1", "clone", state=EntityState.RUNNING)
    for number in range(1, 8):
        estate.claim(RelationKind.RUNS_ON, "ha_resource:ping", f"ha_node:n{number}", role="started")
    return estate


def advised(estate: Estate, name: str) -> tuple[str, ...]:
    snapshot = estate.snapshot()
    entity = snapshot.entity(estate.index(name))
    assert entity is not None
    return advice(snapshot, where(snapshot, entity, snapshot.at))


def test_a_node_that_is_no_known_machine_is_told_with_what_to_do():
    for name in ("ha_node:n1", "ha_resource:vip"):
        (said,) = advised(cluster(), name)
        assert said.startswith(
            "nobody says which machine n1 is: install the node agent there, or set sources.c1.identity"
        )


def test_of_many_nodes_some_are_named():
    (said,) = advised(cluster(), "ha_resource:ping")
    assert "which machine n1, n2, n3, n4, n5 and 2 more is" in said


def test_nothing_is_advised_where_the_machine_is_known():
    assert advised(three_hosts(), "ha_resource:vip") == ()


def test_nothing_is_advised_of_a_node_that_pacemaker_does_not_tell_of():
    estate = Estate()
    estate.source("facts", "declared")
    estate.add(EntityKind.HA_NODE, "n1", "facts")
    assert advised(estate, "ha_node:n1") == ()
