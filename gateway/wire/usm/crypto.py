"""
HMAC, AES-CFB and CBC-DES, set up once for each key.

Both keep contexts of OpenSSL between messages, which takes a quarter of the time of new ones.
An object belongs to one thread.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final, Protocol

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives import ciphers
from cryptography.hazmat.primitives.ciphers import algorithms, modes

from gateway.wire.errors import DecryptionError
from gateway.wire.usm.keys import AuthProtocol, PrivProtocol

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


class Cipher(Protocol):
    """A privacy protocol with one key. `salt` is privParameters, 8 octets (RFC 3414 section 8, RFC 3826)."""

    def seal(self, boots: int, time_s: int, number: int, plaintext: bytes) -> tuple[bytes, bytes]:
        """Encrypt; returns (salt, ciphertext). `number` of 64 bits must never come twice for a key."""

    def open(self, boots: int, time_s: int, salt: bytes, ciphertext: bytes) -> bytes:
        """
        Decrypt; the plaintext may have octets of padding.

        Raises:
            DecryptionError: the ciphertext cannot be one of this protocol.
        """


def cipher(key: bytes, protocol: PrivProtocol) -> Cipher:
    """The cipher of a localized key."""
    return DesCbc(key) if protocol is PrivProtocol.DES else AesCfb(key)


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
        self._cfb = ciphers.Cipher(aes, CFB(self._last)).encryptor()
        self._ecb = ciphers.Cipher(aes, modes.ECB()).encryptor()

    def seal(self, boots: int, time_s: int, number: int, plaintext: bytes) -> tuple[bytes, bytes]:
        """Encrypt with the IV of RFC 3826 section 3.1.2.1."""
        salt = number.to_bytes(8, "big")
        return salt, self.encrypt((boots << 32 | time_s).to_bytes(8, "big") + salt, plaintext)

    def open(self, boots: int, time_s: int, salt: bytes, ciphertext: bytes) -> bytes:
        """Decrypt (RFC 3826 section 3.1.4)."""
        return self.decrypt((boots << 32 | time_s).to_bytes(8, "big") + salt, ciphertext)

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


class DesCbc:
    """DES in the CBC mode (RFC 3414 section 8.1): weak, for managers that have nothing else."""

    __slots__ = ("_des", "_pre_iv")

    def __init__(self, key: bytes) -> None:
        self._des = TripleDES(key[:8] * 3)  # three times the same key is DES itself
        self._pre_iv = key[8:16]

    def seal(self, boots: int, time_s: int, number: int, plaintext: bytes) -> tuple[bytes, bytes]:
        """Encrypt; the salt is boots and a number of 32 bits (8.1.1.1), the padding are zeros."""
        salt = ((boots & 0xFFFFFFFF) << 32 | number & 0xFFFFFFFF).to_bytes(8, "big")
        mode = modes.CBC(_xor(self._pre_iv, salt, 8))
        padded = plaintext + bytes(-len(plaintext) % 8)
        return salt, ciphers.Cipher(self._des, mode).encryptor().update(padded)

    def open(self, boots: int, time_s: int, salt: bytes, ciphertext: bytes) -> bytes:
        """Decrypt (8.1.1.3); the padding stays."""
        if len(ciphertext) % 8:
            raise DecryptionError("the ciphertext of DES is no multiple of 8 octets")
        mode = modes.CBC(_xor(self._pre_iv, salt, 8))
        return ciphers.Cipher(self._des, mode).decryptor().update(ciphertext)


def _xor(one: bytes, other: bytes, size: int) -> bytes:
    both = int.from_bytes(one, "big") ^ int.from_bytes(other, "big")
    return both.to_bytes(size, "big")
