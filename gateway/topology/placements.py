"""Stable placement: our judgement of where each entity is, from what the scopes claim."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from gateway.model.entities import EntityKind, has_one_placement
from gateway.model.relations import Arrival, Phase, RelationKind
from gateway.model.rows import Claim, Placement
from gateway.topology.draft import Draft
from gateway.topology.evidence import last_surely_there, named_by

PROMOTED = "promoted"


@dataclass(frozen=True, slots=True)
class Move:
    """A stable placement that was on one host and is on another. Ends are entity indexes."""

    entity: int
    old_host: int
    new_host: int
    left_at: int
    live: bool
    role: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What judging one entity gave: a move, hosts that claim it at once (a conflict), or nothing to tell."""

    move: Move | None = None
    conflict: tuple[int, ...] = ()


def judge_placement(draft: Draft, entity: int) -> Verdict:
    """
    Judge where an entity is now, and write it into the draft.

    Stable on one host: it is there. In transition: not judged, it is still where it was. Nowhere: stopped, its
    last host is kept without a time limit. On a host that is not heard of: there, not certain. Stable on two:
    a conflict, nothing changes.
    """
    claims = _fresh(draft, list(draft.entity_claims(entity, RelationKind.RUNS_ON)))
    kind = draft.record(entity).key.kind
    shown = draft.entity(entity)
    if not has_one_placement(kind, shown.subtype if shown is not None else ""):
        return _judge_promoted(draft, entity, claims)
    stable = _hosts(draft, claims, Phase.STABLE)
    if len(stable) > 1:
        return Verdict(conflict=tuple(sorted(stable)))
    moving = _hosts(draft, claims, Phase.TRANSITIONAL)
    if stable and not moving.keys() - stable.keys():
        ((host, claim),) = stable.items()
        return Verdict(move=_settle_on(draft, entity, host, claim))
    _not_settled(draft, entity, moving, _hosts(draft, claims, Phase.LAST_KNOWN))
    return Verdict()


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
    silent = {scope for scope in scopes if _is_silent(draft, *scope)}
    return [c for c in claims if (c.source, c.scope) not in silent] if silent != scopes else claims


def _is_silent(draft: Draft, source: str, scope: str) -> bool:
    """True when the scope has missed three intervals (design: domain, settle times)."""
    row = draft.source(source)
    if row is None or row.interval_us == 0:
        return False
    return draft.at - draft.freshness(source, scope) > 3 * row.interval_us


def _hosts(draft: Draft, claims: Iterable[Claim], phase: Phase) -> dict[int, Claim]:
    """Entities that carry it in this phase, each with the claim that says so."""
    return {draft.entity_of(claim.lower): claim for claim in claims if claim.phase is phase}


def _settle_on(draft: Draft, entity: int, host: int, claim: Claim) -> Move | None:
    """It is stable on one host. Returns the move when that is another host than before."""
    before = draft.placement(entity)
    if before is not None and before.host == host:
        since = before.since if before.open else draft.at
        draft.put_placement(
            replace(before, role=claim.role, since=since, source=claim.source, open=True, certain=True, left_at=0)
        )
        return None
    now = Placement(entity=entity, host=host, role=claim.role, since=draft.at, source=claim.source)
    if before is None:
        draft.put_placement(now)
        return None
    left_at = before.left_at or max(last_seen(draft, entity), before.since)
    live = claim.arrival is Arrival.LIVE
    if before.moved_from == host:
        draft.put_placement(now)  # back where it was before anybody was told
        return None
    left_at = last_surely_there(draft, claim.source, named_by(draft, claim.source, before.host), before.since, left_at)
    first_left = before.moved_left if before.moved_from else left_at
    old_host = before.moved_from or before.host
    draft.put_placement(
        replace(now, moved_from=old_host, moved_at=before.moved_at or draft.at, moved_left=first_left, live=live)
    )
    return Move(entity, old_host, host, first_left, live, claim.role)


def _not_settled(draft: Draft, entity: int, moving: dict[int, Claim], lost: dict[int, Claim]) -> None:
    """It is stable nowhere: in transition, on a host that is not heard of, or stopped."""
    before = draft.placement(entity)
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
    left_at = before.left_at or max(last_seen(draft, entity), before.since)
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
    """When the entity's records were last read before this draft."""
    records = [draft.record(index) for index in draft.group_of(entity)]
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
