"""Endings: what the end of an alarm means, in our own words; those of the failure are no longer true."""

from gateway.model.conditions import SECOND, ConditionKind
from gateway.model.entities import EntityState
from gateway.model.rows import Alarm
from gateway.topology.draft import Draft

_STOPPED_SO = frozenset(
    {
        ConditionKind.BLOCKED,
        ConditionKind.FAILED_UNMANAGED,
        ConditionKind.EXHAUSTED,
        ConditionKind.CRASHED,
        ConditionKind.CRASHED_MANAGED,
        ConditionKind.PAUSED_IO_ERROR,
    }
)
"""Conditions of what does not run, or not as it should."""
_OVER: dict[ConditionKind, str] = {
    ConditionKind.BLOCKED: "is not blocked any more",
    ConditionKind.FAILED_UNMANAGED: "does not count as failed any more",
    ConditionKind.EXHAUSTED: "may be started again",
    ConditionKind.NO_PROMOTED: "does not lack a promoted instance any more",
    ConditionKind.QUORUM_LOST: "has quorum again",
    ConditionKind.FENCING_FAILED: "does not wait for a fencing that failed any more",
    ConditionKind.CRASHED: "does not count as crashed any more",
    ConditionKind.CRASHED_MANAGED: "does not count as crashed any more",
    ConditionKind.PAUSED_IO_ERROR: "is not paused on an I/O error any more",
    ConditionKind.PLACEMENT_CONFLICT: "is active in one place at the most again",
    ConditionKind.SOURCE_STALE: "is not silent any more",
    ConditionKind.DUPLICATE_KEY: "shares no key with another thing any more",
    ConditionKind.SAME_BY_WEAK_KEYS: "is not taken for another thing any more",
    ConditionKind.DEGRADED: "is not degraded any more",
    ConditionKind.PLACEMENT_UNCERTAIN: "is in no doubtful place any more",
    ConditionKind.HOST_LOST: "answers again",
}


def ended(draft: Draft, alarm: Alarm) -> str:
    """What is so now, and after how long: `vm1 runs again on h2 after 42 s`."""
    return f"{draft.ref(alarm.entity).name} {_now(draft, alarm)} after {(draft.at - alarm.since) // SECOND} s"


def _now(draft: Draft, alarm: Alarm) -> str:
    entity, placement = draft.entity(alarm.entity), draft.placement(alarm.entity)
    if entity is None:
        return "is gone"
    runs = entity.state is EntityState.RUNNING and placement is not None and placement.open and placement.certain
    if runs and placement is not None and alarm.condition in _STOPPED_SO:
        return f"runs again on {draft.ref(placement.host).name}"
    return _OVER[alarm.condition]
