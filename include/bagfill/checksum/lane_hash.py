"""One algorithm over several files at once, each file in its own lane of the processor's vector registers.

The compression functions come from ``native/lanes.c``; initial values, padding and the form of digests are here.
Sources: FIPS 180-4, sections 5 and 6 (SHA-2); RFC 1321, section 3 (MD5).
"""

from __future__ import annotations

import ctypes
import sys
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from bagfill.checksum.algorithm import Algorithm

Compress = Callable[[int, Any, int], None]
"""``(address of the states, addresses, blocks)``: takes that many whole blocks of each lane into the states."""

_SHA512 = (
    0x6A09E667F3BCC908, 0xBB67AE8584CAA73B, 0x3C6EF372FE94F82B, 0xA54FF53A5F1D36F1,
    0x510E527FADE682D1, 0x9B05688C2B3E6C1F, 0x1F83D9ABFB41BD6B, 0x5BE0CD19137E2179,
)  # fmt: skip
_SHA384 = (
    0xCBBB9D5DC1059ED8, 0x629A292A367CD507, 0x9159015A3070DD17, 0x152FECD8F70E5939,
    0x67332667FFC00B31, 0x8EB44A8768581511, 0xDB0C2E0D64F98FA7, 0x47B5481DBEFA4FA4,
)  # fmt: skip
_SHA256 = tuple(value >> 32 for value in _SHA512)
_SHA224 = tuple(value & 0xFFFFFFFF for value in _SHA384)
_MD5 = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476)


@dataclass(frozen=True, slots=True)
class Family:
    """What an algorithm needs to be computed in lanes.

    Args:
        function: name of its compression function in the library, without the number of lanes.
        initial: the state before the first byte, in words.
        bits: of a word.
        order: of the bytes in words of the digest and in the length at the end.
    """

    function: str
    initial: tuple[int, ...]
    bits: Literal[32, 64]
    order: Literal["big", "little"]

    @property
    def block(self) -> int:
        """Bytes that the compression function takes at once: sixteen words."""
        return 2 * self.bits

    def end(self, tail: bytes, size: int) -> bytes:
        """The last blocks: what is left of a file, a single bit, zeros, and the size of the whole file in bits."""
        length = self.bits // 4
        zeros = -(len(tail) + 1 + length) % self.block
        return tail + b"\x80" + bytes(zeros) + (8 * size).to_bytes(length, self.order)


FAMILIES = {
    Algorithm.MD5: Family("md5_32", _MD5, 32, "little"),
    Algorithm.SHA224: Family("sha2_32", _SHA224, 32, "big"),
    Algorithm.SHA256: Family("sha2_32", _SHA256, 32, "big"),
    Algorithm.SHA384: Family("sha2_64", _SHA384, 64, "big"),
    Algorithm.SHA512: Family("sha2_64", _SHA512, 64, "big"),
}

LARGEST_BLOCK = max(family.block for family in FAMILIES.values())
"""In bytes; a multiple of every other block."""


class LaneHash:
    """The running hashes of one algorithm, one for each lane.

    Args:
        algorithm: one of ``FAMILIES``.
        width: how many lanes.
        compress: the family's compression function for so many lanes.
    """

    def __init__(self, algorithm: Algorithm, width: int, compress: Compress) -> None:
        self._family = family = FAMILIES[algorithm]
        self._digits = algorithm.hex_length
        self._width = width
        self._compress = compress
        self._initial = array("Q" if family.bits == 64 else "I", family.initial)
        # All lanes' first words, then all second words, and so on: as the registers hold them.
        self._states = array(self._initial.typecode, bytes(width * family.bits // 8 * len(family.initial)))
        self._address, _ = self._states.buffer_info()
        self._ends = ctypes.c_char_p * width

    def start(self, lane: int) -> None:
        """Begin a new file in a lane."""
        self._states[lane :: self._width] = self._initial

    def update(self, addresses: ctypes.Array[ctypes.c_void_p], size: int) -> None:
        """Take the next bytes of every lane; the interpreter lock is released meanwhile.

        Args:
            addresses: one for each lane, of readable memory that nobody frees or changes meanwhile.
            size: in bytes, a multiple of ``LARGEST_BLOCK``.
        """
        self._compress(self._address, addresses, size // self._family.block)

    def digest(self, lane: int, tail: bytes, size: int) -> str:
        """The digest of the file in a lane, in hexadecimal digits; no lane's state changes.

        Args:
            lane: which.
            tail: the end of the file, as far as ``update`` has not had it.
            size: of the whole file, in bytes.
        """
        family = self._family
        end = family.end(tail, size)
        states = self._states[:]
        address, _ = states.buffer_info()
        # All lanes get this end; the others' results are not looked at.
        self._compress(address, self._ends(*[end] * self._width), len(end) // family.block)
        words = states[lane :: self._width]
        if family.order != sys.byteorder:
            words.byteswap()
        return words.tobytes().hex()[: self._digits]
