"""Following one host: events before the first read, reads that events ask for, loss, return, and a clean end."""

import asyncio
import socket
import struct
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

import libvirt
import pytest

from gateway.collectors.libvirt import reader as reader_module
from gateway.collectors.libvirt import workers as workers_module
from gateway.collectors.libvirt.follower import MOST_HANGING, Follower
from gateway.collectors.libvirt.reader import Reading
from gateway.collectors.libvirt.records import DomainEvent, DomainReading, HostReading
from gateway.collectors.libvirt.settings import LibvirtSettings
from gateway.collectors.libvirt.turns import Turns
from gateway.model.errors import SourceError
from gateway.support.backoff import Backoff
from tests.collectors.libvirt.held import held
from tests.collectors.libvirt.waiting import until

PAUSED, RUNNING = libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_RUNNING


class Audience:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.events: list[DomainEvent] = []
        self.readings: list[Reading] = []
        self.read_at: list[int] = []
        self.errors: list[str] = []

    def told(self, event: DomainEvent) -> None:
        self.events.append(event)

    async def read(self, at: int, reading: Reading) -> None:
        self.readings.append(reading)
        self.read_at.append(at)

    async def lost(self, host: str, at: int, error: SourceError) -> None:
        self.errors.append(str(error))

    @property
    def whole(self) -> int:
        return sum(isinstance(reading, HostReading) for reading in self.readings)

    def states(self, name: str) -> list[int]:
        return [d.status.state for reading in self.readings for d in reading.domains if d.status.name == name]


def follower(uri: str, audience: Audience, **more: object) -> Follower:
    settings = LibvirtSettings.model_validate(
        {"kind": "libvirt", "hosts": {"h1": uri}, "coalesce_s": 0.05, "connect_timeout_s": 0.2, **more}
    )
    return Follower("h1", settings, lambda: time.time_ns() // 1000, audience, Turns(), Backoff(0.05, 0.05))


@asynccontextmanager
async def following(one: Follower) -> AsyncIterator[None]:
    task = asyncio.create_task(one.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_it_reads_whole_first_and_then_what_events_ask_for(acting: Any) -> None:
    audience = Audience()
    async with following(follower("test:///default", audience)):
        await until(lambda: audience.whole == 1)
        acting.lookupByName("test").suspend()
        await until(lambda: PAUSED in audience.states("test"))
        acting.lookupByName("test").resume()
        await until(lambda: audience.states("test")[-1] == RUNNING)
    assert audience.whole == 1
    assert [event.detail[0] for event in audience.events] == ["SUSPENDED", "RESUMED"]
    assert isinstance(audience.readings[-1], DomainReading)


async def test_a_host_that_is_not_wanted_as_it_is_counts_as_one_that_cannot_be_read() -> None:
    class Refusing(Audience):
        async def read(self, at: int, reading: Reading) -> None:
            raise SourceError("the same host as h0")

    audience = Refusing()
    one = follower("test:///default", audience)
    async with following(one):
        await until(lambda: one.attempts >= 3)
    assert set(audience.errors) == {"the same host as h0"}
    assert not one.connected


async def test_a_burst_of_events_is_read_together(acting: Any) -> None:
    audience = Audience()
    async with following(follower("test:///default", audience, coalesce_s=0.2)):
        await until(lambda: audience.whole == 1)
        for _ in range(50):
            acting.lookupByName("test").suspend()
            acting.lookupByName("test").resume()
        await until(lambda: len(audience.events) == 100)
        await asyncio.sleep(0.5)
    assert len(audience.readings) <= 4
    assert audience.states("test")[-1] == RUNNING


async def test_a_domain_that_is_gone_is_told_gone(acting: Any) -> None:
    audience = Audience()
    xml = '<domain type="test"><name>new</name><memory>65536</memory><os><type>hvm</type></os></domain>'
    async with following(follower("test:///default", audience)):
        await until(lambda: audience.whole == 1)
        acting.createXML(xml).destroy()
        await until(lambda: len(audience.readings) > 1 and not audience.readings[-1].domains)
    last = audience.readings[-1]
    assert isinstance(last, DomainReading)
    assert len(last.uuids) == 1


async def test_a_pool_that_changes_has_the_host_read(acting: Any) -> None:
    audience = Audience()
    async with following(follower("test:///default", audience)):
        await until(lambda: audience.whole == 1)
        pool = acting.storagePoolLookupByName("default-pool")
        pool.destroy()
        await until(lambda: audience.whole == 2)
        pool.create()
        await until(lambda: audience.whole == 3)
    reads = [reading.pools[0].active for reading in audience.readings if isinstance(reading, HostReading)]
    assert reads == [True, False, True]


async def test_without_events_it_is_read_every_interval() -> None:
    audience = Audience()
    async with following(follower("test:///default", audience, interval_s=1)):
        await until(lambda: audience.whole >= 5, 10)
    first, *others = [(later - at) / 1e6 for at, later in pairwise(audience.read_at)]
    assert first >= 0.25, "the first pause is a part of it, by the host's name"
    assert min(others) >= 0.99


async def test_a_host_that_is_not_there_is_tried_again_and_again(tmp_path: Path) -> None:
    audience, path = Audience(), tmp_path / "host.xml"
    one = follower(f"test://{path}", audience)
    async with following(one):
        await until(lambda: len(audience.errors) >= 3)
        assert (one.connected, one.attempts >= 3, audience.readings) == (False, True, [])
        path.write_text("<node/>")
        await until(lambda: audience.whole == 1)
        assert (one.connected, one.attempts) == (True, 0)
    assert "host.xml" in audience.errors[0]


async def test_a_host_that_answers_counts_as_read_while_its_first_reading_is_taken_in(tmp_path: Path) -> None:
    class Slow(Audience):
        async def read(self, at: int, reading: Reading) -> None:
            self.readings.append(reading)
            await asyncio.Event().wait()

    audience, path = Slow(), tmp_path / "host.xml"
    one = follower(f"test://{path}", audience)
    async with following(one):
        await until(lambda: bool(audience.errors) and one.attempts > 0)
        path.write_text("<node/>")
        await until(lambda: bool(audience.readings))
        assert one.attempts == 0


async def test_another_may_ask_for_a_read(acting: Any) -> None:
    audience = Audience()
    one = follower("test:///default", audience)
    async with following(one):
        await until(lambda: audience.whole == 1)
        one.look(whole=True)
        await until(lambda: audience.whole == 2)


async def test_however_many_of_its_openings_hang_a_host_that_is_well_again_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(workers_module, "FIRST_S", 0.5)
    audience = Audience()
    with Doorkeeper() as door:
        async with following(follower(door.uri, audience, open_timeout_s=0.1)):
            await until(lambda: door.hanging > MOST_HANGING)
            assert any(f"{MOST_HANGING} calls hang there" in error for error in audience.errors)
            hung = door.hanging
            await asyncio.sleep(0.7)
            assert door.hanging <= hung + 1, "it is tried more and more seldom"
            door.well = True
            await until(lambda: "hang" not in audience.errors[-1] and "no answer" not in audience.errors[-1])
            tried = door.refused
            await until(lambda: door.refused >= tried + 3)
            assert "hang" not in audience.errors[-1], "one that comes back does not count"


class Doorkeeper:
    """Answers the first question, and is silent when libvirt itself comes; when it is `well` it sends that away."""

    def __init__(self) -> None:
        self.well = False
        self.refused = 0
        self._server = socket.create_server(("127.0.0.1", 0))
        self._held: list[socket.socket] = []
        self.uri = f"test+tcp://127.0.0.1:{self._server.getsockname()[1]}/default"

    @property
    def hanging(self) -> int:
        return len(self._held)

    def __enter__(self) -> "Doorkeeper":
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for each in (self._server, *self._held):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                asked, _ = self._server.accept()
                with asked:
                    asked.recv(100)
                    asked.sendall(struct.pack(">7I", 28, 0x20008086, 1, 66, 1, 0, 0))
                opened, _ = self._server.accept()
                if self.well:
                    opened.close()
                    self.refused += 1
                else:
                    self._held.append(opened)


async def test_domains_that_hang_are_left_out_however_many_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, audience, path = threading.Event(), Audience(), tmp_path / "host.xml"
    one = '<domain type="test"><name>vm{0}</name><uuid>{1}</uuid><memory>9</memory><os><type>hvm</type></os></domain>'
    path.write_text(f"<node>{''.join(one.format(n, UUID(int=n + 1)) for n in range(MOST_HANGING + 2))}</node>")
    monkeypatch.setattr(reader_module, "flags_of", lambda _virt, calls, what, _flags: calls(what, go_on.wait))
    async with following(follower(f"test://{path}", audience, call_timeout_s=0.1)):
        await until(lambda: bool(audience.readings or audience.errors))
        go_on.set()
    assert (audience.errors, len(audience.readings)) == ([], 1)


async def test_nothing_is_left_of_it_when_it_ends(acting: Any) -> None:
    await _follow_for_a_moment()
    before = held()
    for _ in range(20):
        await _follow_for_a_moment()
    assert held() == before


async def _follow_for_a_moment() -> None:
    audience = Audience()
    async with following(follower("test:///default", audience)):
        await until(lambda: audience.whole == 1)
