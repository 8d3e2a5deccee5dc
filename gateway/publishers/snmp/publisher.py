"""The SNMP publisher: agent and sockets put together."""

import asyncio
import os
import socket
from collections.abc import Iterable, Iterator

import gateway
from gateway.model.events import Event
from gateway.model.ports import CurrentTopology
from gateway.model.snapshot import Snapshot
from gateway.model.standings import ReceiverHealth, Standings
from gateway.publishers.snmp.access import Access, usm_users
from gateway.publishers.snmp.agent import Agent
from gateway.publishers.snmp.configured import configured_columns
from gateway.publishers.snmp.contexts import HypervisorContexts
from gateway.publishers.snmp.entity_changes import EntityChanges
from gateway.publishers.snmp.host_resources import host_columns
from gateway.publishers.snmp.live import LiveTable
from gateway.publishers.snmp.notification_log import log_columns
from gateway.publishers.snmp.receivers import ReceiverTables
from gateway.publishers.snmp.refusals import Refused
from gateway.publishers.snmp.render import Renderer
from gateway.publishers.snmp.segments import ScalarColumn, ServedColumn
from gateway.publishers.snmp.server import UdpServer
from gateway.publishers.snmp.settings import SnmpSettings
from gateway.publishers.snmp.system import Counters, Identity, system_columns
from gateway.schema.snmp import syntax
from gateway.schema.snmp.arcs import under
from gateway.schema.snmp.engine import SnmpEngine
from gateway.schema.snmp.entity_mib import LAST_CHANGE
from gateway.schema.snmp.info import SCALARS, InfoFacts, Scalar
from gateway.schema.snmp.receivers import DELIVERY_TABLES, LONGEST_NAME
from gateway.schema.snmp.targets import Target, transport
from gateway.support.clock import Clock
from gateway.topology.ages import STALE_INTERVALS
from gateway.wire.usm import AuthoritativeEngine


class SnmpPublisher:
    """
    Serves TOPOLOGY-GATEWAY-MIB and the standard groups until cancelled.

    `engine`: ID and boots from `Administration`, started by the same clock. `instance`: this gateway's name.
    `stale_intervals`: so many intervals of silence make data stale.
    `targets`: the receivers of notifications, for SNMP-TARGET-MIB. `standings`: how these are doing.
    """

    name = "snmp"

    def __init__(
        self,
        settings: SnmpSettings,
        topology: CurrentTopology,
        engine: SnmpEngine,
        clock: Clock,
        instance: str = "",
        stale_intervals: int = STALE_INTERVALS,
        targets: Iterable[Target] = (),
        standings: Standings | None = None,
    ) -> None:
        self._topology = topology
        self._standings = standings
        self._receivers = ReceiverTables()
        self._engine = engine
        self._clock = clock
        self._instance = instance or socket.gethostname()
        self._last_change: tuple[Snapshot, int] | None = None
        self._ready = asyncio.Event()
        self.addresses: tuple[tuple[str, int], ...] = ()
        """(address, port) of each socket, once bound; see `ready`."""
        self.counters = Counters()
        self.renderer = Renderer(clock.now, stale_intervals, engine.root, self._started_at(), engine.engine_id)
        self.agent = self._agent(settings)
        self.show_targets(targets)
        self._server = UdpServer(settings.listen, self.agent.respond, self._failed)

    async def run(self) -> None:
        """
        Answer until cancelled.

        Raises:
            ConfigError: an address cannot be bound.
        """
        self.addresses = self._server.open()
        self.renderer.look.transport = transport(*self.addresses[0])
        self._ready.set()
        try:
            await asyncio.Event().wait()
        finally:
            self._server.close()
            self._ready.clear()

    def remember(self, events: Iterable[Event]) -> None:
        """
        Show these in topoRecentTable. Call it in the event loop.

        With what the log has at the start, and after each revision with what it brought.
        """
        self.renderer.remember(events, self._topology.snapshot)

    def use_stale_intervals(self, stale_intervals: int) -> None:
        """So many intervals of silence make data stale, from now on."""
        self.renderer.use_stale_intervals(stale_intervals)

    def show_targets(self, targets: Iterable[Target]) -> None:
        """These are the receivers of notifications from now on. Call it in the event loop."""
        receivers = tuple(targets)
        self._receivers.show(receivers)
        runbooks = {receiver.runbook for receiver in receivers if receiver.runbook}
        self.renderer.use_runbook(runbooks.pop() if len(runbooks) == 1 else "")

    def refused(self) -> tuple[Refused, ...]:
        """Who asked with credentials that are not right since this was asked last. Call it in the event loop."""
        return self.agent.refusals.take()

    async def ready(self) -> None:
        """Wait until all addresses are bound."""
        await self._ready.wait()

    def _agent(self, settings: SnmpSettings) -> Agent:
        engine, monotonic = self._engine, self._clock.monotonic
        users = usm_users(settings, engine.engine_id)
        usm = AuthoritativeEngine(
            engine.engine_id,
            engine.boots,
            users,
            first_salt=int.from_bytes(os.urandom(8), "big"),
            max_size=settings.max_message_size,
        )
        standard = system_columns(
            self._identity(settings), engine, usm, self.counters, monotonic, settings.authentication_traps
        )
        contexts = HypervisorContexts(self.renderer, standard)
        entities = EntityChanges(self.renderer, self._change_ticks)
        columns: list[ServedColumn] = [
            *standard,
            contexts.name_column,
            *configured_columns(settings, users),
            *self._receivers.columns,
            *self._delivery_columns(),
            *log_columns(self.renderer),
            *host_columns(engine.root, self._clock.now),
            ScalarColumn(LAST_CHANGE, lambda: syntax.TIME_STAMP.encode(entities.last())),
            *(self._info(scalar) for scalar in SCALARS),
            *self.renderer.columns,
        ]
        access = Access(settings, columns, users, contexts)
        return Agent(self._topology, self.renderer, access, engine, usm, self.counters, monotonic)

    def _delivery_columns(self) -> Iterator[ServedColumn]:
        if self._standings is None:
            return
        asked = (self._standings.standings, self._standings.missed)
        for table, ask in zip(DELIVERY_TABLES, asked, strict=True):
            yield from LiveTable(table, ask, self.renderer.look, LONGEST_NAME).columns

    def _identity(self, settings: SnmpSettings) -> Identity:
        description = f"CIM/SNMP integration gateway {gateway.__version__} ({os.uname().sysname} {os.uname().machine})"
        return Identity(description, settings.contact, settings.name or socket.gethostname(), settings.location)

    def _info(self, scalar: Scalar) -> ScalarColumn:
        return ScalarColumn(
            under(self._engine.root, scalar.oid),
            lambda: scalar.syntax.encode(scalar.value(self._facts())),
            in_v1=scalar.syntax.in_v1,
        )

    def _facts(self) -> InfoFacts:
        snapshot = self.renderer.snapshot
        return InfoFacts(
            version=gateway.__version__,
            instance=self._instance,
            revision=snapshot.revision,
            last_change_ticks=self._change_ticks(snapshot),
            last_change=snapshot.at,
            entities=len(snapshot.entities),
            sources=len(snapshot.sources),
            active_alarms=self.renderer.active_alarms,
            stale_sources=self.renderer.stale_sources,
            failing_receivers=self._failing_receivers,
        )

    def _failing_receivers(self) -> int:
        standings = self._standings.standings() if self._standings is not None else ()
        return sum(each.health in (ReceiverHealth.FAILING, ReceiverHealth.GIVING_UP) for each in standings)

    def _change_ticks(self, snapshot: Snapshot) -> int:
        """sysUpTime when the snapshot began to hold; 0 when that was before the start (RFC 2579, TimeStamp)."""
        if self._last_change is None or self._last_change[0] is not snapshot:
            age_s = max(0, self._clock.now() - snapshot.at) / 1e6
            since = self._clock.monotonic() - self._engine.started - age_s
            self._last_change = (snapshot, max(0, int(since * 100)))
        return self._last_change[1]

    def _started_at(self) -> int:
        """When sysUpTime was 0, in microseconds UTC."""
        return self._clock.now() - int((self._clock.monotonic() - self._engine.started) * 1e6)

    def _failed(self) -> None:
        self.counters.internal_errors += 1
