"""Captured documents as records, pictures and observations."""

from collections.abc import Iterable
from pathlib import Path

from gateway.collectors.pacemaker.alerts import Alert
from gateway.collectors.pacemaker.cib import Cib, parse_cib
from gateway.collectors.pacemaker.facts import NodeFacts
from gateway.collectors.pacemaker.mapping import to_observation
from gateway.collectors.pacemaker.parse import parse_crm_mon
from gateway.collectors.pacemaker.picture import Picture
from gateway.model.entities import EntityKind, NativeKey
from gateway.model.observations import Observation, ObservedEntity, ObservedRelation
from gateway.model.relations import RelationKind

CAPTURES = Path(__file__).parent / "captures"
AT = 1_795_226_400_000_000
"""2026-11-21 02:00:00Z."""


def octets(name: str) -> bytes:
    return (CAPTURES / f"{name}.xml").read_bytes()


def changed(name: str, *pairs: tuple[str, str]) -> bytes:
    """A captured document in which each first text is replaced by the second; each must be there."""
    text = octets(name).decode()
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new)
    return text.encode()


def picture(
    view: str | bytes,
    cib: str | bytes | None = None,
    facts: Iterable[NodeFacts] = (),
    alerts: tuple[Alert, ...] = (),
    needs_dc: bool = True,
) -> Picture:
    parsed: Cib | None = None
    if cib is not None:
        parsed = parse_cib(cib if isinstance(cib, bytes) else octets(cib))
    document = view if isinstance(view, bytes) else octets(view)
    known = {one.node: one for one in facts}
    return Picture("lab", AT, parse_crm_mon(document), parsed, known, alerts, needs_dc)


def observation(
    view: str | bytes, cib: str | bytes | None = None, facts: Iterable[NodeFacts] = (), **rest: object
) -> Observation:
    return to_observation(picture(view, cib, facts, **rest))


def resource(name: str) -> NativeKey:
    return NativeKey(EntityKind.HA_RESOURCE, name)


def entity(seen: Observation, kind: EntityKind, name: str) -> ObservedEntity:
    (found,) = [one for one in seen.entities if one.key == NativeKey(kind, name)]
    return found


def relations(seen: Observation, kind: RelationKind, upper: str) -> list[ObservedRelation]:
    return [one for one in seen.relations if one.kind is kind and one.upper.native == upper]


def places(seen: Observation, name: str) -> dict[str, str]:
    """Where a resource is: node -> "role phase"."""
    found = (one for one in relations(seen, RelationKind.RUNS_ON, name) if one.upper.kind is EntityKind.HA_RESOURCE)
    return {one.lower.native: f"{one.role} {one.phase}" for one in found}
