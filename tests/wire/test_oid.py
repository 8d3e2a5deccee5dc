"""OIDs as text, and the examples of RFC 2578 section 7.7."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire.errors import DecodeError, EncodeError
from gateway.wire.oid import (
    IndexPart,
    IndexType,
    decode_index,
    encode_index,
    format_oid,
    parse_oid,
)

INTEGER = IndexPart(IndexType.INTEGER)
STRING = IndexPart(IndexType.STRING)
IMPLIED_STRING = IndexPart(IndexType.IMPLIED_STRING)
UUID = IndexPart(IndexType.FIXED_STRING, 16)
OID = IndexPart(IndexType.OID)
IMPLIED_OID = IndexPart(IndexType.IMPLIED_OID)
IP_ADDRESS = IndexPart(IndexType.IP_ADDRESS)


def test_text() -> None:
    assert parse_oid(".1.3.6.1.4.1") == parse_oid("1.3.6.1.4.1") == (1, 3, 6, 1, 4, 1)
    assert format_oid((1, 3, 6, 1)) == "1.3.6.1"


@pytest.mark.parametrize("text", ["", ".", "1..3", "1.-3", "1.x", "1.4294967296", "1.²", "1." * 200])
def test_text_that_is_no_oid(text: str) -> None:
    with pytest.raises(DecodeError):
        parse_oid(text)


@pytest.mark.parametrize(
    ("part", "value", "subs"),
    [
        (INTEGER, 7, (7,)),
        (STRING, b"ab", (2, 97, 98)),
        (STRING, b"", (0,)),
        (IMPLIED_STRING, b"ab", (97, 98)),
        (UUID, bytes(range(16)), tuple(range(16))),
        (OID, (1, 3, 6), (3, 1, 3, 6)),
        (IMPLIED_OID, (1, 3, 6), (1, 3, 6)),
        (IP_ADDRESS, b"\x7f\0\0\1", (127, 0, 0, 1)),
    ],
)
def test_each_type_of_index(part: IndexPart, value: object, subs: tuple[int, ...]) -> None:
    assert encode_index([INTEGER, part], [5, value]) == (5, *subs)  # type: ignore[list-item]
    assert decode_index([INTEGER, part], (5, *subs)) == (5, value)


@pytest.mark.parametrize(
    ("part", "value"),
    [(INTEGER, -1), (INTEGER, b""), (STRING, 1), (IMPLIED_STRING, b""), (UUID, b"short"),
     (OID, (2**32,)), (IP_ADDRESS, b"123")],
)  # fmt: skip
def test_values_that_do_not_fit(part: IndexPart, value: object) -> None:
    with pytest.raises(EncodeError):
        encode_index([part], [value])  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("part", "subs"),
    [(INTEGER, ()), (INTEGER, (1, 2)), (STRING, (3, 1, 2)), (STRING, (1, 256)),
     (IMPLIED_STRING, ()), (UUID, (1, 2)), (OID, (4294967295, 1)), (IP_ADDRESS, (1, 2, 3))],
)  # fmt: skip
def test_instances_that_do_not_fit(part: IndexPart, subs: tuple[int, ...]) -> None:
    with pytest.raises(DecodeError):
        decode_index([part], subs)


def test_implied_is_for_the_last_object_only() -> None:
    with pytest.raises(EncodeError):
        encode_index([IMPLIED_STRING, INTEGER], [b"a", 1])


@given(st.integers(0, 2**32 - 1), st.binary(max_size=60), st.lists(st.integers(0, 2**32 - 1)))
def test_round_trip(number: int, octets: bytes, oid: list[int]) -> None:
    parts, values = [INTEGER, STRING, OID], [number, octets, tuple(oid)]
    assert list(decode_index(parts, encode_index(parts, values))) == values


@given(st.lists(st.integers(0, 2**32 - 1), max_size=20))
def test_anything_is_decoded_or_refused(subs: list[int]) -> None:
    for part in (INTEGER, STRING, IMPLIED_STRING, UUID, OID, IMPLIED_OID, IP_ADDRESS):
        try:
            values = decode_index([part], tuple(subs))
        except DecodeError:
            continue
        assert encode_index([part], values) == tuple(subs)
