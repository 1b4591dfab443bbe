"""Digests by one algorithm, by number, in as many bytes as they have: a bag may have a million of them."""

from __future__ import annotations

from bagfill.checksum.algorithm import Algorithm
from bagfill.checksum.digest import Digest, InvalidDigest

_ABSENT, _LOWER, _UPPER, _MIXED = range(4)


class DigestColumn:
    """Digests by number; the letter case of each is kept.

    Args:
        algorithm: of all of them.
    """

    def __init__(self, algorithm: Algorithm) -> None:
        self.algorithm = algorithm
        self._length = algorithm.hex_length // 2
        self._bytes = bytearray()
        self._cases = bytearray()
        self._mixed: dict[int, str] = {}

    def set(self, number: int, text: str) -> None:
        """Note a digest by its hexadecimal digits. Raises InvalidDigest."""
        try:
            data = bytes.fromhex(text)
        except ValueError:
            raise InvalidDigest(self.algorithm, text) from None
        # The library skips blanks between bytes.
        if len(text) != 2 * self._length or len(data) != self._length:
            raise InvalidDigest(self.algorithm, text)
        more = number + 1 - len(self._cases)
        if more > 0:
            self._cases.extend(bytes(more))
            self._bytes.extend(bytes(more * self._length))
        self._bytes[number * self._length : (number + 1) * self._length] = data
        lower = data.hex()
        if text == lower:
            self._cases[number] = _LOWER
        elif text == lower.upper():
            self._cases[number] = _UPPER
        else:
            self._cases[number] = _MIXED
            self._mixed[number] = text

    def get(self, number: int) -> Digest | None:
        """The digest of a number, or ``None``."""
        case = self._cases[number] if number < len(self._cases) else _ABSENT
        if case == _ABSENT:
            return None
        text = self._mixed.get(number) if case == _MIXED else None
        if text is None:
            text = self._data(number).hex()
            if case == _UPPER:
                text = text.upper()
        return Digest.known(self.algorithm, text)

    def has(self, number: int) -> bool:
        """Whether a number has a digest."""
        return number < len(self._cases) and self._cases[number] != _ABSENT

    def matches(self, number: int, other: DigestColumn) -> bool:
        """Whether another column by the same algorithm has the same digest under the same number."""
        return self.has(number) and other.has(number) and self._data(number) == other._data(number)

    def _data(self, number: int) -> bytes:
        return bytes(self._bytes[number * self._length : (number + 1) * self._length])
