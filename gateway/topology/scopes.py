"""Scopes: the parts of a source (hosts of a fleet), when each was read, and which do not answer."""

from dataclasses import dataclass

from gateway.model.conditions import ConditionKind
from gateway.model.ports import TopologyView
from gateway.model.rows import Alarm
from gateway.model.snapshot import Snapshot, scope_key


@dataclass(frozen=True, slots=True)
class Scope:
    """One part of a source. Times: microseconds UTC, 0: never. `silent`: its alarm is raised; `error`: why it fails."""

    name: str
    read_at: int = 0
    failing_since: int = 0
    silent: bool = False
    error: str = ""


def scopes_of(view: TopologyView, source: str) -> tuple[Scope, ...]:
    """The parts of a source by name; none when it is read as one. Of a past time: those that were silent then."""
    failing = {alarm.detail: alarm for alarm in view.active_alarms() if _is_silence(alarm, source)}
    reads: dict[str, int] = {}
    if isinstance(view, Snapshot):
        prefix = scope_key(source, "")
        read = ((key, at) for key, at in view.freshness.items() if key.startswith(prefix) and key != prefix)
        reads = {key.removeprefix(prefix): at for key, at in read if view.scopes.get(key)}
        settling = (view.alarms.get(index) for key, index in view.failing.items() if key.startswith(prefix))
        failing |= {alarm.detail: alarm for alarm in settling if alarm is not None}
    return tuple(_scope(name, reads.get(name, 0), failing.get(name)) for name in sorted({*reads, *failing}))


def _scope(name: str, read_at: int, alarm: Alarm | None) -> Scope:
    if alarm is None:
        return Scope(name, read_at)
    return Scope(name, read_at, alarm.since, alarm.raised, alarm.text)


def _is_silence(alarm: Alarm, source: str) -> bool:
    return alarm.condition is ConditionKind.SOURCE_STALE and alarm.source == source and bool(alarm.detail)
