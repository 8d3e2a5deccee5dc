"""The channel: a UDP socket to one receiver, whose name is looked up again from time to time and after each failure."""

import asyncio
import ipaddress
import os
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from gateway.model.errors import DeliveryError
from gateway.notifier.sinks.snmp_settings import RESOLVE_S
from gateway.support.clock import Clock

Answer = TypeVar("Answer")

RESOLVED_FOR_S = 60.0
"""How long an address is believed: receivers move, too."""
_LARGEST = 65_535
_UNKNOWN_ADDRESS = bytes(4)


class Channel:
    """Sends datagrams to one receiver, and takes its answers. Belongs to one event loop."""

    def __init__(self, name: str, host: str, port: int, clock: Clock) -> None:
        self._name = name
        self._host = host
        self._port = port
        self._clock = clock
        self._socket: socket.socket | None = None
        self._resolved_at = 0.0
        self._resolver: ThreadPoolExecutor | None = None

    async def open(self) -> None:
        """
        Be connected.

        Raises:
            DeliveryError: it has no address, or there is no way to it.
        """
        now = self._clock.monotonic()
        if self._socket is None or now - self._resolved_at >= RESOLVED_FOR_S:
            self.close()
            self._socket, self._resolved_at = self._connect(*await self._resolve()), now

    @property
    def own_address(self) -> bytes:
        """Our IPv4 address towards the receiver, once connected; zeros when it goes by IPv6 (RFC 3584 3.1)."""
        opened = self._opened()
        if opened.family != socket.AF_INET:
            return _UNKNOWN_ADDRESS
        return socket.inet_aton(opened.getsockname()[0])

    def send(self, message: bytes) -> None:
        """
        Send a datagram that nobody answers.

        Raises:
            DeliveryError: it could not be sent, or the receiver's machine refused it at once.
        """
        opened = self._opened()
        try:
            # An ICMP answer to an earlier datagram must not count for this one.
            opened.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            opened.send(message)
            refused = opened.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        except OSError as error:
            raise self._failure(error) from error
        if refused:
            raise self._failure(OSError(refused, os.strerror(refused)))

    async def ask(
        self, message: bytes, take: Callable[[bytes], Answer | None], timeout_s: float, retries: int, doubt: str
    ) -> Answer:
        """
        Send a datagram, again and again, until `take` makes something of what comes back.

        `timeout_s`: how long the first waits; each repetition waits twice as long. `doubt`: why there may be no answer.

        Raises:
            DeliveryError: no answer, or nobody listens there. What `take` raises goes through.
        """
        opened, loop = self._opened(), asyncio.get_running_loop()
        for repetition in range(retries + 1):
            try:
                opened.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                opened.send(message)
                async with asyncio.timeout(timeout_s * 2**repetition):
                    while True:
                        taken = take(await loop.sock_recv(opened, _LARGEST))
                        if taken is not None:
                            return taken
            except TimeoutError:
                continue
            except OSError as error:
                raise self._failure(error) from error
        raise self._failure(OSError(None, f"no answer to {retries + 1} informs. {doubt}"))

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if self._resolver is not None:
            self._resolver.shutdown(wait=False, cancel_futures=True)
            self._resolver = None

    def _opened(self) -> socket.socket:
        if self._socket is None:
            raise DeliveryError("the connection was closed")
        return self._socket

    async def _resolve(self) -> tuple[Any, ...]:
        """In a thread of its own: a resolver that hangs must keep nobody else waiting."""
        try:
            ipaddress.ip_address(self._host)
        except ValueError:
            pass
        else:
            return socket.getaddrinfo(self._host, self._port, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST)[0]
        if self._resolver is None:
            self._resolver = ThreadPoolExecutor(1, f"resolver-{self._name}")
        ask = asyncio.get_running_loop().run_in_executor(
            self._resolver, lambda: socket.getaddrinfo(self._host, self._port, type=socket.SOCK_DGRAM)
        )
        try:
            async with asyncio.timeout(RESOLVE_S):
                return (await ask)[0]
        except (OSError, TimeoutError) as error:
            said = getattr(error, "strerror", None) or "no answer from the resolver"
            raise DeliveryError(f"{self._host}: {said}. Correct receivers.{self._name}.host") from error

    def _connect(self, family: int, kind: int, protocol: int, _name: str, address: Any) -> socket.socket:
        opened = socket.socket(family, kind, protocol)
        try:
            opened.setblocking(False)
            opened.connect(address)
        except OSError as error:
            opened.close()
            raise self._failure(error) from error
        return opened

    def _failure(self, error: OSError) -> DeliveryError:
        self.close()
        return DeliveryError(f"{self._host} port {self._port}: {error.strerror or error}")
