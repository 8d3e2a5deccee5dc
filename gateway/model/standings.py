"""Standings: how the receivers of notifications are getting on, as publishers may ask at any moment."""

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from gateway.model.ports import Missed


class ReceiverHealth(Enum):
    """How a receiver is doing."""

    IDLE = "idle"
    """Nothing of the log was sent to it yet."""
    OK = "ok"
    FAILING = "failing"
    """The last try failed; it is tried again."""
    GIVING_UP = "giving_up"
    """The last try failed, and what is too old is given up."""


@dataclass(frozen=True, slots=True)
class Standing:
    """
    How a receiver that is served stands just now. The counters hold since the gateway started, and count what the
    log tells; what is sent past it (the start, heartbeats, tests) is not among them.
    """

    receiver: str
    address: str
    protocol: str
    acknowledges: bool
    health: ReceiverHealth = ReceiverHealth.IDLE
    waiting: int = 0
    """Notifications of the log that it is still to be told of, what storm control holds among them."""
    sent: int = 0
    """Notifications that were sent, each counted once however often it was tried."""
    acknowledged: int = 0
    retried: int = 0
    """Tries after the first of a notification."""
    given_up: int = 0
    left_out: int = 0
    """Not for this receiver."""
    summarised: int = 0
    missed: int = 0
    """Given up, in the log, and not asked for again."""
    replaying: int = 0
    last_sent: int = 0
    """Number of the last event of the log that was delivered since the start; 0: none."""
    position: int = 0
    """Number of the log up to which everything is done with."""
    delivered_at: int = 0
    error: str = ""
    """Of what is tried now; empty: the last try went well."""


class Standings(Protocol):
    """How notifications are getting on, from memory, for whoever asks at any moment in the event loop."""

    def standings(self) -> tuple[Standing, ...]:
        """The receivers that are served, by name."""

    def missed(self) -> tuple[Missed, ...]:
        """The newest of what was given up, in the order of the log."""
