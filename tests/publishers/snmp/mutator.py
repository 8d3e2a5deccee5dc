"""A mutator of SNMP messages: knows where BER has its tags and lengths, so that damage goes deep."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

_LENGTHS = (b"\x00", b"\x7f", b"\x80", b"\x81\x80", b"\x82\xff\xff", b"\x84\xff\xff\xff\xff", b"\x85\x00", b"\xff")
_TAGS = (0x02, 0x04, 0x05, 0x06, 0x30, 0x41, 0x46, *range(0x80, 0x83), *range(0xA0, 0xAA), 0x1F, 0xFF)
_INTEGERS = (b"", b"\x00", b"\x7f", b"\x80", b"\xff", b"\x7f\xff\xff\xff", b"\x80\x00\x00\x00", b"\x01\x00\x00\x00\x00")


def places(data: bytes) -> Iterator[int]:
    """Offsets of all TLVs with short lengths, inner ones too (an OCTET STRING may hold more)."""
    stack = [(0, len(data))]
    while stack:
        offset, end = stack.pop()
        while offset + 2 <= end:
            yield offset
            tag, length, start = data[offset], data[offset + 1], offset + 2
            if length in (0x81, 0x82):
                size = length & 3
                length = int.from_bytes(data[start : start + size], "big")
                start += size
            if start + length > end:
                break
            if tag & 0x20 or (tag == 0x04 and data[start : start + 1] == b"\x30"):
                stack.append((start, start + length))
            offset = start + length


class Mutator:
    """Endless damaged messages from good ones, the same for the same seed."""

    def __init__(self, corpus: Sequence[bytes], seed: int) -> None:
        self._corpus = tuple(corpus)
        self._places = {message: tuple(places(message)) for message in self._corpus}
        self._chance = random.Random(seed)
        self._kinds = (
            self._octets, self._bit, self._tag, self._length, self._integer,
            self._cut, self._twice, self._gone, self._graft, self._noise,
        )  # fmt: skip

    def __iter__(self) -> Iterator[bytes]:
        chance = self._chance
        while True:
            message = chance.choice(self._corpus)
            octets = bytearray(message)
            for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
                if octets:
                    chance.choice(self._kinds)(octets, message)
            yield bytes(octets)

    def _place(self, octets: bytearray, message: bytes) -> int:
        return self._chance.choice(self._places[message]) % len(octets)

    def _octets(self, octets: bytearray, message: bytes) -> None:
        octets[self._chance.randrange(len(octets))] = self._chance.randrange(256)

    def _bit(self, octets: bytearray, message: bytes) -> None:
        octets[self._chance.randrange(len(octets))] ^= 1 << self._chance.randrange(8)

    def _tag(self, octets: bytearray, message: bytes) -> None:
        octets[self._place(octets, message)] = self._chance.choice(_TAGS)

    def _length(self, octets: bytearray, message: bytes) -> None:
        place = self._place(octets, message) + 1
        octets[place : place + 1] = self._chance.choice(_LENGTHS)

    def _integer(self, octets: bytearray, message: bytes) -> None:
        """Another value in place of one, with a good length, and the lengths around it left as they were."""
        place = self._place(octets, message)
        if place + 1 < len(octets):
            value = self._chance.choice(_INTEGERS)
            octets[place + 1 : place + 2 + octets[place + 1]] = bytes((len(value),)) + value

    def _cut(self, octets: bytearray, message: bytes) -> None:
        del octets[self._chance.randrange(len(octets)) :]

    def _twice(self, octets: bytearray, message: bytes) -> None:
        place = self._place(octets, message)
        octets[place:place] = octets[place : place + self._chance.randint(1, 60)] * self._chance.choice((1, 1, 2, 30))

    def _gone(self, octets: bytearray, message: bytes) -> None:
        place = self._place(octets, message)
        del octets[place : place + self._chance.randint(1, 30)]

    def _graft(self, octets: bytearray, message: bytes) -> None:
        """A piece of another message, put where a TLV begins in this one."""
        other = self._chance.choice(self._corpus)
        begin = self._chance.choice(self._places[other])
        place = self._place(octets, message)
        octets[place : place + self._chance.randint(0, 40)] = other[begin : begin + self._chance.randint(1, 80)]

    def _noise(self, octets: bytearray, message: bytes) -> None:
        octets[:] = self._chance.randbytes(self._chance.randint(0, 80))
