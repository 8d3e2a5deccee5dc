"""A fleet for `gateway check`: how many hosts and domains, and what to try for each host that does not answer."""

import asyncio
import shlex
from collections.abc import Mapping

import libvirt

from gateway.collectors.libvirt.connection import Opener, said
from gateway.collectors.libvirt.inventory import read_facts
from gateway.collectors.libvirt.records import HostFacts
from gateway.collectors.libvirt.settings import LibvirtSettings
from gateway.collectors.libvirt.twins import Twins
from gateway.collectors.libvirt.worker import Calls, Worker
from gateway.model.errors import SourceError, SourcePartly, SourceUnavailable

AT_ONCE = 32
Found = tuple[HostFacts, frozenset[str]]
"""What a host says of itself, and the UUIDs of its domains."""


async def probe_fleet(settings: LibvirtSettings, twins: Twins) -> str:
    """
    Count the domains of each host. `twins`: as the gateway knew them last, so that both name the same host.

    Raises:
        SourcePartly: some do not answer, or all, or are another one by a second name.
    """
    limit = asyncio.Semaphore(AT_ONCE)

    async def one(host: str) -> Found | str:
        async with limit:
            try:
                return await _ask(host, settings)
            except SourceError as error:
                return f"{error}; try `virsh -r -c {shlex.quote(settings.hosts[host].address.uri)} list`"

    found = await asyncio.gather(*(one(host) for host in settings.hosts))
    counts, errors = sort_out(dict(zip(settings.hosts, found, strict=True)), twins)
    domains = _many(sum(counts), "domain")
    if not counts:
        raise SourcePartly(f"none of {_many(len(found), 'host')} answers", errors)
    if errors:
        answers = "answers" if len(counts) == 1 else "answer"
        raise SourcePartly(f"{len(counts)} of {_many(len(found), 'host')} {answers}, {domains} there", errors)
    return f"{_many(len(found), 'host')}, {domains}"


def sort_out(found: Mapping[str, Found | str], twins: Twins) -> tuple[list[int], tuple[tuple[str, str], ...]]:
    """(number of domains of each host that is well, (host, what is wrong with it) of each other one)"""
    counts: list[int] = []
    errors: list[tuple[str, str]] = []
    for host, each in found.items():
        wrong = each if isinstance(each, str) else twins.refusal(host, *each)
        if wrong:
            errors.append((host, wrong))
        else:
            counts.append(len(each[1]))
    return counts, tuple(errors)


async def _ask(host: str, settings: LibvirtSettings) -> Found:
    worker = Worker(f"libvirt {host} probe", settings.call_timeout_s)
    opener = Opener(settings.hosts[host].address, settings)
    try:
        return await worker.run(lambda calls: _facts_and_domains(opener, calls))
    finally:
        worker.retire()


def _facts_and_domains(opener: Opener, calls: Calls) -> Found:
    opener.knock(calls)
    connection = opener.open(calls)
    try:
        uuids = [domain.UUIDString() for domain in calls("list of domains", connection.virt.listAllDomains, 0)]
        return read_facts(connection.virt, calls), frozenset(uuids)
    except libvirt.libvirtError as error:
        raise SourceUnavailable(said(error)) from error
    finally:
        connection.close()


def _many(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")
