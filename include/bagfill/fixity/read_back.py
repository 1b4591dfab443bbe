"""Read an object from its store, every byte, and say what was there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from bagfill.checksum.algorithm import Algorithm
from bagfill.checksum.crc64 import Crc64
from bagfill.checksum.digest import DigestSet
from bagfill.checksum.digester import Digester, digest_bytes
from bagfill.storage.store import ObjectStore
from bagfill.transfer.buffers import Buffers

RANGE_BYTES = 64 * 1024 * 1024
"""Length of one ranged read: a long single stream does not survive a 200 GB file (storage service, PR 825)."""

AT_ONCE = 1024 * 1024
"""Bytes of an object that is taken whole before it is digested."""
_BUFFERS = Buffers()


class Identified(Protocol):
    """An object of which one identity is known: what ``stat`` or a listing says, or what a creation answered."""

    @property
    def key(self) -> str:
        """Full key in its store."""
        ...

    @property
    def size(self) -> int:
        """Length in bytes."""
        ...

    @property
    def etag(self) -> str:
        """The provider's identity of the bytes, unquoted."""
        ...


@dataclass(frozen=True, slots=True)
class CreatedObject:
    """An object that was created and not looked at since."""

    key: str
    size: int
    etag: str


@dataclass(frozen=True, slots=True)
class Observed:
    """What a store returned for one object.

    Args:
        size: bytes read.
        digests: of those bytes.
        etag: identity of the object that was read; every range was read from this very one.
        crc: of those bytes, if it was asked for.
    """

    size: int
    digests: DigestSet
    etag: str
    crc: Crc64 | None = None


def read_back(
    store: ObjectStore, info: Identified, algorithms: Iterable[Algorithm], *, with_crc: bool = False
) -> Observed:
    """Read every byte of one object, in ranges, pinned to one identity of it.

    Args:
        store: where it is.
        info: which object. Of an empty one nothing is read: that it is there, ``stat`` or a listing must have said.
        algorithms: digests to compute, in one pass.
        with_crc: compute the CRC-64 too.

    Raises:
        StoreError: it could not be read, or was replaced in the middle (CHANGED).
    """
    algorithms = tuple(algorithms)
    if 0 < info.size <= AT_ONCE:
        data = _BUFFERS.of(info.size)
        if store.read_into(info.key, data, etag=info.etag):
            return Observed(info.size, digest_bytes(data, algorithms), info.etag, Crc64.of(data) if with_crc else None)
    digester = Digester(algorithms)
    crc = Crc64()
    for start in range(0, info.size, RANGE_BYTES):
        length = min(RANGE_BYTES, info.size - start)
        for chunk in store.read(info.key, start=start, length=length, etag=info.etag):
            digester.update(chunk)
            if with_crc:
                crc = crc.extended(chunk)
    return Observed(digester.size, digester.digests(), info.etag, crc if with_crc else None)
