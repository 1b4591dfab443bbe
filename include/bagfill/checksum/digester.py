"""Several digests of a stream in one pass."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from bagfill.checksum.algorithm import Algorithm
from bagfill.checksum.digest import Digest, DigestSet


class Digester:
    """Digests by several algorithms of bytes that pass by once.

    Not safe to feed from two threads at the same time. ``hashlib`` releases the interpreter lock for updates
    above 2,047 bytes, so digesters of different files do run in parallel threads: feed large blocks.

    Args:
        algorithms: which digests to compute; none is allowed and counts bytes alone.
    """

    __slots__ = ("_hashes", "_size")

    def __init__(self, algorithms: Iterable[Algorithm]) -> None:
        # Not for security: MD5 must work on hosts where policy forbids it for signatures.
        self._hashes = {algorithm: hashlib.new(algorithm.value, usedforsecurity=False) for algorithm in algorithms}
        self._size = 0

    def update(self, data: bytes | bytearray | memoryview) -> None:
        """Take the next bytes; a memoryview is not copied."""
        for running in self._hashes.values():
            running.update(data)
        self._size += data.nbytes if isinstance(data, memoryview) else len(data)

    @property
    def size(self) -> int:
        """How many bytes have passed."""
        return self._size

    def digests(self) -> DigestSet:
        """The digests of what has passed so far; more may follow."""
        return DigestSet(Digest.known(algorithm, running.hexdigest()) for algorithm, running in self._hashes.items())

    def digits(self) -> list[str]:
        """The same as hexadecimal digits, in the order of the algorithms: of a million files, sets take long."""
        return [running.hexdigest() for running in self._hashes.values()]


def digest_bytes(data: bytes | bytearray | memoryview, algorithms: Iterable[Algorithm]) -> DigestSet:
    """The digests of bytes that are in memory."""
    digester = Digester(algorithms)
    digester.update(data)
    return digester.digests()


def digest_chunks(chunks: Iterable[bytes | bytearray | memoryview], algorithms: Iterable[Algorithm]) -> DigestSet:
    """The digests of bytes that come in pieces."""
    digester = Digester(algorithms)
    for chunk in chunks:
        digester.update(chunk)
    return digester.digests()
