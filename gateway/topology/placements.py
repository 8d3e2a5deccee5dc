"""Stable placement: our judgement of where each entity is, from what the scopes claim."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from gateway.model.entities import EntityKind, has_one_placement
from gateway.model.relations import Arrival, Phase, RelationKind
from gateway.model.rows import Claim, Placement, SourceState
from gateway.topology.draft import Draft
from gateway.topology.evidence import known_lost, last_surely_there, named_by

PROMOTED = "promoted"


@dataclass(frozen=True, slots=True)
class Move:
    """
    A stable placement that was on one host, from `arrived_at` until `left_at`, and is on another. Ends are entity
    indexes.
    """

    entity: int
    old_host: int
    new_host: int
    arrived_at: int
    left_at: int
    live: bool
    role: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What judging one entity gave: a move, hosts that claim it at once (a conflict), or nothing to tell."""

    move: Move | None = None
    conflict: tuple[int, ...] = ()
    claimed: tuple[tuple[int, int], ...] = ()
    """Of a conflict: for each that claims the entity, since when it does and when it was last heard of."""
    unverified: tuple[int, ...] = ()
    """Hosts that claimed it before they fell silent, and are not known to be lost: it may still run there."""


def judge_placement(draft: Draft, entity: int) -> Verdict:
    """
    Judge where an entity is now, and write it into the draft.

    Stable on one host: it is there. In transition: not judged, it is still where it was. Nowhere: stopped, its
    last host is kept without a time limit. On a host that is not heard of: there, not certain. Stable on two:
    a conflict, nothing changes.
    """
    said = _of_one_layer(draft, entity, list(draft.entity_claims(entity, RelationKind.RUNS_ON)))
    claims = _fresh(draft, said)
    kind = draft.record(entity).key.kind
    shown = draft.entity(entity)
    if not has_one_placement(kind, shown.subtype if shown is not None else ""):
        return _judge_promoted(draft, entity, claims)
    stable = _hosts(draft, claims, Phase.STABLE)
    if len(stable) > 1:
        claimed = tuple((claim.since, _heard_at(draft, claim)) for claim in claims if claim.phase is Phase.STABLE)
        return Verdict(conflict=tuple(sorted(stable)), claimed=claimed)
    moving = _hosts(draft, claims, Phase.TRANSITIONAL)
    if stable and not moving.keys() - stable.keys():
        ((host, claim),) = stable.items()
        others = sorted(_hosts(draft, said, Phase.STABLE).keys() - {host})
        unverified = tuple(other for other in others if not known_lost(draft, other))
        return Verdict(move=_settle_on(draft, entity, host, claim), unverified=unverified)
    _not_settled(draft, entity, {**stable, **moving}, _hosts(draft, claims, Phase.LAST_KNOWN))
    return Verdict()


def _of_one_layer(draft: Draft, entity: int, claims: list[Claim]) -> list[Claim]:
    """
    Without claims on hosts of a farther layer: that a VM is on a hypervisor and, says its cluster, on a node is no
    conflict. The layer that knew its place keeps the word while it knows the entity at all, or its source answers: a
    domain that is defined on one host at a time is nowhere while it restarts on another.
    """
    nearest = min((_rank(draft, claim.lower) for claim in claims), default=0)
    before = draft.placement(entity)
    if before is not None and _rank(draft, before.host) < nearest:
        shown = draft.entity(entity)
        if (shown is not None and before.source in shown.sources) or answers(draft, before.source):
            return []
    return [claim for claim in claims if _rank(draft, claim.lower) == nearest]


def answers(draft: Draft, source: str) -> bool:
    """False for a source that is stale or was taken out of the configuration."""
    row = draft.source(source)
    return row is None or row.state not in (SourceState.STALE, SourceState.DISABLED)


_LAYERS = (EntityKind.HYPERVISOR, EntityKind.PHYSICAL_HOST)


def _rank(draft: Draft, host: int) -> int:
    kind = draft.record(host).key.kind
    return _LAYERS.index(kind) if kind in _LAYERS else len(_LAYERS)


def _judge_promoted(draft: Draft, entity: int, claims: list[Claim]) -> Verdict:
    """
    A promotable clone: only where it is promoted is a placement; demoted in between only delays.

    With several promoted instances one of them is followed: it moved when it is promoted no more and another is.
    """
    if any(claim.phase is Phase.TRANSITIONAL and claim.role in ("promoting", "demoting") for claim in claims):
        return Verdict()
    before = draft.placement(entity)
    promoted = [claim for claim in claims if claim.role == PROMOTED]
    stable = _hosts(draft, promoted, Phase.STABLE)
    if not stable:
        _not_settled(
            draft,
            entity,
            _hosts(draft, promoted, Phase.TRANSITIONAL),
            _hosts(draft, promoted, Phase.LAST_KNOWN),
        )
        return Verdict()
    host = before.host if before is not None and before.host in stable else min(stable)
    move = _settle_on(draft, entity, host, stable[host])
    return Verdict(move=replace(move, live=False) if move is not None else None)


def _fresh(draft: Draft, claims: list[Claim]) -> list[Claim]:
    """Without what scopes say that have been silent too long, while a scope that was just read says something."""
    scopes = {(claim.source, claim.scope) for claim in claims}
    if len(scopes) < 2:
        return claims
    silent = {scope for scope in scopes if draft.is_silent(*scope)}
    return [c for c in claims if (c.source, c.scope) not in silent] if silent != scopes else claims


def _heard_at(draft: Draft, claim: Claim) -> int:
    """When who can be asked last said so; now, of a source that is not read at intervals. A failing scope: never."""
    if draft.failing(claim.source, claim.scope) is not None:
        return 0
    source = draft.source(claim.source)
    if source is None or source.interval_us == 0:
        return draft.at
    return max(draft.heard_at(claim.source, claim.scope), claim.since)


def _hosts(draft: Draft, claims: Iterable[Claim], phase: Phase) -> dict[int, Claim]:
    """Entities that carry it in this phase, each with the claim that says so."""
    return {draft.entity_of(claim.lower): claim for claim in claims if claim.phase is phase}


def _settle_on(draft: Draft, entity: int, host: int, claim: Claim) -> Move | None:
    """It is stable on one host. Returns the move when that is another host than before."""
    before = _still_shown(draft, draft.placement(entity))
    if before is not None and before.host == host:
        since = before.since if before.open else draft.at
        draft.put_placement(
            replace(before, role=claim.role, since=since, source=claim.source, open=True, certain=True, left_at=0)
        )
        return None
    now = Placement(entity=entity, host=host, role=claim.role, since=draft.at, source=claim.source)
    if before is not None:
        now = replace(now, storage_from=before.storage_from, storage_left=before.storage_left)
    if before is None or _rank(draft, before.host) != _rank(draft, host):
        draft.put_placement(now)  # nothing moved: another layer says where it is
        return None
    left_at = before.left_at or max(last_seen(draft, entity), before.since)
    live = claim.arrival is Arrival.LIVE
    if before.moved_from == host:
        draft.put_placement(now)  # back where it was before anybody was told
        return None
    left_at = last_surely_there(draft, claim.source, named_by(draft, claim.source, before.host), before.since, left_at)
    stay = (before.moved_since, before.moved_left) if before.moved_from else (before.since, left_at)
    old_host = before.moved_from or before.host
    moved_at, (moved_since, moved_left) = before.moved_at or draft.at, stay
    draft.put_placement(
        replace(now, moved_from=old_host, moved_at=moved_at, moved_since=moved_since, moved_left=moved_left, live=live)
    )
    return Move(entity, old_host, host, *stay, live, claim.role)


def _still_shown(draft: Draft, placement: Placement | None) -> Placement | None:
    """The placement, its hosts as they are shown now: they may have been merged since it was judged."""
    if placement is None:
        return None
    moved_from = draft.entity_of(placement.moved_from) if placement.moved_from else 0
    return replace(placement, host=draft.entity_of(placement.host), moved_from=moved_from)


def _not_settled(draft: Draft, entity: int, moving: dict[int, Claim], lost: dict[int, Claim]) -> None:
    """It is not stable on one host: in transition, on a host that is not heard of, or stopped."""
    before = _still_shown(draft, draft.placement(entity))
    if before is None:
        if lost:
            host = min(lost)
            draft.put_placement(
                Placement(
                    entity=entity,
                    host=host,
                    role=lost[host].role,
                    since=draft.at,
                    source=lost[host].source,
                    certain=False,
                    left_at=draft.at,
                )
            )
        return
    stays = before.host in moving and moving[before.host].phase is Phase.STABLE
    left_at = 0 if stays else before.left_at or max(last_seen(draft, entity), before.since)
    here = before.host in moving or before.host in lost
    draft.put_placement(
        replace(
            before,
            open=before.open and here,
            certain=before.certain and before.host not in lost,
            left_at=left_at,
        )
    )


def last_seen(draft: Draft, entity: int) -> int:
    """When the entity's records were last read before this draft, by the scopes that they belonged to then."""
    records = [draft.base.records.get(index) or draft.record(index) for index in draft.group_of(entity)]
    return max((draft.freshness(record.source, record.scope) for record in records), default=0) or draft.at


def group_of_member(draft: Draft, entity: int) -> int | None:
    """The HA group that an entity is a member of, which is told in its place."""
    if draft.record(entity).key.kind is not EntityKind.HA_RESOURCE:
        return None
    for parent in draft.entities_under(entity, RelationKind.PART_OF):
        shown = draft.entity(parent)
        if shown is not None and shown.kind is EntityKind.HA_RESOURCE and shown.subtype == "group":
            return parent
    return None
