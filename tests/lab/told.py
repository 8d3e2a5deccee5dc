"""
What should have been told: derived from the lab's own state before and after, and from nothing of the gateway.

The places are those of `crm_resource --locate`; that a VM moved live is read from the lab's own alert recorder.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tests.lab.pacemaker import Inventory, PacemakerLab


@dataclass(frozen=True, slots=True, order=True)
class Told:
    """One relocation that somebody should hear of."""

    entity: str
    old: str
    new: str
    live: bool = False


@dataclass(frozen=True, slots=True)
class Places:
    """Where each resource is: one node by resource id; a promotable's is the node where it is promoted."""

    of: Mapping[str, str] = field(default_factory=dict)

    def over(self, earlier: Places) -> Places:
        """These places, and the earlier ones of what is nowhere now: stopped in between only delays."""
        return Places({**earlier.of, **self.of})


def places(lab: PacemakerLab, inventory: Inventory) -> Places:
    """Ask the cluster where everything is; what runs nowhere is left out."""
    found = {}
    for resource in inventory.located:
        located = lab.locate(resource)
        nodes = [node for node, promoted in located.items() if promoted or resource not in inventory.promotables]
        if len(nodes) == 1:
            found[resource] = nodes[0]
    return Places(found)


def relocations(before: Places, after: Places, inventory: Inventory, live: Iterable[str] = ()) -> Counter[Told]:
    """
    The multiset of relocations between two places.

    A group is told once per (old, new), whichever of its members went that way. Clones and fence devices are not in
    the inventory, so they are never told.
    """
    moved = {
        resource: (before.of[resource], place)
        for resource, place in after.of.items()
        if resource in before.of and before.of[resource] != place
    }
    alone = (*inventory.singles, *inventory.promotables)
    told = Counter(Told(name, *moved[name], live=name in set(live)) for name in alone if name in moved)
    for group, members in inventory.groups.items():
        ways = {moved[member] for member in members if member in moved}
        told.update(Told(group, old, new) for old, new in ways)
    return told


def moved_live(alert_lines: Iterable[str], after: Places) -> set[str]:
    """
    Resources that arrived where they are by live migration, and were not started anew meanwhile.

    Args:
        alert_lines: what the lab's recorder wrote between the two places.
    """
    arrivals: dict[str, set[str]] = {}
    started = set()
    for line in alert_lines:
        alert = {key.removeprefix("CRM_alert_"): value for key, value in json.loads(line).items()}
        if alert.get("kind") != "resource" or alert.get("rc") != "0" or alert.get("status") != "0":
            continue
        match alert["task"]:
            case "migrate_from":
                arrivals.setdefault(alert["rsc"], set()).add(alert["node"])
            case "start":
                started.add(alert["rsc"])
    return {resource for resource, nodes in arrivals.items() if after.of.get(resource) in nodes} - started


class Onlooker:
    """Follows a lab from step to step; call `look` each time it is at rest, and `told` has what should be told."""

    def __init__(self, lab: PacemakerLab, inventory: Inventory | None = None) -> None:
        self._lab = lab
        self._inventory = inventory or lab.inventory
        self._alerts = Counter(lab.alerts())
        self.places = places(lab, self._inventory)
        self.told: Counter[Told] = Counter()

    def look(self) -> Counter[Told]:
        """What should be told of the time since the last look; the lab must be at rest."""
        now = places(self._lab, self._inventory).over(self.places)
        alerts = Counter(self._lab.alerts())
        step = relocations(self.places, now, self._inventory, moved_live(alerts - self._alerts, now))
        self.places, self._alerts = now, alerts
        self.told += step
        return step
