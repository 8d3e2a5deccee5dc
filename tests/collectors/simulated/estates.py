"""A simulated estate run through the reconciler on a virtual clock: what it should tell, and what was told."""

from collections import Counter
from dataclasses import dataclass, field, replace

from gateway.collectors.simulated.beats import Told
from gateway.collectors.simulated.plan import Plan
from gateway.collectors.simulated.simulation import Simulation, looks_a_round, rounds
from gateway.collectors.simulated.view import everything, observe
from gateway.engine.reconciler import Reconciler
from gateway.model.changes import Changes
from gateway.model.conditions import SECOND, SettleTimes
from gateway.model.entities import NativeKey
from gateway.model.events import Event
from gateway.model.ports import Repository
from gateway.model.rows import Source, SourceState
from gateway.model.snapshot import Snapshot
from gateway.support.clock import FakeClock

SOURCE = "sim"
INTERVAL_S = 60.0


@dataclass
class MemoryRepository:
    """Takes every commit, and numbers its events."""

    commits: list[Changes] = field(default_factory=list)
    keep: bool = True
    seq: int = 0

    def load(self) -> Snapshot:
        return Snapshot()

    def commit(self, changes: Changes) -> tuple[Event, ...]:
        if self.keep:
            self.commits.append(changes)
        numbered = []
        for event in changes.events:
            self.seq += 1
            numbered.append(replace(event, seq=self.seq))
        return tuple(numbered)


class Estates:
    """A reconciler that a simulation is played to."""

    def __init__(self, plan: Plan, until_s: float = float("inf"), repository: Repository | None = None) -> None:
        self.clock = FakeClock()
        self.began_at = self.clock.now()
        self.simulation = Simulation(plan, until_s)
        self.repository = repository or MemoryRepository()
        self.reconciler = Reconciler(self.repository, SettleTimes(), self.clock.now)
        self.events: list[Event] = []
        self.told: list[Told] = []
        self.reconciler.load()
        self.reconciler.register(Source(0, "", SOURCE, "simulated", SourceState.OK, round(INTERVAL_S * SECOND)))
        self._rounds = rounds(self.simulation.world)
        self._round_s = INTERVAL_S / looks_a_round(self.simulation.world)
        self._next_round_s = self._round_s

    def load(self) -> None:
        """Read everything once."""
        for look in everything(self.simulation.world):
            self._observe(look)

    def play(self, until_s: float = float("inf")) -> None:
        """Let the simulation go on, and what settles settle, until a time or until nothing more will happen."""
        while (at_s := self.simulation.next_at_s) is not None and at_s <= until_s:
            while self._next_round_s <= at_s:
                self._go_to(self._next_round_s)
                self._observe(next(self._rounds))
                self._next_round_s += self._round_s
            self._go_to(at_s)
            for moment in self.simulation.moments(at_s):
                for look in moment.looks:
                    self._observe(look)
                self.told.extend(moment.told)

    def settle(self) -> None:
        """Until nothing is pending but the watch over scopes, which never ends."""
        while due := min(self._settling(), default=None):
            self.clock.set(due)
            self.events.extend(self.reconciler.settle(due))

    def _settling(self) -> list[int]:
        pending = self.reconciler.snapshot.pending
        return [due for what, due in pending.items() if not what.startswith("scopes:")]

    def expected(self) -> Counter[Told]:
        return Counter(self.told)

    def notified(self) -> Counter[Told]:
        """What was told, in the words of what should be."""
        return Counter(as_told(event) for event in self.events if event.notify)

    def _go_to(self, at_s: float) -> None:
        at = self.began_at + round(at_s * SECOND)
        while (due := self.reconciler.next_due()) is not None and due <= at:
            self.clock.set(due)
            self.events.extend(self.reconciler.settle(due))
        self.clock.set(at)

    def _observe(self, look: object) -> None:
        observation = observe(self.simulation.world, look, SOURCE, self.clock.now())
        self.events.extend(self.reconciler.apply(observation))


def as_told(event: Event) -> Told:
    return Told(
        event.kind,
        NativeKey(event.entity.kind, event.entity.native),
        event.old_host.native if event.old_host and event.condition is None else "",
        event.new_host.native if event.new_host else "",
        event.live,
        event.cause,
        tuple(member.native for member in event.members),
        event.condition,
    )
