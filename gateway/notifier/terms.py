"""Terms: on which conditions a receiver is served."""

from dataclasses import dataclass, field

from gateway.notifier.selection import Selection
from gateway.notifier.storm import StormTerms
from gateway.support.backoff import Backoff

PATIENCE = Backoff(first_s=1.0, longest_s=300.0, factor=2.0, jitter=0.2)


@dataclass(frozen=True, slots=True)
class Terms:
    """
    `give_up_after_s`: age of an event that is not tried any more; `give_up_attempts`: tries of one event, 0: as many
    as its age allows. `deliver_timeout_s`: longest that one try may take. `patience`: pauses between tries.
    """

    give_up_after_s: float = 86_400.0
    give_up_attempts: int = 0
    deliver_timeout_s: float = 60.0
    patience: Backoff = PATIENCE
    selection: Selection = field(default_factory=Selection)
    storm: StormTerms = field(default_factory=StormTerms)
