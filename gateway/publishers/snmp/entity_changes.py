"""Entity changes: when the tables of ENTITY-MIB changed last (entLastChangeTime), found when somebody asks."""

from collections.abc import Callable
from typing import Any

from gateway.model.snapshot import Snapshot
from gateway.publishers.snmp.render import Renderer
from gateway.publishers.snmp.segments import Segment
from gateway.schema.snmp.entity_mib import ENTITY_TABLES


class EntityChanges:
    """
    Compares the tables of the snapshot in use with those of the snapshot for which it was asked last.

    What changed in between is taken for as new as the snapshot in use.
    """

    def __init__(self, renderer: Renderer, ticks: Callable[[Snapshot], int]) -> None:
        """`ticks`: sysUpTime when a snapshot began to hold."""
        self._renderer = renderer
        self._ticks = ticks
        self._tables = tuple(each for each in renderer.tables if each.table in ENTITY_TABLES)
        self._snapshot: Snapshot | None = None
        self._content: list[Segment] = []
        self._last = 0

    def last(self) -> int:
        """sysUpTime of the last change; 0 when that was before the start."""
        snapshot = self._renderer.snapshot
        if snapshot is not self._snapshot:
            self._snapshot = snapshot
            content = self._segments()
            if not _same(content, self._content):
                self._content, self._last = content, self._ticks(snapshot)
        return self._last

    def _segments(self) -> list[Segment]:
        """All of the tables; a segment of which no value has changed is the same object."""
        found = []
        for table in self._tables:
            number = 0
            while number < table.columns[0].count:
                if table.shard_rows(number).rows:
                    found += [column.refresh(number) for column in table.columns]
                number = table.following(number)
        return found


def _same(some: list[Any], others: list[Any]) -> bool:
    return len(some) == len(others) and all(one is other for one, other in zip(some, others, strict=True))
