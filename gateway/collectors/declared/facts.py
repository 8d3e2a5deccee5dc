"""The facts of a declared file, read but not yet resolved: things, what ties them, and what is the same or apart."""

from dataclasses import dataclass, field

from gateway.collectors.declared.problems import Spot
from gateway.model.entities import Alias, EntityKind, Value
from gateway.model.relations import RelationKind


@dataclass(frozen=True, slots=True)
class Reference:
    """
    What a person wrote to name a thing: NAME or KIND/NAME of this file, or SOURCE/KIND/NATIVE of another source.

    `kinds`: what a bare NAME may be; empty: anything.
    """

    text: str
    spot: Spot
    kinds: tuple[EntityKind, ...] = ()


@dataclass(frozen=True, slots=True)
class Thing:
    """One declared thing."""

    kind: EntityKind
    name: str
    spot: Spot
    aliases: tuple[Alias, ...] = ()
    attributes: dict[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tie:
    """A relation: `upper` depends on `lower`."""

    kind: RelationKind
    upper: Reference
    lower: Reference
    attributes: dict[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Note:
    """Contact and runbook of a thing that this or another source knows."""

    of: Reference
    attributes: dict[str, Value]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two things that are the same, or are not."""

    left: Reference
    right: Reference
    same: bool


@dataclass(slots=True)
class Facts:
    """Everything of one file."""

    things: list[Thing] = field(default_factory=list)
    ties: list[Tie] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)
