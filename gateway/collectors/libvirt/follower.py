"""Follows one host for as long as it is configured: connect, listen, read, be told, lose it, connect again."""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Protocol
from zlib import crc32

from gateway.collectors.libvirt.callbacks import Tap
from gateway.collectors.libvirt.connection import Connection, Opener
from gateway.collectors.libvirt.probe import Door
from gateway.collectors.libvirt.reader import HostReader, Reading
from gateway.collectors.libvirt.records import DomainEvent, HostReading
from gateway.collectors.libvirt.settings import LibvirtSettings
from gateway.collectors.libvirt.states import is_in_transit
from gateway.collectors.libvirt.turns import Turns
from gateway.collectors.libvirt.worker import Overdue, Worker
from gateway.collectors.libvirt.workers import Workers
from gateway.model.errors import SourceError, SourceUnavailable
from gateway.support.backoff import Backoff
from gateway.support.tasks import Health

logger = logging.getLogger(__name__)

MOST_HANGING = 8
"""Threads of one host that may hang in calls; while so many do it is tried seldom."""
MANY = 20
"""When something happened to more domains than these, the whole host is read."""
FOLLOW_UP_S = 2.0
"""How soon a domain on its way is looked at again: at its origin nothing tells that a migration has failed."""
PATIENCE = Backoff(first_s=1.5, longest_s=30.0, steady=10)
"""Often as long as its silence settles (15 s unless told otherwise): a host that is back by then is not to be told."""


class Audience(Protocol):
    """Who is told what a follower finds out. `at`: microseconds UTC."""

    def told(self, event: DomainEvent) -> None:
        """Something happened to a domain; a reading of it follows."""

    async def read(self, at: int, reading: Reading) -> None:
        """
        What a read that began at `at` found.

        Raises:
            SourceError: the host is not to be followed as it is; it is tried again like one that cannot be read.
        """

    async def lost(self, host: str, at: int, error: SourceError) -> None:
        """The host cannot be read; the follower tries again by itself."""


class Follower:
    """
    One host. `run` ends only when it is cancelled, and leaves no thread and no connection behind.

    Nothing that the host does delays another one: its calls are made in a thread of its own, each with a deadline.
    """

    def __init__(
        self,
        host: str,
        settings: LibvirtSettings,
        now: Callable[[], int],
        audience: Audience,
        turns: Turns,
        backoff: Backoff = PATIENCE,
    ) -> None:
        self.host = host
        self.connected = False
        """It was read through the present connection."""
        self.attempts = 0
        """How often in a row it could not be connected to and read."""
        self._settings = settings
        self._opener = Opener(settings.hosts[host].address, settings)
        self._now = now
        self._audience = audience
        self._turns = turns
        self._backoff = backoff
        self._health = Health(f"libvirt host {host}", (SourceError,))
        self._reader = HostReader(host, settings.definitions_s)
        self.door: Door | None = None
        """Where it was reached last; None: nowhere yet, or it cannot be reached beside libvirt."""
        self._connection: Connection | None = None
        self._workers = Workers(f"libvirt {host}", settings.call_timeout_s, MOST_HANGING)
        self._asking = Workers(f"libvirt {host} asked", settings.call_timeout_s, 1, "questions whether it is there")
        self._wake = asyncio.Event()
        self._end = ""
        self._was_read = False
        self._dirty: set[str] = set()
        self._moving: set[str] = set()
        """Those of which a migration may be under way, by their events."""
        self._on_the_way: set[str] = set()
        """Those of which one is, by the last read."""
        self._whole_due = self._follow_up_due = 0.0

    async def run(self) -> None:
        """Follow the host until cancelled; may be called again then: calls that still hang count on."""
        self.attempts = 0
        try:
            while True:
                try:
                    await self._live()
                except SourceError as error:
                    await self._over(error)
        finally:
            await asyncio.gather(self._workers.closed(), self._asking.closed())

    def presume_leaving(self, uuids: Iterable[str]) -> None:
        """These were being migrated away when the gateway ended: so they are until the host says no."""
        self._reader.presume_leaving(uuids)

    def look(self, *uuids: str, whole: bool = False, moving: bool = False) -> None:
        """Read these domains, or the whole host, as soon as it can be. `moving`: they may be on their way from here."""
        self._dirty.update(uuids)
        if moving:
            self._moving.update(uuids)
        if whole:
            self._whole_due = 0.0
        self._wake.set()

    async def answers(self, within_s: float) -> bool:
        """True when the host says something over its open connection in this time, whatever else is asked there."""
        connection = self._connection
        if connection is None:
            return False
        try:
            worker = self._asking.make()
        except SourceUnavailable:  # the question before this one hangs still
            return False
        try:
            return await worker.run(lambda calls: calls.within(within_s, "is it there?", connection.answers))
        except SourceError:
            return False
        finally:
            self._asking.retire(worker)

    def give_up(self, why: str) -> None:
        """The host does not answer, as was found out otherwise: its connection ends now, and it is lost."""
        self._end = why
        self._workers.give_up(SourceUnavailable(why))
        self._wake.set()

    # -- one connection ----------------------------------------------------------------------------------------

    async def _live(self) -> None:
        """Connect and follow until the connection ends, which is an error always."""
        self._was_read = False
        worker, tap = self._workers.make(), self._tap()
        connection: Connection | None = None
        try:
            self.door = await worker.run(self._opener.knock)
            async with self._turns.turn():
                connection = opened = await worker.run(self._opener.open)
                self._connection = opened
                await worker.run(lambda calls: opened.watch(calls, tap))
                self._reader.reconnected()
                await self._read_whole(worker, opened)
            await self._follow(worker, opened)
        finally:
            self.connected = tap.open = False
            self._connection = None
            self._workers.retire(worker, connection.close if connection is not None else None)

    def _tap(self) -> Tap:
        """Carries the callbacks of one connection from libvirt's thread to this loop."""
        soon = asyncio.get_running_loop().call_soon_threadsafe
        self._end = ""
        tap: Tap
        tap = Tap(
            self.host,
            self._now,
            lambda event: soon(self._told, tap, event),
            lambda what: soon(self._changed, tap, what),
            lambda why: soon(self._closed, tap, why),
        )
        return tap

    async def _follow(self, worker: Worker, connection: Connection) -> None:
        """Read what events, time and others ask for."""
        while True:
            if self._end:
                raise SourceUnavailable(self._end)
            await self._something()
            self._wake.clear()
            if self._whole_due <= time.monotonic() or len(self._dirty) > MANY:
                await self._read_whole(worker, connection)
            elif self._dirty:
                await self._read(worker, partial(self._reader.some, connection.virt))

    async def _read_whole(self, worker: Worker, connection: Connection) -> None:
        self._wake.clear()
        self._whole_due = math.inf
        await self._read(worker, partial(self._reader.whole, connection.virt))
        self._whole_due = min(self._whole_due, time.monotonic() + self._pause_s())
        self.connected = self._was_read = True
        self._health.succeeded()

    def _pause_s(self) -> float:
        """Until the next whole read. After the first it differs from host to host: they shall not come all at once."""
        share = 1.0 if self.connected else 0.25 + 0.75 * (crc32(self.host.encode()) % 1000 / 1000)
        return self._settings.interval_s * share

    async def _something(self) -> None:
        """Wait for a reason to read. What follows an event within a moment is read with it."""
        due = min(self._whole_due, self._follow_up_due) if self._on_the_way else self._whole_due
        try:
            async with asyncio.timeout(max(due - time.monotonic(), 0)):
                await self._wake.wait()
        except TimeoutError:
            self._dirty |= self._on_the_way
        else:
            if not self._end:
                await asyncio.sleep(self._settings.coalesce_s)

    async def _read(self, worker: Worker, read: Callable[..., Reading]) -> None:
        dirty, moving = frozenset(self._dirty), frozenset(self._moving)
        self._dirty.clear()
        self._moving.clear()
        at = self._now()
        reading = await worker.run(lambda calls: read(calls, dirty, moving))
        before = self.attempts
        self.attempts = 0  # before others may run: who counts the hosts that cannot be read does not count this one
        self._look_again_soon(reading)
        try:
            await self._audience.read(at, reading)
        except SourceError:
            self.attempts = before
            raise

    def _look_again_soon(self, reading: Reading) -> None:
        self._on_the_way -= self._on_the_way if isinstance(reading, HostReading) else reading.uuids
        for domain in reading.domains:
            if domain.migrating_out or is_in_transit(domain.status):
                self._on_the_way.add(domain.status.uuid)
        self._follow_up_due = time.monotonic() + FOLLOW_UP_S

    # -- callbacks, in this loop -------------------------------------------------------------------------------

    def _told(self, tap: Tap, event: DomainEvent) -> None:
        if not tap.open:
            return
        self._audience.told(event)
        if event.kind == "MIGRATION_ITERATION" or event.detail == ("SUSPENDED", "MIGRATED"):
            self._moving.add(event.uuid)
        self.look(event.uuid)

    def _changed(self, tap: Tap, what: str) -> None:
        if tap.open:
            self._reader.changed(what)
            self.look(whole=True)

    def _closed(self, tap: Tap, why: str) -> None:
        if tap.open:
            self._end = why
            self._wake.set()

    # -- the end of a connection -------------------------------------------------------------------------------

    async def _over(self, error: SourceError) -> None:
        """Go on at once without what hung; otherwise tell, and wait."""
        if isinstance(error, Overdue) and (seconds := self._reader.leave_out(error.what)) is not None:
            logger.warning("libvirt host %s: %s; that is left out for %.0f s", self.host, error, seconds)
            self._workers.excuse()
            return
        at = self._now()
        self.attempts += not self._was_read
        self._health.failed(error)
        await self._audience.lost(self.host, at, error)
        await asyncio.sleep(self._backoff.delay_s(self.attempts))
