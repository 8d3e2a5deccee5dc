"""Hosts that may be gone, as another source says, are asked at once: keepalive takes its time to find out."""

import asyncio
import errno
import socket
from collections.abc import Callable, Mapping
from typing import Protocol

from gateway.collectors.libvirt.probe import HELLO, Door

PATIENCE_S = 1.2
"""How long one question may go unanswered; long enough for TCP's first repetition (1 s, RFC 6298 2.1)."""
QUESTIONS = 2
"""A host that is slow for a moment, or a packet that is lost, is no loss."""
_NOBODY_THERE = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN})


class Doubted(Protocol):
    """A host that may be asked."""

    @property
    def door(self) -> Door | None:
        """Where it was reached last; a name is not resolved again: who can do that may be lost, too."""

    async def answers(self, within_s: float) -> bool:
        """True when it says something over its open connection in this time; False also when it has none."""


class Doubts:
    """
    Asks doubted hosts, each in its own time. `run` does it; `begin` only says which.

    Args:
        answers: the host is there, or was not reached yet, or cannot be asked beside libvirt: read it now.
        silent: it did not answer; and in words, for how long.
    """

    def __init__(
        self,
        hosts: Mapping[str, Doubted],
        answers: Callable[[str], None],
        silent: Callable[[str, str], None],
    ) -> None:
        self._hosts = hosts
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
        asked = self._hosts[host]
        if asked.door is None or await _is_there(asked, asked.door):
            self._answers(host)
        else:
            self._silent(host, f"no answer within {PATIENCE_S * QUESTIONS:g} s")


async def _is_there(host: Doubted, door: Door) -> bool:
    """True when it answers at its door, or over its open connection: a full daemon lets nobody else in."""
    questions = [asyncio.create_task(each) for each in (_opens(door), host.answers(PATIENCE_S * QUESTIONS))]
    try:
        for answer in asyncio.as_completed(questions):
            if await answer:
                return True
    finally:
        for question in questions:
            question.cancel()
    return False


async def _opens(door: Door) -> bool:
    for _ in range(QUESTIONS):
        if await _is_heard(door):
            return True
    return False


async def _is_heard(door: Door) -> bool:
    """
    True when a machine is there; where the daemon itself `speaks` at the other end, when that says anything.

    A connection that is refused or closed is an answer.
    """
    loop = asyncio.get_running_loop()
    try:
        with socket.socket(door.family, socket.SOCK_STREAM) as connection:
            connection.setblocking(False)
            async with asyncio.timeout(PATIENCE_S):
                await loop.sock_connect(connection, door.address)
                if door.speaks:
                    await loop.sock_sendall(connection, HELLO)
                    await loop.sock_recv(connection, 1)
    except TimeoutError:
        return False
    except OSError as error:
        return error.errno not in _NOBODY_THERE
    return True
