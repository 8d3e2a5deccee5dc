"""Server: UDP sockets read by `loop.add_reader` in a drain loop; each datagram goes through the agent."""

import asyncio
import logging
import socket
from collections.abc import Callable, Iterable
from typing import Final

from gateway.config.addresses import no_such_address, parse_address
from gateway.config.problems import all_of
from gateway.model.errors import ConfigError
from gateway.publishers.snmp.datagrams import AVAILABLE, Datagrams

logger = logging.getLogger(__name__)

Respond = Callable[[bytes, str], bytes | None]
BURST: Final = 64
"""Datagrams that one turn of the loop reads at most, so that other tasks get their turn."""
_LARGEST: Final = 65535
_BUFFER: Final = 4 * 1024 * 1024
"""Receive buffer asked for: a manager that polls in parallel sends hundreds of requests at once."""


class UdpServer:
    """Answers datagrams on several addresses. `respond` must be quick; what it raises is counted and logged once."""

    def __init__(self, listen: Iterable[str], respond: Respond, failed: Callable[[], None]) -> None:
        self._listen = tuple(listen)
        self._respond = respond
        self._failed = failed
        self._sockets: list[socket.socket] = []
        self._complained = False

    def open(self) -> tuple[tuple[str, int], ...]:
        """
        Bind all addresses and begin to answer; returns (address, port) of each.

        Raises:
            ConfigError: addresses cannot be bound; names all of them.
        """
        loop = asyncio.get_running_loop()
        refused: list[ConfigError] = []
        for text in self._listen:
            try:
                self._sockets.append(_bound(text))
            except ConfigError as error:
                refused.append(error)
        if refused:
            self.close()
            raise all_of(refused)
        for opened in self._sockets:
            if AVAILABLE:
                loop.add_reader(opened.fileno(), self._drain_batches, Datagrams(opened))
            else:
                loop.add_reader(opened.fileno(), self._drain, opened)
        return tuple((opened.getsockname()[0], opened.getsockname()[1]) for opened in self._sockets)

    def close(self) -> None:
        """Stop answering."""
        loop = asyncio.get_running_loop()
        for opened in self._sockets:
            loop.remove_reader(opened.fileno())
            opened.close()
        self._sockets.clear()

    def _drain_batches(self, datagrams: Datagrams) -> None:
        left = BURST
        while left > 0:  # to look once more costs less than a turn of the loop: who got an answer asks again
            served = datagrams.serve(self._respond, self._complain)
            if not served:
                return
            left -= served

    def _drain(self, opened: socket.socket) -> None:
        """The same without recvmmsg and sendmmsg."""
        receive, send, respond = opened.recvfrom, opened.sendto, self._respond
        for _ in range(BURST):
            try:
                data, peer = receive(_LARGEST)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:  # an ICMP answer to an earlier response
                logger.debug("snmp: receiving: %s", error)
                continue
            try:
                response = respond(data, peer[0])
            except Exception:
                self._complain()
                continue
            if response is not None:
                try:  # noqa: SIM105 - contextlib.suppress costs as much as half a GET
                    send(response, peer)
                except OSError:  # the buffer is full or the peer is gone: as if it were lost on the way
                    pass

    def _complain(self) -> None:
        """A fault of ours must not stop the agent. Told once, counted always."""
        self._failed()
        if not self._complained:
            self._complained = True
            logger.exception("snmp: a request could not be answered; further ones are only counted")


def _bound(text: str) -> socket.socket:
    host, port = parse_address(text)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_DGRAM)
    try:
        opened.setblocking(False)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.bind((host, port))
    except OSError as error:
        opened.close()
        raise ConfigError(f"publishers.snmp.listen = {text!r}: {_reason(error, port)}") from error
    return opened


def _reason(error: OSError, port: int) -> str:
    if isinstance(error, PermissionError) and port < 1024:
        return (
            f"port {port} needs a privilege. Give the service CAP_NET_BIND_SERVICE "
            "(AmbientCapabilities= of its unit), or choose a port above 1023."
        )
    remedy = no_such_address(error) or "Choose another port, or stop the other agent"
    return f"cannot listen there: {error.strerror}. {remedy}."
