"""Beats: the moments of a deed, what is read again at each, and what the gateway should tell of it."""

from collections.abc import Generator
from dataclasses import dataclass

from gateway.collectors.simulated.view import Look
from gateway.model.conditions import ConditionKind
from gateway.model.entities import NativeKey
from gateway.model.events import Cause, EventKind


@dataclass(frozen=True, slots=True)
class Told:
    """
    A notification that must come of a deed. `old`, `new`: native ids of hosts or nodes, empty outside
    relocations; of a failed migration `old` is where it stayed.

    `members`: native ids of the members of a group that moved.
    """

    kind: EventKind
    entity: NativeKey
    old: str = ""
    new: str = ""
    live: bool = False
    cause: Cause | None = None
    members: tuple[str, ...] = ()
    condition: ConditionKind | None = None


@dataclass(frozen=True, slots=True)
class Beat:
    """
    The world has changed: what shows it, in this order, what should be told of it by the deed's end, and how long
    until the deed goes on (seconds of simulated time).
    """

    looks: tuple[Look, ...] = ()
    told: tuple[Told, ...] = ()
    wait_s: float = 0.0


Course = Generator[Beat, None, None]
"""A deed as it unfolds: changes the world, yields a beat, and is resumed after the beat's wait."""
