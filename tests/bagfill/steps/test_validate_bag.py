"""Judging a bag where it lies: what it takes of memory, whatever the number of its files."""

from __future__ import annotations

import hashlib
import tracemalloc
from collections.abc import Iterator

import pytest

from bagfill.bag.rules.finding import Profile
from bagfill.steps.validate_bag import validate_bag
from bagfill.storage.memory import MemoryStore
from bagfill.storage.memory_bucket import MemoryBucket
from bagfill.storage.store import ArchiveState, ObjectInfo

FILES = 20_000
MOST = 16 * 1024 * 1024
"""Bytes: paths, sizes, ETags, and digests as found and as promised. Objects of Python for each file took 28 MiB."""
PREFIX = "digitised/b1234/v1/"


class Many(MemoryStore):
    """A bag of many small files, made up when they are asked for; tag files lie in the bucket."""

    def __init__(self, files: int) -> None:
        bucket = MemoryBucket()
        super().__init__(bucket)
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
        for number in range(self._files):
            size = len(content(number))
            yield ObjectInfo(f"{PREFIX}{path(number)}", size, f"etag-{number}", "STANDARD", ArchiveState.READABLE)

    def read(
        self, key: str, *, start: int = 0, length: int | None = None, etag: str | None = None
    ) -> Iterator[bytes | memoryview]:
        name = key.removeprefix(PREFIX)
        if name.startswith("data/"):
            return iter((content(int(name.rpartition("/")[2].partition(".")[0])),))
        return super().read(key, start=start, length=length, etag=etag)


def path(number: int) -> str:
    return f"data/objects/{number // 1000:04d}/{number:07d}.tif"


def content(number: int) -> bytes:
    return b"%d" % number


@pytest.mark.parametrize("profile", list(Profile))
def test_a_bag_of_many_files_is_judged_without_being_held(profile: Profile) -> None:
    store = Many(FILES)
    tracemalloc.start()
    verdict = validate_bag(store, PREFIX, profile)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert verdict.findings == ()
    assert verdict.files == FILES + 4
    assert most < MOST
