"""The manifest store: where the JSON of storage manifests lies, one object for every state a manifest ever had.

As the storage service keeps them: key ``{space}/{external identifier}/{version as integer}/{uuid}.json``, never
overwritten. The registry's row says which one is current. A writer that dies before it moved the row leaves an object
that no row points to, so a listing of the store tells nothing about which manifests exist.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from typing import Any, Protocol
from uuid import UUID, uuid4

from bagfill.bag.identifiers import BagId, BagVersionId
from bagfill.checksum.crc64 import Crc64
from bagfill.manifest.codec import parse_storage_manifest
from bagfill.manifest.errors import ManifestFormatError
from bagfill.manifest.model import StorageManifest
from bagfill.manifest.text import hold_small
from bagfill.registry.errors import ManifestDamagedError

_BLOCK_BYTES = 8 * 1024 * 1024


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
        """Store one more state of a manifest, block by block, and read it back.

        Raises:
            StoreError: the store did not answer or refused; an object without a pointer may have been left.
            ManifestDamagedError: what was read back is not what was written.
        """
        pointer = self._key(manifest.id)
        sums = _Sums()
        blocks = _blocks(sums.passing(manifest.text.chunks()))
        first = next(blocks, b"")
        second = next(blocks, None)
        if second is None:
            self._objects.create(pointer, first)
        else:
            self._write_in_blocks(pointer, chain((first, second), blocks))
        if sums.sha256 != manifest.sha256:
            raise ManifestDamagedError(pointer, f"to be written, its SHA-256 is {sums.sha256}, not {manifest.sha256}")
        # Also after "already exists": the key is ours alone, so an earlier try's answer got lost.
        self._require_same(pointer, sums)
        return ManifestCopy(pointer, sums.sha256)

    def read(self, copy: ManifestCopy, bag_version: BagVersionId) -> StorageManifest:
        """Read a stored state. The files of a large one are read from the store again whenever they are asked for.

        Raises:
            StoreError: it could not be read; also when it is missing, which is never "no such bag version".
            ManifestDamagedError: other bytes than were written, or the manifest of another bag version.
        """
        text = StoredText(self._objects, copy)
        held = hold_small(text)
        try:
            manifest = parse_storage_manifest(held)
        except ManifestFormatError:
            # Other bytes than were written are damage; what was written like this is not a manifest.
            if held is text:
                for _ in text.chunks():
                    pass
            raise
        if manifest.id != bag_version:
            raise ManifestDamagedError(copy.pointer, f"is about {manifest.id}, expected {bag_version}")
        return manifest

    def _write_in_blocks(self, pointer: str, blocks: Iterable[bytes]) -> None:
        staged = self._objects.stage(pointer)
        try:
            staged.commit([staged.stage(index, block, Crc64.of(block)) for index, block in enumerate(blocks)])
        except Exception:
            with suppress(Exception):
                staged.abandon()
            raise

    def _require_same(self, pointer: str, written: _Sums) -> None:
        found = _Sums()
        for _ in found.passing(self._objects.read(pointer)):
            pass
        if (found.length, found.sha256) != (written.length, written.sha256):
            detail = f"read back, it has {found.length} bytes and SHA-256 {found.sha256}"
            raise ManifestDamagedError(pointer, f"{detail}, expected {written.length} and {written.sha256}")

    def _key(self, bag_version: BagVersionId) -> str:
        return f"{self._prefix}{key_of_bag(bag_version.bag)}/{bag_version.version.number}/{self._new_id()}.json"


class StoredText:
    """The text of a stored state; see :class:`bagfill.manifest.text.ManifestText`.

    Args:
        objects: where it lies.
        copy: which one.
    """

    def __init__(self, objects: ManifestObjects, copy: ManifestCopy) -> None:
        self._objects = objects
        self._copy = copy

    def chunks(self) -> Iterator[bytes | memoryview]:
        """The text. Raises StoreError, and ManifestDamagedError after the last piece."""
        sums = _Sums()
        yield from sums.passing(self._objects.read(self._copy.pointer))
        if sums.sha256 != self._copy.sha256:
            raise ManifestDamagedError(self._copy.pointer, f"SHA-256 is {sums.sha256}, expected {self._copy.sha256}")


class _Sums:
    """Length and SHA-256 of bytes that pass by."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self.length = 0

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def passing(self, chunks: Iterable[bytes | memoryview]) -> Iterator[bytes | memoryview]:
        for chunk in chunks:
            self._hash.update(chunk)
            self.length += len(chunk)
            yield chunk


def _blocks(chunks: Iterable[bytes | memoryview]) -> Iterator[bytes]:
    """The same bytes in blocks of one length, but for the last."""
    block = bytearray()
    for chunk in chunks:
        block += chunk
        while len(block) >= _BLOCK_BYTES:
            yield bytes(block[:_BLOCK_BYTES])
            del block[:_BLOCK_BYTES]
    if block:
        yield bytes(block)


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
