"""What the gateway told, as notices: from the traps that arrived, and from the event log as REST and CLI show it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from tests.lab.libvirt.told import Notice
from tests.system.received import ARRIVED_LIVE, RELOCATIONS, Trap

ALARM = re.compile(r"topology\w+(Raised|Cleared)")
STORAGE_RELOCATION = "topologyStorageRelocation"
RELOCATION_KINDS = frozenset({"relocation", "role_relocation"})


def of_traps(traps: Iterable[Trap]) -> Counter[Notice]:
    """The multiset of notices that arrived; notifications about the gateway itself are left out."""
    found: Counter[Notice] = Counter()
    for trap in traps:
        entity = trap.objects.get("topoEventEntityName", "")
        alarm = ALARM.fullmatch(trap.name)
        if trap.name in RELOCATIONS or trap.name == STORAGE_RELOCATION:
            old, new = trap.objects["topoEventOldHostName"], trap.objects["topoEventNewHostName"]
            moved = Notice.storage if trap.name == STORAGE_RELOCATION else Notice.relocation
            found[moved(entity, old, new, live=trap.objects["topoEventArrival"] == ARRIVED_LIVE)] += 1
        elif trap.name == "topologyMigrationFailed":
            found[Notice.migration_failed(entity, trap.objects["topoEventOldHostName"])] += 1
        elif alarm is not None:
            found[Notice(alarm[1].lower(), entity, trap.condition)] += 1
    return found


def of_events(events: Iterable[Mapping[str, Any]]) -> Counter[Notice]:
    """The multiset of notices in the event log, of those that are told."""
    found: Counter[Notice] = Counter()
    for event in events:
        if not event["told"]:
            continue
        entity, kind = event["entity"]["name"], event["kind"]
        if kind in RELOCATION_KINDS or kind == "storage_relocation":
            old, new = event["old_host"]["name"], event["new_host"]["name"]
            moved = Notice.storage if kind == "storage_relocation" else Notice.relocation
            found[moved(entity, old, new, live=event["live"])] += 1
        elif kind == "migration_failed":
            found[Notice.migration_failed(entity, event["old_host"]["name"])] += 1
        else:
            found[Notice(kind.rpartition("_")[2], entity, event["condition"])] += 1
    return found
