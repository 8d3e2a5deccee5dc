"""A doubted host is asked at once: who answers is read, who does not is given up long before keepalive finds out."""

import asyncio
import os
import signal
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.collectors.libvirt.doubts import PATIENCE_S, QUESTIONS, Doubts
from gateway.collectors.libvirt.probe import Door
from gateway.collectors.libvirt.settings import LibvirtSettings
from gateway.collectors.libvirt.source import LibvirtSource
from gateway.model.ports import CollectorContext, TakesDoubts
from tests.collectors.libvirt import daemon as private
from tests.collectors.libvirt.daemon import PASSWORD, USER, Daemon
from tests.collectors.libvirt.test_source import Heard, running, until

PROMPT_S = QUESTIONS * PATIENCE_S + 0.5
SAID = f"no answer within {QUESTIONS * PATIENCE_S:g} s"


@contextmanager
def listening(backlog: int = 5) -> Iterator[int]:
    """A machine whose kernel takes connections, and whose daemon says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=backlog) as server:
        yield server.getsockname()[1]


@contextmanager
def swallowing() -> Iterator[int]:
    """A port whose packets get no answer, as those to a machine without power: its queue is full."""
    with listening(backlog=0) as port, ExitStack() as waiting:
        for _ in range(3):
            one = waiting.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        yield port


@contextmanager
def answering(answer: Callable[[socket.socket], object]) -> Iterator[int]:
    """One that does this with each connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    answer(connection)

        threading.Thread(target=serve, daemon=True).start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)


@dataclass(frozen=True)
class Host:
    """One that was reached at this door; `hears` is what its open connection says."""

    door: Door | None
    hears: bool = False

    async def answers(self, within_s: float) -> bool:
        if not self.hears:
            await asyncio.sleep(within_s)
        return self.hears


def at_port(port: int, speaks: bool = True, hears: bool = False) -> Host:
    return Host(Door(socket.AF_INET, ("127.0.0.1", port), speaks), hears)


async def asked(host: Host) -> str:
    """What becomes of this host when it is doubted."""
    outcome: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    doubts = Doubts(
        {"h1": host},
        lambda host: outcome.set_result(f"{host} answers"),
        lambda host, why: outcome.set_result(f"{host}: {why}"),
    )
    task = asyncio.create_task(doubts.run())
    doubts.begin("h1")
    try:
        async with asyncio.timeout(PROMPT_S):
            return await outcome
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("speaks", [True, False], ids=["tcp", "tls or ssh"])
async def test_a_machine_that_swallows_everything_is_silent_within_the_time(speaks: bool) -> None:
    with swallowing() as port:
        assert await asked(at_port(port, speaks)) == f"h1: {SAID}"


async def test_one_that_lets_nobody_else_in_and_answers_over_its_open_connection_is_there() -> None:
    with swallowing() as port:
        assert await asked(at_port(port, hears=True)) == "h1 answers"


async def test_a_daemon_that_says_nothing_is_silent_and_one_behind_tls_only_has_to_listen() -> None:
    with listening() as port:
        assert await asked(at_port(port)) == f"h1: {SAID}"
        assert await asked(at_port(port, speaks=False)) == "h1 answers"


async def test_a_connection_that_is_refused_is_an_answer() -> None:
    with listening() as port:
        pass
    assert await asked(at_port(port)) == "h1 answers"


@pytest.mark.parametrize(
    "answer",
    [lambda connection: connection.recv(100), lambda connection: connection.sendall(b"?")],
    ids=["closes it", "says anything"],
)
async def test_whatever_comes_back_is_an_answer(answer: Callable[[socket.socket], object]) -> None:
    with answering(answer) as port:
        assert await asked(at_port(port)) == "h1 answers"


async def test_one_that_is_slow_once_answers() -> None:
    slow = iter([PATIENCE_S + 0.2])

    def answer(connection: socket.socket) -> None:
        time.sleep(next(slow, 0))
        connection.sendall(b"here")

    with answering(answer) as port:
        assert await asked(at_port(port)) == "h1 answers"


async def test_what_was_not_reached_yet_or_cannot_be_asked_beside_libvirt_is_only_read() -> None:
    assert await asked(Host(None)) == "h1 answers"


async def test_nothing_is_left_of_the_questions() -> None:
    with swallowing() as port:
        before = len(os.listdir("/proc/self/fd"))
        await asked(at_port(port))
        assert len(os.listdir("/proc/self/fd")) == before


# -- a whole source, with the keepalive that it has when nobody says anything ----------------------------------


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    if reason := private.missing():
        pytest.skip(reason)
    with Daemon(tmp_path_factory.mktemp("d")) as one:
        yield one


@asynccontextmanager
async def followed(daemon: Daemon, folder: Path) -> AsyncIterator[tuple[LibvirtSource, Heard]]:
    settings = LibvirtSettings.model_validate(
        {"kind": "libvirt", "hosts": {"h1": daemon.tcp}, "username": f"{USER}@localhost", "password": PASSWORD}
    )
    one = LibvirtSource("fleet", settings, CollectorContext(lambda: time.time_ns() // 1000, folder, folder))
    heard = Heard()
    async with running(one, heard):
        await until(lambda: heard.whole == ["h1"])
        yield one, heard


def test_the_source_takes_doubts(tmp_path: Path) -> None:
    settings = LibvirtSettings.model_validate({"kind": "libvirt", "hosts": {"h1": "test:///default"}})
    one = LibvirtSource("fleet", settings, CollectorContext(lambda: 0, tmp_path, tmp_path))
    assert isinstance(one, TakesDoubts)
    one.doubt("h1")
    one.doubt("a host that left the configuration")


@pytest.mark.lab
async def test_a_doubted_host_that_answers_is_read_at_once_and_stays_connected(daemon: Daemon, tmp_path: Path) -> None:
    async with followed(daemon, tmp_path) as (one, heard):
        one.doubt("h1")
        await until(lambda: len(heard.whole) == 2)
        await asyncio.sleep(PROMPT_S)
        assert (len(heard.whole), heard.failures) == (2, [])


@pytest.mark.lab
@pytest.mark.parametrize("reading", [False, True], ids=["at rest", "while it is read"])
async def test_a_doubted_host_that_is_silent_fails_at_once_and_is_found_again(
    daemon: Daemon, tmp_path: Path, reading: bool
) -> None:
    async with followed(daemon, tmp_path) as (one, heard):
        with stopped(daemon):
            if reading:
                one._followers["h1"].look(whole=True)
                await asyncio.sleep(0.5)
            began = time.monotonic()
            one.doubt("h1")
            await until(lambda: bool(heard.failures))
            assert time.monotonic() - began < PROMPT_S
        assert (heard.failures[0].scope, heard.failures[0].error) == ("h1", SAID)
        await until(lambda: len(heard.whole) == 2)


@pytest.mark.lab
async def test_a_doubted_host_that_hangs_for_a_moment_is_not_given_up(daemon: Daemon, tmp_path: Path) -> None:
    async with followed(daemon, tmp_path) as (one, heard):
        with stopped(daemon):
            one.doubt("h1")
            await asyncio.sleep(1.6)
        await until(lambda: len(heard.whole) == 2)
        assert heard.failures == []


@pytest.mark.lab
async def test_a_healthy_host_whose_daemon_takes_no_more_clients_is_not_given_up(
    daemon: Daemon, tmp_path: Path
) -> None:
    async with followed(daemon, tmp_path) as (one, heard):
        door = one._followers["h1"].door
        assert door is not None
        with ExitStack() as others:
            for _ in range(25):  # libvirtd: max_anonymous_clients = 20
                others.enter_context(socket.create_connection(door.address))
            await asyncio.sleep(0.5)
            one.doubt("h1")
            await until(lambda: len(heard.whole) == 2)
            await asyncio.sleep(PROMPT_S)
            assert (len(heard.whole), heard.failures) == (2, [])


@pytest.mark.lab
async def test_a_host_is_asked_beside_a_call_that_takes_long(daemon: Daemon, tmp_path: Path) -> None:
    async with followed(daemon, tmp_path) as (one, _):
        follower = one._followers["h1"]
        worker = follower._workers._last
        assert worker is not None
        busy = asyncio.create_task(worker.run(lambda calls: calls("a nap", time.sleep, 1.5)))
        await asyncio.sleep(0.1)
        assert await follower.answers(0.5)
        assert not busy.done()
        await busy


@pytest.mark.lab
async def test_who_resolves_names_may_be_lost_with_the_host(
    daemon: Daemon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody_resolves(*_: object, **__: object) -> None:
        time.sleep(PROMPT_S)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    async with followed(daemon, tmp_path) as (one, heard):
        with stopped(daemon):
            monkeypatch.setattr(socket, "getaddrinfo", nobody_resolves)
            one.doubt("h1")
            await until(lambda: bool(heard.failures), PROMPT_S)
            monkeypatch.undo()
        assert heard.failures[0].error == SAID


@contextmanager
def stopped(daemon: Daemon) -> Iterator[None]:
    """SIGSTOP: its machine takes connections, and nothing answers."""
    daemon.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        daemon.signal(signal.SIGCONT)
