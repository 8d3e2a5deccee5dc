"""Notices: what is told of the gateway itself, or in place of many events. They are in no log."""

from dataclasses import dataclass
from enum import StrEnum

from gateway.model.conditions import Severity


class NoticeKind(StrEnum):
    """Kinds of notices."""

    COLD_START = "cold_start"
    """The gateway has started, for the first time or with another configuration."""
    WARM_START = "warm_start"
    """It has started with the configuration that it had."""
    AUTHENTICATION_FAILURE = "authentication_failure"
    """Somebody asked the SNMP agent with wrong credentials."""
    HEARTBEAT = "heartbeat"
    TEST = "test"
    """A person asked for it."""
    SUMMARY = "summary"
    """Stands for many events, which are in the log."""


@dataclass(frozen=True, slots=True)
class Notice:
    """
    One notice. `at`: microseconds UTC. Of a summary: `count` events with the numbers `first` to `last` of the log
    (others may lie between them), `caused_by` the event that is their cause, `names` of what they are about.
    """

    kind: NoticeKind
    id: str
    at: int
    text: str = ""
    severity: Severity = Severity.INDETERMINATE
    count: int = 0
    first: int = 0
    last: int = 0
    caused_by: str = ""
    names: tuple[str, ...] = ()
