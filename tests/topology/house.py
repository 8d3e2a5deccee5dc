"""A small house for topology tests: observations in, snapshot and events out, time as an argument."""

from collections.abc import Iterable, Mapping
from itertools import count

from gateway.model.conditions import SECOND, ConditionKind, SettleTimes
from gateway.model.entities import Alias, EntityKind, EntityState, NativeKey
from gateway.model.events import Event
from gateway.model.observations import (
    Coverage,
    Evidence,
    Link,
    Observation,
    ObservedCondition,
    ObservedEntity,
    ObservedRelation,
    Whole,
)
from gateway.model.relations import Arrival, Phase, RelationKind
from gateway.model.snapshot import Snapshot
from gateway.topology.revise import observe, settle_due

T0 = 1_700_000_000 * SECOND


def node(name: str) -> NativeKey:
    return NativeKey(EntityKind.HA_NODE, name)


def resource(name: str) -> NativeKey:
    return NativeKey(EntityKind.HA_RESOURCE, name)


def vm(name: str) -> NativeKey:
    return NativeKey(EntityKind.VM, name)


def entity(
    key: NativeKey,
    subtype: str = "primitive",
    state: EntityState = EntityState.RUNNING,
    aliases: tuple[Alias, ...] = (),
    **attributes: str | int | bool,
) -> ObservedEntity:
    return ObservedEntity(key, key.native, subtype, state, aliases=aliases, attributes=attributes)


def on(
    upper: NativeKey,
    lower: NativeKey,
    phase: Phase = Phase.STABLE,
    role: str = "started",
    arrival: Arrival = Arrival.RESTART,
) -> ObservedRelation:
    return ObservedRelation(RelationKind.RUNS_ON, upper, lower, role, phase, arrival)


def part_of(upper: NativeKey, lower: NativeKey, **attributes: int) -> ObservedRelation:
    return ObservedRelation(RelationKind.PART_OF, upper, lower, attributes=attributes)


class House:
    """A topology that grows by observations of the source `lab`."""

    def __init__(self) -> None:
        self.snapshot = Snapshot()
        self.settle_times = SettleTimes()
        self.events: list[Event] = []
        self.askable: frozenset[str] | None = None
        """The sources whose collectors take doubts; None: all."""
        self._ids = (f"id-{number}" for number in count(1))

    def see(
        self,
        at_s: float,
        entities: Iterable[ObservedEntity],
        relations: Iterable[ObservedRelation] = (),
        conditions: Iterable[ObservedCondition] = (),
        evidence: Iterable[Evidence] = (),
        *,
        source: str = "lab",
        covers: Coverage = Whole(),  # noqa: B008 - frozen
        judged: frozenset[ConditionKind] = frozenset(ConditionKind),
        links: tuple[Link, ...] | None = None,
    ) -> list[Event]:
        """Judge what is due, then take in one view; returns the events of both."""
        at = T0 + round(at_s * SECOND)
        events = self.wait(at_s)
        observation = Observation(
            source,
            at,
            covers,
            tuple(entities),
            tuple(relations),
            tuple(conditions),
            tuple(evidence),
            judged,
            links,
        )
        made = observe(self.snapshot, observation, self.settle_times, lambda: next(self._ids), askable=self.askable)
        self.snapshot, changes = made
        self.events.extend(changes.events)
        self.amended = changes.amended
        return events + list(changes.events)

    def wait(self, until_s: float) -> list[Event]:
        """Let time pass; returns the events of what became due."""
        until = T0 + round(until_s * SECOND)
        events: list[Event] = []
        while (due := min(self.snapshot.pending.values(), default=None)) is not None and due <= until:
            self.snapshot, changes = settle_due(self.snapshot, due, self.settle_times, lambda: next(self._ids))
            events.extend(changes.events)
        self.events.extend(events)
        return events

    def place(self, key: NativeKey) -> str | None:
        """Name of the host where it is placed; None when it is stopped or unknown."""
        found = self.snapshot.placement(self.get(key))
        return self.snapshot.ref(found.host).name if found is not None and found.open else None

    def get(self, key: NativeKey):  # type: ignore[no-untyped-def]
        (found,) = [e for e in self.snapshot.named(key.native) if e.kind is key.kind]
        return found


def told(events: Iterable[Event]) -> list[tuple[str, str, str | None, str | None]]:
    """(kind, entity, old host, new host) of what is told, in order; the hosts of what moved."""
    return [
        (
            event.kind.value,
            event.entity.name,
            event.old_host.name if event.old_host and event.condition is None else None,
            event.new_host.name if event.new_host else None,
        )
        for event in events
        if event.notify
    ]


def counted(events: Iterable[Event]) -> Mapping[str, int]:
    """How many of each kind."""
    found: dict[str, int] = {}
    for event in events:
        found[event.kind.value] = found.get(event.kind.value, 0) + 1
    return found
