"""The manifest store: where the JSON of storage manifests lies, one object for every state a manifest ever had.

As the storage service keeps them: key ``{space}/{external identifier}/{version as integer}/{uuid}.json``, never
overwritten. The registry's row says which one is current. A writer that dies before it moved the row leaves an object
that no row points to, so a listing of the store tells nothing about which manifests exist.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID, uuid4

from bagfill.bag.identifiers import BagId, BagVersionId
from bagfill.checksum.crc64 import Crc64
from bagfill.manifest.codec import parse_storage_manifest
from bagfill.manifest.model import StorageManifest
from bagfill.registry.errors import ManifestDamagedError

_BLOCK_BYTES = 32 * 1024 * 1024


class StagedManifest(Protocol):
    """A manifest too large for one request; see ``bagfill.storage.store.StagedWrite``."""

    def stage(self, index: int, data: bytes | memoryview, crc: Crc64) -> Any:
        """Send one block."""
        ...

    def commit(self, blocks: Sequence[Any]) -> object:
        """Make the object, if and only if there is none."""
        ...

    def abandon(self) -> None:
        """Drop the blocks."""
        ...


class ManifestObjects(Protocol):
    """What the manifest store needs of an object store: a part of ``bagfill.storage.store.ObjectStore``."""

    def create(self, key: str, data: bytes | memoryview) -> object:
        """Write a whole object, if and only if there is none."""
        ...

    def stage(self, key: str) -> StagedManifest:
        """Begin a large object."""
        ...

    def read(self, key: str) -> Iterable[bytes | memoryview]:
        """The whole object in chunks."""
        ...


@dataclass(frozen=True, slots=True)
class ManifestCopy:
    """One stored state of a manifest.

    Args:
        pointer: its key in the store.
        sha256: of its bytes, 64 lower-case hexadecimal digits.
    """

    pointer: str
    sha256: str


class ManifestStore:
    """Storage manifests under a prefix of an object store.

    Args:
        objects: where; an identity that may create and read, and needs no right to overwrite or delete.
        prefix: stands before every key; empty, or ending in ``/``.
        new_id: gives the random part of a key.
    """

    def __init__(self, objects: ManifestObjects, prefix: str = "", *, new_id: Callable[[], UUID] = uuid4) -> None:
        if prefix and not prefix.endswith("/"):
            raise ValueError(f"the manifest store's prefix must be empty or end in '/': {prefix!r}")
        self._objects = objects
        self._prefix = prefix
        self._new_id = new_id

    def write(self, manifest: StorageManifest) -> ManifestCopy:
        """Store one more state of a manifest, and read it back.

        Raises:
            StoreError: the store did not answer or refused; an object without a pointer may have been left.
            ManifestDamagedError: what was read back is not what was written.
        """
        pointer = self._key(manifest.id)
        if len(manifest.raw) <= _BLOCK_BYTES:
            self._objects.create(pointer, manifest.raw)
        else:
            self._write_in_blocks(pointer, manifest.raw)
        # Also after "already exists": the key is ours alone, so an earlier try's answer got lost.
        self._require_same(pointer, manifest.raw)
        return ManifestCopy(pointer, hashlib.sha256(manifest.raw).hexdigest())

    def read(self, copy: ManifestCopy, bag_version: BagVersionId) -> StorageManifest:
        """Read a stored state.

        Raises:
            StoreError: it could not be read; also when it is missing, which is never "no such bag version".
            ManifestDamagedError: other bytes than were written, or the manifest of another bag version.
        """
        raw = b"".join(self._objects.read(copy.pointer))
        if (found := hashlib.sha256(raw).hexdigest()) != copy.sha256:
            raise ManifestDamagedError(copy.pointer, f"SHA-256 is {found}, expected {copy.sha256}")
        manifest = parse_storage_manifest(raw)
        if manifest.id != bag_version:
            raise ManifestDamagedError(copy.pointer, f"is about {manifest.id}, expected {bag_version}")
        return manifest

    def _write_in_blocks(self, pointer: str, raw: bytes) -> None:
        staged = self._objects.stage(pointer)
        view = memoryview(raw)
        try:
            blocks = []
            for index, start in enumerate(range(0, len(raw), _BLOCK_BYTES)):
                block = view[start : start + _BLOCK_BYTES]
                blocks.append(staged.stage(index, block, Crc64.of(block)))
            staged.commit(blocks)
        except Exception:
            with suppress(Exception):
                staged.abandon()
            raise

    def _require_same(self, pointer: str, raw: bytes) -> None:
        expected = memoryview(raw)
        position = 0
        for chunk in self._objects.read(pointer):
            if chunk != expected[position : position + len(chunk)]:
                raise ManifestDamagedError(pointer, f"read back, it differs after byte {position}")
            position += len(chunk)
        if position != len(raw):
            raise ManifestDamagedError(pointer, f"read back, it has {position} bytes, expected {len(raw)}")

    def _key(self, bag_version: BagVersionId) -> str:
        return f"{self._prefix}{key_of_bag(bag_version.bag)}/{bag_version.version.number}/{self._new_id()}.json"


def key_of_bag(bag: BagId) -> str:
    """``{space}/{external identifier}`` as a part of the key of a record about a bag, harmless to any provider."""
    return "/".join(map(_segment, (str(bag.space), *str(bag.external_identifier).split("/"))))


def _segment(segment: str) -> str:
    """A segment as it is, unless some provider would change it: legacy identifiers end in ``/`` or have ``.`` last.

    The key need not be taken apart again (the row points to it), so the spelling has to be harmless and nothing more.
    """
    if not segment:
        return "%2F"
    return f"{segment[:-1]}%2E" if segment.endswith(".") else segment
