"""The REST server: uvicorn in the running loop, on TCP (with TLS) and on the command line's UNIX socket."""

import asyncio
import contextlib
import logging
import os
import socket
import stat
from collections.abc import Callable, Generator
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp

from gateway.config.addresses import no_such_address
from gateway.model.errors import ConfigError
from gateway.publishers.rest.access import trusting
from gateway.publishers.rest.patience import PatientProtocol
from gateway.publishers.rest.settings import RestSettings

logger = logging.getLogger(__name__)

GRACE_S = 2
"""Requests that run when the server stops have so long to end."""


class RestPublisher:
    """Serves the REST application until cancelled. `listen` may be called before, to know the addresses."""

    name = "rest"

    def __init__(self, settings: RestSettings, app: FastAPI) -> None:
        """`app`: made by `create_app`."""
        self._settings = settings
        self.app = app
        self._tcp: socket.socket | None = None
        self._unix: socket.socket | None = None
        self._listening = False

    @property
    def addresses(self) -> tuple[str, ...]:
        """URLs it answers at, with the ports it really has; empty before `listen` or `run`."""
        found = []
        if self._tcp is not None:
            scheme = "https" if self._settings.tls_certificate is not None else "http"
            host, port = self._bound[:2]
            found.append(f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}")
        if self._unix is not None:
            found.append(f"unix:{self._settings.unix_socket}")
        return tuple(found)

    def use_stale_intervals(self, stale_intervals: int) -> None:
        """So many intervals of silence make data stale, from now on."""
        self.app.state.desk.stale_intervals = stale_intervals

    def listen(self) -> tuple[str, ...]:
        """
        Bind the sockets; returns `addresses`.

        Raises:
            ConfigError: an address is taken, may not be used, or the certificate cannot be read.
        """
        if not self._listening:
            if self._settings.enabled:
                self._tcp = _bind_tcp(self._settings)
                self._bound: tuple[str, int] = self._tcp.getsockname()
            if self._settings.unix_socket is not None:
                try:
                    self._unix = _bind_unix(self._settings.unix_socket)
                except ConfigError:
                    self._close()
                    raise
            self._listening = True
        return self.addresses

    async def run(self) -> None:
        """
        Serve until cancelled.

        Raises:
            ConfigError: as `listen`.
        """
        self.listen()
        try:
            servers = self._servers()
            logger.info("rest: listening on %s", ", ".join(self.addresses) or "nothing")
            await _serve(servers, self.app.state.tail.close)
        finally:
            self._close()

    def _servers(self) -> list[tuple[uvicorn.Server, socket.socket]]:
        found = []
        if self._tcp is not None:
            found.append((_server(self.app, self._settings, tls=True), self._tcp))
        if self._unix is not None:
            found.append((_server(trusting(self.app), self._settings, tls=False), self._unix))
        return found

    def _close(self) -> None:
        self.app.state.tail.close()
        self.app.state.desk.close()
        if self._tcp is not None:
            self._tcp.close()
        if self._unix is not None:
            self._unix.close()
            with contextlib.suppress(FileNotFoundError):
                os.unlink(str(self._settings.unix_socket))
        self._tcp = self._unix = None
        self._listening = False


class _Server(uvicorn.Server):
    """uvicorn that leaves the process's signals alone: our owner cancels us."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


def _server(app: ASGIApp, settings: RestSettings, *, tls: bool) -> uvicorn.Server:
    secure = tls and settings.tls_certificate is not None
    config = uvicorn.Config(
        app,
        http=PatientProtocol,
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        server_header=False,
        proxy_headers=False,
        limit_concurrency=settings.max_connections,
        timeout_graceful_shutdown=GRACE_S,
        ssl_certfile=str(settings.tls_certificate) if secure else None,
        ssl_keyfile=str(settings.tls_key) if secure else None,
    )
    if secure:
        settings.check_tls()
    config.load()
    return _Server(config)


async def _serve(servers: list[tuple[uvicorn.Server, socket.socket]], end_streams: Callable[[], None]) -> None:
    """Run all servers; when cancelled let them end their requests, then stop."""
    tasks = [asyncio.create_task(server.serve(sockets=[sock]), name="rest-server") for server, sock in servers]
    try:
        if tasks:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        else:
            await asyncio.Event().wait()
    finally:
        for server, _ in servers:
            server.should_exit = True
        end_streams()
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=GRACE_S + 2)
            for task in late:
                task.cancel()
    for task in tasks:
        task.result()


def _bind_tcp(settings: RestSettings) -> socket.socket:
    address = settings.address
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, where = found[0]
        sock = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ConfigError(f"publishers.rest.listen = {settings.listen!r}: no such address: {error}") from error
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(where)
    except OSError as error:
        sock.close()
        remedy = no_such_address(error) or "Choose another port, or stop what listens there (ss -ltnp shows it)"
        said = f"publishers.rest.listen = {settings.listen!r}: {error.strerror or error}. {remedy}."
        raise ConfigError(said) from error
    return sock


def _bind_unix(path: Path) -> socket.socket:
    """A socket of mode 0600: its mode is set before anybody can connect."""
    _remove_leftover(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.bind(str(path))
        os.chmod(path, stat.S_IRUSR | stat.S_IWUSR)
    except OSError as error:
        sock.close()
        raise ConfigError(
            f"publishers.rest.unix_socket = {str(path)!r}: {error.strerror or error}. "
            f"Its folder must exist, and the gateway's user must be able to write to it."
        ) from error
    return sock


def _remove_leftover(path: Path) -> None:
    """A socket that nobody answers on was left behind by a gateway that was killed."""
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise ConfigError(
                f"publishers.rest.unix_socket = {str(path)!r}: there is a file that is no socket. Name another."
            )
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)
            return
        except OSError:
            pass
    raise ConfigError(
        f"publishers.rest.unix_socket = {str(path)!r}: a gateway answers there already. Stop it, or name another file."
    )
