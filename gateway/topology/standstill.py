"""Standstill: what a cluster that keeps no majority of its votes stops on the nodes that remain."""

from collections.abc import Iterator

from gateway.model.entities import EntityKind, EntityState
from gateway.model.ports import TopologyView
from gateway.model.relations import RelationKind
from gateway.model.rows import Claim, Entity
from gateway.topology.quorum import Quorum
from gateway.topology.said import called


def stopped_resources(view: TopologyView, votes: Quorum) -> Iterator[tuple[Claim, Entity]]:
    """The resources that the cluster stops; not those that it does not manage, and none when no node is left."""
    if not votes.stops or votes.remain == 0:
        return
    for claim in view.claims_on(votes.cluster):
        resource = view.entity(claim.upper)
        if claim.kind is RelationKind.MANAGED_BY and resource is not None and _is_run(resource):
            yield claim, resource


def is_only_demoted(votes: Quorum, resource: Entity) -> bool:
    """True for a resource whose instances go on unpromoted, by the policy demote."""
    return votes.cluster.attributes.get("no_quorum_policy") == "demote" and resource.subtype == "promotable"


def why_it_stops(votes: Quorum, resource: Entity) -> str:
    """What happens to the resource, in words."""
    how = "demoted" if is_only_demoted(votes, resource) else "stopped"
    verb = "is" if votes.sure else "may be"
    return f"{verb} {how} by {called(votes.cluster)}, which keeps {votes.remain} of {votes.votes} votes"


def _is_run(resource: Entity) -> bool:
    is_managed = resource.attributes.get("managed") is not False
    return resource.kind is EntityKind.HA_RESOURCE and is_managed and resource.state is not EntityState.STOPPED
