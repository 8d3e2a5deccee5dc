"""Ages: how old the data behind an entity or relation is, and when it counts as stale."""

from gateway.model.conditions import SettleTimes
from gateway.model.ports import TopologyView
from gateway.model.rows import Claim, Entity, Record, SourceState

STALE_INTERVALS = SettleTimes().stale_intervals


def claim_age(view: TopologyView, claim: Claim, now: int) -> int | None:
    """
    Microseconds since the claim was last read; None when no read is on record.

    A claim that joins two sources (an agreeing key) is as old as the older of its ends.
    """
    return _oldest(view, _witnesses(view, claim), now)


def claim_is_stale(view: TopologyView, claim: Claim, now: int) -> bool:
    """True when a source behind the claim is stale, or has not read it for three of its intervals."""
    return any(record_is_stale(view, record, now) for record in _witnesses(view, claim))


def entity_age(view: TopologyView, entity: Entity, now: int) -> int | None:
    """Microseconds since any source last read the entity; None when no read is on record."""
    seen = max((view.seen_at(record) for record in _records(view, entity)), default=0)
    return max(now - seen, 0) if seen else None


def entity_is_stale(view: TopologyView, entity: Entity, now: int) -> bool:
    """True when all that know the entity are stale."""
    return all(record_is_stale(view, record, now) for record in _records(view, entity))


def record_is_stale(view: TopologyView, record: Record, now: int) -> bool:
    """
    True when its source is stale, or has not read it for three intervals (0: one that is never read again).

    What no source tells (the gateway's own records of its sources) does not grow old.
    """
    source = view.sources.get(record.source)
    if source is None:
        return False
    seen = view.seen_at(record)
    if not seen:
        return True
    # A question about the past sees the sources as they are now: a later silence says nothing about then.
    if source.state is SourceState.STALE and now >= source.last_success:
        return True
    return source.interval_us > 0 and now - seen > STALE_INTERVALS * source.interval_us


def _records(view: TopologyView, entity: Entity) -> list[Record]:
    return [record for index in entity.records if (record := view.record(index)) is not None]


def _witnesses(view: TopologyView, claim: Claim) -> list[Record]:
    """The records whose reads keep the claim fresh: its upper, and its lower when another source knows that."""
    upper, lower = view.record(claim.upper), view.record(claim.lower)
    found = [upper] if upper is not None else []
    if lower is not None and (upper is None or lower.source != upper.source):
        found.append(lower)
    return found


def _oldest(view: TopologyView, records: list[Record], now: int) -> int | None:
    seen = [view.seen_at(record) for record in records]
    return max(now - min(seen), 0) if seen and all(seen) else None
