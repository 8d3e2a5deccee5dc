"""Publishing: SNMP agent and REST server, bound before the gateway counts as started."""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import gateway
from gateway.app.places import socket_path
from gateway.app.revisions import Revisions
from gateway.app.snmp_secrets import how_to_ask, make_local_user, nobody_may_ask
from gateway.config.configuration import Configuration
from gateway.config.problems import all_of
from gateway.engine.reconciler import Reconciler
from gateway.engine.windows import PlannedWindows
from gateway.model.conditions import SettleTimes
from gateway.model.errors import ConfigError
from gateway.model.events import Event
from gateway.model.ports import EventFilter, ReceiverDesk
from gateway.model.snapshot import Snapshot
from gateway.model.standings import Standings
from gateway.publishers.metrics import Count, Counts, Metrics
from gateway.publishers.rest import RestPublisher, RestSettings, create_app
from gateway.publishers.rest.health_routes import Awaited
from gateway.publishers.rest.ingest_routes import Ingest
from gateway.publishers.snmp import SnmpPublisher, SnmpSettings
from gateway.publishers.snmp.recent import KEPT as RECENT_EVENTS
from gateway.publishers.snmp.refusals import Refused
from gateway.schema.snmp.arcs import ENTERPRISE, is_documentation
from gateway.schema.snmp.engine import SnmpEngine, new_engine_id
from gateway.schema.snmp.targets import Target
from gateway.store.database import Database
from gateway.support.clock import Clock
from gateway.support.tasks import supervise
from gateway.topology.ages import STALE_INTERVALS
from gateway.wire.ber import Oid
from gateway.wire.oid import format_oid

logger = logging.getLogger(__name__)

BIND_S = 10.0
CERTIFICATE_S = 0.05
"""The REST server reads its certificate before its first turn ends; what is wrong with it is raised by then."""
Begin = Callable[[], Awaitable["asyncio.Task[None]"]]
"""Binds, begins to serve, and returns the task that does."""


def start_engine(database: Database, clock: Clock, root: Oid = ENTERPRISE, instance: str = "") -> SnmpEngine:
    """An SNMP engine of this start: its boots are committed before it is used. `root`: of our MIB. Blocking."""
    engine_id = engine_id_of(database, instance)
    return SnmpEngine(engine_id, database.administration.next_engine_boots(instance), clock.monotonic(), root)


def engine_id_of(database: Database, instance: str = "") -> bytes:
    """
    The SNMP engine ID that a gateway of this name answers under; of the installation, which tells, without a name.

    Made when there is none yet. Blocking.
    """
    return database.administration.engine_id(lambda: new_engine_id(secrets.token_bytes(12)), instance)


def mib_root(configuration: Configuration) -> Oid:
    """Where our MIB hangs, for the agent and the notifications."""
    root = root_of(configuration)
    if is_documentation(root):
        logger.warning(
            "snmp: the MIB hangs below %s, a number for documentation that is nobody's (RFC 5612). Give "
            "publishers.snmp.enterprise the number of your organisation before consoles learn these OIDs",
            format_oid(root),
        )
    return root


def root_of(configuration: Configuration) -> Oid:
    """The same, without a word."""
    settings = configuration.publishers["snmp"]
    assert isinstance(settings, SnmpSettings)
    return settings.root


ROOT_KEY: Final = ("publishers", "snmp", "enterprise")
"""What of a configuration `root_of` asks."""


def authentication_traps_of(configuration: Configuration) -> bool:
    """Whether receivers are told when somebody asks the agent with wrong credentials."""
    settings = configuration.publishers["snmp"]
    assert isinstance(settings, SnmpSettings)
    return settings.authentication_traps


class Publishing:
    """The publishers of one gateway."""

    def __init__(
        self,
        database: Database,
        reconciler: Reconciler,
        revisions: Revisions,
        ingest: Ingest,
        clock: Clock,
        counts: Counts = tuple,
        awaited: Awaited = tuple,
        receivers: ReceiverDesk | None = None,
        standings: Standings | None = None,
    ) -> None:
        """`counts`: what other parts count since the start, for /metrics. `awaited`: why it is not ready yet."""
        self._database = database
        self._reconciler = reconciler
        self._revisions = revisions
        self._ingest = ingest
        self._clock = clock
        self._counts = counts
        self._awaited = awaited
        self._receivers = receivers
        self._standings = standings
        self._targets: tuple[Target, ...] = ()
        self._stale_intervals = STALE_INTERVALS
        self._agent: SnmpPublisher | None = None
        self._rest: RestPublisher | None = None
        self._metrics = Metrics(
            reconciler, clock, gateway.__version__, database.administration.deliveries, self._counted
        )
        self._tasks: list[asyncio.Task[None]] = []
        reconciler.listen(self._remember)
        self.rest_addresses: tuple[str, ...] = ()
        self.snmp_addresses: tuple[tuple[str, int], ...] = ()

    async def start(self, configuration: Configuration, engine: SnmpEngine, state_dir: Path, instance: str) -> None:
        """
        Serve everything that is enabled.

        Raises:
            ConfigError: addresses cannot be bound, a certificate cannot be read; says so of all publishers.
        """
        snmp, rest = configuration.publishers["snmp"], configuration.publishers["rest"]
        assert isinstance(snmp, SnmpSettings)
        assert isinstance(rest, RestSettings)
        resolved = _resolved(rest, configuration.base, socket_path(state_dir))
        self._stale_intervals = configuration.settle.stale_intervals
        refused: list[ConfigError] = []
        if snmp.enabled:
            asked = await asyncio.to_thread(make_local_user, snmp, engine.engine_id, state_dir)
            await self._serve("snmp", lambda: self._begin_snmp(asked, engine, instance), refused)
            if nobody_may_ask(snmp) and self.snmp_addresses:
                logger.info(
                    "snmp: nobody is configured, so ask it: %s", how_to_ask(state_dir, self.snmp_addresses[0], snmp)
                )
        await self._serve("rest", lambda: self._begin_rest(resolved), refused)
        if refused:
            raise all_of(refused)

    def use_settle(self, settle: SettleTimes) -> None:
        """From now on these say when data are stale."""
        self._stale_intervals = settle.stale_intervals
        for publisher in (self._agent, self._rest):
            if publisher is not None:
                publisher.use_stale_intervals(settle.stale_intervals)

    def show_targets(self, targets: Iterable[Target]) -> None:
        """These are the receivers of notifications from now on."""
        self._targets = tuple(targets)
        if self._agent is not None:
            self._agent.show_targets(self._targets)

    def refused(self) -> tuple[Refused, ...]:
        """Who asked the agent with wrong credentials since this was asked last."""
        return self._agent.refused() if self._agent is not None else ()

    async def stop(self) -> None:
        """End all requests, close all sockets."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    async def _serve(self, name: str, begin: Begin, refused: list[ConfigError]) -> None:
        """Keep a publisher serving; when it cannot begin for the first time, why is added to `refused`."""
        try:
            begun = [await begin()]
        except ConfigError as error:
            refused.append(error)
            return

        async def serve() -> None:
            await (begun.pop() if begun else await begin())

        self._tasks.append(asyncio.create_task(supervise(f"publisher {name}", serve), name=f"publisher {name}"))

    def _remember(self, _snapshot: Snapshot, events: tuple[Event, ...]) -> None:
        if self._agent is not None and events:
            self._agent.remember(events)

    def _counted(self) -> Iterator[Count]:
        yield from self._counts()
        if self._agent is not None:
            yield from self._agent.counters.figures()

    async def _begin_snmp(self, settings: SnmpSettings, engine: SnmpEngine, instance: str) -> "asyncio.Task[None]":
        agent = self._agent = SnmpPublisher(
            settings,
            self._reconciler,
            engine,
            self._clock,
            instance,
            self._stale_intervals,
            self._targets,
            self._standings,
        )
        lately = EventFilter(newest_first=True, limit=RECENT_EVENTS)
        agent.remember(await asyncio.to_thread(self._database.history.events, lately))
        serving = await _bound(agent.run(), agent.ready())
        self.snmp_addresses = agent.addresses
        logger.info("snmp: listening on %s", ", ".join(f"{host} port {port}" for host, port in agent.addresses))
        return serving

    async def _begin_rest(self, settings: RestSettings) -> "asyncio.Task[None]":
        application = create_app(
            self._reconciler,
            self._database.history,
            self._database.administration,
            subscribe=self._revisions.subscribe,
            ingest=self._ingest,
            clock=self._clock,
            version=gateway.__version__,
            metrics=self._metrics.render,
            open_metrics=settings.open_metrics,
            awaited=self._awaited,
            stale_intervals=self._stale_intervals,
            receivers=self._receivers,
            windows=PlannedWindows(self._reconciler),
        )
        server = self._rest = RestPublisher(settings, application)
        self.rest_addresses = server.listen()
        return await _bound(server.run(), asyncio.sleep(CERTIFICATE_S))


async def _bound(run: Coroutine[Any, Any, None], ready: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
    """The task that serves, once it is ready. Raises what it raises before."""
    serving, waiting = asyncio.create_task(run), asyncio.create_task(ready)
    await asyncio.wait({serving, waiting}, timeout=BIND_S, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if serving.done():
        serving.result()
    return serving


def _resolved(settings: RestSettings, base: Path, socket: Path) -> RestSettings:
    """Relative paths start at the configuration; the UNIX socket is in the state folder unless it says otherwise."""
    paths = {
        "unix_socket": base / settings.unix_socket if settings.unix_socket is not None else socket,
        "tls_certificate": base / settings.tls_certificate if settings.tls_certificate is not None else None,
        "tls_key": base / settings.tls_key if settings.tls_key is not None else None,
    }
    return settings.model_copy(update=paths)
