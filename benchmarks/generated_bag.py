"""A bag of any number of small files that exists nowhere: its objects are made when they are read.

The destination keeps one byte for each object that was created, in a file that all processes map, and compares what is
written with what it should be. So a million files cost neither disk nor network, and only our own work is measured.
"""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from bagfill.checksum.crc64 import Crc64
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.filling import filled
from bagfill.storage.names import S3_NAMES, NameRules
from bagfill.storage.store import (
    NOTHING_NOTED,
    AlreadyExists,
    ArchiveState,
    Capability,
    Created,
    Noted,
    ObjectInfo,
    StagedBlock,
    ThawAnswer,
    ThawTier,
    TransitCheck,
)

IDENTIFIER = "b1234567"
BAG = f"digitised/{IDENTIFIER}"
FOLDER = f"{BAG}/v1/"
_SIZE = 16
_CHUNK_LINES = 10_000


def _path(number: int) -> str:
    return f"data/objects/{IDENTIFIER}/{IDENTIFIER}_{number:08d}.jp2"


def _content(number: int) -> bytes:
    return b"%016d" % number


_LINE = 64 + 2 + len(_path(0)) + 1


@dataclass(frozen=True)
class GeneratedBag:
    """The objects of one bag version.

    Args:
        files: payload files.
        folder: where the digest of the manifest is kept for the next process.
    """

    files: int
    folder: Path

    @cached_property
    def tag_files(self) -> dict[str, bytes]:
        """Those that are small, by path."""
        found = {
            "bag-info.txt": f"External-Identifier: {IDENTIFIER}\nPayload-Oxum: {self.files * _SIZE}.{self.files}\n"
            "Bagging-Date: 2020-09-01\n",
            "bagit.txt": "BagIt-Version: 0.97\nTag-File-Character-Encoding: UTF-8\n",
        }
        digests = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in found.items()}
        digests["manifest-sha256.txt"] = self._manifest_digest
        found["tagmanifest-sha256.txt"] = "".join(f"{digest}  {name}\n" for name, digest in digests.items())
        return {name: text.encode() for name, text in found.items()}

    def paths(self) -> Iterator[str]:
        """Every object by its path, as S3 lists them."""
        yield from ("bag-info.txt", "bagit.txt")
        yield from map(_path, range(self.files))
        yield from ("manifest-sha256.txt", "tagmanifest-sha256.txt")

    def place(self, path: str) -> int | None:
        """Which object it is, or ``None``."""
        if path.startswith("data/"):
            number = int(path[-12:-4])
            return number if number < self.files and path == _path(number) else None
        names = ("bag-info.txt", "bagit.txt", "manifest-sha256.txt", "tagmanifest-sha256.txt")
        return self.files + names.index(path) if path in names else None

    def size(self, path: str) -> int:
        """In bytes."""
        if path == "manifest-sha256.txt":
            return self.files * _LINE
        return _SIZE if path.startswith("data/") else len(self.tag_files[path])

    def read(self, path: str, start: int, end: int) -> Iterator[bytes]:
        """Some of its bytes."""
        if path != "manifest-sha256.txt":
            data = _content(int(path[-12:-4])) if path.startswith("data/") else self.tag_files[path]
            yield data[start:end]
            return
        first, last = start // _LINE, -(-end // _LINE)
        for line in range(first, last, _CHUNK_LINES):
            until = min(line + _CHUNK_LINES, last)
            data = b"".join(map(self._line, range(line, until)))
            yield data[max(0, start - line * _LINE) : end - line * _LINE]

    def _line(self, number: int) -> bytes:
        return f"{hashlib.sha256(_content(number)).hexdigest()}  {_path(number)}\n".encode()

    @cached_property
    def _manifest_digest(self) -> str:
        kept = self.folder / f"manifest-{self.files}.sha256"
        if not kept.exists():
            running = hashlib.sha256()
            for chunk in self.read("manifest-sha256.txt", 0, self.files * _LINE):
                running.update(chunk)
            kept.write_text(running.hexdigest())
        return kept.read_text()


class GeneratedStore:
    """The bag at one location; see :class:`bagfill.storage.store.ObjectStore`.

    Args:
        bag: what is there, or may be written.
        location: the location's name.
        created: a file with one byte for each object; ``None``: every object is there.
    """

    def __init__(self, bag: GeneratedBag, location: str, created: Path | None) -> None:
        self._bag = bag
        self._location = location
        self._there: mmap.mmap | None = None
        if created is not None:
            if not created.exists():
                created.write_bytes(bytes(bag.files + 4))
            with created.open("r+b") as file:
                self._there = mmap.mmap(file.fileno(), 0)

    @property
    def location(self) -> str:
        return self._location

    @property
    def capabilities(self) -> frozenset[Capability]:
        return frozenset({Capability.ARCHIVE_STATE_IN_LISTING})

    @property
    def name_rules(self) -> NameRules:
        return S3_NAMES

    def stat(self, key: str) -> ObjectInfo | None:
        path = key.removeprefix(FOLDER)
        return self._info(path) if self._has(path) else None

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        if FOLDER.startswith(prefix) or prefix == "":
            yield from (self._info(path) for path in self._bag.paths() if self._has(path))

    def list_folders(self, prefix: str) -> Iterator[str]:
        return iter([FOLDER.removeprefix(prefix).partition("/")[0]] if FOLDER.startswith(prefix) else [])

    def read(
        self, key: str, *, start: int = 0, length: int | None = None, etag: str | None = None
    ) -> Iterator[bytes | memoryview]:
        path = key.removeprefix(FOLDER)
        if not self._has(path):
            raise self._error(StoreFailure.MISSING, key, "read")
        if etag is not None and etag != _etag(path):
            raise self._error(StoreFailure.CHANGED, key, "read")
        return self._bag.read(path, start, self._bag.size(path) if length is None else start + length)

    def read_into(self, key: str, into: memoryview, *, etag: str) -> bool:
        return filled(self.read(key, etag=etag), into)

    def create(self, key: str, data: bytes | memoryview) -> Created | AlreadyExists:
        path = key.removeprefix(FOLDER)
        if self._has(path):
            return AlreadyExists()
        self.require(path, 0, data)
        return self.mark(path)

    def stage(self, key: str, *, token: str | None = None) -> _StagedWrite:
        return _StagedWrite(self, key.removeprefix(FOLDER), token or "1")

    def request_thaw(self, key: str, *, tier: ThawTier, days: int) -> ThawAnswer:
        raise self._error(StoreFailure.UNSUPPORTED, key, f"thaw {tier} {days}")

    def close(self) -> None:
        """Nothing to release."""

    def size(self, path: str) -> int:
        """In bytes, of an object that is there or may be."""
        return self._bag.size(path)

    def require(self, path: str, start: int, data: bytes | memoryview) -> None:
        """What is written is what should be there."""
        if b"".join(self._bag.read(path, start, start + len(data))) != bytes(data):
            raise self._error(StoreFailure.CORRUPTED_IN_TRANSIT, path, "create")

    def mark(self, path: str) -> Created:
        """The object is there from now on."""
        place = self._bag.place(path)
        if place is None or self._there is None:
            raise self._error(StoreFailure.DENIED, path, "create")
        self._there[place] = 1
        return Created(_etag(path))

    def _has(self, path: str) -> bool:
        place = self._bag.place(path)
        return place is not None and (self._there is None or self._there[place] == 1)

    def _info(self, path: str) -> ObjectInfo:
        return ObjectInfo(f"{FOLDER}{path}", self._bag.size(path), _etag(path), "STANDARD", ArchiveState.READABLE)

    def _error(self, failure: StoreFailure, key: str, operation: str) -> StoreError:
        return StoreError(failure, location=self._location, key=key, operation=operation, detail="generated bag")


@dataclass(frozen=True)
class _StagedWrite:
    store: GeneratedStore
    path: str
    token: str
    check: TransitCheck = TransitCheck.CRC64

    def staged(self, noted: Noted = NOTHING_NOTED) -> Mapping[int, StagedBlock]:  # noqa: ARG002 - nothing is kept
        return {}

    def stage(self, index: int, data: bytes | memoryview, crc: Crc64) -> StagedBlock:
        return StagedBlock(index, len(data), crc)

    def commit(self, blocks: Sequence[StagedBlock]) -> Created | AlreadyExists:
        if sum(block.size for block in blocks) != self.store.size(self.path):
            raise StoreError(
                StoreFailure.CORRUPTED_IN_TRANSIT,
                location=self.store.location,
                key=self.path,
                operation="commit",
                detail="another size",
            )
        return self.store.mark(self.path)

    def abandon(self) -> None:
        """Nothing is kept."""


def _etag(path: str) -> str:
    # As long as an MD5, which is what S3 gives.
    return f"{path[-12:-4]:0>32}" if path.startswith("data/") else f"{path.partition('.')[0]:0>32}"
