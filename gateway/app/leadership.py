"""
Leadership: of the gateways in front of one database one works, the others stand by and take over when it dies.

Only looks are counted, and no clock is compared: who was stopped itself, or could not reach the database, has seen
nothing of the leader meanwhile and begins to wait anew.
"""

import asyncio
import logging
import secrets
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from gateway.app.private_files import write_private
from gateway.model.errors import StoreError, StoreUnavailable
from gateway.store.lease import Held, LeaderLease
from gateway.support import sdnotify
from gateway.support.tasks import Health
from gateway.support.threads import pool

logger = logging.getLogger(__name__)
T = TypeVar("T")

BEAT_S = 3.0
"""How often the leader gives a sign of life."""
LOOK_S = 1.0
PATIENCE = 15
"""Looks without a sign of life after which the leader is dead."""
_NUMBER = "holder"
"""File in the state folder."""


class Patience:
    """Counts the looks at a leader that gives no sign of life."""

    def __init__(self) -> None:
        self._seen: Held | None = None
        self._looks = 0

    def is_over(self, held: Held) -> bool:
        """Whether the leader is dead, after one more look."""
        self._looks = self._looks + 1 if held == self._seen else 0
        self._seen = held
        return self._looks >= PATIENCE

    def begin_anew(self) -> None:
        """Nothing could be seen, or there was a sign of life."""
        self._seen, self._looks = None, 0


class Leadership:
    """The lease of one database, as one gateway seeks and keeps it."""

    def __init__(self, lease: LeaderLease, holder: str) -> None:
        """`holder`: what no other gateway is called, and this one again after a restart."""
        self._lease = lease
        self._holder = holder
        self._database = Health("database", (StoreUnavailable,))
        self._said = ""
        self._thread = pool(1, "lease")  # its own: what blocks others must not cost the lease

    async def win(self) -> None:
        """Return as soon as this gateway leads. Whom it follows itself, after a crash, it need not wait for."""
        patience = Patience()
        while True:
            if await self._won(patience):
                break
            await asyncio.sleep(LOOK_S)
        logger.info("gateway: leads as %s (epoch %d)", self._holder, self._lease.epoch)

    async def keep(self) -> None:
        """
        Give signs of life for ever; a database that does not answer is asked again.

        Raises:
            LeaseLost: another gateway leads.
        """
        while True:
            await asyncio.sleep(BEAT_S)
            try:
                await self._call(self._lease.renew)
                self._database.succeeded()
            except StoreUnavailable as error:
                self._database.failed(error)

    async def resign(self) -> None:
        """Give the lease back; who cannot is waited for."""
        with suppress(StoreError):
            await self._call(self._lease.release)

    async def _won(self, patience: Patience) -> bool:
        try:
            held = await self._call(self._lease.look)
            self._database.succeeded()
            if patience.is_over(held) or held.holder in ("", self._holder):
                patience.begin_anew()  # when it cannot be taken, its holder is alive
                return await self._call(self._lease.take, self._holder, held)
            self._say(held)
        except StoreUnavailable as error:
            patience.begin_anew()
            self._database.failed(error)
        return False

    async def _call(self, function: Callable[..., T], *args: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *args)

    def _say(self, held: Held) -> None:
        if held.holder == self._said:
            return
        self._said = held.holder
        logger.info(
            "gateway: stands by, for %s leads in front of this database; takes over when it stops, or gives no sign of "
            "life for %.0f s",
            held.holder, PATIENCE * LOOK_S,
        )  # fmt: skip
        sdnotify.notify(f"READY=1\nSTATUS=stands by: {held.holder} leads")


def holder_of(state_dir: Path, instance: str) -> str:
    """
    What a gateway is called as a holder: its name or its host's, and a number of its state folder's own.

    Raises:
        ConfigError: the number cannot be written down.
    """
    file = state_dir / _NUMBER
    if not file.exists():
        write_private(file, secrets.token_hex(4) + "\n")
    return f"{instance or socket.gethostname()}/{file.read_text().strip()}"
