"""The quick way through a request and the careful way say the same, and the quick one takes no more than the other."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.wire import fast, names
from gateway.wire.ber import Oid
from gateway.wire.errors import DecodeError
from gateway.wire.pdu import Pdu, PduType, Version
from gateway.wire.snmp import CommunityMessage, encode_message
from gateway.wire.values import VarBind

SUBS = st.sampled_from([0, 1, 5, 127, 128, 16384, 2**28 - 1, 2**28, 2**32 - 1])
OIDS = st.lists(SUBS, max_size=6).map(lambda subs: (1, 3, 6, 1, *subs))
REQUESTS = st.builds(
    lambda kind, community, request_id, numbers, oids: encode_message(
        CommunityMessage(Version.V2C, community, Pdu(kind, request_id, *numbers, tuple(VarBind(oid) for oid in oids)))
    ),
    st.sampled_from([PduType.GET, PduType.GET_NEXT, PduType.GET_BULK, PduType.SET]),
    st.sampled_from([b"", b"public", b"x" * 40]),
    st.integers(-(2**31), 2**31 - 1),
    st.tuples(st.integers(0, 40), st.integers(0, 140)),
    st.lists(OIDS, max_size=14),
)
CHANGES = st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=2)


def damaged(message: bytes, changes: list[tuple[int, int]]) -> bytes:
    octets = bytearray(message)
    for place, octet in changes:
        octets[place % len(octets)] = octet
    return bytes(octets)


def heads_of(message: bytes) -> dict[bytes, fast.KnownHead]:
    heads: dict[bytes, fast.KnownHead] = {}
    fast.remember_head(heads, fast.parse_request(message))
    return heads


@given(REQUESTS, CHANGES)
def test_what_the_quick_way_takes_the_careful_way_takes_too(message, changes):
    data = damaged(message, changes)
    quick = fast.parse_usual(data, heads_of(message))
    if quick is not None:
        careful = fast.parse_request(data)
        assert quick == careful
        assert quick.version is careful.version
        assert quick.pdu_type is careful.pdu_type


@given(st.sampled_from([Version.V1, Version.V2C]), st.binary(max_size=100), st.lists(OIDS, max_size=20))
def test_a_usual_request_is_taken_by_the_quick_way(version, community, oids):
    pdu = Pdu(PduType.GET_NEXT, 0x12345678, varbinds=tuple(VarBind(oid) for oid in oids))
    message = encode_message(CommunityMessage(version, community, pdu))
    assert fast.parse_usual(message, heads_of(message)) == fast.parse_request(message)


def test_a_head_that_was_never_met_is_not_usual():
    message = encode_message(CommunityMessage(Version.V2C, b"public", Pdu(PduType.GET, 0x12345678)))
    assert fast.parse_usual(message, {}) is None


def test_heads_are_bounded():
    heads: dict[bytes, fast.KnownHead] = {}
    for number in range(1000):
        message = encode_message(CommunityMessage(Version.V2C, b"%d" % number, Pdu(PduType.GET, 0x12345678)))
        fast.remember_head(heads, fast.parse_request(message))
    assert len(heads) <= 256


def read(varbinds: bytes) -> tuple[list[Oid], list[bytes]] | None:
    try:
        return names.read_names(varbinds)
    except DecodeError:
        return None


@given(REQUESTS, CHANGES)
def test_a_column_that_was_met_before_changes_nothing(message, changes):
    varbinds = fast.parse_request(message).varbinds
    if not varbinds:
        return
    data = damaged(varbinds, changes)
    names._KNOWN_OIDS.clear()
    names._KNOWN_PREFIXES.clear()
    first = read(data)
    read(varbinds)  # its columns are known now
    assert read(data) == first
