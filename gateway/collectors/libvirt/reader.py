"""Reads a host: libvirt's objects become records, and what did not change is not asked for again."""

import logging
import operator
import threading
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from zlib import crc32

import libvirt

from gateway.collectors.libvirt import parse
from gateway.collectors.libvirt.connection import said
from gateway.collectors.libvirt.flags import AllFlags, flags_of, flags_of_all, is_migrating_out
from gateway.collectors.libvirt.inventory import (
    FACTS,
    NETWORKS,
    POOLS,
    VOLUMES,
    Volumes,
    read_facts,
    read_networks,
    read_pools,
)
from gateway.collectors.libvirt.listing import Row, listed, looked_up
from gateway.collectors.libvirt.records import (
    Domain,
    DomainDefinition,
    DomainReading,
    DomainStatus,
    HostFacts,
    HostReading,
    Network,
    Pool,
)
from gateway.collectors.libvirt.silence import Silence
from gateway.collectors.libvirt.states import State
from gateway.collectors.libvirt.worker import Calls
from gateway.model.errors import SourceMalformed, SourceUnavailable

logger = logging.getLogger(__name__)

MANY = 8
"""For more domains than these flags are asked for all at once."""
_PARSING = threading.BoundedSemaphore(2)
"""Threads that parse share one interpreter: the more there are, the later all others have their turn."""
Reading = HostReading | DomainReading
T = TypeVar("T")


@dataclass(slots=True)
class _Known:
    """A domain as it was read last. `due`: when its definition is read again without a reason (monotonic seconds)."""

    domain: Domain
    due: float


class HostReader:
    """
    Reads one host, and keeps what it read for the next time, across connections. Runs in the host's worker.

    What cannot be read by itself (a domain whose QEMU hangs, pools on dead storage) is left out for a while: what was
    known of it stays. While nothing is known of it a whole read covers only the others.
    """

    def __init__(self, host: str, definitions_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.host = host
        self._definitions_s = definitions_s
        self._clock = clock
        self._silence = Silence(clock)
        self._known: dict[str, _Known] = {}
        self._last: tuple[Domain, ...] = ()
        self._leaving: frozenset[str] = frozenset()
        self._facts: HostFacts | None = None
        self._pools: tuple[Pool, ...] | None = None
        self._networks: tuple[Network, ...] | None = None
        self._volumes = Volumes(definitions_s, clock)
        self._due = {FACTS: 0.0, POOLS: 0.0, NETWORKS: 0.0}

    def presume_leaving(self, uuids: Iterable[str]) -> None:
        """These were being migrated away when an earlier reader read them: so they are until the host says no."""
        self._leaving = frozenset(uuids)

    def changed(self, what: str) -> None:
        """`pools` or `networks` changed: read them with the next whole read."""
        self._due[what] = 0.0

    def reconnected(self) -> None:
        """The host may be another than it was: read everything of it again."""
        self._due = dict.fromkeys(self._due, 0.0)
        for known in self._known.values():
            known.due = 0.0

    def leave_out(self, what: str) -> float | None:
        """
        A call on `what` hung: do not make it for a while. From any thread.

        Returns:
            for how many seconds; None when the host cannot be read without it.
        """
        if what in (*self._due, VOLUMES) or what.startswith(("domain ", "job of ")):
            return self._silence.begin(what)
        return None

    # -- reading -----------------------------------------------------------------------------------------------

    def whole(
        self, connection: Any, calls: Calls, dirty: Collection[str] = (), moving: Collection[str] = ()
    ) -> Reading:
        """
        Everything of the host; definitions of the domains in `dirty`, of those whose state changed, and of those due.

        `moving`: those of which an outgoing migration may be under way.

        Raises:
            SourceUnavailable: the host does not answer as it should.
        """
        try:
            self._read_host(connection, calls)
            rows = listed(connection, calls)
            domains = self._update(connection, calls, rows, dirty, moving)
            present = {row.status.uuid for row in rows}
            gone = set(self._known) - present
            for uuid in gone:
                del self._known[uuid]
            self._read_volumes(connection, calls, domains)
        except libvirt.libvirtError as error:
            raise SourceUnavailable(said(error)) from error
        volumes = self._volumes.only_of(domains)
        unread = {row.status.uuid for row in rows if row.status.uuid not in self._known and self._left_out(row)}
        if unread or self._facts is None or self._pools is None or self._networks is None:
            told = frozenset((present | gone) - unread)
            parts = (self._facts, self._pools, self._networks)
            return DomainReading(self.host, told, domains, volumes, {}, *parts)
        return HostReading(self.host, self._facts, domains, self._pools, volumes, self._networks)

    def some(
        self, connection: Any, calls: Calls, uuids: Collection[str], moving: Collection[str] = ()
    ) -> DomainReading:
        """
        These domains, completely.

        Raises:
            SourceUnavailable: the host does not answer as it should.
        """
        try:
            rows = [row for uuid in uuids if (row := looked_up(uuid, connection, calls)) is not None]
            domains = self._update(connection, calls, rows, uuids, moving)
            self._read_volumes(connection, calls, domains)
        except libvirt.libvirtError as error:
            raise SourceUnavailable(said(error)) from error
        unread = {row.status.uuid for row in rows if row.status.uuid not in self._known and self._left_out(row)}
        for uuid in set(uuids) - {row.status.uuid for row in rows}:
            self._known.pop(uuid, None)
        return DomainReading(self.host, frozenset(uuids) - unread, domains, self._volumes.of(domains))

    def _left_out(self, row: Row) -> bool:
        return self._silence.holds(row.what)

    def _read_host(self, connection: Any, calls: Calls) -> None:
        self._facts = self._part(FACTS, read_facts, self._facts, connection, calls)
        self._pools = self._part(POOLS, read_pools, self._pools, connection, calls)
        self._networks = self._part(NETWORKS, read_networks, self._networks, connection, calls)

    def _part(
        self, what: str, read: Callable[[Any, Calls], T], known: T | None, connection: Any, calls: Calls
    ) -> T | None:
        """A part of the host, read when it is due; what was known of it while it cannot be."""
        now = self._clock()
        if now < self._due[what] or self._silence.holds(what):
            return known
        fresh = self._try(what, lambda: read(connection, calls), connection)
        if fresh is None:
            return known
        if what == POOLS:
            self._volumes.ask_again()
        self._due[what] = self._later(now, self.host)
        return fresh

    def _read_volumes(self, connection: Any, calls: Calls, domains: tuple[Domain, ...]) -> None:
        if self._pools and not self._silence.holds(VOLUMES):
            self._try(VOLUMES, lambda: self._volumes.read(connection, calls, domains), connection)

    # -- domains -----------------------------------------------------------------------------------------------

    def _update(
        self, connection: Any, calls: Calls, rows: list[Row], dirty: Collection[str], moving: Collection[str]
    ) -> tuple[Domain, ...]:
        """
        Bring what is known of these domains up to date; those that are known now.

        The same record if one is unchanged, and the same tuple as the last time if all are.
        """
        wanted = [row for row in rows if self._is_due(row, dirty) and not self._left_out(row)]
        flags = flags_of_all(connection, calls) if len(wanted) > MANY else None
        for row in wanted:
            self._try(row.what, lambda row=row: self._read(row, calls, flags), connection)  # type: ignore[misc]
        domains: list[Domain] = []
        for row in rows:
            known = self._known.get(row.status.uuid)
            if known is not None:
                known.domain = self._current(known.domain, row, calls, moving)
                domains.append(known.domain)
        if len(domains) != len(self._last) or not all(map(operator.is_, domains, self._last)):
            self._last = tuple(domains)
        return self._last

    def _is_due(self, row: Row, dirty: Collection[str]) -> bool:
        known = self._known.get(row.status.uuid)
        if known is None or row.status.uuid in dirty or known.domain.status != row.status:
            return True
        return known.due <= self._clock()

    def _read(self, row: Row, calls: Calls, flags: AllFlags | None) -> None:
        """Read the definition of one domain; one that is gone by now is forgotten."""
        status = row.status
        try:
            xml = calls(row.what, row.virt.XMLDesc, 0)
            its = flags_of(row.virt, calls, row.what, flags)
        except libvirt.libvirtError as error:
            if error.get_error_code() != libvirt.VIR_ERR_NO_DOMAIN:
                raise
            self._known.pop(status.uuid, None)
            return
        known = self._known.get(status.uuid)
        domain = Domain(
            status,
            _parsed(xml),
            its.persistent,
            its.autostart,
            its.managed_save,
            self._was_leaving(known, status),
            its.snapshots,
            its.checkpoints,
        )
        same = known is not None and known.domain == domain
        self._known[status.uuid] = _Known(
            known.domain if known is not None and same else domain, self._later(self._clock(), status.uuid)
        )

    def _was_leaving(self, known: _Known | None, status: DomainStatus) -> bool:
        """Whether this instance was being migrated away when it was read last."""
        if known is None:
            return status.uuid in self._leaving
        return known.domain.migrating_out and known.domain.status.id == status.id

    def _current(self, domain: Domain, row: Row, calls: Calls, moving: Collection[str]) -> Domain:
        """The domain with its state as it is listed, and whether it is being migrated away."""
        out = False
        if row.status.state in (State.RUNNING, State.PAUSED) and (domain.migrating_out or row.status.uuid in moving):
            answer = self._is_migrating_out(row, calls)
            out = domain.migrating_out if answer is None else answer
        if domain.status == row.status and domain.migrating_out == out:
            return domain
        return replace(domain, status=row.status, migrating_out=out)

    def _is_migrating_out(self, row: Row, calls: Calls) -> bool | None:
        """
        Unlike all else this may wait for the machine: a hanging one costs the answer to this question only.

        None: there is no answer.
        """
        what = f"job of {row.what}"
        if self._silence.holds(what):
            return None
        return self._try(what, lambda: is_migrating_out(row.virt, calls, what), row.virt.connect())

    # -- what hangs or fails -----------------------------------------------------------------------------------

    def _try(self, what: str, read: Callable[[], T], connection: Any) -> T | None:
        """What `read` returns. None: it failed by itself, the host answers; it is left out for a while."""
        try:
            value = read()
        except libvirt.libvirtError as error:
            if not connection.isAlive():
                raise
            self._failed(what, said(error))
        except SourceMalformed as error:
            self._failed(what, str(error))
        else:
            self._silence.end(what)
            return value
        return None

    def _failed(self, what: str, why: str) -> None:
        seconds = self._silence.begin(what)
        logger.warning(
            "host %s: %s cannot be read: %s. It is left as it was, and asked again in %.0f s.",
            self.host, what, why, seconds,
        )  # fmt: skip

    def _later(self, now: float, name: str) -> float:
        """When something is due again: not all at the same time."""
        return now + self._definitions_s * (0.75 + crc32(name.encode()) % 1000 / 2000)


def _parsed(xml: str) -> DomainDefinition:
    with _PARSING:
        return parse.domain_definition(xml)
