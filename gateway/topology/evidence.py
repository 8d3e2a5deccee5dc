"""Evidence: facts of a source's views, remembered as long as they may explain a move."""

from gateway.model.conditions import SECOND, ConditionKind
from gateway.model.entities import NativeKey
from gateway.model.events import Cause
from gateway.model.observations import Evidence, EvidenceKind, Observation
from gateway.model.rows import SeenEvidence
from gateway.topology.draft import Draft

KEEP = 3600 * SECOND
"""How long a fact that no view shows any more is remembered."""
CLOCKS_DIFFER = 5 * SECOND
"""A source's own times may be off by this, and are whole seconds."""
SHOWN_AFTER_LOSS = 60 * SECOND
"""How long a host that came back may be shown with what it ran before."""
ASKED_BEFORE = 60 * SECOND
"""How long before the move a person's wish may have appeared."""


def note_evidence(draft: Draft, observation: Observation) -> bool:
    """
    Remember the facts of a view. True when one of them is new.

    In the first view of a source everything is old: a fact counts from its own time, or is a leftover.
    """
    before = draft.evidence(observation.source)
    first_view = observation.source not in draft.base.evidence
    if not observation.evidence and not before and not first_view:
        return False
    after: dict[str, SeenEvidence] = {
        key: seen for key, seen in before.items() if seen.last_seen >= observation.at - KEEP
    }
    fresh = False
    for fact in observation.evidence:
        key = f"{fact.kind}|{fact.host}|{fact.entity}|{fact.identity}|{fact.away}"
        known = before.get(key)
        if known is None:
            first_seen = (fact.at or 0) if first_view else observation.at
            after[key] = SeenEvidence(fact, first_seen, observation.at)
            fresh = fresh or not first_view
        else:
            after[key] = SeenEvidence(fact, known.first_seen, observation.at)
    if after != before or first_view:
        draft.put_evidence(observation.source, after)
    return fresh


def named_by(draft: Draft, source: str, host: int) -> str:
    """What a source calls a host, which other sources may know too: its facts speak of it by that."""
    records = [draft.record(index) for index in sorted(draft.group_of(host))]
    return next((record.key.native for record in records if record.source == source), draft.ref(host).native)


def last_surely_there(draft: Draft, source: str, host: str, since: int, left_at: int) -> int:
    """
    `left_at`, or when the host was lost shortly before it.

    A host that comes back is shown for a moment with what ran on it before it was lost (Pacemaker 2.1.5, after quorum
    returned): what was placed there `since` before the loss has been there no longer than until the loss.
    """
    losses = (
        seen.first_seen
        for seen in draft.evidence(source).values()
        if seen.evidence.kind is EvidenceKind.HOST_LOST
        and seen.evidence.host == host
        and seen.last_seen >= max(since, left_at - SHOWN_AFTER_LOSS)
        and _in_time(seen.evidence, since)
    )
    return min((left_at, *(max(at, since) for at in losses)))


def cause_of(
    draft: Draft,
    source: str,
    moved: tuple[NativeKey, ...],
    old_host: str,
    new_host: str,
    left_at: int,
    arrived_at: int = 0,
) -> tuple[Cause | None, tuple[str, ...]]:
    """
    Why these records (the entity, its group or clone and its members) left `old_host` for `new_host`.

    `left_at`: when it was last seen stable on the old host; `arrived_at`: since when, a failure seen there before that
    is of an earlier stay. The strongest cause that a fact speaks for, and the facts' texts; None when no fact does
    (design: domain, Relocation).
    """
    found: dict[Cause, list[str]] = {}
    for seen in draft.evidence(source).values():
        cause = _speaks_for(seen, moved, old_host, new_host, left_at, arrived_at)
        if cause is not None:
            found.setdefault(cause, []).append(seen.evidence.text or str(seen.evidence.kind))
    for cause in (Cause.FAILOVER, Cause.RECOVERY, Cause.EVACUATION, Cause.ADMINISTRATOR):
        if cause in found:
            return cause, tuple(dict.fromkeys(found[cause]))
    return None, ()


def migration_failed(draft: Draft, source: str, moved: tuple[NativeKey, ...], left_at: int) -> bool:
    """True when a live migration of one of these records failed since `left_at`."""
    return any(
        seen.evidence.kind is EvidenceKind.MIGRATION_FAILED and seen.evidence.entity in moved and _since(seen, left_at)
        for seen in draft.evidence(source).values()
    )


def copies(draft: Draft, source: str, moved: tuple[NativeKey, ...], left_at: int) -> tuple[str, ...]:
    """The facts, in words, that disks of these records were copied since `left_at`."""
    return tuple(
        seen.evidence.text
        for seen in draft.evidence(source).values()
        if seen.evidence.kind is EvidenceKind.STORAGE_COPIED and seen.evidence.entity in moved and _since(seen, left_at)
    )


def _speaks_for(
    seen: SeenEvidence, moved: tuple[NativeKey, ...], old_host: str, new_host: str, left_at: int, arrived_at: int
) -> Cause | None:
    fact = seen.evidence
    match fact.kind:
        case EvidenceKind.HOST_LOST if fact.host == old_host and seen.last_seen >= left_at and _in_time(fact, left_at):
            return Cause.FAILOVER
        case EvidenceKind.FAILED_ON if fact.host == old_host and fact.entity in moved and _since(seen, left_at):
            return Cause.RECOVERY if seen.first_seen >= arrived_at else None
        case EvidenceKind.HOST_DRAINED if fact.host == old_host and seen.last_seen >= left_at:
            return Cause.EVACUATION
        case EvidenceKind.REQUESTED if fact.entity in moved and fact.host == (old_host if fact.away else new_host):
            return Cause.ADMINISTRATOR if seen.first_seen >= left_at - ASKED_BEFORE else None
    return None


def _in_time(fact: Evidence, left_at: int) -> bool:
    return fact.at is None or fact.at >= left_at - CLOCKS_DIFFER


def _since(seen: SeenEvidence, left_at: int) -> bool:
    """True for an occurrence after `left_at`, as the source dates it and as we first saw it."""
    return seen.first_seen >= left_at - CLOCKS_DIFFER and _in_time(seen.evidence, left_at)


def known_lost(draft: Draft, host: int) -> bool:
    """True when the host's loss is raised, or a source of the host knows of it and has not heard of the host since."""
    if any(alarm.raised and alarm.condition is ConditionKind.HOST_LOST for alarm in draft.alarms_of(host)):
        return True
    for index in draft.group_of(host):
        record = draft.record(index)
        heard = draft.heard_at(record.source, record.scope)
        for seen in draft.evidence(record.source).values():
            fact = seen.evidence
            if fact.kind is EvidenceKind.HOST_LOST and fact.host == record.key.native and seen.last_seen >= heard:
                return True
    return False
