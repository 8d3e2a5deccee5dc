"""Changes: everything one revision changes, for the store to commit in one transaction."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.model.events import Event
from gateway.model.observations import Link
from gateway.model.rows import Alarm, Claim, Placement, Record, Source
from gateway.model.windows import Window


@dataclass(frozen=True, slots=True)
class Changes:
    """
    The difference between two snapshots, and what happened. `at`: microseconds UTC, when it holds from.

    Pairs are (before, after); None before: new, None after: ended. What is not named here has not changed.
    `next_index` and `next_alarm` are stored with it: indexes are never reused, and a revision that could not be
    committed has used none.
    """

    revision: int
    at: int
    next_index: int
    next_alarm: int
    records: Mapping[int, tuple[Record | None, Record]] = field(default_factory=dict)
    claims: tuple[tuple[Claim | None, Claim | None], ...] = ()
    placements: Mapping[int, tuple[Placement | None, Placement | None]] = field(default_factory=dict)
    alarms: Mapping[int, tuple[Alarm | None, Alarm | None]] = field(default_factory=dict)
    sources: Mapping[str, Source] = field(default_factory=dict)
    freshness: Mapping[str, int] = field(default_factory=dict)
    """`scope_key(source, scope)` -> when it was last read; rides along, is no change by itself."""
    links: Mapping[str, tuple[Link, ...]] = field(default_factory=dict)
    """By source: the links that it declares now (in place of those it declared before)."""
    windows: Mapping[int, Window] = field(default_factory=dict)
    """Planned windows that are new or another, as they are now; also ended ones."""
    events: tuple[Event, ...] = ()
    amended: tuple[Event, ...] = ()
    """Events already in the log whose cause is known better now: the log is amended, nothing is sent again."""

    @property
    def empty(self) -> bool:
        """True when there is nothing to commit (freshness alone waits for the next commit)."""
        return not (
            self.records
            or self.claims
            or self.placements
            or self.alarms
            or self.sources
            or self.links
            or self.windows
            or self.events
            or self.amended
        )
