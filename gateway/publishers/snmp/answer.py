"""Answer: what a request PDU gets from one view of one snapshot (RFC 3416 section 4.2, RFC 1157 section 4.1)."""

from collections.abc import Sequence
from itertools import islice
from typing import Final

from gateway.publishers.snmp.access import View
from gateway.publishers.snmp.segments import ServedColumn
from gateway.publishers.snmp.walk import Position, Tree, cells, rows_after, run_after
from gateway.wire.ber import (
    END_OF_MIB_VIEW_TLV,
    NO_SUCH_INSTANCE_TLV,
    NO_SUCH_OBJECT_TLV,
    Oid,
    decode_length,
    read_tlv,
)
from gateway.wire.errors import DecodeError
from gateway.wire.fast import Request
from gateway.wire.names import read_names
from gateway.wire.pdu import ErrorStatus, Pdu, PduType, Version, check_version
from gateway.wire.values import decode_varbinds, encode_varbind

Answer = tuple[int, int, bytes]
"""error-status, error-index and the encoded varbinds of a Response. A plain tuple: it is made for each packet."""

TOO_BIG: Final[Answer] = (1, 0, b"")
# Bound once: in Python 3.11 each look-up of an enum's member calls a Python function.
_V1: Final = Version.V1
_GET: Final = PduType.GET
_GET_NEXT: Final = PduType.GET_NEXT
_GET_BULK: Final = PduType.GET_BULK
_NO_SUCH_NAME: Final = int(ErrorStatus.NO_SUCH_NAME)
_NOT_WRITABLE: Final = int(ErrorStatus.NOT_WRITABLE)
_NO_ACCESS: Final = int(ErrorStatus.NO_ACCESS)
_BLOCK: Final = 32
"""Repetitions that are looked up at once; a larger number costs more when the response is cut."""
_USUAL: Final = 32
"""Octets of a varbind, when it is asked how many repetitions there is room for."""


def answer(request: Request, view: View, serial: int, room: int) -> Answer:
    """
    Answer a request with at most `room` octets of varbinds.

    Raises:
        DecodeError: the values of a SET are malformed.
    """
    kind = request.pdu_type
    tree = view.v1 if request.version is _V1 else view.v2
    if kind is _GET_BULK:
        shape = None if request.non_repeaters else tree.shapes.find(request.varbinds)
        if shape is not None:
            usual = _usual_bulk(shape[0].columns, shape[1], request.max_repetitions, room, serial)
            if usual is not None:
                return 0, 0, usual
        return 0, 0, _bulk(request, tree, serial, room)
    if kind is _GET or kind is _GET_NEXT:
        shape = tree.shapes.find(request.varbinds)
        if shape is not None:
            varbinds = cells(shape[0].columns, shape[1], serial, after=kind is _GET_NEXT)
            if varbinds is not None and len(varbinds) <= room:
                return 0, 0, varbinds
        found = _get(request, tree, serial) if kind is _GET else _get_next(request, tree, serial)
    else:
        found = _refuse_set(request, view)
    if len(found[2]) <= room:
        return found
    # RFC 3416 4.2.1: an alternate response with no varbinds; RFC 1157 4.1.2: with those of the request.
    return TOO_BIG if request.version is not _V1 else (TOO_BIG[0], 0, _repeated(request))


def _usual_bulk(columns: Sequence[ServedColumn], index: int, count: int, room: int, serial: int) -> bytes | None:
    """The rows after one row of one table, when there are enough of them and there is room for all."""
    if len(columns) == 1:
        return run_after(columns[0], index, count, room, serial)
    varbinds = rows_after(columns, index, count, room, serial)
    return None if varbinds is None else b"".join(varbinds)


def _repeated(request: Request) -> bytes:
    """
    The varbinds that an error response repeats.

    Raises:
        DecodeError: they hold what the version does not know, and would be repeated.
    """
    varbinds = decode_varbinds(request.varbinds)
    problem = check_version(request.version, Pdu(PduType.RESPONSE, 0, varbinds=varbinds))
    if problem:
        raise DecodeError(problem)
    return request.varbinds


def _get(request: Request, tree: Tree, serial: int) -> Answer:
    varbinds = []
    oids, names = read_names(request.varbinds)
    for number, oid in enumerate(oids):
        varbind = tree.get(oid, serial)
        if varbind is None:
            if request.version is _V1:
                return _NO_SUCH_NAME, number + 1, _repeated(request)
            missing = NO_SUCH_INSTANCE_TLV if tree.knows(oid) else NO_SUCH_OBJECT_TLV
            varbind = encode_varbind(names[number], missing)
        varbinds.append(varbind)
    return 0, 0, b"".join(varbinds)


def _get_next(request: Request, tree: Tree, serial: int) -> Answer:
    varbinds = []
    oids, names = read_names(request.varbinds)
    for number, oid in enumerate(oids):
        found, _ = tree.take(tree.after(oid, serial), 1, serial)
        if found:
            varbinds += found
        elif request.version is _V1:
            return _NO_SUCH_NAME, number + 1, _repeated(request)
        else:
            varbinds.append(encode_varbind(names[number], END_OF_MIB_VIEW_TLV))
    return 0, 0, b"".join(varbinds)


def _refuse_set(request: Request, view: View) -> Answer:
    """
    Nothing is writable (RFC 3416 4.2.5): noAccess outside of the view, notWritable in it.

    SNMPv1 knows only noSuchName for both (RFC 1157 4.1.5, RFC 3584 4.4).
    """
    varbinds = decode_varbinds(request.varbinds)
    if not varbinds:
        return 0, 0, b""
    if request.version is _V1:
        return _NO_SUCH_NAME, 1, _repeated(request)
    return _NOT_WRITABLE if view.subtrees.includes(varbinds[0].oid) else _NO_ACCESS, 1, request.varbinds


def _bulk(request: Request, tree: Tree, serial: int, room: int) -> bytes:
    """GETBULK (RFC 3416 4.2.3): as much as there is room for, never tooBig."""
    oids, names = read_names(request.varbinds)
    once = request.non_repeaters
    if len(oids) == 1 and not once:
        pieces, ended, last = tree.slices(tree.after(oids[0], serial), request.max_repetitions, room, serial)
        if ended:
            room -= sum(map(len, pieces))
            end = _end(_name(last) if last else names[0])
            if len(end) <= room:
                pieces.append(end)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)
    return _bulk_many(request, oids, names, tree, serial, room)


def _bulk_many(
    request: Request, oids: Sequence[Oid], names: Sequence[bytes], tree: Tree, serial: int, room: int
) -> bytes:
    varbinds: list[bytes] = []
    once = min(request.non_repeaters, len(oids))
    for oid, name in zip(oids[:once], names, strict=False):
        found, _ = tree.take(tree.after(oid, serial), 1, serial)
        varbind = found[0] if found else _end(name)
        room -= len(varbind)
        if room < 0:
            return b"".join(varbinds)
        varbinds.append(varbind)
    if once < len(oids) and request.max_repetitions:
        _repeat(tree, serial, oids[once:], names[once:], request.max_repetitions, room, varbinds)
    return b"".join(varbinds)


def _repeat(
    tree: Tree,
    serial: int,
    oids: Sequence[Oid],
    names: Sequence[bytes],
    repetitions: int,
    room: int,
    varbinds: list[bytes],
) -> None:
    """
    Append the repetitions, row by row, until they are done, all columns have ended or the room is used up.

    What there is no room for is not looked up, but for the rest of one block.
    """
    positions: list[Position] = []
    last = [b""] * len(oids)
    while repetitions > 0:
        block = max(1, min(repetitions, _BLOCK, room // (_USUAL * len(oids))))
        repetitions -= block
        columns = []
        longest = size = 0
        for number, oid in enumerate(oids):
            if number == len(positions):
                positions.append(tree.after(oid, serial))
            taken, positions[number] = tree.take(positions[number], block, serial)
            if taken:
                last[number] = taken[-1]
                longest = max(longest, len(taken))
            if len(taken) < block:
                end = _end(_name(last[number]) if last[number] else names[number])
                taken += [end] * (block - len(taken))
            columns.append(taken)
            size += len(taken[0])
            if size > room:  # the first repetition of the block is cut here
                break
        # A repetition in which every column has ended is the last one (RFC 3416 4.2.3).
        batch = [varbind for row in islice(zip(*columns, strict=True), longest + 1) for varbind in row]
        size = sum(map(len, batch))
        if size > room:
            _append_what_fits(batch, room, varbinds)
            return
        room -= size
        varbinds += batch
        if longest < block:
            return


def _append_what_fits(batch: Sequence[bytes], room: int, varbinds: list[bytes]) -> None:
    for varbind in batch:
        room -= len(varbind)
        if room < 0:
            return
        varbinds.append(varbind)


def _name(varbind: bytes) -> bytes:
    """The encoded OID of an encoded varbind."""
    _, start = decode_length(varbind, 1)
    _, _, stop = read_tlv(varbind, start, len(varbind))
    return varbind[start:stop]


def _end(name: bytes) -> bytes:
    """RFC 3416 4.2.2 (2): nothing follows this name."""
    return encode_varbind(name, END_OF_MIB_VIEW_TLV)
