"""How values become BER."""

from __future__ import annotations

from gateway.schema.snmp import syntax
from gateway.wire.ber import encode_octets


def test_a_time_is_utc_with_tenths_of_a_second():
    # 2023-11-14 22:13:20.5 UTC
    assert syntax.date_and_time(1_700_000_000_500_000) == bytes((0x07, 0xE7, 11, 14, 22, 13, 20, 5)) + b"+\0\0"


def test_an_unknown_time_is_eight_zero_octets():
    assert syntax.TIME.encode(0) == encode_octets(bytes(8))


def test_a_long_text_is_cut_between_characters():
    assert syntax.TEXT.encode("ü" * 200) == encode_octets(("ü" * 127).encode())


def test_a_text_is_one_line_without_control_characters():
    said = "first line\r\nsecond\x1b[31m red\u2028third\n"
    assert syntax.TEXT.encode(said)[2:].decode() == "first line second [31m red third"
    assert syntax.TEXT.encode("Größe\u00a0x")[2:].decode() == "Größe\u00a0x"
    assert syntax.TEXT.encode("\n" * 300) == b"\x04\x00"


def test_a_text_that_cannot_be_encoded_is_told_nevertheless():
    assert syntax.TEXT.encode("bad \udc80 name") == encode_octets(b"bad ? name")


def test_numbers_beyond_their_type_wrap_or_stop():
    assert syntax.COUNTER.encode(2**32 + 5) == syntax.COUNTER.encode(5)
    assert syntax.GAUGE.encode(2**40) == syntax.GAUGE.encode(2**32 - 1)
