"""The tag files of one bag version: read whole from a store, and which algorithms their names declare."""

from __future__ import annotations

from collections.abc import Iterable

from bagfill.bag.payload_manifest import manifest_algorithm
from bagfill.checksum.algorithm import Algorithm
from bagfill.storage.store import ObjectInfo, ObjectStore


def read_tag_files(store: ObjectStore, prefix: str, infos: Iterable[ObjectInfo]) -> dict[str, bytes]:
    """Read tag files whole, pinned to what was listed.

    Args:
        store: where they are.
        prefix: of the bag version, ending in ``/``; stripped from the names returned.
        infos: the tag files as listed.

    Raises:
        StoreError: one could not be read.
    """
    return {info.key.removeprefix(prefix): b"".join(store.read(info.key, etag=info.etag)) for info in infos}


def manifest_algorithms(names: Iterable[str]) -> frozenset[Algorithm]:
    """The algorithms of all payload and tag manifests among the file names at the root of a bag."""
    found = {manifest_algorithm(name, tag=tag) for name in names for tag in (False, True)}
    return frozenset(algorithm for algorithm in found if algorithm is not None)
