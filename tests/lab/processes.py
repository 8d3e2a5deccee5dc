"""Processes by a mark that outlives them: process ids are used again."""

from __future__ import annotations

import os
from pathlib import Path


def birth(pid: int) -> str | None:
    """'PID START-TIME' of a process, which no later process ever has again; None when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else f"{pid} {fields[19]}"


def lives(mark: str | None) -> bool:
    """Whether the process of a `birth` mark is still running."""
    return bool(mark) and birth(int(mark.split()[0])) == mark


def ourselves() -> str | None:
    return birth(os.getpid())
