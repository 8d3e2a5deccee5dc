"""The simulation: deeds that overlap, in the order of time. Pure: equal plans give equal moments."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from gateway.collectors.simulated.beats import Beat, Course, Told
from gateway.collectors.simulated.estate import Estate
from gateway.collectors.simulated.plan import Plan, Step
from gateway.collectors.simulated.script import begin, seeded_step
from gateway.collectors.simulated.view import Look, LookAtCluster, LookAtHost, LookAtSites
from gateway.collectors.simulated.world import World

RETRY_S = 1.0
"""A written step whose VM, host or cluster is busy is tried again after this long."""
PATIENCE_S = 600.0
"""And is left out after this long."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What happens at `at_s` seconds of simulated time. Read the world before the next moment is asked for."""

    at_s: float
    looks: tuple[Look, ...] = ()
    told: tuple[Told, ...] = ()


class Simulation:
    """
    A world and its future. `left_out`: written steps that could not be done.

    `until_s`: no step begins after it; what has begun is ended. Without seeded steps the future may have an end.
    """

    def __init__(self, plan: Plan, until_s: float = float("inf")) -> None:
        self.world = World(Estate(plan))
        self.left_out: list[Step] = []
        self._plan = plan
        self._until_s = until_s
        self._random = Random(plan.seed)
        self._courses: list[tuple[float, int, Course]] = []
        self._started = 0
        for step in plan.script:
            self._start(step.at_s, self._written(step))
        if plan.steps_per_minute > 0:
            self._start(0.0, self._seeded())

    @property
    def next_at_s(self) -> float | None:
        """When the next moment is; None: nothing will happen any more."""
        return self._courses[0][0] if self._courses else None

    def moments(self, until_s: float = float("inf")) -> Iterator[Moment]:
        """The moments up to `until_s`, in order of time; the world is as it is at the moment that was yielded last."""
        while self._courses and self._courses[0][0] <= until_s:
            yield self._next()

    def _next(self) -> Moment:
        at_s, number, course = heapq.heappop(self._courses)
        beat = next(course, None)
        if beat is None:
            return Moment(at_s)
        heapq.heappush(self._courses, (at_s + beat.wait_s, number, course))
        return Moment(at_s, beat.looks, beat.told)

    def _start(self, at_s: float, course: Course) -> None:
        self._started += 1
        heapq.heappush(self._courses, (at_s, self._started, course))

    def _written(self, step: Step) -> Course:
        """A step of the script, as soon as it can be done."""
        waited_s = 0.0
        while (course := begin(self.world, step, self._random)) is None:
            if waited_s >= PATIENCE_S:
                self.left_out.append(step)
                return
            waited_s += RETRY_S
            yield Beat(wait_s=RETRY_S)
        yield from course

    def _seeded(self) -> Course:
        """The steps that the seed chooses; one that cannot be done now is not done."""
        at_s, first = 0.0, True
        while True:
            step = seeded_step(self._random, self._plan.steps_per_minute, at_s, first)
            if step.at_s > self._until_s:
                return
            yield Beat(wait_s=step.at_s - at_s)
            at_s, first = step.at_s, False
            course = begin(self.world, step, self._random)
            if course is not None:
                self._start(at_s, course)


def rounds(world: World) -> Iterator[Look]:
    """Every host, every HA cluster and the sites, one after the other, for ever: what was missed is caught."""
    while True:
        yield LookAtSites()
        for host in range(len(world.hosts)):
            yield LookAtHost(host)
        for cluster in range(len(world.clusters)):
            yield LookAtCluster(cluster)


def looks_a_round(world: World) -> int:
    return 1 + len(world.hosts) + len(world.clusters)
