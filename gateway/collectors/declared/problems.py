"""What is wrong in a declared file: each problem with line, column and key path, all of them at once."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

MOST_SHOWN = 20
"""Problems listed in one message; the others are counted."""


@dataclass(frozen=True, slots=True, order=True)
class Spot:
    """A place in the file: line and column count from 1; `path` is the way there, like `vms[2].host`."""

    line: int
    column: int
    path: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong, and what to do."""

    spot: Spot
    text: str


def listed(file: str, problems: Iterable[Problem]) -> str:
    """All problems for a person, in the order of the file."""
    ordered = sorted(problems)
    lines = [
        f"{file}:{p.spot.line}:{p.spot.column}: {p.spot.path + ': ' if p.spot.path else ''}{p.text}"
        for p in ordered[:MOST_SHOWN]
    ]
    if len(ordered) > MOST_SHOWN:
        lines.append(f"and {len(ordered) - MOST_SHOWN} more")
    head = f"{file}: {len(ordered)} error{'s' if len(ordered) != 1 else ''}; the facts read last stay in force"
    return "\n  ".join([head, *lines])


def meant(given: str, known: Iterable[str]) -> str:
    """`Did you mean ...?`, or what there is; empty when there is nothing."""
    names = sorted({str(name) for name in known})
    close = difflib.get_close_matches(given, names, n=1)
    if close:
        return f"Did you mean {close[0]!r}?"
    if not names:
        return ""
    return f"Known: {', '.join(names[:12])}{', ...' if len(names) > 12 else ''}."
