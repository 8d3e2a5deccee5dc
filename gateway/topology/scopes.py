"""Scopes: the parts of a source (hosts of a fleet), when each was read, and which do not answer."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from gateway.model.conditions import ConditionKind
from gateway.model.ports import TopologyView
from gateway.model.rows import Alarm, Source, SourceState
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
    failing = {alarm.detail: alarm for alarm in _failing(view) if alarm.source == source}
    names = set(failing)
    if isinstance(view, Snapshot):
        prefix = scope_key(source, "")
        names |= {
            key.removeprefix(prefix)
            for key, _ in view.freshness.items()
            if key.startswith(prefix) and view.scopes.get(key)
        }
    return tuple(_scope(view, source, name, failing.get(name)) for name in sorted(names - {""}))


def sources_shown(view: TopologyView) -> Mapping[str, Source]:
    """The sources as all publishers show them: of one that answers in part it is said which part fails, and why."""
    failing: dict[str, list[Alarm]] = {}
    for alarm in _failing(view):
        failing.setdefault(alarm.source, []).append(alarm)
    partly = {name: s for name in failing if (s := view.sources.get(name)) is not None and s.state is SourceState.OK}
    return {**view.sources, **{name: _failing_in_part(row, failing[name]) for name, row in partly.items()}}


def _failing_in_part(source: Source, failing: list[Alarm]) -> Source:
    first, *others = sorted(failing, key=lambda alarm: (alarm.since, alarm.detail))
    error = first.text if first.raised else f"{first.detail}: {first.text}"
    more = f" (other parts that fail: {', '.join(sorted(other.detail for other in others))})" if others else ""
    return replace(source, state=SourceState.FAILING, failing_since=first.since, last_error=error + more)


def unread(view: TopologyView) -> Iterator[tuple[str, Scope]]:
    """(source, part) of the parts that do not answer, and of which nothing is known: no read of them succeeded yet."""
    for alarm in sorted(_failing(view), key=lambda one: (one.source, one.detail)):
        if not _is_known(view, alarm):
            yield alarm.source, _scope(view, alarm.source, alarm.detail, alarm)


def _is_known(view: TopologyView, alarm: Alarm) -> bool:
    """The source has told of something in that part; what others call so says nothing of what is there."""
    if isinstance(view, Snapshot):
        return bool(view.scopes.get(scope_key(alarm.source, alarm.detail)))
    host = view.entity(alarm.entity)  # of a part of which nothing is known: the source itself
    records = (view.record(index) for index in host.records) if host is not None else ()
    return any(r is not None and (r.source, r.scope) == (alarm.source, alarm.detail) for r in records)


def _scope(view: TopologyView, source: str, name: str, alarm: Alarm | None) -> Scope:
    key = scope_key(source, name)
    read_at = view.freshness.get(key) or 0 if isinstance(view, Snapshot) and view.scopes.get(key) else 0
    if alarm is None:
        return Scope(name, read_at)
    return Scope(name, read_at, alarm.since, alarm.raised, alarm.text)


def _failing(view: TopologyView) -> Iterator[Alarm]:
    """The alarms of parts that do not answer: settling, or raised (of a past time: raised)."""
    if isinstance(view, Snapshot):
        return (alarm for index in view.failing.values() if (alarm := view.alarms.get(index)) is not None)
    return (a for a in view.active_alarms() if a.condition is ConditionKind.SOURCE_STALE and a.detail)
