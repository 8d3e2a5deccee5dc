"""Hosts that may be gone, as another source says, are asked at once: keepalive takes its time to find out."""

import asyncio
import errno
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from gateway.collectors.libvirt.address import Address, TcpEnd
from gateway.collectors.libvirt.probe import HELLO

PATIENCE_S = 1.2
"""How long one question may go unanswered; long enough for TCP's first repetition (1 s, RFC 6298 2.1)."""
QUESTIONS = 2
"""A host that is slow for a moment, or a packet that is lost, is no loss."""
RESOLVE_S = 1.0
_Place = tuple[int, Any]
"""A family of addresses, and one of it as sockets take it."""
_NOBODY_THERE = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN})


class Doubts:
    """
    Asks doubted hosts, each in its own time. `run` does it; `begin` only says which.

    Args:
        answers: the host is there, or cannot be asked beside libvirt: read it now.
        silent: it did not answer; and in words, for how long.
    """

    def __init__(
        self,
        addresses: Mapping[str, Address],
        answers: Callable[[str], None],
        silent: Callable[[str, str], None],
    ) -> None:
        self._addresses = addresses
        self._answers = answers
        self._silent = silent
        self._doubted: set[str] = set()
        self._more = asyncio.Event()

    def begin(self, host: str) -> None:
        """Ask this host soon."""
        self._doubted.add(host)
        self._more.set()

    async def run(self) -> None:
        """Ask whoever is doubted, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                await self._more.wait()
                self._more.clear()
                while self._doubted:
                    tasks.create_task(self._ask(self._doubted.pop()))

    async def _ask(self, host: str) -> None:
        end = self._addresses[host].end
        if isinstance(end, TcpEnd) and await _is_silent(end):
            self._silent(host, f"no answer within {PATIENCE_S * QUESTIONS:g} s")
        else:
            self._answers(host)


async def _is_silent(end: TcpEnd) -> bool:
    """True when none of a name's addresses answers; a name that cannot be resolved is no silence of the host."""
    places = await _places(end)
    for _ in range(QUESTIONS):
        if any(await asyncio.gather(*(_is_heard(family, place, end.speaks) for family, place in places))):
            return False
    return bool(places)


async def _places(end: TcpEnd) -> list[_Place]:
    with suppress(OSError):  # TimeoutError is one
        async with asyncio.timeout(RESOLVE_S):
            found = await asyncio.get_running_loop().getaddrinfo(end.host, end.port, type=socket.SOCK_STREAM)
            return [(family, place) for family, _, _, _, place in found]
    return []


async def _is_heard(family: int, place: Any, speaks: bool) -> bool:
    """
    True when a machine is there; where the daemon itself `speaks` at the other end, when that says anything.

    A connection that is refused or closed is an answer.
    """
    loop = asyncio.get_running_loop()
    try:
        with socket.socket(family, socket.SOCK_STREAM) as connection:
            connection.setblocking(False)
            async with asyncio.timeout(PATIENCE_S):
                await loop.sock_connect(connection, place)
                if speaks:
                    await loop.sock_sendall(connection, HELLO)
                    await loop.sock_recv(connection, 1)
    except TimeoutError:
        return False
    except OSError as error:
        return error.errno not in _NOBODY_THERE
    return True
