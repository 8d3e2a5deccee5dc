"""Severities: how grave a relocation is. Those of alarms are in the rules of `model.conditions`."""

from dataclasses import replace

from gateway.model.conditions import Severity
from gateway.model.events import RELOCATIONS, Cause, Event

REPAIRS = frozenset({Cause.FAILOVER, Cause.RECOVERY})
"""Causes of moves that repaired a failure."""


def graded(event: Event) -> Event:
    """
    The event with its severity, a relocation's by its cause.

    X.733 has no grade for what is no fault: `cleared` would end what it never began, and `indeterminate` says that
    nobody knows. What something failed for and was repaired is `minor`; every other move, planned or not, is
    `warning`, the lowest grade that consoles show.
    """
    if event.kind not in RELOCATIONS:
        return event
    repaired = event.cause in REPAIRS and not event.planned
    severity = Severity.MINOR if repaired else Severity.WARNING
    return event if event.severity is severity else replace(event, severity=severity)
