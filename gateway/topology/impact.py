"""
Impact: what is affected when entities are lost, by layer, each with the way the loss takes.

`effect` is what happens at once, `verdict` what becomes of it when what is lost is rebooted (`verdicts`).
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from gateway.model.entities import EntityKind
from gateway.model.ports import TopologyView
from gateway.model.rows import Entity
from gateway.model.verdicts import Colour, Verdict, VerdictReason
from gateway.topology.ages import STALE_INTERVALS, claim_age, claim_is_stale, entity_age, entity_is_stale
from gateway.topology.blindspots import blind_spots
from gateway.topology.layers import LAYERS, Layer
from gateway.topology.outlook import colour, outlook
from gateway.topology.quorum import Quorum
from gateway.topology.recovery import Judgement
from gateway.topology.said import called
from gateway.topology.spread import Blow, Effect, Spread, Step
from gateway.topology.verdicts import judge


@dataclass(frozen=True, slots=True)
class Affected:
    """
    One entity that the loss reaches. `path` leads from it to one of the lost; `age_us`: of the data, microseconds.

    `parts_lost` of `parts`: instances or members; `roles_lost`: the roles of the lost instances (promoted, say).
    `certain` False: the placement behind it is the last known one, or it is in transition; or it is not sure that its
    cluster loses quorum.
    `verdict` on it, with its `verdict_reason`; `destination`: where it then is, None when that is not known, or it does
    not move; `manager`: who decides, None when that is nobody, or not known.
    """

    entity: Entity
    layer: Layer
    effect: Effect
    reason: str
    path: tuple[Step, ...]
    verdict: Verdict
    verdict_reason: VerdictReason
    destination: Entity | None = None
    manager: Entity | None = None
    parts_lost: int = 1
    parts: int = 1
    roles_lost: tuple[str, ...] = ()
    age_us: int | None = None
    stale: bool = False
    certain: bool = True


@dataclass(frozen=True, slots=True)
class KindCount:
    """How many of one kind are affected."""

    lost: int = 0
    degraded: int = 0


@dataclass(frozen=True, slots=True)
class Impact:
    """
    What is affected if `lost` are lost. `affected`: by layer, lost before degraded, then by name. `quorums`: of each
    cluster that loses votes. `colour`: the whole answer in a word, `outlook`: in a line, by verdicts.
    """

    lost: tuple[Entity, ...]
    revision: int
    now: int
    said: str
    affected: tuple[Affected, ...]
    counts: Mapping[EntityKind, KindCount]
    blind_spots: tuple[str, ...]
    colour: Colour
    outlook: str
    quorums: tuple[Quorum, ...] = ()
    stale: bool = field(default=False)
    """True when any part of the answer rests on stale data."""


def impact(view: TopologyView, entities: Iterable[Entity], now: int, stale_intervals: int = STALE_INTERVALS) -> Impact:
    """What reaches the entities by carrying relations, what that does to it, and what becomes of it."""
    lost = tuple({entity.index: entity for entity in entities}.values())
    spread = Spread(view, lost)
    judged = judge(spread)
    found = (_affected(spread, judged, entity, blow, now, stale_intervals) for entity, blow in spread.hit.values())
    affected = tuple(sorted(found, key=_order))
    hit = {one.entity.index for one in affected} | {entity.index for entity in lost}
    reached = {step.entity.index for one in affected for step in one.path}
    blind = tuple(blind_spots(view, lost, hit, reached, now, stale_intervals))
    whole = colour(((one.entity, judged[one.entity.index]) for one in affected), bool(blind))
    return Impact(
        lost,
        view.revision,
        now,
        _sentence(lost, affected, blind),
        affected,
        _counts(affected),
        blind,
        whole,
        outlook(whole, (judged[one.entity.index] for one in affected)),
        tuple(spread.quorums()),
        any(one.stale for one in affected),
    )


def _affected(
    spread: Spread, judged: Mapping[int, Judgement], entity: Entity, blow: Blow, now: int, intervals: int
) -> Affected:
    claim, view, judgement = blow.claim, spread.view, judged[entity.index]
    return Affected(
        entity,
        LAYERS[entity.kind],
        blow.effect,
        blow.reason,
        tuple(spread.path(blow)),
        judgement.verdict,
        judgement.reason,
        judgement.destination,
        judgement.manager,
        blow.parts_lost,
        blow.parts,
        blow.roles_lost,
        claim_age(view, claim, now) if claim else entity_age(view, entity, now),
        claim_is_stale(view, claim, now, intervals) if claim else entity_is_stale(view, entity, now, intervals),
        blow.certain,
    )


_LAYER_ORDER = {layer: number for number, layer in enumerate(Layer)}


def _order(one: Affected) -> tuple[int, bool, str, str, int]:
    entity = one.entity
    degraded = one.effect is Effect.DEGRADED
    return _LAYER_ORDER[one.layer], degraded, entity.kind.value, entity.name.lower(), entity.index


def _counts(affected: tuple[Affected, ...]) -> dict[EntityKind, KindCount]:
    lost = Counter(one.entity.kind for one in affected if one.effect is Effect.LOST)
    degraded = Counter(one.entity.kind for one in affected if one.effect is Effect.DEGRADED)
    kinds = sorted(lost.keys() | degraded.keys(), key=lambda kind: (_LAYER_ORDER[LAYERS[kind]], kind.value))
    return {kind: KindCount(lost[kind], degraded[kind]) for kind in kinds}


def _sentence(lost: tuple[Entity, ...], affected: tuple[Affected, ...], blind: tuple[str, ...]) -> str:
    roots = ", ".join(called(entity) for entity in lost)
    gone = sum(one.effect is Effect.LOST for one in affected)
    hidden = f"; {len(blind)} blind spot{'s' * (len(blind) > 1)}" if blind else ""
    if not affected:
        return f"Without {roots}: nothing that is known is affected{hidden}."
    return f"Without {roots}: {gone} lost, {len(affected) - gone} degraded{hidden}."
