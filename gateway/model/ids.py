"""UUIDv7 (RFC 9562 5.7): ids that sort by time. Time and randomness are arguments."""

from uuid import UUID


def uuid7(at: int, random: bytes) -> str:
    """
    The id for a moment and ten random bytes.

    `at`: microseconds UTC. The 12 bits after the milliseconds hold the fraction of the millisecond (method 3 of RFC
    9562 6.2), so that ids of one moment sort too.
    """
    if len(random) != 10:
        raise ValueError(f"ten random bytes are needed, not {len(random)}")
    millisecond, micro = divmod(at, 1000)
    fraction = micro * 4096 // 1000
    tail = int.from_bytes(random[2:], "big") & ((1 << 62) - 1)
    number = (millisecond & ((1 << 48) - 1)) << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | tail
    return str(UUID(int=number))
