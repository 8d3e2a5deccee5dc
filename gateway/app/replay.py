"""
`gateway replay`: a recording of a source through its parser and mapping and the reconciler.

Each folder gets an in-memory database of its own; the recorded times are the clock, which then goes on until no
settle time is pending. Gaps and the end of a recording are not silence: no source is supervised here, so that
sourceStale is never raised.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gateway.app.plugins import replayable
from gateway.engine.reconciler import Reconciler
from gateway.model.conditions import SECOND, SettleTimes
from gateway.model.entities import RELOCATABLE_KINDS, EntityKind
from gateway.model.errors import ConfigError, SourceMalformed, SourceUnavailable
from gateway.model.events import Event
from gateway.model.observations import Observation, ObservedRelation
from gateway.model.ports import CollectorPlugin, EventFilter, History
from gateway.model.relations import RelationKind
from gateway.store.database import open_database

PAGE = 500


@dataclass(frozen=True, slots=True)
class PlacementRow:
    """One entity on one node, as a view says it, before any judgement."""

    entity: str
    kind: EntityKind
    host: str
    role: str
    name: str = field(default="", compare=False)
    """What people call it; for the table alone."""


@dataclass(frozen=True, slots=True)
class State:
    """One view. `at`: seconds since time 0."""

    at: float
    placements: tuple[PlacementRow, ...]


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a recording says and what is told of it. `started_at`: microseconds UTC of time 0."""

    folder: str
    started_at: int
    states: tuple[State, ...]
    events: tuple[Event, ...]

    def as_json(self) -> dict[str, Any]:
        """The line of `gateway replay --json`."""
        return {
            "folder": self.folder,
            "states": [
                {"at": state.at, "placements": [_placement_json(row) for row in state.placements]}
                for state in self.states
            ],
            "events": [_event_json(event, self.started_at) for event in self.events],
        }


def replay_folder(plugin: CollectorPlugin, folder: str, settle: SettleTimes | None = None) -> Replayed:
    """
    Play one recording.

    Raises:
        ConfigError: the kind has no recordings.
        SourceError: there is no such file or folder, it holds no recording of this kind, or its first view cannot be
            read. The message names the folder.
    """
    if plugin.replay is None:
        raise ConfigError(
            f"sources of kind {plugin.kind} have no recordings. Kinds that have: {', '.join(replayable())}."
        )
    if not Path(folder).exists():
        raise SourceUnavailable(f"{folder}: there is no such file or folder. Name one that holds a recording.")
    database = open_database("sqlite://")
    try:
        clock = _RecordedClock()
        reconciler = Reconciler(database.repository, settle or SettleTimes(), clock.now)
        started_at: int | None = None
        states: list[State] = []
        for recording in plugin.replay(Path(folder)):
            observation = recording.observation
            if observation is None:
                continue
            _judge_until(reconciler, clock, observation.at)
            reconciler.apply(observation)
            if recording.at_s is not None:
                if started_at is None:
                    started_at = observation.at - round(recording.at_s * SECOND)
                states.append(State(recording.at_s, placements_of(observation)))
        if started_at is None:
            raise SourceMalformed(f"{folder}: holds no view that could be read")
        _judge_until(reconciler, clock, None)
        return Replayed(folder, started_at, tuple(states), tuple(_told(tuple(_log(database.history)))))
    finally:
        database.close()


def placements_of(observation: Observation) -> tuple[PlacementRow, ...]:
    """
    What the view says of the things that may relocate: one row for each and host it is on, and for each replica.

    A VM that a resource of the same view starts has no row of its own.
    """
    told_as_resource = {r.upper for r in observation.relations if _is_resource_of(r)}
    names = {entity.key: entity.name for entity in observation.entities}
    rows = [
        PlacementRow(
            relation.upper.native,
            relation.upper.kind,
            relation.lower.native,
            relation.role,
            names.get(relation.upper, relation.upper.native),
        )
        for relation in observation.relations
        if relation.kind is RelationKind.RUNS_ON
        and relation.upper.kind in RELOCATABLE_KINDS
        and relation.upper not in told_as_resource
        for _ in range(_replicas(relation))
    ]
    return tuple(sorted(rows, key=lambda row: (row.entity, row.host, row.role)))


def _replicas(relation: ObservedRelation) -> int:
    """How many replicas of a bundle are there in this role; 1 for everything else."""
    replicas = relation.attributes.get("replicas")
    return len(replicas.split(",")) if isinstance(replicas, str) else 1


def _is_resource_of(relation: ObservedRelation) -> bool:
    return relation.kind is RelationKind.MANAGED_BY and relation.lower.kind is EntityKind.HA_RESOURCE


class _RecordedClock:
    """Answers the time that the recording is at."""

    def __init__(self) -> None:
        self.at = 0

    def now(self) -> int:
        return self.at


def _judge_until(reconciler: Reconciler, clock: _RecordedClock, until: int | None) -> None:
    """Judge everything that becomes due up to a time; None: until nothing is pending."""
    while (due := reconciler.next_due()) is not None and (until is None or due <= until):
        clock.at = max(due, clock.at)
        reconciler.settle(clock.at)
    if until is not None:
        clock.at = max(until, clock.at)


def _log(history: History) -> Iterator[Event]:
    """The whole event log, with causes as it has them at the end."""
    after = 0
    while events := history.events(EventFilter(after=after, limit=PAGE)):
        yield from events
        after = events[-1].seq


def _told(log: tuple[Event, ...]) -> Iterator[Event]:
    """Everything that was told; of a VM that a resource starts, under the resource's name."""
    second = {(event.caused_by, event.entity.native): event.entity for event in log if not event.notify}
    for event in log:
        if event.notify:
            entity = second.get((event.id, event.entity.native), event.entity)
            yield replace(event, entity=entity) if entity.kind is EntityKind.HA_RESOURCE else event


def _placement_json(row: PlacementRow) -> dict[str, str]:
    return {"entity": row.entity, "kind": row.kind.value, "host": row.host, "role": row.role}


def _event_json(event: Event, started_at: int) -> dict[str, Any]:
    cause = event.cause or event.condition
    moved = event.old_host is not None and event.new_host is not None
    return {
        "at": round((event.at - started_at) / SECOND, 6),
        "kind": event.kind.value,
        "entity": event.entity.native,
        "entity_kind": event.entity.kind.value,
        "from": event.old_host.native if moved and event.old_host is not None else None,
        "to": event.new_host.native if moved and event.new_host is not None else None,
        "cause": cause.value if cause is not None else None,
        "planned": event.planned,
        "live": event.live,
        "members": [member.native for member in event.members],
    }
