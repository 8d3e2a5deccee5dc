"""A lab belongs to a process: what a killed test run left is taken down, and what is up is not taken from anybody."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from tests.lab.errors import LabError
from tests.lab.processes import lives


class Plan(Protocol):
    """What every lab's plan has. `owner`: the `birth` mark of its process; None: it stays up until it is taken down."""

    @property
    def name(self) -> str: ...

    @property
    def folder(self) -> Path: ...

    @property
    def owner(self) -> str | None: ...


def sweep(folders: str, load_plan: Callable[[Path], Plan], tear_down: Callable[[Path], None]) -> None:
    """Take down the labs whose test run was killed, and whose keeper with it. `folders`: pattern of their names."""
    for folder in Path(tempfile.gettempdir()).glob(folders):
        try:
            owner = load_plan(folder).owner
        except (LabError, TypeError, ValueError, KeyError, NotADirectoryError):
            continue
        if owner is not None and not lives(owner):
            tear_down(folder)


def refuse_if_in_use(plan: Plan, load_plan: Callable[[Path], Plan]) -> None:
    """
    Nobody's lab is replaced while it is up.

    Raises:
        LabError: one of this name is.
    """
    try:
        other = load_plan(plan.folder)
    except LabError:
        return
    if other.owner is None or lives(other.owner):
        raise LabError(f"a lab named {plan.name} is up already: take it down first, or use another name")
