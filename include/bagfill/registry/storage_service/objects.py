"""The JSON of the service's manifests, in the buckets that its rows name: keys here are ``{bucket}/{key}``."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator

from bagfill.manifest.codec import parse_storage_manifest
from bagfill.manifest.model import StorageManifest
from bagfill.manifest.text import HeldText, MadeText, ManifestText, hold_small
from bagfill.registry.errors import ManifestDamagedError
from bagfill.registry.manifest_store import ManifestCopy, ManifestObjects, StagedManifest, StoredText
from bagfill.registry.storage_service.rows import ManifestRow


class BucketObjects:
    """See :class:`bagfill.registry.manifest_store.ManifestObjects`.

    Args:
        store: opens a bucket's store; called for each use.
    """

    def __init__(self, store: Callable[[str], ManifestObjects]) -> None:
        self._store = store

    def create(self, key: str, data: bytes | memoryview) -> object:
        """See :class:`ManifestObjects`."""
        bucket, _, rest = key.partition("/")
        return self._store(bucket).create(rest, data)

    def stage(self, key: str) -> StagedManifest:
        """See :class:`ManifestObjects`."""
        bucket, _, rest = key.partition("/")
        return self._store(bucket).stage(rest)

    def read(self, key: str) -> Iterable[bytes | memoryview]:
        """See :class:`ManifestObjects`."""
        bucket, _, rest = key.partition("/")
        return self._store(bucket).read(rest)


def read_manifest(objects: ManifestObjects, row: ManifestRow) -> StorageManifest:
    """The manifest that a row points to. A large one is read again whenever its files are asked for, and has to be the
    same then: a row does not say what its JSON's checksum is, so the first reading is what the others are held to.

    Raises:
        StoreError: it could not be read; also when it is missing.
        ManifestFormatError: in no shape that is known.
        ManifestDamagedError: it is about another bag version, or other bytes when it was read again.
    """
    manifest = parse_storage_manifest(_first_reading(objects, row.pointer))
    if manifest.id != row.bag_version:
        raise ManifestDamagedError(row.pointer, f"is about {manifest.id}, expected {row.bag_version}")
    return manifest


def _first_reading(objects: ManifestObjects, pointer: str) -> ManifestText:
    sums = hashlib.sha256()

    def chunks() -> Iterator[bytes]:
        for chunk in objects.read(pointer):
            sums.update(chunk)
            yield bytes(chunk)

    reading = chunks()
    held = hold_small(MadeText(lambda: reading))
    if isinstance(held, HeldText):
        return held
    for _ in reading:
        pass
    return StoredText(objects, ManifestCopy(pointer, sums.hexdigest()))
