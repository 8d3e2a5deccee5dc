"""Ages: how old the data behind a relation is, and when it counts as stale."""

from gateway.model.conditions import SettleTimes
from gateway.model.ports import TopologyView
from gateway.model.rows import Claim, Entity, SourceState

STALE_INTERVALS = SettleTimes().stale_intervals


def claim_age(view: TopologyView, claim: Claim, now: int) -> int | None:
    """
    Microseconds since the claim was last read; None when no read is on record.

    A claim that joins two sources (an agreeing key) is as old as the older of its ends.
    """
    ends = (view.record(claim.upper), view.record(claim.lower))
    upper = ends[0]
    counted = [end for end in ends if end is not None and (end is upper or upper is None or end.source != upper.source)]
    seen = [view.seen_at(end) for end in counted]
    if not seen or 0 in seen:
        return None
    return max(now - min(seen), 0)


def entity_age(view: TopologyView, entity: Entity, now: int) -> int | None:
    """Microseconds since any source last read the entity; None when no read is on record."""
    records = (view.record(index) for index in entity.records)
    seen = max((view.seen_at(record) for record in records if record is not None), default=0)
    return max(now - seen, 0) if seen else None


def is_stale(view: TopologyView, source: str, age_us: int | None) -> bool:
    """True when the source is stale, or the data older than three of its intervals. Never read: stale."""
    known = view.sources.get(source)
    if known is not None and known.state is SourceState.STALE:
        return True
    if age_us is None:
        return True
    return known is not None and known.interval_us > 0 and age_us > STALE_INTERVALS * known.interval_us
