"""The collector of a libvirt fleet: follows all its hosts, and makes observations of what they tell."""

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

from gateway.collectors.libvirt.agents import Agents
from gateway.collectors.libvirt.doubts import Doubts
from gateway.collectors.libvirt.duplicates import Duplicates
from gateway.collectors.libvirt.fleet import Fleet
from gateway.collectors.libvirt.follower import Follower
from gateway.collectors.libvirt.guests import Guests
from gateway.collectors.libvirt.hearing import hear, vanished
from gateway.collectors.libvirt.keeping import Keeper
from gateway.collectors.libvirt.mapping import observe
from gateway.collectors.libvirt.memory import HostMemory
from gateway.collectors.libvirt.presence import resume
from gateway.collectors.libvirt.probing import probe_fleet
from gateway.collectors.libvirt.reader import Reading
from gateway.collectors.libvirt.recorder import Recorder
from gateway.collectors.libvirt.records import DomainEvent, Guest
from gateway.collectors.libvirt.remembered import Remembered, load, save
from gateway.collectors.libvirt.settings import LibvirtSettings
from gateway.collectors.libvirt.storage import Storage
from gateway.collectors.libvirt.turns import Turns
from gateway.collectors.libvirt.twins import Twins
from gateway.model.entities import EntityKind, NativeKey
from gateway.model.errors import SourceError, SourceUnavailable
from gateway.model.observations import Observation, Report, ScopeFailure, Whole
from gateway.model.ports import CollectorContext

logger = logging.getLogger(__name__)

WRITE_PAUSE_S = 1.0
"""Between two writes of what is remembered."""
Reporter = Callable[[Report], Awaitable[None]]


class LibvirtSource:
    """
    One fleet; each host is a scope.

    A host that cannot be read is a ScopeFailure, and no trouble of the others. Only when none can be read the source
    as a whole has failed. What is remembered of a host outlives its connections, and
    the gateway.
    """

    def __init__(self, name: str, settings: LibvirtSettings, context: CollectorContext) -> None:
        self.interval_s = settings.interval_s
        self._name = name
        self._settings = settings
        self._now = context.now
        self._file = context.state_dir / f"libvirt-{name}.json"
        self._saved = load(self._file)
        self._memories = {host: HostMemory(host, self._saved.domains(host)) for host in settings.hosts}
        self._left = set(self._saved.followed) - set(settings.hosts)
        self._guests = Guests(self._saved.guests, settings.hosts)
        self._fleet = Fleet(Storage(settings.shared_pools, self._saved.pairs))
        resume(self._fleet, self._memories.values())
        self._keeper = Keeper(self._memories.values())
        self._duplicates = Duplicates()
        self._twins = Twins(settings, self._saved.daemons)
        folder = context.config_dir / settings.record.expanduser() if settings.record is not None else None
        self._recorder = Recorder(folder, name, context.now()) if folder is not None else None
        turns = Turns()
        self._followers = {host: Follower(host, settings, context.now, self, turns) for host in settings.hosts}
        self._doubts = Doubts(self._followers, self._is_there, self._is_silent)
        for host, memory in self._memories.items():
            self._followers[host].presume_leaving(memory.leaving)
        asking = settings.hosts if settings.guest_agent else ()
        self._agents = {host: Agents(host, settings, partial(self._learned, host)) for host in asking}
        self._report: Reporter = _nobody
        self._changed = asyncio.Event()
        self._learned_more = asyncio.Event()
        self._writing = threading.Lock()
        self._errors: dict[str, str] = {}

    async def run(self, report: Reporter) -> None:
        """
        Follow all hosts until cancelled.

        Raises:
            SourceUnavailable: none of them can be read.
        """
        self._report, self._duplicates, self._errors = report, Duplicates(), {}
        try:
            async with asyncio.TaskGroup() as tasks:
                for host, follower in self._followers.items():
                    tasks.create_task(follower.run(), name=f"libvirt host {host}")
                for host, agents in self._agents.items():
                    tasks.create_task(agents.run(), name=f"libvirt agents of {host}")
                tasks.create_task(self._doubts.run(), name=f"source {self._name}: doubts")
                tasks.create_task(self._resolve_duplicates(), name=f"source {self._name}: duplicates")
                tasks.create_task(self._remember_on(), name=f"source {self._name}: what is remembered")
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
        finally:
            self._keep(self._to_keep())
            if self._recorder is not None:
                self._recorder.write()  # the loop may be about to end, and it is a few lines

    def doubt(self, scope: str) -> None:
        """Ask this host at once whether it is there: it is read then, or its connection is given up."""
        if scope in self._followers:
            self._doubts.begin(scope)

    async def probe(self) -> str:
        """
        How many hosts and domains there are, and which hosts do not answer.

        Raises:
            SourcePartly: not all do.
        """
        return await probe_fleet(self._settings, Twins(self._settings, self._saved.daemons))

    # -- what followers tell -----------------------------------------------------------------------------------

    def told(self, event: DomainEvent) -> None:
        """An event of a domain: evidence for the reading that follows."""
        logger.debug("host %s: %s %s of %s at %d", event.host, event.kind, " ".join(event.detail), event.name, event.at)
        for host in hear(event, self._memories, self._fleet):
            self._followers[host].look(event.uuid, moving=True)
        if self._recorder is not None:
            self._recorder.event(event)

    async def read(self, at: int, reading: Reading) -> None:
        """
        A host, or some of its domains, as they are.

        Raises:
            SourceUnavailable: the host is another one by a second name; nothing of it is reported.
        """
        if reading.facts is not None:
            uuids = {domain.status.uuid for domain in reading.domains}
            if refusal := self._twins.refusal(reading.host, reading.facts, uuids):
                raise SourceUnavailable(refusal)
        self._errors.pop(reading.host, None)
        self._duplicates.note(reading, time.monotonic())
        self._changed.set()
        self._note_guests(reading)
        reading = replace(reading, guests=self._guests.of(reading))
        memory = self._memories[reading.host]
        arriving = memory.arriving
        for observation in observe(self._name, at, reading, memory, self._fleet):
            await self._report(observation)
        for uuid, others in vanished(arriving, reading.host, self._memories, self._fleet).items():
            for host in others:
                self._followers[host].look(uuid, moving=True)
        if abandoned := memory.abandoned:
            self._followers[reading.host].look(*abandoned, moving=True)
        await self._retire()
        self._learned_more.set()
        if self._recorder is not None:
            self._recorder.read(at, reading)
            await asyncio.to_thread(self._recorder.write)

    async def lost(self, host: str, at: int, error: SourceError) -> None:
        """
        A host that cannot be read.

        Raises:
            SourceUnavailable: it was the last one that could.
        """
        self._errors[host] = str(error)
        self._duplicates.forget(host)
        if self._recorder is not None:
            self._recorder.lost(host, at, str(error))
        await self._report(ScopeFailure(self._name, at, host, str(error), NativeKey(EntityKind.HYPERVISOR, host)))
        if all(follower.attempts for follower in self._followers.values()):
            raise SourceUnavailable(self._summary())

    async def _retire(self) -> None:
        """Hosts that left the configuration have nothing any more; told as soon as one of the others was read."""
        while self._left:
            host = self._left.pop()
            try:
                await self._report(Observation(self._name, self._now(), Whole(host)))
            except BaseException:
                self._left.add(host)
                raise
            logger.info("source %s: host %s left the configuration, and what only it told with it", self._name, host)

    # -- guests ------------------------------------------------------------------------------------------------

    def _note_guests(self, reading: Reading) -> None:
        if reading.host in self._agents:
            self._agents[reading.host].note(reading)
        self._guests.note(reading)

    def _learned(self, host: str, guest: Guest) -> None:
        if self._guests.learn(guest):
            self._followers[host].look(guest.uuid)

    # -- what outlives the gateway -----------------------------------------------------------------------------

    async def _remember_on(self) -> None:
        """Write down what is known whenever it has changed; of many changes within a moment the last counts."""
        while True:
            await self._learned_more.wait()
            self._learned_more.clear()
            await asyncio.to_thread(self._keep, self._to_keep())
            await asyncio.sleep(WRITE_PAUSE_S)

    def _to_keep(self) -> Remembered:
        followed = tuple(sorted({*self._settings.hosts, *self._left}))
        pairs, hosts = self._fleet.storage.pairs, self._keeper.hosts()
        return Remembered(self._guests.all, pairs, hosts, followed, self._twins.identities)

    def _keep(self, known: Remembered) -> None:
        with self._writing:
            if known != self._saved and save(self._file, known):
                self._saved = known

    # -- doubts ------------------------------------------------------------------------------------------------

    def _is_there(self, host: str) -> None:
        self._followers[host].look(whole=True)

    def _is_silent(self, host: str, why: str) -> None:
        logger.warning("libvirt host %s: %s, and what runs on it is lost, another source says", host, why)
        self._followers[host].give_up(why)

    # -- all of them -------------------------------------------------------------------------------------------

    def _summary(self) -> str:
        host, error = next(iter(self._errors.items()))
        if len(self._errors) == 1:
            return f"{host}: {error}"
        return f"none of {len(self._settings.hosts)} hosts can be read; {host}: {error}"

    async def _resolve_duplicates(self) -> None:
        """Have both hosts read again while a domain is active on two."""
        while True:
            self._changed.clear()
            pause = self._duplicates.due_in_s(time.monotonic())
            try:
                async with asyncio.timeout(None if pause is None else max(pause, 0.05)):
                    await self._changed.wait()
            except TimeoutError:
                for host in self._duplicates.due(time.monotonic()):
                    self._followers[host].look(whole=True)


async def _nobody(_report: Report) -> None:
    """Nobody listens yet."""
