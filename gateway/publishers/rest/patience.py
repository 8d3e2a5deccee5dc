"""Patience: a connection on which no complete request arrives is closed, so that silent ones cannot fill the house."""

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

REQUEST_S = 10.0
"""How long a client may take to send the head of a request."""


class PatientProtocol(H11Protocol):
    """uvicorn's HTTP/1.1, which otherwise waits for a request's head for ever."""

    _waits_since: float | None = None
    _watch: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._watch is not None:
            self._watch.cancel()
        super().connection_lost(exc)

    def _look(self) -> None:
        """Look again and again: close when the head of one request was waited for too long."""
        now = self.loop.time()
        served = self.cycle is not None and not self.cycle.response_complete
        if served or self.conn.their_state is not h11.IDLE:
            self._waits_since = None
        elif self._waits_since is None:
            self._waits_since = now
        elif now - self._waits_since >= REQUEST_S:
            self.transport.close()
            return
        self._watch = self.loop.call_later(REQUEST_S / 4, self._look)
