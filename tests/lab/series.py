"""Seeded random series of verbs: the same seed gives the same verbs."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from dataclasses import dataclass

from tests.lab.pacemaker import LabError, PacemakerLab

NODES = ("n1", "n2", "n3")
MOVABLE = ("svc-a", "svc-b", "vm-1")
GROUP = "app"
FAILING = ("svc-a", "svc-b", "vm-1", "app-db")
WEIGHTS = {
    "move": 6,
    "move_group": 3,
    "standby": 3,
    "fail": 4,
    "kill": 2,
    "unmove": 2,
    "cleanup": 2,
}


@dataclass(frozen=True, slots=True)
class Step:
    """One verb with its arguments, as PacemakerLab has it."""

    verb: str
    arguments: tuple[str, ...] = ()

    def __str__(self) -> str:
        return " ".join((self.verb, *self.arguments))


def series(seed: int, steps: int, nodes: tuple[str, ...] = NODES) -> list[Step]:
    """The verbs of a series; at most one node is in standby at a time, and none is in the end."""
    chance = random.Random(seed)
    planned: list[Step] = []
    resting: str | None = None
    while len(planned) < steps:
        kind = chance.choices(list(WEIGHTS), weights=list(WEIGHTS.values()))[0]
        match kind:
            case "move":
                step = Step("move", (chance.choice(MOVABLE), chance.choice(nodes)))
            case "move_group":
                step = Step("move", (GROUP, chance.choice(nodes)))
            case "standby" if resting:
                step, resting = Step("unstandby", (resting,)), None
            case "standby":
                resting = chance.choice(nodes)
                step = Step("standby", (resting,))
            case "fail":
                step = Step("fail", (chance.choice(FAILING),))
            case "kill":
                step = Step("kill", (chance.choice(nodes),))
            case "unmove":
                step = Step("unmove", (chance.choice((*MOVABLE, GROUP)),))
            case _:
                step = Step("cleanup")
        planned.append(step)
    if resting:
        last = Step("unstandby", (resting,)) if planned[-1] != Step("standby", (resting,)) else Step("cleanup")
        planned[-1] = last
    return planned


def play(lab: PacemakerLab, steps: list[Step]) -> Iterator[Step]:
    """Do one verb after the other, and yield each when the cluster is at rest again."""
    for step in steps:
        do(lab, step)
        yield step


def do(lab: PacemakerLab, step: Step) -> None:
    """
    Do one verb and wait until the cluster is at rest; a killed node is back up then.

    Raises:
        LabError: the cluster did not come to rest.
    """
    # "already there" and "not running" are part of a random series.
    with contextlib.suppress(LabError):
        getattr(lab, step.verb)(*step.arguments)
    if step.verb == "kill":
        lab.wait_for(lambda view: step.arguments[0] not in view.online, f"{step}: missed by the others")
    lab.wait_settled(120)
