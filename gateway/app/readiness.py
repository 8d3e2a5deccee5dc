"""Readiness: since when answers may be relied on. Each source has been read, or has failed, once since the start."""

import asyncio
from collections.abc import Collection

from gateway.model.ports import CurrentTopology
from gateway.support.clock import Clock

WITHIN_S = 30.0
"""A source that neither answers nor fails holds up nobody for longer."""
_LOOK_S = 0.1


class Readiness:
    """Once ready it stays so: what fails later is the sources' state, not the gateway's."""

    def __init__(self, topology: CurrentTopology, clock: Clock, within_s: float = WITHIN_S) -> None:
        self._topology = topology
        self._clock = clock
        self._ends = clock.monotonic() + within_s
        self._awaited: frozenset[str] = frozenset()

    def expect(self, sources: Collection[str]) -> None:
        """Wait for the first read or failure of these."""
        self._awaited = frozenset(sources)

    def awaited(self) -> tuple[str, ...]:
        """The sources that are still waited for, in order; empty: it is ready."""
        if self._awaited and self._clock.monotonic() >= self._ends:
            self._awaited = frozenset()
        self._awaited = frozenset(filter(self._is_silent, self._awaited))
        return tuple(sorted(self._awaited))

    async def reached(self) -> None:
        """Wait until it is ready."""
        while self.awaited():  # noqa: ASYNC110 - figures of a source are no event
            await asyncio.sleep(_LOOK_S)

    def _is_silent(self, name: str) -> bool:
        """Reads and failures are counted from the start on."""
        source = self._topology.snapshot.sources.get(name)
        return source is None or source.reads + source.failures == 0
