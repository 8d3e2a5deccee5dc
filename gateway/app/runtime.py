"""The runtime: everything that runs in one gateway, started in order, stopped in the reverse order."""

import asyncio
import hashlib
import logging
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack

from gateway.app import places
from gateway.app.intruders import watch
from gateway.app.leadership import Leadership, holder_of
from gateway.app.lock import StateLock
from gateway.app.publishing import Publishing, authentication_traps_of, mib_root, start_engine
from gateway.app.readiness import Readiness
from gateway.app.receiver_desk import RunningReceivers
from gateway.app.receivers import Receivers
from gateway.app.retention import retain
from gateway.app.revisions import Revisions
from gateway.app.sinks import SinkContext
from gateway.app.sources import Sources
from gateway.app.standings import ReceiverStandings
from gateway.app.views import views_of
from gateway.config.configuration import Configuration
from gateway.config.settings import Settings
from gateway.engine.reconciler import Listener, Reconciler
from gateway.model.errors import ConfigError, LeaseLost, StoreError
from gateway.model.notices import NoticeKind
from gateway.store.database import Database, connect
from gateway.support import sdnotify
from gateway.support.clock import SystemClock
from gateway.support.memory import set_aside
from gateway.support.tasks import attempt, supervise
from gateway.support.threads import pool

logger = logging.getLogger(__name__)

STOP_S = 5.0
"""Longest that one part may take to stop."""
BLOCKING = 8
"""Threads for what blocks now and then and has none of its own."""

Reload = Callable[[], Configuration]


class Runtime:
    """
    One gateway: database, reconciler, receivers, publishers, sources.

    `reload` reads the configuration again (SIGHUP); `on_ready` is called when all has started; `listeners` hear of
    each revision. Its parts are there from `on_ready` on.
    """

    database: Database
    reconciler: Reconciler
    receivers: Receivers
    receiver_desk: RunningReceivers
    sources: Sources
    publishing: Publishing
    readiness: Readiness

    def __init__(
        self,
        configuration: Configuration,
        reload: Reload | None = None,
        on_ready: Callable[["Runtime"], Awaitable[None]] | None = None,
        listeners: tuple[Listener, ...] = (),
    ) -> None:
        self.configuration = configuration
        self.state_dir, self._database_url = places.places_of(configuration)
        self._reload = reload
        self._on_ready = on_ready
        self._revisions = Revisions()
        self._listeners = (self._revisions.tell, *listeners)
        self._stop = asyncio.Event()
        self._hang_up = asyncio.Event()
        self._lost: LeaseLost | None = None
        self.clock = SystemClock()

    async def run(self) -> None:
        """
        Run until SIGTERM or SIGINT.

        Raises:
            ConfigError: the configuration cannot work (state folder in use, port taken, ...).
            StoreError: the database cannot be opened.
            LeaseLost: another gateway has taken over in front of the same database; this one has stopped.
        """
        loop = asyncio.get_running_loop()
        loop.set_default_executor(pool(BLOCKING, "blocking"))
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._hang_up.set)
        places.check_socket_path(self.state_dir)
        with StateLock(places.make_state_dir(self.state_dir)):
            async with AsyncExitStack() as stack:
                if await self._comes_to_lead(stack):
                    await self._work(stack)
                sdnotify.notify("STOPPING=1")
                logger.info("gateway: is stopping")
            logger.info("gateway: has stopped")
        if self._lost is not None:
            raise self._lost

    # -- the lease ---------------------------------------------------------------------------------------------

    async def _comes_to_lead(self, stack: AsyncExitStack) -> bool:
        """Open the database, and stand by until this gateway leads; False: it is stopped first."""
        database = self.database = await asyncio.to_thread(connect, self._database_url, self.clock.now)
        stack.callback(database.close)
        if not await asyncio.to_thread(database.lease.known):
            await asyncio.to_thread(database.upgrade)
        leadership = Leadership(database.lease, holder_of(self.state_dir, self.configuration.gateway.instance))
        winning, stopping = asyncio.create_task(leadership.win()), asyncio.create_task(self._stop.wait())
        await asyncio.wait((winning, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not winning.done():
            winning.cancel()
            return False
        await winning
        stack.push_async_callback(_within, leadership.resign)
        await asyncio.to_thread(database.upgrade)
        self._run_task(stack, "lease", lambda: self._keep(leadership))
        return True

    async def _keep(self, leadership: Leadership) -> None:
        try:
            await leadership.keep()
        except LeaseLost as error:
            logger.error("gateway: %s", error)
            self._lost = error
            self._stop.set()

    # -- start and stop ----------------------------------------------------------------------------------------

    async def _work(self, stack: AsyncExitStack) -> None:
        """Start everything, and run until stopped."""
        await self._start(stack)
        self._run_task(stack, "readiness", self._tell_ready)
        logger.info("gateway: runs as process %d, state in %s", os.getpid(), self.state_dir)
        if self._on_ready is not None:
            await self._on_ready(self)
        await self._until_stopped()

    async def _start(self, stack: AsyncExitStack) -> None:
        reconciler = self.reconciler = await self._start_topology(stack)
        configuration, clock = self.configuration, self.clock
        engine = await asyncio.to_thread(start_engine, self.database, clock, mib_root(configuration))

        start = await asyncio.to_thread(self._start_kind)
        self.receivers = Receivers(self.database, reconciler, SinkContext(engine, clock), start)
        stack.push_async_callback(_within, self.receivers.stop)
        self.receiver_desk = RunningReceivers(self.database, {}, self.state_dir, clock, self.receivers)
        await self.receiver_desk.use(configuration.receivers, views_of(configuration, engine.root))

        self.sources = Sources(reconciler, clock, configuration.settle, self.state_dir, configuration.base)
        plan = self.sources.plan(configuration.sources, configuration.settle)

        self.readiness = Readiness(reconciler, clock)
        self.readiness.expect(plan.enabled)

        self.publishing = Publishing(
            self.database,
            reconciler,
            self._revisions,
            self.sources.hints,
            clock,
            self.receivers.figures,
            self.readiness.awaited,
            self.receiver_desk,
            ReceiverStandings(self.receivers),
        )
        stack.push_async_callback(_within, self.publishing.stop)
        if instance := configuration.gateway.instance:
            engine = await asyncio.to_thread(start_engine, self.database, clock, engine.root, instance)
        await self.publishing.start(configuration, engine, self.state_dir, instance or socket.gethostname())

        self.receiver_desk.on_change = lambda: self.publishing.show_targets(self.receivers.targets())
        self.receiver_desk.on_change()
        self._run_task(stack, "intruders", self._watch_intruders)

        stack.push_async_callback(_within, self.sources.stop)
        await self.sources.carry_out(plan)
        days = configuration.gateway.retention_days
        self._run_task(stack, "retention", lambda: retain(self.database, clock, days, self.receivers.dispatcher.wake))

    def _start_kind(self) -> NoticeKind:
        """warmStart: with the configuration of the last start (RFC 3418). Secrets are not compared. Blocking."""
        given = self.configuration
        shown = repr((given.gateway, given.settle, given.sources, given.publishers, given.receivers))
        same = self.database.administration.same_configuration(hashlib.sha256(shown.encode()).hexdigest())
        return NoticeKind.WARM_START if same else NoticeKind.COLD_START

    async def _start_topology(self, stack: AsyncExitStack) -> Reconciler:
        reconciler = Reconciler(self.database.repository, self.configuration.settle, self.clock.now)
        stack.push_async_callback(_within, reconciler.close)
        snapshot = await asyncio.to_thread(reconciler.load)
        set_aside()
        self.clock.not_before(snapshot.at)
        self.database.history.follow(reconciler)
        for listener in self._listeners:
            reconciler.listen(listener)
        self._run_task(stack, "reconciler", reconciler.run)
        return reconciler

    def _run_task(self, stack: AsyncExitStack, name: str, run: Callable[[], Awaitable[None]]) -> None:
        task = asyncio.create_task(supervise(name, run, expected=(StoreError,)), name=name)

        async def stop() -> None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        stack.push_async_callback(_within, stop)

    async def _watch_intruders(self) -> None:
        told = authentication_traps_of(self.configuration)

        async def tell(text: str) -> None:
            if told:
                await self.receivers.tell_all(NoticeKind.AUTHENTICATION_FAILURE, text)

        await watch(self.publishing.refused, tell)

    async def _tell_ready(self) -> None:
        """Tell systemd when every source has been read or has failed once."""
        sdnotify.notify("STATUS=reading each source for the first time")
        await self.readiness.reached()
        logger.info("gateway: is ready")
        sdnotify.notify("READY=1\nSTATUS=ready")
        await asyncio.Event().wait()

    async def _until_stopped(self) -> None:
        while not self._stop.is_set():
            waits = [asyncio.create_task(event.wait()) for event in (self._stop, self._hang_up)]
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()
            if self._hang_up.is_set() and not self._stop.is_set():
                self._hang_up.clear()
                await attempt("reading the configuration again", self._read_again)

    # -- a new configuration -----------------------------------------------------------------------------------

    async def _read_again(self) -> None:
        """Take over what changed; a wrong configuration is refused as a whole, and the old one goes on."""
        if self._reload is None:
            logger.warning("gateway: there is no configuration file to read again")
            return
        try:
            new = await asyncio.to_thread(self._reload)
            sources = self.sources.plan(new.sources, new.settle)
            await self.receiver_desk.use(new.receivers, views_of(new, self.receivers.root))
        except ConfigError as error:
            logger.error("gateway: the new configuration is refused, the old one goes on: %s", error)
            return
        self.reconciler.use_settle(new.settle)
        self.publishing.use_settle(new.settle)
        await self.sources.carry_out(sources)
        for warning in new.warnings:
            logger.warning("gateway: %s", warning)
        if fixed := list(_fixed(self.configuration, new)):
            logger.warning("gateway: %s changed: that takes effect at the next start, restart it", ", ".join(fixed))
        self.configuration = new
        logger.info("gateway: the configuration was read again")


def _fixed(old: Configuration, new: Configuration) -> Iterator[str]:
    """Keys that changed and that a running gateway cannot take over."""
    tables: list[tuple[str, Settings, Settings]] = [("gateway", old.gateway, new.gateway)]
    tables += [(f"publishers.{name}", was, new.publishers[name]) for name, was in old.publishers.items()]
    for table, before, after in tables:
        yield from (f"{table}.{key}" for key in type(after).model_fields if getattr(before, key) != getattr(after, key))


async def _within(stopping: Callable[[], Awaitable[None]]) -> None:
    """Stop one part; one that does not is left behind, and said."""
    try:
        await asyncio.wait_for(stopping(), STOP_S)
    except TimeoutError:
        logger.warning("gateway: %s did not stop within %.0f s", stopping, STOP_S)
