"""Findings: the lines of `gateway check`."""

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """How a part of the gateway is."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the check."""

    what: str
    outcome: Outcome
    said: str
