"""Missing: what receivers have not got, as the database has it; read again when it has changed."""

import asyncio

from gateway.model.ports import GivenUp
from gateway.notifier.ledger import Ledger

KEPT = 512
"""So many of the newest are kept, of all receivers."""
PAUSE_S = 0.5
"""Shortest time between two looks, so that giving up many one by one costs little."""


class Missing:
    """Belongs to one event loop."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.now = GivenUp()
        """What it was half a second ago at the most."""

    async def run(self) -> None:
        """Keep `now` up to date, until cancelled."""
        changed = self._ledger.given_up_changed
        changed.set()
        while True:
            await changed.wait()
            changed.clear()
            self.now = await self._ledger.given_up(KEPT)
            await asyncio.sleep(PAUSE_S)
