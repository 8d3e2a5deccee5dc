"""Selection: which events a receiver is told of. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.model.conditions import Severity
from gateway.model.events import RELOCATIONS, Event, EventKind, Traits
from gateway.model.notices import NoticeKind
from gateway.model.snapshot import Snapshot
from gateway.topology.traits import traits_of


@dataclass(frozen=True, slots=True)
class Selection:
    """
    Empty parts let everything through; all parts must agree.

    `least`: alarms below it are left out; what clears one passes as what raised it did, and relocations pass whatever
    their severity is: they are chosen by `kinds`. `labels`: attributes that the entity, or a host of what moved, must
    have, with that value. `sites`: names of sites, in one of which the entity, or a host of what moved, must be.
    `consequences`: also alarms that follow from another one that is told.
    """

    kinds: frozenset[EventKind | NoticeKind] = frozenset()
    least: Severity | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    sites: frozenset[str] = frozenset()
    consequences: bool = False

    def takes(self, event: Event, snapshot: Snapshot, began: Event | None = None) -> bool:
        """
        Whether the receiver is told.

        `began`: the event whose end this is. An end goes to whom the beginning was for, by the labels and sites of
        then; of other events they are those of now.
        """
        if self.kinds and event.kind not in self.kinds:
            return False
        if self.least is not None and event.kind not in RELOCATIONS and not _severe(event.severity, self.least):
            return False
        if not self.looks_around:
            return True
        traits = (began or event).traits or traits_of(event, snapshot)
        return self._labelled(traits) and self._there(traits)

    @property
    def looks_around(self) -> bool:
        """Whether it asks for what may be another one when an alarm ends."""
        return bool(self.labels or self.sites)

    def _labelled(self, traits: Traits) -> bool:
        wanted = self.labels.items()
        return not self.labels or any(
            all(there.get(key, "") == value for key, value in wanted) for there in map(dict, traits.attributes)
        )

    def _there(self, traits: Traits) -> bool:
        return not self.sites or not self.sites.isdisjoint(traits.sites)


def _severe(severity: Severity, least: Severity) -> bool:
    """CRITICAL is the smallest number; INDETERMINATE and CLEARED are below all and say nothing."""
    return severity in (Severity.INDETERMINATE, Severity.CLEARED) or severity <= least
