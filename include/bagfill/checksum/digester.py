"""Several digests of a stream in one pass."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from bagfill.checksum.algorithm import Algorithm
from bagfill.checksum.digest import Digest, DigestSet

# By name it takes longer. Not for security: MD5 must work on hosts where policy forbids it for signatures.
_NEW = {
    Algorithm.MD5: hashlib.md5,
    Algorithm.SHA1: hashlib.sha1,
    Algorithm.SHA224: hashlib.sha224,
    Algorithm.SHA256: hashlib.sha256,
    Algorithm.SHA384: hashlib.sha384,
    Algorithm.SHA512: hashlib.sha512,
}


class Digester:
    """Digests by several algorithms of bytes that pass by once.

    Not safe to feed from two threads at the same time. ``hashlib`` releases the interpreter lock for updates
    above 2,047 bytes, so digesters of different files do run in parallel threads: feed large blocks.

    Args:
        algorithms: which digests to compute; none is allowed and counts bytes alone.
    """

    __slots__ = ("_hashes", "_size")

    def __init__(self, algorithms: Iterable[Algorithm]) -> None:
        self._hashes = {algorithm: _NEW[algorithm](usedforsecurity=False) for algorithm in algorithms}
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
        return DigestSet([Digest.known(algorithm, running.hexdigest()) for algorithm, running in self._hashes.items()])

    def digits(self) -> list[str]:
        """The same as hexadecimal digits, in the order of the algorithms: of a million files, sets take long."""
        return [running.hexdigest() for running in self._hashes.values()]


def digest_bytes(data: bytes | bytearray | memoryview, algorithms: Iterable[Algorithm]) -> DigestSet:
    """The digests of bytes that are in memory."""
    return DigestSet(
        [Digest.known(algorithm, _NEW[algorithm](data, usedforsecurity=False).hexdigest()) for algorithm in algorithms]
    )


def digest_chunks(chunks: Iterable[bytes | bytearray | memoryview], algorithms: Iterable[Algorithm]) -> DigestSet:
    """The digests of bytes that come in pieces."""
    digester = Digester(algorithms)
    for chunk in chunks:
        digester.update(chunk)
    return digester.digests()
