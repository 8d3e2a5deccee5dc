"""The check: does everything that is configured work? Each part is tried, and what does not says what to do."""

import asyncio
import os
import socket
import stat
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

from gateway.app import places
from gateway.app.check_links import check_links
from gateway.app.check_publishers import check_publishers
from gateway.app.client import runs
from gateway.app.console import counted
from gateway.app.findings import Finding, Outcome
from gateway.app.locate import Located
from gateway.app.plugins import collector_plugin
from gateway.app.publishing import root_of, start_engine
from gateway.app.sinks import SinkContext, create_sink
from gateway.app.sources import create_collector
from gateway.config.configuration import Configuration
from gateway.config.settings import Settings, SourceSettings
from gateway.model.errors import ConfigError, GatewayError, SourcePartly
from gateway.model.ids import uuid7
from gateway.model.notices import Notice, NoticeKind
from gateway.model.ports import CollectorContext, NamesOthers
from gateway.model.snapshot import Snapshot
from gateway.notifier.settings import ReceiverSettings
from gateway.publishers.rest import RestSettings
from gateway.schema.snmp.engine import SnmpEngine
from gateway.store.database import open_database
from gateway.support.clock import SystemClock
from gateway.support.tasks import side_by_side
from gateway.wire.ber import Oid

PROBE_S = 60.0
"""Longest that one source may take."""
LATELY_US = 60_000_000
"""Who gave a sign of life within this time is taken to lead: no other may use its engine."""
AT_ONCE = 8
"""So many sources or receivers are asked at a time."""


async def check(configuration: Configuration, send: bool) -> AsyncIterator[Finding]:
    """Every part of a configuration in turn. Reads only; `send`: a topologyTest goes to each receiver."""
    folder, database = places.places_of(configuration)
    located = Located(folder, database, _socket(configuration, folder), instance=configuration.gateway.instance)
    origin = configuration.path or configuration.origin
    parts = len(configuration.sources), len(configuration.receivers)
    yield Finding(
        "configuration", Outcome.OK, f"{origin}: {counted(parts[0], 'source')}, {counted(parts[1], 'receiver')}"
    )
    for warning in configuration.warnings:
        yield Finding("configuration", Outcome.WARNING, warning)
    yield _state_folder(folder)
    database_is, snapshot, led = await asyncio.to_thread(_database, located)
    yield database_is
    for findings in await side_by_side((_source(configuration, name) for name in configuration.sources), AT_ONCE):
        for finding in findings:
            yield finding
    for finding in check_links(await asyncio.to_thread(_named, configuration), configuration.sources, snapshot):
        yield finding
    running = runs(located.socket)
    async for finding in check_publishers(configuration, located, running):
        yield finding
    sending = _Engine(located, running or led, root_of(configuration)) if send else None
    told = (_receiver(name, each, sending) for name, each in configuration.receivers.items())
    for findings in await side_by_side(told, AT_ONCE):
        for finding in findings:
            yield finding


def _socket(configuration: Configuration, folder: Path) -> Path:
    rest = configuration.publishers["rest"]
    assert isinstance(rest, RestSettings)
    configured = rest.unix_socket
    return configuration.base / configured if configured is not None else places.socket_path(folder)


# -- state and database ----------------------------------------------------------------------------------------


def _state_folder(folder: Path) -> Finding:
    what = "state folder"
    try:
        places.check_socket_path(folder)
        if not folder.exists():
            return Finding(what, Outcome.OK, f"{folder} does not exist yet; the gateway makes it")
        places.make_state_dir(folder)
        mode = stat.S_IMODE(folder.stat().st_mode)
    except (ConfigError, OSError) as error:
        return Finding(what, Outcome.FAILED, str(error))
    if mode & 0o077:
        return Finding(what, Outcome.WARNING, f"{folder} is open to others (mode {mode:04o}). Run: chmod 700 {folder}")
    return Finding(what, Outcome.OK, str(folder))


def _database(located: Located) -> tuple[Finding, Snapshot | None, bool]:
    """How it is, the topology in it, and whether a gateway has led lately, here or elsewhere."""
    file = located.state_dir / places.DATABASE
    if located.database == f"sqlite:///{file}" and not file.exists():
        return Finding("database", Outcome.OK, f"{file} does not exist yet; the gateway makes it"), None, False
    try:
        database = open_database(located.database, upgrade=False)
    except GatewayError as error:
        return Finding("database", Outcome.FAILED, str(error)), None, False
    try:
        snapshot, held = database.repository.load(), database.lease.look()
        led = f", led by {held.holder}" if held.holder else ""
        said = f"{database.url}: revision {snapshot.revision}, {len(snapshot.entities)} entities{led}"
        lately = bool(held.holder) and SystemClock().now() - held.renewed_at < LATELY_US
        return Finding("database", Outcome.OK, said), snapshot, lately
    except GatewayError as error:
        return Finding("database", Outcome.FAILED, str(error)), None, False
    finally:
        database.close()


# -- sources ---------------------------------------------------------------------------------------------------


async def _source(configuration: Configuration, name: str) -> tuple[Finding, ...]:
    """How a source is; of one that answers in part also each part that does not."""
    settings: SourceSettings = configuration.sources[name]
    what = f"source {name}"
    if not settings.enabled:
        return (Finding(what, Outcome.SKIPPED, "is disabled"),)
    title = collector_plugin(settings.kind).title
    try:
        said = await asyncio.wait_for(create_collector(name, settings, _context(configuration)).probe(), PROBE_S)
    except SourcePartly as error:
        parts = (Finding(f"{what}: {part}", Outcome.FAILED, wrong) for part, wrong in error.parts)
        return (Finding(what, Outcome.FAILED, f"{title}: {error}"), *parts)
    except GatewayError as error:
        return (Finding(what, Outcome.FAILED, str(error)),)
    except TimeoutError:
        said = f"did not answer within {PROBE_S:.0f} s. Ask it with its own tools, as the gateway's user."
        return (Finding(what, Outcome.FAILED, said),)
    return (Finding(what, Outcome.OK, f"{title}: {said}"),)


def _named(configuration: Configuration) -> dict[str, frozenset[str]]:
    """By source, what it names of others; of those that cannot be read that is said already."""
    found: dict[str, frozenset[str]] = {}
    for name, settings in configuration.sources.items():
        if settings.enabled:
            with suppress(GatewayError):
                collector = create_collector(name, settings, _context(configuration))
                if isinstance(collector, NamesOthers):
                    found[name] = collector.named()
    return found


def _context(configuration: Configuration) -> CollectorContext:
    folder, _ = places.places_of(configuration)
    return CollectorContext(SystemClock().now, folder, configuration.base)


# -- receivers -------------------------------------------------------------------------------------------------


async def _receiver(name: str, settings: Settings, sending: "_Engine | None") -> tuple[Finding, ...]:
    """How a receiver is, and what became of the test that it is sent."""
    found = await _resolved(name, settings)
    return (found,) if sending is None else (found, await _send(name, settings, sending))


async def _resolved(name: str, settings: Settings) -> Finding:
    """Does its name resolve? What is sent by UDP is not acknowledged, so no more can be known without sending."""
    what = f"receiver {name}"
    given = settings.model_dump(include={"host", "port"})
    try:
        found = await asyncio.get_running_loop().getaddrinfo(given["host"], given["port"], type=socket.SOCK_DGRAM)
    except OSError as error:
        return Finding(what, Outcome.FAILED, f"{given['host']}: {error.strerror or error}. Correct its host.")
    host, address = given["host"], found[0][4][0]
    where = host if host == address else f"{host} is {address}"
    return Finding(what, Outcome.OK, f"{where}, port {given['port']}")


class _Engine:
    """The engine for tests of receivers, made when it is first asked for: one for all, so that their boots agree."""

    def __init__(self, located: Located, running: bool, root: Oid) -> None:
        """
        `running`: a gateway has the engine, here or elsewhere; then this one has no ID. `root`: where the MIB hangs.
        """
        self.clock = SystemClock()
        self.running = running
        self._made = SnmpEngine(b"", 1, self.clock.monotonic(), root) if running else None
        self._located = located
        self._root = root
        self._making = asyncio.Lock()

    async def made(self) -> SnmpEngine:
        """
        Raises:
            GatewayError: the state folder or the database cannot be used.
        """
        async with self._making:
            if self._made is None:
                self._made = await asyncio.to_thread(self._make)
            return self._made

    def _make(self) -> SnmpEngine:
        places.make_state_dir(self._located.state_dir)
        database = open_database(self._located.database)
        try:
            return start_engine(database, self.clock, self._root)
        finally:
            database.close()


async def _send(name: str, settings: Settings, sending: _Engine) -> Finding:
    """
    Send a topologyTest. As SNMPv3 trap only while no gateway runs: the boots and time of two engines with one ID would
    make the receiver refuse the other's notifications (RFC 3414 section 3.2).
    """
    what = f"receiver {name}"
    assert isinstance(settings, ReceiverSettings)
    given = settings.model_dump(include={"version", "inform"})
    if sending.running and given.get("version") == "3" and not given.get("inform"):
        said = f"a gateway runs, and it alone may send SNMPv3 traps. Where it runs: gateway test-notification {name}"
        return Finding(what, Outcome.SKIPPED, said)
    try:
        context = SinkContext(await sending.made(), sending.clock)
        sink = create_sink(name, settings.model_copy(update={"view": None}), context)
        try:
            async with asyncio.timeout(settings.deliver_timeout_s):
                await sink.tell(_test(name, sending.clock.now()))
        finally:
            await sink.close()
    except (GatewayError, TimeoutError) as error:
        return Finding(what, Outcome.FAILED, _with_remedy(str(error) or "no answer in time"))
    if given.get("inform"):
        return Finding(what, Outcome.OK, "a topologyTest was sent, and the receiver has acknowledged it")
    return Finding(what, Outcome.OK, "a topologyTest was sent; look for it there (traps are not acknowledged)")


def _with_remedy(said: str) -> str:
    """What went wrong with what to do about it, which it may say itself."""
    if said.endswith("?"):
        return said
    return f"{said}." if ". " in said else f"{said}. Check host, port and credentials."


def _test(name: str, now: int) -> Notice:
    text = f"A test of the receiver {name} by the check of the configuration: nothing has happened"
    return Notice(NoticeKind.TEST, uuid7(now, os.urandom(10)), now, text)
