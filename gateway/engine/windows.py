"""Planned windows as the running gateway takes them: each change is a revision, told and stored as one."""

from collections.abc import Callable

from gateway.engine.reconciler import Made, NewId, Reconciler
from gateway.model.changes import Changes
from gateway.model.snapshot import Snapshot
from gateway.model.windows import Window, WindowWish
from gateway.topology.windows import close, declare


class PlannedWindows:
    """The port `WindowDesk` over the reconciler."""

    def __init__(self, reconciler: Reconciler) -> None:
        self._reconciler = reconciler

    async def declare(self, wish: WindowWish) -> Window:
        """Declare a window; one whose start is not in the future begins at once."""
        return await self._revised(lambda base, now, new_id: declare(base, wish, now, new_id))

    async def close(self, index: int) -> Window:
        """End it now; one that has not begun is called off, and nobody is told."""
        return await self._revised(lambda base, now, new_id: close(base, index, now, new_id))

    async def _revised(self, change: Callable[[Snapshot, int, NewId], tuple[Snapshot, Changes, Window]]) -> Window:
        made: list[Window] = []

        def revision(base: Snapshot, now: int, new_id: NewId) -> Made:
            snapshot, changes, window = change(base, now, new_id)
            made.append(window)
            return snapshot, changes

        await self._reconciler.submit_change(revision)
        return made[-1]
