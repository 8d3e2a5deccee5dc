"""The quick way through a request and the careful way say the same, and refuse the same."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.wire import fast
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
    st.lists(OIDS, max_size=4),
)


def parsed(data: bytes) -> fast.Request | None:
    try:
        return fast.parse_request(data)
    except DecodeError:
        return None


def carefully(data: bytes) -> fast.Request | None:
    for known in (fast._KNOWN_HEADS, fast._KNOWN_OIDS, fast._KNOWN_PREFIXES):
        known.clear()
    return parsed(data)


@given(REQUESTS, st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=2))
def test_a_head_and_a_column_that_were_met_before_change_nothing(message, changes):
    damaged = bytearray(message)
    for place, octet in changes:
        damaged[place % len(damaged)] = octet
    first = carefully(bytes(damaged))
    parsed(message)  # its head, its columns are known now
    again = parsed(bytes(damaged))
    assert again == first
    assert again is None or again.version is first.version
