"""Unheard: which words on a place come from a scope that does not answer, since when, and the alarm that tells it."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

from gateway.model.conditions import ConditionKind
from gateway.model.ports import TopologyView
from gateway.model.rows import Alarm, Claim, Entity
from gateway.topology.hops import Hop, HopState, walk_hops

_TELLS = frozenset({ConditionKind.SOURCE_STALE, ConditionKind.HOST_LOST})


def is_unheard(view: TopologyView, claim: Claim) -> bool:
    """True when an alarm says that the scope that claims it does not answer."""
    record = view.record(claim.upper)
    return record is not None and record.source == claim.source and view.is_silent(replace(record, scope=claim.scope))


def unheard_since(view: TopologyView, claim: Claim, *ends: Entity) -> int:
    """Since when the claim's scope does not answer, by the alarm of one of its ends; 0: no alarm of theirs says."""
    return next((a.since for end in ends for a in view.alarms_of(end) if a.raised and _is_of(a, claim)), 0)


def alarms_below(view: TopologyView, hops: Iterable[Hop]) -> Iterator[Alarm]:
    """What tells that the hosts of last known hops are not heard of; each once."""
    told: set[str] = set()
    for hop in walk_hops(hops):
        for alarm in view.alarms_of(hop.entity) if hop.state is HopState.LAST_KNOWN else ():
            if alarm.raised and alarm.condition in _TELLS and alarm.key not in told:
                told.add(alarm.key)
                yield alarm


def moment(at: int) -> str:
    """Microseconds UTC as people read them, to the second."""
    return datetime.fromtimestamp(at // 1_000_000, UTC).isoformat().replace("+00:00", "Z")


def _is_of(alarm: Alarm, claim: Claim) -> bool:
    is_stale = alarm.condition is ConditionKind.SOURCE_STALE
    return is_stale and (alarm.source, alarm.detail) == (claim.source, claim.scope)
