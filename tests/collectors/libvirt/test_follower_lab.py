"""Following real hosts: QEMU, daemons and links that stop, and come back."""

import asyncio
import gc
import os
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from gateway.collectors.libvirt.follower import Follower
from gateway.collectors.libvirt.reader import Reading
from gateway.collectors.libvirt.records import DomainEvent, HostReading
from gateway.collectors.libvirt.settings import LibvirtSettings
from gateway.collectors.libvirt.source import LibvirtSource
from gateway.collectors.libvirt.turns import Turns
from gateway.model.entities import EntityKind
from gateway.model.errors import SourceError
from gateway.model.observations import Observation, Report
from gateway.model.ports import CollectorContext
from gateway.support.backoff import Backoff
from tests.collectors.libvirt.waiting import until
from tests.lab.libvirt import LibvirtLab

pytestmark = pytest.mark.lab
T = TypeVar("T")
RUNNING, PAUSED = 1, 3


class Audience:
    """Keeps what the followers of several hosts tell, by host."""

    def __init__(self) -> None:
        self.events: list[DomainEvent] = []
        self.readings: list[tuple[float, Reading]] = []
        self.errors: dict[str, list[str]] = {}

    def told(self, event: DomainEvent) -> None:
        self.events.append(event)

    async def read(self, at: int, reading: Reading) -> None:
        self.readings.append((time.monotonic(), reading))

    async def lost(self, host: str, at: int, error: SourceError) -> None:
        self.errors.setdefault(host, []).append(str(error))

    def of(self, host: str, since: float = 0.0) -> list[Reading]:
        return [reading for at, reading in self.readings if reading.host == host and at >= since]

    def whole(self, host: str, since: float = 0.0) -> int:
        return sum(isinstance(reading, HostReading) for reading in self.of(host, since))

    def state(self, vm: str, host: str) -> int:
        """The last that was read."""
        states = [d.status.state for reading in self.of(host) for d in reading.domains if d.status.name == vm]
        return states[-1] if states else 0


class Stage:
    def __init__(self, lab: LibvirtLab, **more: object) -> None:
        self.lab, self.audience = lab, Audience()
        hosts = {host: lab.uri(host) for host in lab.hosts}
        quick = {"interval_s": 1, "keepalive_s": 1, "keepalive_count": 2, "connect_timeout_s": 0.5, "coalesce_s": 0.05}
        settings = LibvirtSettings.model_validate({"kind": "libvirt", "hosts": hosts, **quick, **more})
        now, turns, backoff = (lambda: time.time_ns() // 1000), Turns(), Backoff(0.1, 0.2)
        self.followers = [Follower(host, settings, now, self.audience, turns, backoff) for host in hosts]

    async def do(self, deed: Callable[..., T], *arguments: Any) -> T:
        """A verb of the lab; it blocks."""
        return await asyncio.to_thread(deed, *arguments)

    async def read_again(self, *hosts: str) -> None:
        since = time.monotonic()
        await until(lambda: all(self.audience.whole(host, since) for host in hosts))


@asynccontextmanager
async def stage(lab: LibvirtLab, **more: object) -> AsyncIterator[Stage]:
    one = Stage(lab, **more)
    tasks = [asyncio.create_task(follower.run()) for follower in one.followers]
    try:
        await one.read_again(*lab.hosts)
        yield one
    finally:
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        assert [end for end in ends if not isinstance(end, asyncio.CancelledError)] == []


async def test_a_guest_whose_qemu_hangs_delays_neither_its_host_nor_another_guest(libvirt_lab: LibvirtLab) -> None:
    host, guest = libvirt_lab.place("vm1"), "vm1"
    if libvirt_lab.place("vm2") != host:
        libvirt_lab.migrate("vm2", host)
    async with stage(libvirt_lab) as on:
        await on.do(libvirt_lab.wedge, guest)
        try:
            since = time.monotonic()
            await asyncio.sleep(4)
            assert on.audience.whole(host, since) >= 3
            await on.do(libvirt_lab.suspend, "vm2")
            await until(lambda: on.audience.state("vm2", host) == PAUSED, 2)
            assert (on.audience.errors, on.audience.state(guest, host)) == ({}, RUNNING)
        finally:
            await on.do(libvirt_lab.unwedge, guest)
            await on.do(libvirt_lab.resume, "vm2")


async def test_a_daemon_that_hangs_is_lost_alone_and_its_events_come_again_when_it_goes_on(
    libvirt_lab: LibvirtLab,
) -> None:
    vm = "vm1"
    host = libvirt_lab.place(vm)
    others = [other for other in libvirt_lab.hosts if other != host]
    async with stage(libvirt_lab) as on:
        await on.do(libvirt_lab.hang_daemon, host)
        try:
            await until(lambda: len(on.audience.errors.get(host, ())) >= 3)
            since = time.monotonic()
            await asyncio.sleep(3)
            assert [on.audience.whole(other, since) >= 2 for other in others] == [True, True]
        finally:
            await on.do(libvirt_lab.continue_daemon, host)
        assert "keepalive" in on.audience.errors[host][0]
        assert "does not answer within 0.5 s" in on.audience.errors[host][1]
        await on.read_again(host)
        await on.do(libvirt_lab.suspend, vm)
        await until(lambda: on.audience.state(vm, host) == PAUSED)
        await on.do(libvirt_lab.resume, vm)
        await until(lambda: on.audience.state(vm, host) == RUNNING)
        assert list(on.audience.errors) == [host]


async def test_a_link_that_is_cut_is_noticed_and_mended(libvirt_lab: LibvirtLab) -> None:
    host = libvirt_lab.hosts[0]
    async with stage(libvirt_lab) as on:
        await on.do(libvirt_lab.isolate, host)
        try:
            began = time.monotonic()
            await until(lambda: on.audience.errors.get(host))
            assert time.monotonic() - began < 6
        finally:
            await on.do(libvirt_lab.reconnect, host)
        await on.read_again(host)
        assert list(on.audience.errors) == [host]


async def test_daemons_that_die_and_return_leave_no_thread_and_no_file_behind(libvirt_lab: LibvirtLab) -> None:
    host = libvirt_lab.hosts[0]

    async def once(on: Stage) -> None:
        lost = len(on.audience.errors.get(host, ()))
        await on.do(libvirt_lab.kill_daemon, host)
        await until(lambda: len(on.audience.errors[host]) > lost)
        await on.do(libvirt_lab.start_daemon, host)
        await on.read_again(host)

    async with stage(libvirt_lab) as on:
        on.audience.errors[host] = []
        await once(on)
        await asyncio.sleep(0.5)
        before = _threads(), _files()
        for _ in range(8):
            await once(on)
        await asyncio.sleep(0.5)
        gc.collect()
        assert (_threads(), _files()) == before
    assert _threads() == {"libvirt events"}


async def test_a_live_migration_is_read_on_both_hosts_as_it_happens(libvirt_lab: LibvirtLab) -> None:
    old, new = libvirt_lab.place("vm3"), libvirt_lab.elsewhere("vm3")
    async with stage(libvirt_lab, interval_s=60) as on:
        await on.do(libvirt_lab.migrate, "vm3", new)
        await until(lambda: on.audience.state("vm3", old) == 5 and on.audience.state("vm3", new) == RUNNING)
        told = [(event.host, *event.detail) for event in on.audience.events if event.kind == "LIFECYCLE"]
    assert (new, "STARTED", "MIGRATED") in told
    assert told.index((new, "RESUMED", "MIGRATED")) < told.index((old, "STOPPED", "MIGRATED"))


async def test_guests_tell_their_names_and_addresses(libvirt_lab: LibvirtLab, tmp_path: Path) -> None:
    hosts = {host: libvirt_lab.uri(host) for host in libvirt_lab.hosts}
    settings = LibvirtSettings.model_validate({"kind": "libvirt", "hosts": hosts, "guest_agent": True})
    context = CollectorContext(lambda: time.time_ns() // 1000, tmp_path, tmp_path)
    told: dict[str, int] = {}

    async def report(report: Report) -> None:
        if isinstance(report, Observation):
            told.update((e.name, len(e.aliases)) for e in report.entities if e.key.kind is EntityKind.GUEST_OS)

    for vm in libvirt_lab.vms:
        libvirt_lab.wait_agent(vm)
    task = asyncio.create_task(LibvirtSource("fleet", settings, context).run(report))
    try:
        await until(lambda: set(told) == set(libvirt_lab.vms))
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert min(told.values()) >= 2
    assert "vm2" in (tmp_path / "libvirt-fleet.json").read_text()


def _threads() -> set[str]:
    return {thread.name for thread in threading.enumerate() if thread.name.startswith("libvirt")}


def _files() -> int:
    return len(os.listdir("/proc/self/fd"))
