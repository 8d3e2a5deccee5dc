"""Constraints of the cluster as relations: where resources are tied or banned, and what depends on what."""

from collections.abc import Iterator

from gateway.collectors.pacemaker.eligibility import matches
from gateway.collectors.pacemaker.picture import Picture
from gateway.collectors.pacemaker.view import INFINITY
from gateway.model.entities import EntityKind, NativeKey, Value
from gateway.model.observations import ObservedRelation
from gateway.model.relations import RelationKind

_LEFTOVERS = ("cli-ban-", "cli-prefer-", "cli-standby-")


def bonds(picture: Picture) -> Iterator[ObservedRelation]:
    """`constrained_to` (resource, node), `depends_on` and `anti_affine` (resource, resource); one for each pair."""
    yield from _locations(picture)
    yield from _dependencies(picture)


def _locations(picture: Picture) -> Iterator[ObservedRelation]:
    found: dict[tuple[NativeKey, str], dict[str, int]] = {}
    for resource, node, name, score in _location_scores(picture):
        found.setdefault((resource, node), {})[name] = score
    for (resource, node), scores in found.items():
        yield ObservedRelation(
            RelationKind.CONSTRAINED_TO,
            resource,
            NativeKey(EntityKind.HA_NODE, node),
            attributes={
                "id": ",".join(sorted(scores)),
                "score": _text(_sum(scores)),
                "leftover": any(name.startswith(_LEFTOVERS) for name in scores),
            },
        )


def _location_scores(picture: Picture) -> Iterator[tuple[NativeKey, str, str, int]]:
    """(resource, node, constraint, score), of the CIB and of the view's bans."""
    for location in picture.cib.locations if picture.cib else ():
        resource = _service(picture, location.resource)
        for node in picture.nodes.values():
            if resource is not None and matches(picture, location, node):
                yield resource, node.name, location.id, location.score
    for ban in picture.view.bans:
        resource = _service(picture, ban.resource)
        if resource is not None and ban.node in picture.nodes:
            yield resource, ban.node, ban.id, ban.weight


def _service(picture: Picture, name: str) -> NativeKey | None:
    """The entity of a resource id; None for remote connections, which are none."""
    owner = picture.owner(name)
    return owner if owner is not None and owner.kind is not EntityKind.HA_NODE else None


def _sum(scores: dict[str, int]) -> int:
    """Pacemaker's addition of scores: -INFINITY wins over everything, INFINITY over the rest."""
    if min(scores.values()) <= -INFINITY:
        return -INFINITY
    return min(INFINITY, sum(scores.values()))


def _text(score: int) -> str:
    if abs(score) >= INFINITY:
        return "INFINITY" if score > 0 else "-INFINITY"
    return str(score)


def _dependencies(picture: Picture) -> Iterator[ObservedRelation]:
    """Only what binds: advice (a finite score, an optional order) disrupts nothing."""
    depends: dict[tuple[NativeKey, NativeKey], dict[str, Value]] = {}
    apart: dict[tuple[NativeKey, NativeKey], dict[str, Value]] = {}
    for bond in picture.cib.bonds if picture.cib else ():
        upper, lower = _service(picture, bond.upper), _service(picture, bond.lower)
        if upper is None or lower is None or upper == lower:
            continue
        if bond.score < 0 and not bond.order:
            apart.setdefault((upper, lower), {}).update({"colocation": bond.id, "score": _text(bond.score)})
        elif bond.score >= INFINITY:
            pair = depends.setdefault((upper, lower), {"score": _text(bond.score)})
            pair["order" if bond.order else "colocation"] = bond.id
    for (upper, lower), attributes in depends.items():
        yield ObservedRelation(RelationKind.DEPENDS_ON, upper, lower, attributes=attributes)
    for (upper, lower), attributes in apart.items():
        yield ObservedRelation(RelationKind.ANTI_AFFINE, upper, lower, attributes=attributes)
