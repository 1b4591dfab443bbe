"""A bag of many small files that is made up as it is asked for: what takes memory is whoever looks at it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from bagfill.storage.memory import MemoryStore
from bagfill.storage.memory_bucket import MemoryBucket
from bagfill.storage.store import ArchiveState, ObjectInfo

PREFIX = "digitised/b1234/v1/"


class ManyFiles(MemoryStore):
    """A location with one bag; its tag files lie in a bucket.

    Args:
        files: how many are in its payload.
        location: its name.
    """

    def __init__(self, files: int, location: str = "memory") -> None:
        bucket = MemoryBucket()
        super().__init__(bucket, location=location)
        self._files = files
        lines = "".join(f"{hashlib.sha256(content(n)).hexdigest()}  {path(n)}\n" for n in range(files))
        size = sum(len(content(n)) for n in range(files))
        tags = {
            "bagit.txt": "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n",
            "bag-info.txt": f"External-Identifier: b1234\nPayload-Oxum: {size}.{files}\nBagging-Date: 2020-09-01\n",
            "manifest-sha256.txt": lines,
        }
        tags["tagmanifest-sha256.txt"] = "".join(
            f"{hashlib.sha256(text.encode()).hexdigest()}  {name}\n" for name, text in tags.items()
        )
        for name, text in tags.items():
            bucket.put_unconditionally(f"{PREFIX}{name}", text.encode())

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        yield from super().list(prefix)
        if PREFIX.startswith(prefix):
            yield from map(_info, range(self._files))

    def stat(self, key: str) -> ObjectInfo | None:
        return _info(_number(key)) if key.startswith(f"{PREFIX}data/") else super().stat(key)

    def read(
        self, key: str, *, start: int = 0, length: int | None = None, etag: str | None = None
    ) -> Iterator[bytes | memoryview]:
        if key.startswith(f"{PREFIX}data/"):
            return iter((content(_number(key)),))
        return super().read(key, start=start, length=length, etag=etag)


def path(number: int) -> str:
    return f"data/objects/{number // 1000:04d}/{number:07d}.tif"


def content(number: int) -> bytes:
    return b"%d" % number


def _info(number: int) -> ObjectInfo:
    size = len(content(number))
    return ObjectInfo(f"{PREFIX}{path(number)}", size, f"etag-{number}", "STANDARD", ArchiveState.READABLE)


def _number(key: str) -> int:
    return int(key.rpartition("/")[2].partition(".")[0])
