"""A tiny UDP agent over the fast path, for the command line tools of net-snmp to talk to."""

from __future__ import annotations

import bisect
import socket
import threading
import time

from gateway.wire import ber
from gateway.wire.errors import DecodeError, UsmError
from gateway.wire.fast import Request, encode_response, is_v3, parse_request, varbind_room
from gateway.wire.names import read_names
from gateway.wire.pdu import ErrorStatus, PduType, Version
from gateway.wire.usm import AuthoritativeEngine
from gateway.wire.values import VarBind, encode_value, encode_varbind


class Agent:
    """Serves fixed varbinds on a free port of 127.0.0.1, in a thread."""

    def __init__(self, varbinds: list[VarBind], engine: AuthoritativeEngine | None = None) -> None:
        self.rows = sorted(varbinds, key=lambda v: v.oid)
        self.names = [v.oid for v in self.rows]
        self.encoded = [encode_varbind(ber.encode_oid(v.oid), encode_value(v.value)) for v in self.rows]
        self.engine = engine
        self.started = time.monotonic()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(0.2)
        self.port = self.socket.getsockname()[1]
        self.refused: list[str] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Agent:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self.socket.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                data, peer = self.socket.recvfrom(65535)
            except TimeoutError:
                continue
            answer = self.answer(data)
            if answer is not None:
                self.socket.sendto(answer, peer)

    def answer(self, data: bytes) -> bytes | None:
        try:
            if not is_v3(data):
                request = parse_request(data)
                status, index, body = self.respond(request, varbind_room(request, 1472))
                return encode_response(request, status, index, body)
            assert self.engine is not None
            now = int(time.monotonic() - self.started)
            try:
                opened = self.engine.open(data, now)
            except UsmError as error:
                self.refused.append(type(error).__name__)
                return self.engine.report(error, now)
            room = self.engine.varbind_room(opened)
            return self.engine.seal(opened, *self.respond(opened.request, room), now)
        except DecodeError as error:
            self.refused.append(str(error))
            return None

    def respond(self, request: Request, room: int) -> tuple[int, int, bytes]:
        if request.pdu_type is PduType.GET_BULK:
            return 0, 0, self._bulk(request, room)
        if request.pdu_type is PduType.SET:
            return ErrorStatus.NOT_WRITABLE, 1, request.varbinds
        found = []
        for number, (oid, name) in enumerate(zip(*read_names(request.varbinds), strict=True), 1):
            position = bisect.bisect_left(self.names, oid)
            if request.pdu_type is PduType.GET_NEXT and oid in self.names[position : position + 1]:
                position += 1
            exact = oid in self.names[position : position + 1]
            if position < len(self.names) and (exact or request.pdu_type is PduType.GET_NEXT):
                found.append(self.encoded[position])
            elif request.version is Version.V1:
                return ErrorStatus.NO_SUCH_NAME, number, request.varbinds
            elif request.pdu_type is PduType.GET:
                found.append(encode_varbind(name, ber.NO_SUCH_OBJECT_TLV))
            else:
                found.append(encode_varbind(name, ber.END_OF_MIB_VIEW_TLV))
        return 0, 0, b"".join(found)

    def _bulk(self, request: Request, room: int) -> bytes:
        """One column is enough here; truncated to what fits (RFC 3416 section 4.2.3)."""
        oids, encoded_oids = read_names(request.varbinds)
        position = bisect.bisect_right(self.names, oids[0])
        body = b""
        for encoded in self.encoded[position : position + request.max_repetitions]:
            if len(body) + len(encoded) > room:
                return body
            body += encoded
        return body or encode_varbind(encoded_oids[0], ber.END_OF_MIB_VIEW_TLV)
