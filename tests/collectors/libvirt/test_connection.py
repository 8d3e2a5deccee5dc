"""Connections: what is tried before they are opened, what they tell, and that nothing is left of them."""

import asyncio
import gc
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import libvirt
import pytest

from gateway.collectors.libvirt.address import TcpEnd, UnixEnd
from gateway.collectors.libvirt.callbacks import Tap
from gateway.collectors.libvirt.connection import Connection, Opener
from gateway.collectors.libvirt.probe import HELLO, probe
from gateway.collectors.libvirt.records import DomainEvent
from gateway.collectors.libvirt.settings import LibvirtSettings
from gateway.collectors.libvirt.worker import Calls
from gateway.model.errors import SourceUnavailable

CALLS = Calls(5)
ANSWER = bytes.fromhex("0000001c 20008086 00000001 00000042 00000001 00000000 00000000")


def opener(uri: str, **more: object) -> Opener:
    settings = LibvirtSettings.model_validate({"kind": "libvirt", "hosts": {"h1": uri}, **more})
    return Opener(settings.hosts["h1"].address, settings)


@contextmanager
def listening(serve: Callable[[socket.socket], None] | None) -> Iterator[TcpEnd]:
    """A server on loopback; without `serve` it accepts nothing, as a daemon that was stopped."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        if serve is not None:
            threading.Thread(target=lambda: serve(server.accept()[0]), daemon=True).start()
        yield TcpEnd("127.0.0.1", server.getsockname()[1], speaks=True)


def answers(data: bytes, asked: list[bytes]) -> Callable[[socket.socket], None]:
    def serve(connection: socket.socket) -> None:
        with connection:
            asked.append(connection.recv(100))
            connection.sendall(data)

    return serve


def test_a_daemon_that_answers_is_there() -> None:
    asked: list[bytes] = []
    with listening(answers(ANSWER, asked)) as end:
        probe(end, 5)
    assert asked == [HELLO]


@pytest.mark.parametrize(
    ("serve", "said"),
    [
        (None, r"127\.0\.0\.1 port \d+ does not answer within 0\.2 s"),
        (answers(b"", []), "the daemon closed the connection; its log says why"),
        (answers(b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n", []), "something else than libvirt"),
    ],
    ids=["stopped", "closes", "another service"],
)
def test_one_that_does_not_says_how(serve: Callable[[socket.socket], None] | None, said: str) -> None:
    with listening(serve) as end, pytest.raises(SourceUnavailable, match=said):
        probe(end, 0.2)


def test_a_host_whose_file_is_missing_says_so_by_its_error_alone(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    one = opener(f"test://{tmp_path}/h1.xml")
    with pytest.raises(SourceUnavailable, match=r"h1\.xml, .* cannot be read: No such file or directory"):
        one.knock(CALLS)
    assert capfd.readouterr() == ("", "")


def test_behind_ssh_and_tls_it_is_enough_that_somebody_listens() -> None:
    with listening(None) as end:
        probe(TcpEnd(end.host, end.port, speaks=False), 5)


def test_a_socket_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match=r"no-daemon: No such file"):
        probe(UnixEnd(str(tmp_path / "no-daemon")), 1)


def test_a_refused_port_is_named_at_once() -> None:
    with listening(None) as end:
        pass
    with pytest.raises(SourceUnavailable, match=rf"127\.0\.0\.1 port {end.port}: Connection refused"):
        opener(f"qemu+tcp://127.0.0.1:{end.port}/system").knock(CALLS)


def test_what_libvirt_cannot_open_says_why() -> None:
    with pytest.raises(SourceUnavailable, match=r"no-such-file\.xml"):
        opener("test:///no-such-file.xml").open(CALLS)


async def test_events_come_with_the_names_of_libvirt_until_it_is_closed() -> None:
    told: list[DomainEvent] = []
    loop = asyncio.get_running_loop()
    connection = opener("test:///default").open(CALLS)
    other = opener("test:///default")
    acting = Opener(other.address, other.settings, writes=True).open(CALLS)
    tap = Tap("h1", lambda: 7, lambda e: loop.call_soon_threadsafe(told.append, e), print, print)
    connection.watch(CALLS, tap)
    domain = acting.virt.lookupByName("test")
    domain.suspend()
    domain.resume()
    await _until(lambda: len(told) == 2)
    assert [(e.at, e.host, e.name, e.kind, e.detail) for e in told] == [
        (7, "h1", "test", "LIFECYCLE", ("SUSPENDED", "PAUSED")),
        (7, "h1", "test", "LIFECYCLE", ("RESUMED", "UNPAUSED")),
    ]
    assert told[0].uuid == domain.UUIDString()
    connection.close()
    domain.suspend()
    domain.resume()
    await asyncio.sleep(0.2)
    assert len(told) == 2
    acting.close()


def test_a_thousand_connections_leave_nothing_behind() -> None:
    tap = Tap("h1", lambda: 0, print, print, print)

    def once() -> None:
        connection: Connection = opener("test:///default").open(CALLS)
        connection.watch(CALLS, tap)
        connection.close()

    for _ in range(20):
        once()
    gc.collect()
    before = _files(), threading.active_count(), _resident_kib()
    for _ in range(1000):
        once()
    gc.collect()
    assert (_files(), threading.active_count()) == before[:2]
    assert _resident_kib() - before[2] < 8_000


def test_registrations_that_end_half_way_are_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """As when the daemon ends meanwhile: what is not taken back keeps the connection for ever."""
    registered = 0

    def some(*_arguments: object) -> int:
        nonlocal registered
        registered += 1
        if registered > 3:
            raise libvirt.libvirtError("the daemon is gone")
        return register(*_arguments)

    connection = opener("test:///default").open(CALLS)
    register = connection.virt.domainEventRegisterAny
    monkeypatch.setattr(connection.virt, "domainEventRegisterAny", some)
    with pytest.raises(SourceUnavailable, match="its events cannot be had: the daemon is gone"):
        connection.watch(CALLS, Tap("h1", lambda: 0, print, print, print))
    left, end = [0, 1, 2], connection.virt.domainEventDeregisterAny
    monkeypatch.setattr(connection.virt, "domainEventDeregisterAny", lambda identity: (left.pop(), end(identity)))
    connection.close()
    assert not left


async def _until(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + 5
    while not holds():
        assert time.monotonic() < until, "it did not come"
        await asyncio.sleep(0.01)


def _files() -> int:
    return len(os.listdir("/proc/self/fd"))


def _resident_kib() -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])
