"""BER: published encodings, limits, and pyasn1 as oracle."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyasn1.codec.ber import encoder
from pyasn1.type import univ

from gateway.wire import ber
from gateway.wire.errors import DecodeError, EncodeError

oids = st.builds(
    lambda head, tail: (*head, *tail),
    st.one_of(
        st.tuples(st.integers(0, 1), st.integers(0, 39)),
        st.tuples(st.just(2), st.integers(0, 2**32 - 1)),
    ),
    st.lists(st.integers(0, 2**32 - 1), max_size=126),
)

# pyasn1 0.6 gives these one octet more than X.690 8.3.2 allows.
PADDED_BY_PYASN1 = (-(2**7), -(2**15), -(2**23), -(2**31))


@pytest.mark.parametrize(
    ("encoded", "expected"),
    [
        (ber.encode_integer(0), "020100"),
        (ber.encode_integer(127), "02017f"),
        (ber.encode_integer(128), "02020080"),
        (ber.encode_integer(256), "02020100"),
        (ber.encode_integer(-128), "020180"),
        (ber.encode_integer(-129), "0202ff7f"),
        (ber.encode_octets(b"public"), "04067075626c6963"),
        (ber.encode_oid((1, 3, 6, 1, 4, 1, 36957)), "06082b0601040182a05d"),
        (ber.encode_oid((2, 999, 3)), "0603883703"),  # X.690 8.19.5
        (ber.encode_counter32(2**32 - 1), "410500ffffffff"),
        (ber.encode_counter64(2**64 - 1), "460900ffffffffffffffff"),
        (ber.encode_time_ticks(0), "430100"),
        (ber.encode_ip_address(b"\x7f\0\0\1"), "40047f000001"),
    ],
)
def test_known_encodings(encoded: bytes, expected: str) -> None:
    assert encoded.hex() == expected


@pytest.mark.parametrize(
    ("length", "encoded"),
    [(0, "00"), (127, "7f"), (128, "8180"), (255, "81ff"), (256, "820100"), (2**24, "8401000000")],
)
def test_a_length_takes_its_shortest_form(length: int, encoded: str) -> None:
    assert ber.encode_length(length).hex() == encoded
    assert ber.decode_length(bytes.fromhex(encoded)) == (length, len(encoded) // 2)


@pytest.mark.parametrize("encoded", ["", "80", "81", "8501000000 00", "82 01"])
def test_a_length_that_snmp_forbids_or_that_is_truncated(encoded: str) -> None:
    with pytest.raises(DecodeError):
        ber.decode_length(bytes.fromhex(encoded))


def test_values_out_of_range_are_not_encoded() -> None:
    for encode, value in (
        (ber.encode_integer, 2**31),
        (ber.encode_integer, -(2**31) - 1),
        (ber.encode_counter32, 2**32),
        (ber.encode_gauge32, -1),
        (ber.encode_counter64, 2**64),
        (ber.encode_octets, bytes(65536)),
        (ber.encode_ip_address, b"123"),
        (ber.encode_oid, (1,)),
        (ber.encode_oid, (1, 40)),
        (ber.encode_oid, (3, 1)),
        (ber.encode_oid, (1, 3, 2**32)),
        (ber.encode_oid, (1, 3, -1)),
        (ber.encode_oid, (1,) * 129),
    ):
        with pytest.raises(EncodeError):
            encode(value)  # type: ignore[operator]


@pytest.mark.parametrize(
    "content",
    ["80 01", "2b 80 01", "2b 81", "2b 90 80 80 80 00", "2b" + "01" * 127, "ff" * 2000 + "01"],
)
def test_oids_that_are_refused(content: str) -> None:
    with pytest.raises(DecodeError):
        ber.decode_oid_content(bytes.fromhex(content))


def test_the_longest_oid_is_accepted() -> None:
    oid = (1, 3, *[2**32 - 1] * 126)
    assert ber.decode_oid_content(ber.encode_oid_content(oid)) == oid


@given(oids)
def test_oids_are_encoded_as_pyasn1_does(oid: ber.Oid) -> None:
    encoded = ber.encode_oid(oid)
    assert encoded == encoder.encode(univ.ObjectIdentifier(oid))
    _, start, end = ber.read_tlv(encoded, 0, len(encoded))
    assert ber.decode_oid_content(encoded[start:end]) == oid


@given(st.integers(-(2**31), 2**31 - 1))
def test_integers_are_encoded_as_pyasn1_does(value: int) -> None:
    encoded = ber.encode_integer(value)
    if value not in PADDED_BY_PYASN1:
        assert encoded == encoder.encode(univ.Integer(value))
    assert ber.decode_integer(encoded[2:]) == value


@given(st.integers(0, 2**64 - 1))
def test_unsigned_integers_come_back(value: int) -> None:
    assert ber.decode_unsigned64(ber.encode_counter64(value)[2:]) == value
    if value < 2**32:
        assert ber.decode_unsigned32(ber.encode_gauge32(value)[2:]) == value


@pytest.mark.parametrize("content", ["", "ff", "01ffffffff", "000000000001"])
def test_unsigned_integers_that_are_refused(content: str) -> None:
    with pytest.raises(DecodeError):
        ber.decode_unsigned32(bytes.fromhex(content))


@given(st.binary(max_size=700))
def test_anything_is_decoded_or_refused(data: bytes) -> None:
    for decode in (ber.decode_oid_content, ber.decode_integer, ber.decode_unsigned64):
        with contextlib.suppress(DecodeError):
            decode(data)
