"""Ages: how old the data behind an entity or relation is, and when it counts as stale."""

from gateway.model.conditions import SettleTimes
from gateway.model.ports import TopologyView
from gateway.model.rows import Claim, Entity, Record, Source, SourceState

STALE_INTERVALS = SettleTimes().stale_intervals
"""The default of `[settle] stale_intervals`."""


def claim_age(view: TopologyView, claim: Claim, now: int) -> int | None:
    """
    Microseconds since the claim was last read; None when no read is on record.

    A claim that joins two sources (an agreeing key) is as old as the older of its ends.
    """
    return _oldest(view, _witnesses(view, claim), now)


def claim_is_stale(view: TopologyView, claim: Claim, now: int, intervals: int) -> bool:
    """True when a source behind the claim is stale, or has not read it for so many of its intervals."""
    return any(record_is_stale(view, record, now, intervals) for record in _witnesses(view, claim))


def entity_age(view: TopologyView, entity: Entity, now: int) -> int | None:
    """Microseconds since any source last read the entity; None when no read is on record."""
    seen = max((view.seen_at(record) or 0 for record in _records(view, entity)), default=0)
    return max(now - seen, 0) if seen else None


def entity_is_stale(view: TopologyView, entity: Entity, now: int, intervals: int) -> bool:
    """True when all that know the entity are stale."""
    return all(record_is_stale(view, record, now, intervals) for record in _records(view, entity))


def record_is_stale(view: TopologyView, record: Record, now: int, intervals: int) -> bool:
    """
    True when the scope that tells of it does not answer, or is stale (`scope_is_stale`).

    What no source tells (the gateway's own records of its sources) does not grow old.
    """
    source = view.sources.get(record.source)
    if view.is_silent(record):
        return True
    return source is not None and scope_is_stale(source, view.seen_at(record), now, intervals)


def scope_is_stale(source: Source, seen_at: int | None, now: int, intervals: int) -> bool:
    """
    True when the source is stale, or has not read the scope for `intervals` of its own (interval 0: one that is never
    read again). The one meaning of `stale`, in REST and SNMP.

    `seen_at`: 0 when the scope was never read; None when that is not known, as of a past time: the source decides.
    """
    if source.state is SourceState.STALE or seen_at == 0:
        return True
    return seen_at is not None and source.interval_us > 0 and now - seen_at > intervals * source.interval_us


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
    seen = [seen for record in records if (seen := view.seen_at(record))]
    return max(now - min(seen), 0) if seen and len(seen) == len(records) else None
