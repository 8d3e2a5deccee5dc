"""Composites: what is where its members are: clusters, groups, services."""

from gateway.model.entities import EntityKind
from gateway.model.ports import TopologyView
from gateway.model.relations import RelationKind
from gateway.model.rows import Claim, Entity

COMPOSITES = frozenset(
    {
        EntityKind.SERVICE,
        EntityKind.WORKLOAD,
        EntityKind.HA_CLUSTER,
        EntityKind.VIRT_CLUSTER,
        EntityKind.K8S_CLUSTER,
        EntityKind.REPLICATION_GROUP,
    }
)
"""Kinds that are where their members are."""
LOCATIONS = frozenset({EntityKind.RACK, EntityKind.SITE})
_MEMBERSHIP = (RelationKind.MEMBER_OF, RelationKind.PART_OF)


def is_group(entity: Entity) -> bool:
    """True for a Pacemaker group: it is where its members are."""
    return entity.kind is EntityKind.HA_RESOURCE and entity.subtype == "group"


def is_membership(claim: Claim) -> bool:
    """True for what a service consists of; False for a dependency (`member` of the claim): it needs that as well."""
    return claim.attributes.get("member") is not False


def needs_all(service: Entity) -> bool:
    """True for a service that is declared to live only while all of its members do."""
    return service.attributes.get("redundancy") == "all"


def dependencies_of(view: TopologyView, service: Entity) -> list[Entity]:
    """What a service needs beside its members; of any other kind: nothing."""
    if service.kind is not EntityKind.SERVICE:
        return []
    claims = (c for c in view.claims_of(service) if c.kind is RelationKind.DEPENDS_ON and not is_membership(c))
    return [one for claim in claims if (one := view.entity(claim.lower)) is not None]


def members_of(view: TopologyView, entity: Entity) -> list[tuple[Claim, Entity]]:
    """
    What a composite consists of: nodes of a cluster, members of a group, parts and members of a service.

    Members that have votes (`member_of`) come alone: the resources of a cluster are part of it, not its members.
    """
    found: list[tuple[Claim, Entity]] = []
    for kind in _MEMBERSHIP:
        found += [(c, e) for c in view.claims_on(entity) if c.kind is kind and (e := view.entity(c.upper)) is not None]
        if found and entity.kind is not EntityKind.SERVICE:
            break
    if entity.kind is EntityKind.SERVICE:
        claims = (c for c in view.claims_of(entity) if c.kind is RelationKind.DEPENDS_ON and is_membership(c))
        found += [(c, e) for c in claims if (e := view.entity(c.lower)) is not None]
    return list({e.index: (c, e) for c, e in found if e.index != entity.index}.values())
