"""Judged: what topology answers (where an entity is, what a loss affects) in the words of the MIB."""

from collections.abc import Iterable, Iterator

from gateway.model.entities import EntityKind
from gateway.model.ports import TopologyView
from gateway.model.rows import Entity
from gateway.model.snapshot import scope_key
from gateway.schema.snmp.enums import LayerEffect, LayerStatus
from gateway.schema.snmp.layers import HOSTS, STORAGE, ImpactRow, LayerRow, Scopes
from gateway.topology.hops import Hop
from gateway.topology.impact import impact
from gateway.topology.where import where


def layer_row(view: TopologyView, entity: Entity) -> LayerRow:
    """Where an entity is, layer by layer."""
    answer = where(view, entity, 0)
    found: dict[EntityKind, dict[int, Entity]] = {entity.kind: {entity.index: entity}}
    storage: dict[int, Entity] = {}
    for hop in _hops((*answer.below, *answer.machines)):
        found.setdefault(hop.entity.kind, {})[hop.entity.index] = hop.entity
        storage |= {each.entity.index: each.entity for each in _hops(hop.storage)}
    storage |= {each.entity.index: each.entity for each in _hops(answer.storage)}
    return LayerRow(
        LayerStatus[answer.status.name],
        answer.said,
        {kind: tuple(entities.values()) for kind, entities in found.items()},
        tuple(each for each in storage.values() if each.kind in STORAGE),
        _scopes(view, (each for entities in found.values() for each in entities.values())),
    )


def impact_rows(view: TopologyView, host: Entity) -> list[ImpactRow]:
    """What the loss of a host reaches, by index; nothing for what is no host."""
    if host.kind not in HOSTS:
        return []
    rows = [
        ImpactRow(
            host.index,
            one.entity,
            LayerEffect[one.effect.name],
            one.reason,
            one.parts_lost,
            one.parts,
            one.certain,
            one.verdict,
            one.verdict_reason,
            one.destination,
            _scopes(view, (host, one.entity, *filter(None, [one.manager]), *(step.entity for step in one.path))),
        )
        for one in impact(view, [host], 0).affected
    ]
    return sorted(rows, key=lambda row: row.key)


def _scopes(view: TopologyView, entities: Iterable[Entity]) -> Scopes:
    """What tells of these."""
    records = (view.record(index) for entity in entities for index in entity.records)
    return frozenset(scope_key(record.source, record.scope) for record in records if record is not None)


def _hops(hops: Iterable[Hop]) -> Iterator[Hop]:
    for hop in hops:
        yield hop
        yield from _hops((*hop.below, *hop.machines))
