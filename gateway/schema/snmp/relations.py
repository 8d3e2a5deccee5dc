"""Relation rows: what all sources claim of (upper, kind, lower), in one row between merged entities."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gateway.model.relations import Phase, RelationKind
from gateway.model.rows import Claim, Entity
from gateway.schema.snmp.enums import PHASES, RELATION_KINDS
from gateway.schema.snmp.lookup import Lookup


@dataclass(frozen=True, slots=True)
class RelationRow:
    """A conceptual row of topoRelationTable. Roles and sources are those of all claims, each once, in order."""

    upper: int
    kind: RelationKind
    lower: int
    role: str
    phase: Phase
    since: int
    confidence: int
    sources: tuple[str, ...]

    @property
    def key(self) -> tuple[int, int, int]:
        """The index, as RFC 2578 7.7 encodes it."""
        return (self.upper, RELATION_KINDS[self.kind], self.lower)


def relation_rows(upper: Entity, look: Lookup) -> list[RelationRow]:
    """The relations of one entity to those that it depends on, in the order of their index."""
    claims: dict[tuple[int, int], list[Claim]] = {}
    for claim, lower in _claims(upper, look):
        claims.setdefault((RELATION_KINDS[claim.kind], lower), []).append(claim)
    return [_row(upper.index, lower, claims[kind, lower]) for kind, lower in sorted(claims)]


def _claims(upper: Entity, look: Lookup) -> Iterator[tuple[Claim, int]]:
    """Claims of all records of an entity, each with the entity that its lower end shows."""
    for number in upper.records:
        for claim in look.claims(number):
            lower = look.record(claim.lower)
            shown = lower.entity if lower is not None else 0
            if (shown or claim.lower) != upper.index:
                yield claim, shown or claim.lower


def _row(upper: int, lower: int, claims: Sequence[Claim]) -> RelationRow:
    """Of several claims the steadiest phase, the oldest time and the greatest confidence."""
    if len(claims) == 1:
        (claim,) = claims
        return RelationRow(
            upper, claim.kind, lower, claim.role, claim.phase, claim.since, claim.confidence, (claim.source,)
        )
    return RelationRow(
        upper,
        claims[0].kind,
        lower,
        ",".join(sorted({claim.role for claim in claims if claim.role})),
        min((claim.phase for claim in claims), key=PHASES.__getitem__),
        min(claim.since for claim in claims),
        max(claim.confidence for claim in claims),
        tuple(sorted({claim.source for claim in claims})),
    )
