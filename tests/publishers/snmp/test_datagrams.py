"""The sockets of the agent: each request is answered to whom it came from, in batches and one by one."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator

import pytest

from gateway.publishers.snmp import server
from gateway.publishers.snmp.datagrams import BATCH
from gateway.publishers.snmp.server import UdpServer

LARGE = 60_000


def echo(data: bytes, source: str) -> bytes | None:
    """The sender's address and what it sent; silence for `quiet`, a fault of ours for `fault`."""
    if data == b"quiet":
        return None
    if data == b"fault":
        raise RuntimeError("on purpose")
    if data == b"large":
        return bytes(LARGE)
    return source.encode() + b" " + data


class Running:
    """A server in a thread of its own."""

    def __init__(self, listen: str) -> None:
        self.failures = 0
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.server = UdpServer([listen], echo, self._failed)
        self.address = asyncio.run_coroutine_threadsafe(self._open(), self.loop).result(10)[0]

    async def _open(self) -> tuple[tuple[str, int], ...]:
        return self.server.open()

    async def _close(self) -> None:
        self.server.close()

    def _failed(self) -> None:
        self.failures += 1

    def client(self) -> socket.socket:
        made = socket.socket(socket.AF_INET6 if ":" in self.address[0] else socket.AF_INET, socket.SOCK_DGRAM)
        made.settimeout(5)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        made.connect(self.address)
        return made

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()


@pytest.fixture(
    params=[("127.0.0.1:0", True), ("[::1]:0", True), ("127.0.0.1:0", False)], ids=["IPv4", "IPv6", "single"]
)
def running(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    listen, batches = request.param
    if not batches:  # as where the C library has no recvmmsg
        monkeypatch.setattr(server, "AVAILABLE", False)
    started = Running(listen)
    yield started
    started.stop()


def test_each_request_is_answered_to_its_sender_however_many_come_at_once(running):
    clients = [running.client() for _ in range(5)]
    sent = {client: {b"%d of %d" % (n, client.fileno()) for n in range(3 * BATCH + 1)} for client in clients}
    for one in zip(*sent.values(), strict=True):
        for client, text in zip(clients, one, strict=True):
            client.send(text)
    for client, texts in sent.items():
        host = client.getsockname()[0].encode()
        assert {client.recv(65535) for _ in texts} == {host + b" " + text for text in texts}
        client.close()


def test_silence_and_faults_between_requests_disturb_no_other_answer(running, caplog):
    with running.client() as client:
        for text in (b"a", b"quiet", b"b", b"fault", b"", b"fault", b"c"):
            client.send(text)
        host = client.getsockname()[0].encode()
        assert [client.recv(65535) for _ in range(4)] == [host + b" " + text for text in (b"a", b"b", b"", b"c")]
    assert running.failures == 2
    assert sum("could not be answered" in record.message for record in caplog.records) == 1


def test_large_requests_and_answers_are_whole(running):
    with running.client() as client:
        client.send(b"x" * 50_000)
        assert client.recv(65535).endswith(b"x" * 50_000)
        for _ in range(BATCH):
            client.send(b"large")
        assert [len(client.recv(65535)) for _ in range(BATCH)] == [LARGE] * BATCH


def test_a_sender_that_is_gone_costs_the_others_nothing(running):
    gone, there = running.client(), running.client()
    for number in range(BATCH):
        (gone if number % 2 else there).send(b"%d" % number)
    gone.close()
    with there:
        assert len({there.recv(65535) for _ in range(BATCH // 2)}) == BATCH // 2


@pytest.mark.parametrize(
    ("listen", "asked"), [("0.0.0.0:0", "127.0.0.2"), ("0.0.0.0:0", "127.0.0.1"), ("[::]:0", "::1")]
)
def test_who_listens_on_all_addresses_answers_from_the_one_that_was_asked(listen, asked):
    running = Running(listen)
    try:
        running.address = (asked, running.address[1])
        with running.client() as client:  # takes answers from that address only
            for number in range(2 * BATCH):
                client.send(b"%d" % number)
            found = {client.recv(65535).split()[1] for _ in range(2 * BATCH)}
        assert found == {b"%d" % number for number in range(2 * BATCH)}
    finally:
        running.stop()
