"""
HMAC and AES-CFB, set up once for each key.

Both keep contexts of OpenSSL between messages, which takes a quarter of the time of new ones.
An object belongs to one thread.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from gateway.wire.usm.keys import AuthProtocol

try:
    from cryptography.hazmat.decrepit.ciphers.modes import CFB
except ImportError:  # cryptography 43 to 46
    from cryptography.hazmat.primitives.ciphers.modes import CFB

_BLOCK: Final = 16


class Authenticator:
    """HMAC (RFC 2104) truncated as USM says: the two padded keys are hashed in advance."""

    __slots__ = ("_inner", "_outer", "mac_size", "zeros")

    def __init__(self, key: bytes, protocol: AuthProtocol) -> None:
        empty = hashlib.new(protocol.hash_name)
        padded = key.ljust(empty.block_size, b"\0")  # a localized key is never longer
        self._inner = empty
        self._outer = empty.copy()
        self._inner.update(bytes(octet ^ 0x36 for octet in padded))
        self._outer.update(bytes(octet ^ 0x5C for octet in padded))
        self.mac_size = protocol.mac_size
        self.zeros = bytes(self.mac_size)

    def mac(self, data: bytes) -> bytes:
        """The truncated HMAC of a message whose msgAuthenticationParameters are zeros."""
        inner = self._inner.copy()
        inner.update(data)
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.digest()[: self.mac_size]

    def verify(self, data: bytes, start: int, end: int) -> bool:
        """Check a whole message whose parameters are at start..end (RFC 3414 section 6.3.2)."""
        size = self.mac_size
        if end - start != size:
            return False
        inner = self._inner.copy()
        inner.update(data[:start])
        inner.update(self.zeros)
        inner.update(data[end:])
        outer = self._outer.copy()
        outer.update(inner.digest())
        return hmac.compare_digest(outer.digest()[:size], data[start:end])


class AesCfb:
    """
    AES in the CFB mode with 128 bits of feedback (RFC 3826 section 3.1).

    One encryptor serves all messages. CFB's only state is the last ciphertext block S, and the
    plaintext block E(S) xor IV is encrypted to IV: sending it through first sets a new IV.
    Decryption needs E(IV), E(C1), E(C2) ... which are known at once, so it is one ECB call.
    """

    __slots__ = ("_cfb", "_ecb", "_last")

    def __init__(self, key: bytes) -> None:
        aes = algorithms.AES(key)
        self._last = bytes(_BLOCK)
        self._cfb = Cipher(aes, CFB(self._last)).encryptor()
        self._ecb = Cipher(aes, modes.ECB()).encryptor()

    def encrypt(self, iv: bytes, plaintext: bytes) -> bytes:
        """Encrypt; the ciphertext has the length of the plaintext."""
        size = len(plaintext)
        new_iv = _xor(self._ecb.update(self._last), iv, _BLOCK)
        output = self._cfb.update(new_iv + plaintext + bytes(-size % _BLOCK))
        self._last = output[-_BLOCK:]
        return output[_BLOCK : _BLOCK + size]

    def decrypt(self, iv: bytes, ciphertext: bytes) -> bytes:
        """Decrypt; the plaintext has the length of the ciphertext."""
        size = len(ciphertext)
        blocks = (iv + ciphertext)[: size + -size % _BLOCK]
        return _xor(self._ecb.update(blocks)[:size], ciphertext, size)


def _xor(one: bytes, other: bytes, size: int) -> bytes:
    both = int.from_bytes(one, "big") ^ int.from_bytes(other, "big")
    return both.to_bytes(size, "big")
