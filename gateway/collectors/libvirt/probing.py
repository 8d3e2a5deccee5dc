"""One line about a fleet for `gateway check`: how many hosts and domains, and what to try where none answers."""

import asyncio
import shlex

import libvirt

from gateway.collectors.libvirt.connection import Opener, said
from gateway.collectors.libvirt.settings import LibvirtSettings
from gateway.collectors.libvirt.worker import Calls, Worker
from gateway.model.errors import SourcePartly, SourceUnavailable

AT_ONCE = 32
MOST_SHOWN = 5
"""Of a fleet of which no host answers."""


async def probe_fleet(settings: LibvirtSettings) -> str:
    """
    Count the domains of each host.

    Raises:
        SourceUnavailable: no host answers.
        SourcePartly: some do not.
    """
    limit = asyncio.Semaphore(AT_ONCE)

    async def one(host: str) -> int | tuple[str, str]:
        async with limit:
            try:
                return await _count(host, settings)
            except SourceUnavailable as error:
                return host, f"{error}; try `virsh -r -c {shlex.quote(settings.hosts[host].address.uri)} list`"

    found = await asyncio.gather(*(one(host) for host in settings.hosts))
    counts = [each for each in found if isinstance(each, int)]
    errors = tuple(each for each in found if not isinstance(each, int))
    domains = _many(sum(counts), "domain")
    if not counts:
        more = [f"and {len(errors) - MOST_SHOWN} more hosts do not answer"] if len(errors) > MOST_SHOWN else []
        raise SourceUnavailable("; ".join([f"{host}: {error}" for host, error in errors[:MOST_SHOWN]] + more))
    if errors:
        answers = "answers" if len(counts) == 1 else "answer"
        raise SourcePartly(f"{len(counts)} of {_many(len(found), 'host')} {answers}, {domains} there", errors)
    return f"{_many(len(found), 'host')}, {domains}"


async def _count(host: str, settings: LibvirtSettings) -> int:
    worker = Worker(f"libvirt {host} probe", settings.call_timeout_s)
    opener = Opener(settings.hosts[host].address, settings)
    try:
        return await worker.run(lambda calls: _domains(opener, calls))
    finally:
        worker.retire()


def _domains(opener: Opener, calls: Calls) -> int:
    opener.knock(calls)
    connection = opener.open(calls)
    try:
        return len(calls("list of domains", connection.virt.listAllDomains, 0))
    except libvirt.libvirtError as error:
        raise SourceUnavailable(said(error)) from error
    finally:
        connection.close()


def _many(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")
