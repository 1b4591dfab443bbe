"""The tag files of one bag version: read from a store, and which algorithms their names declare."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from bagfill.bag.payload_manifest import manifest_algorithm
from bagfill.bag.tag_data import TagData, chunks_of
from bagfill.checksum.algorithm import Algorithm
from bagfill.checksum.digester import digest_chunks
from bagfill.storage.store import ObjectInfo, ObjectStore

HELD = 4 * 1024 * 1024
"""Bytes of the largest tag file that is kept in memory: the manifest of some 40,000 files."""


_STRONG = (Algorithm.SHA512,)


@dataclass(frozen=True, slots=True)
class StoredTagFile:
    """A large tag file, read from its store each time; see :class:`bagfill.bag.tag_data.TagText`."""

    store: ObjectStore = field(repr=False)
    info: ObjectInfo

    def chunks(self) -> Iterator[bytes | memoryview]:
        """The file, pinned to what was listed. Raises StoreError."""
        return self.store.read(self.info.key, etag=self.info.etag or None)


def read_tag_file(store: ObjectStore, info: ObjectInfo) -> TagData:
    """A tag file, pinned to what was listed: in memory if it is small. Raises StoreError."""
    if info.size > HELD:
        return StoredTagFile(store, info)
    return b"".join(store.read(info.key, etag=info.etag or None))


def read_tag_files(store: ObjectStore, prefix: str, infos: Iterable[ObjectInfo]) -> dict[str, TagData]:
    """Read tag files, pinned to what was listed.

    Args:
        store: where they are.
        prefix: of the bag version, ending in ``/``; stripped from the names returned.
        infos: the tag files as listed.

    Raises:
        StoreError: one could not be read.
    """
    return {info.key.removeprefix(prefix): read_tag_file(store, info) for info in infos}


def is_same_file(store: ObjectStore, info: ObjectInfo, other_store: ObjectStore, other: ObjectInfo) -> bool:
    """Whether two objects hold the same bytes. Raises StoreError: one could not be read as it was listed."""
    if info.size != other.size:
        return False
    one, two = read_tag_file(store, info), read_tag_file(other_store, other)
    if isinstance(one, bytes) and isinstance(two, bytes):
        return one == two
    return digest_chunks(chunks_of(one), _STRONG) == digest_chunks(chunks_of(two), _STRONG)


def manifest_algorithms(names: Iterable[str]) -> frozenset[Algorithm]:
    """The algorithms of all payload and tag manifests among the file names at the root of a bag."""
    found = {manifest_algorithm(name, tag=tag) for name in names for tag in (False, True)}
    return frozenset(algorithm for algorithm in found if algorithm is not None)
