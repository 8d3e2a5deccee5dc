"""A first word with a daemon, with a deadline of its own: libvirt's open() may block for a minute, and has no end."""

import socket
import struct
from dataclasses import dataclass
from typing import Any

from gateway.collectors.libvirt.address import TcpEnd, UnixEnd
from gateway.model.errors import SourceUnavailable

_PROGRAM, _VERSION, _AUTH_LIST, _CALL, _SERIAL, _OK = 0x20008086, 1, 66, 0, 0, 0
_HEADER = struct.Struct(">7I")
"""Length with itself, program, version, procedure, type, serial, status (libvirt's internals, RPC protocol)."""
HELLO = _HEADER.pack(_HEADER.size, _PROGRAM, _VERSION, _AUTH_LIST, _CALL, _SERIAL, _OK)
"""What every client of libvirt says first: which kinds of authentication are there?"""


@dataclass(frozen=True, slots=True)
class Door:
    """Where a host was reached: an address of its name, as sockets take it. `speaks`: as the end's."""

    family: int
    address: Any
    speaks: bool


def probe(end: TcpEnd | UnixEnd, timeout_s: float) -> Door | None:
    """
    Connect, and where the daemon itself is at the other end without TLS, ask it something. Blocking.

    Returns:
        where that was; None: on this machine.

    Raises:
        SourceUnavailable: nobody is there, or does not answer within `timeout_s` (for each of a name's addresses).
    """
    try:
        with _connected(end, timeout_s) as connection:
            if isinstance(end, UnixEnd) or end.speaks:
                _ask(connection)
            return Door(connection.family, connection.getpeername(), end.speaks) if isinstance(end, TcpEnd) else None
    except TimeoutError as error:
        raise SourceUnavailable(f"{_named(end)} does not answer within {timeout_s:g} s") from error
    except OSError as error:
        raise SourceUnavailable(f"{_named(end)}: {error.strerror or error}") from error


def _connected(end: TcpEnd | UnixEnd, timeout_s: float) -> socket.socket:
    if isinstance(end, TcpEnd):
        connection = socket.create_connection((end.host, end.port), timeout_s)
        connection.settimeout(timeout_s)
        return connection
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(timeout_s)
        connection.connect(end.path)
    except BaseException:
        connection.close()
        raise
    return connection


def _ask(connection: socket.socket) -> None:
    connection.sendall(HELLO)
    answer = b""
    while len(answer) < _HEADER.size:
        more = connection.recv(_HEADER.size - len(answer))
        if not more:
            raise OSError(None, "the daemon closed the connection; its log says why (access denied? too many clients?)")
        answer += more
    if _HEADER.unpack(answer)[1] != _PROGRAM:
        raise OSError(None, "something else than libvirt answers there")


def _named(end: TcpEnd | UnixEnd) -> str:
    return end.path if isinstance(end, UnixEnd) else f"{end.host} port {end.port}"
