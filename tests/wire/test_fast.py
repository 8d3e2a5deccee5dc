"""The agent's path agrees with the typed codec, and refuses what is no request."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire.errors import DecodeError
from gateway.wire.fast import encode_response, is_v3, parse_request, varbind_room
from gateway.wire.names import read_names
from gateway.wire.pdu import Pdu, PduType, Version
from gateway.wire.snmp import CommunityMessage, decode_message, encode_message
from gateway.wire.values import OctetString, VarBind, decode_varbinds, encode_varbinds
from tests.wire.test_messages import messages

REQUESTS = (PduType.GET, PduType.GET_NEXT, PduType.SET, PduType.GET_BULK, PduType.INFORM)
NAMES = ((1, 3, 6, 1, 2, 1, 1, 3, 0), (1, 3, 6, 1, 4, 1, 64444, 1, 70000))


def request(pdu_type: PduType, version: Version = Version.V2C, a: int = 0, b: int = 0) -> bytes:
    varbinds = tuple(VarBind(oid) for oid in NAMES)
    pdu = Pdu(pdu_type, 0x12345678, a, b, varbinds)
    return encode_message(CommunityMessage(version, b"public", pdu))


def test_a_getbulk_is_read() -> None:
    got = parse_request(request(PduType.GET_BULK, a=1, b=50))
    assert (got.version, got.community) == (Version.V2C, b"public")
    assert (got.pdu_type, got.request_id) == (PduType.GET_BULK, 0x12345678)
    assert (got.non_repeaters, got.max_repetitions) == (1, 50)
    oids, encoded = read_names(got.varbinds)
    assert oids == list(NAMES)
    assert encoded[0].hex() == "06082b06010201010300"
    assert "public" not in repr(got)


def test_negative_numbers_of_a_getbulk_are_zero() -> None:
    got = parse_request(request(PduType.GET_BULK, a=-1, b=-200))
    assert (got.non_repeaters, got.max_repetitions) == (0, 0)


@pytest.mark.parametrize("octets", [0, 1, 100, 127, 128, 250, 256, 1400, 2040, 2048, 65000])
@pytest.mark.parametrize("version", [Version.V1, Version.V2C])
def test_a_response_is_what_the_typed_codec_writes(octets: int, version: Version) -> None:
    body = (VarBind(NAMES[0], OctetString(bytes(octets))),)
    got = parse_request(request(PduType.GET, version))
    response = encode_response(got, 5, 1, encode_varbinds(body))
    expected = Pdu(PduType.RESPONSE, 0x12345678, 5, 1, body)
    assert response == encode_message(CommunityMessage(version, b"public", expected))


@given(st.integers(500, 5000), st.binary(max_size=40), st.integers(-(2**31), 2**31 - 1))
def test_what_has_room_fits(size: int, community: bytes, request_id: int) -> None:
    message = CommunityMessage(Version.V2C, community, Pdu(PduType.GET, request_id))
    got = parse_request(encode_message(message))
    room = varbind_room(got, size)
    assert size - 15 <= len(encode_response(got, 18, 2**31 - 1, bytes(room))) <= size


@given(messages)
def test_both_codecs_agree_about_requests(message: object) -> None:
    data = encode_message(message)  # type: ignore[arg-type]
    assert is_v3(data) == (not isinstance(message, CommunityMessage))
    pdu = message.pdu if isinstance(message, CommunityMessage) else None
    if not isinstance(message, CommunityMessage) or not isinstance(pdu, Pdu) or (
        pdu.type not in REQUESTS
    ):  # fmt: skip
        with pytest.raises(DecodeError):
            parse_request(data)
        return
    got = parse_request(data)
    assert (got.version, got.community) == (message.version, message.community)
    assert (got.pdu_type, got.request_id) == (pdu.type, pdu.request_id)
    assert read_names(got.varbinds)[0] == [v.oid for v in pdu.varbinds]
    assert decode_varbinds(got.varbinds) == pdu.varbinds


@given(messages, st.data())
def test_a_damaged_request_that_one_codec_takes_means_the_same_to_the_other(
    message: object, data: st.DataObject
) -> None:
    octets = bytearray(encode_message(message))  # type: ignore[arg-type]
    for _ in range(data.draw(st.integers(1, 3))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    try:
        got = parse_request(bytes(octets))
        oids, _ = read_names(got.varbinds)
        typed = decode_message(bytes(octets))
    except DecodeError:
        return
    assert isinstance(typed, CommunityMessage)
    assert isinstance(typed.pdu, Pdu)
    assert oids == [v.oid for v in typed.pdu.varbinds]
    assert (got.community, got.request_id) == (typed.community, typed.pdu.request_id)


@given(st.binary(max_size=200))
def test_anything_is_parsed_or_refused(data: bytes) -> None:
    with contextlib.suppress(DecodeError):
        read_names(parse_request(data).varbinds)
    is_v3(data)


def test_a_length_in_a_longer_form_is_accepted() -> None:
    plain = request(PduType.GET)
    long = b"\x30\x82" + (len(plain) - 2).to_bytes(2, "big") + plain[2:]
    assert parse_request(long)[2:] == parse_request(plain)[2:]
