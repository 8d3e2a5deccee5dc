"""Asks the guest agents of one host, over a connection of its own: an agent that hangs delays nothing else."""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any
from zlib import crc32

import libvirt

from gateway.collectors.libvirt.connection import Connection, Opener, said
from gateway.collectors.libvirt.guests import guest_of
from gateway.collectors.libvirt.reader import Reading
from gateway.collectors.libvirt.records import Domain, Guest, HostReading
from gateway.collectors.libvirt.settings import LibvirtSettings
from gateway.collectors.libvirt.silence import Silence
from gateway.collectors.libvirt.states import State
from gateway.collectors.libvirt.worker import Calls, Overdue
from gateway.collectors.libvirt.workers import Workers
from gateway.model.errors import SourceError, SourceUnavailable
from gateway.support.tasks import Health

logger = logging.getLogger(__name__)

MOST_HANGING = 4
SETTLE_S = 2.0
"""From an agent that connects to the question: a guest that boots has no addresses yet."""


class Agents:
    """The agents of one host; asked when they connect and every `agent_interval_s`. `learn` gets each answer."""

    def __init__(self, host: str, settings: LibvirtSettings, learn: Callable[[Guest], None]) -> None:
        self._host = host
        self._settings = settings
        self._opener = Opener(settings.hosts[host].agent_address, settings, writes=True)
        self._learn = learn
        self._health = Health(f"libvirt host {host}: guest agents", (SourceError,))
        self._silence = Silence(time.monotonic)
        self._due: dict[str, float] = {}
        """By UUID of a domain whose agent is connected: when it is asked (monotonic seconds)."""
        self._workers = Workers(f"libvirt {host} agents", settings.agent_timeout_s, MOST_HANGING, "agents")
        self._wake = asyncio.Event()

    def note(self, reading: Reading) -> None:
        """Take over whose agents are connected."""
        for uuid in set(self._due) if isinstance(reading, HostReading) else reading.uuids:
            if uuid not in {domain.status.uuid for domain in reading.domains}:
                self._due.pop(uuid, None)
        for domain in reading.domains:
            uuid = domain.status.uuid
            if not _answers(domain):
                self._due.pop(uuid, None)
            elif uuid not in self._due:
                self._due[uuid] = time.monotonic() + SETTLE_S
                self._wake.set()

    async def run(self) -> None:
        """Ask until cancelled."""
        try:
            while True:
                self._wake.clear()
                due = min(self._due.values(), default=None)
                with suppress(TimeoutError):
                    async with asyncio.timeout(None if due is None else max(due - time.monotonic(), 0)):
                        await self._wake.wait()
                now = time.monotonic()
                if wanted := [uuid for uuid, at in self._due.items() if at <= now]:
                    await self._round(wanted)
        finally:
            await self._workers.closed()

    async def _round(self, uuids: list[str]) -> None:
        """Ask these, one after the other; over one connection, as long as it serves."""
        waiting = list(reversed(uuids))
        try:
            while waiting:
                await self._ask(waiting)
            self._health.succeeded()
        except SourceError as error:
            self._health.failed(error)
        for uuid in uuids:
            if uuid in self._due:
                self._due[uuid] = self._next(uuid)

    def _next(self, uuid: str) -> float:
        """Not all at the same time."""
        return time.monotonic() + self._settings.agent_interval_s * (0.75 + crc32(uuid.encode()) % 1000 / 2000)

    async def _ask(self, waiting: list[str]) -> None:
        """Ask those who wait until all were asked, or one hangs: it is left out, and its thread left behind."""
        worker = self._workers.make()
        connection: Connection | None = None
        try:
            await worker.run(self._opener.knock)
            connection = opened = await worker.run(self._opener.open)
            while waiting:
                uuid = waiting.pop()
                if not self._silence.holds(uuid):
                    guest = await worker.run(partial(_asked, opened.virt, uuid))
                    self._silence.end(uuid)
                    if guest is not None:
                        self._learn(guest)
        except Overdue as error:
            if connection is None:
                raise
            seconds = self._silence.begin(error.what)
            logger.info("host %s: the agent of domain %s does not answer; asked again in %.0f s",
                        self._host, error.what, seconds)  # fmt: skip
        finally:
            self._workers.retire(worker, connection.close if connection is not None else None)


def _answers(domain: Domain) -> bool:
    return domain.status.state == State.RUNNING and domain.definition.agent == "connected"


def _asked(connection: Any, uuid: str, calls: Calls) -> Guest | None:
    """What the agent of a domain tells, as far as it can; None: it does not answer, or the domain is gone."""
    try:
        domain = calls(uuid, connection.lookupByUUIDString, uuid)
        return guest_of(uuid, calls(uuid, domain.guestInfo, 0, 0))
    except libvirt.libvirtError as error:
        if error.get_error_code() in _REFUSED or not connection.isAlive():
            raise SourceUnavailable(f"{said(error)}. Agents need a connection that may write (agent_uri)") from error
        logger.debug("the agent of domain %s: %s", uuid, said(error))
        return None


_REFUSED = {libvirt.VIR_ERR_ACCESS_DENIED, libvirt.VIR_ERR_OPERATION_DENIED, libvirt.VIR_ERR_AUTH_FAILED}
