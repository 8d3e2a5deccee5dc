"""
Datagrams in batches: many are received, and many sent, with one system call (recvmmsg and sendmmsg of Linux).

A manager that polls in parallel has a dozen requests on the way at any time. A system call for each of them and one
for each answer cost more than the answers, the more so as each makes the processor forget what it has learnt of the
interpreter. Python's socket module has no such calls, so the C library's are called.

A socket that listens on all addresses answers from the one that was asked (IP_PKTINFO): a manager takes no answer
from another address of the machine.
"""

import ctypes
import socket
from collections.abc import Callable
from typing import Any, Final

BATCH: Final = 32
"""Datagrams of one call. The buffers are 2 x 2 MiB of address space; only what was used is in memory."""
_LARGEST: Final = 65536
_NAME: Final = 128
"""Octets of a sockaddr_storage."""
_REMEMBERED: Final = 4096
_IP_PKTINFO: Final = 8
_CONTROL: Final = 64
"""Octets of the room for one control message."""


class _IoVector(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("size", ctypes.c_size_t))


class _Header(ctypes.Structure):
    """struct msghdr."""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_size", ctypes.c_uint32),
        ("vectors", ctypes.c_void_p),
        ("vector_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_size", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _Message(ctypes.Structure):
    """struct mmsghdr: a header, then the octets received or sent."""

    _fields_ = (("header", _Header), ("size", ctypes.c_uint32))


_MESSAGE_SIZE: Final = ctypes.sizeof(_Message)
_WORD: Final = ctypes.sizeof(ctypes.c_size_t)
_SIZE_EVERY, _SIZE_AT = _MESSAGE_SIZE // 4, _Message.size.offset // 4
_NAME_EVERY, _NAME_AT = _MESSAGE_SIZE // _WORD, (_Message.header.offset + _Header.name.offset) // _WORD
_CONTROL_AT: Final = (_Message.header.offset + _Header.control.offset) // _WORD


def _calls() -> tuple[Any, Any] | None:
    library = ctypes.CDLL(None)
    try:
        return library.recvmmsg, library.sendmmsg
    except AttributeError:
        return None


_CALLS: Final = _calls()
AVAILABLE: Final = _CALLS is not None
"""Whether the C library has these calls."""


class Datagrams:
    """Reads requests from one non-blocking UDP socket and sends the answers. Belongs to one thread."""

    def __init__(self, opened: socket.socket) -> None:
        assert _CALLS is not None
        self._receive, self._send = _CALLS
        self._descriptor = ctypes.c_int(opened.fileno())
        self._family = opened.family
        self._known: dict[bytes, str] = {}
        sources = bytearray(BATCH * _NAME)
        requests, responses = bytearray(BATCH * _LARGEST), bytearray(BATCH * _LARGEST)
        self._requests, self._responses = _rooms(requests, _LARGEST), _rooms(responses, _LARGEST)
        address, name_size = (slice(8, 24), 28) if opened.family == socket.AF_INET6 else (slice(4, 8), 16)
        self._sources = [room[address] for room in _rooms(sources, _NAME)]
        """Of each sockaddr the address."""
        names = _address_of(sources)
        self._controls = bytearray(BATCH * _CONTROL)
        self._control_size, self._interface = _ask_for_the_address(opened)
        controls = (_address_of(self._controls), self._control_size)
        self._in, self._in_vectors = _messages(requests, names, name_size, controls)
        self._out, self._out_vectors = _messages(responses, names, name_size, controls)
        self._in_sizes = memoryview(self._in).cast("B").cast("I")[_SIZE_AT::_SIZE_EVERY]
        self._out_sizes = memoryview(self._out_vectors).cast("B").cast("L")[1::2]
        out = memoryview(self._out).cast("B").cast("L")
        self._out_names, self._out_controls = out[_NAME_AT::_NAME_EVERY], out[_CONTROL_AT::_NAME_EVERY]
        self._name_at = [names + number * _NAME for number in range(BATCH)]
        self._control_at = [controls[0] + number * _CONTROL for number in range(BATCH)]

    def serve(self, respond: Callable[[bytes, str], bytes | None], failed: Callable[[], None]) -> int:
        """
        Receive what is there, at most `BATCH`, and send what `respond` gives for each; returns how many there were.

        What cannot be sent is lost, as on the way. `failed` is called where `respond` raises, in its except block.
        """
        count: int = self._receive(self._descriptor, self._in, BATCH, socket.MSG_DONTWAIT, None)
        if count <= 0:
            return 0
        requests, responses, sources = self._requests, self._responses, self._sources
        known, out_sizes, out_names, name_at = self._known, self._out_sizes, self._out_names, self._name_at
        due = 0
        for number, size in enumerate(self._in_sizes[:count].tolist()):
            address = sources[number].tobytes()
            source = known.get(address) or self._meet(address)
            try:
                response = respond(requests[number][:size].tobytes(), source)
            except Exception:
                failed()
                continue
            if response is None:
                continue
            out_sizes[due] = size = len(response)
            responses[due][:size] = response
            out_names[due] = name_at[number]
            if self._control_size:
                self._answer_from_there(number, due)
            due += 1
        self._send_all(due)
        return count

    def _answer_from_there(self, number: int, due: int) -> None:
        """The answer's own address is the one that was asked; its way is the routing table's choice."""
        begin = number * _CONTROL + self._interface
        self._controls[begin : begin + 4] = bytes(4)
        self._out_controls[due] = self._control_at[number]

    def _send_all(self, due: int) -> None:
        sent = 0
        while sent < due:
            rest = ctypes.byref(self._out, sent * _MESSAGE_SIZE)
            done: int = self._send(self._descriptor, rest, due - sent, socket.MSG_DONTWAIT)
            sent += max(done, 1)  # the first one failed: the others may not

    def _meet(self, address: bytes) -> str:
        """An address that was not met lately, as `ipaddress` reads it."""
        text = socket.inet_ntop(self._family, address)
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[address] = text
        return text


def _rooms(buffer: bytearray, size: int) -> list[memoryview]:
    """A buffer cut into rooms, one for each datagram of a batch."""
    whole = memoryview(buffer)
    return [whole[begin : begin + size] for begin in range(0, len(buffer), size)]


def _address_of(buffer: bytearray) -> int:
    return ctypes.addressof((ctypes.c_char * len(buffer)).from_buffer(buffer))


def _ask_for_the_address(opened: socket.socket) -> tuple[int, int]:
    """
    Have the kernel say which of our addresses was asked, where the socket listens on all.

    Returns:
        (octets of the control message, 0 for none; where in it the interface is). Its address comes back as it is.
    """
    if opened.getsockname()[0] not in ("0.0.0.0", "::"):
        return 0, 0
    head = socket.CMSG_LEN(0)
    if opened.family == socket.AF_INET6:  # struct in6_pktinfo: address, interface
        opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        return socket.CMSG_SPACE(20), head + 16
    opened.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
    return socket.CMSG_SPACE(12), head  # struct in_pktinfo: interface, own address, address in the header


def _messages(buffer: bytearray, names: int, name_size: int, controls: tuple[int, int]) -> tuple[Any, Any]:
    """Headers and vectors of a batch over one buffer. `controls`: where control messages are, and their octets."""
    messages, vectors = (_Message * BATCH)(), (_IoVector * BATCH)()
    start, each = _address_of(buffer), ctypes.sizeof(_IoVector)
    for number in range(BATCH):
        vectors[number].base, vectors[number].size = start + number * _LARGEST, _LARGEST
        message = messages[number].header
        message.name, message.name_size = names + number * _NAME, name_size
        message.vectors, message.vector_count = ctypes.addressof(vectors) + number * each, 1
        if controls[1]:
            message.control, message.control_size = controls[0] + number * _CONTROL, controls[1]
    return messages, vectors
