"""Reading back: every byte, in ranges, of one identity of the object."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest

from bagfill.checksum.algorithm import Algorithm
from bagfill.checksum.crc64 import Crc64
from bagfill.fixity import read_back as module
from bagfill.fixity.read_back import CreatedObject, read_back
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.memory import MemoryStore
from bagfill.storage.memory_bucket import MemoryBucket

DATA = bytes(range(256)) * 10


class Ranges(MemoryStore):
    """Remembers which ranges were asked for, and may be told to act between them."""

    def __init__(self, bucket: MemoryBucket) -> None:
        super().__init__(bucket)
        self.asked: list[tuple[int, int | None, str | None]] = []
        self.replace_after: int | None = None

    def read(
        self, key: str, *, start: int = 0, length: int | None = None, etag: str | None = None
    ) -> Iterator[bytes | memoryview]:
        if self.replace_after == len(self.asked):
            self.bucket.put_unconditionally(key, bytes(reversed(DATA)))
        self.asked.append((start, length, etag))
        return super().read(key, start=start, length=length, etag=etag)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Ranges:
    monkeypatch.setattr(module, "RANGE_BYTES", 1000)
    monkeypatch.setattr(module, "AT_ONCE", 100)
    bucket = MemoryBucket()
    bucket.put_unconditionally("k", DATA)
    return Ranges(bucket)


def test_every_byte_is_read_once_in_ranges_pinned_to_one_identity(store: Ranges) -> None:
    info = store.stat("k")
    assert info is not None

    observed = read_back(store, info, [Algorithm.MD5, Algorithm.SHA256])

    assert store.asked == [(0, 1000, info.etag), (1000, 1000, info.etag), (2000, 560, info.etag)]
    assert observed.size == len(DATA)
    assert observed.etag == info.etag
    assert observed.digests.to_json() == {
        "md5": hashlib.md5(DATA).hexdigest(),
        "sha256": hashlib.sha256(DATA).hexdigest(),
    }


def test_an_object_replaced_between_two_ranges_is_an_error_and_no_mixture(store: Ranges) -> None:
    info = store.stat("k")
    assert info is not None
    store.replace_after = 1

    with pytest.raises(StoreError) as caught:
        read_back(store, info, [Algorithm.SHA256])

    assert caught.value.failure is StoreFailure.CHANGED


def test_a_small_object_is_read_once_and_digested_whole(store: Ranges) -> None:
    data = bytes(range(100))
    etag = store.bucket.put_unconditionally("small", data)

    observed = read_back(store, CreatedObject("small", 100, etag), [Algorithm.SHA1, Algorithm.SHA256], with_crc=True)

    assert store.asked == [(0, None, etag)]
    assert observed.digests.to_json() == {
        "sha1": hashlib.sha1(data).hexdigest(),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    assert (observed.size, observed.etag, observed.crc) == (100, etag, Crc64.of(data))


def test_a_small_object_that_is_shorter_than_was_said_is_an_error(store: Ranges) -> None:
    etag = store.bucket.put_unconditionally("small", bytes(50))

    with pytest.raises(StoreError) as caught:
        read_back(store, CreatedObject("small", 51, etag), [Algorithm.MD5])

    assert caught.value.failure is StoreFailure.CHANGED


def test_an_object_that_was_created_is_read_by_what_the_creation_answered(store: Ranges) -> None:
    etag = store.bucket.put_unconditionally("new", b"abc")
    observed = read_back(store, CreatedObject("new", 3, etag), [Algorithm.SHA256])
    assert observed.digests.to_json() == {"sha256": hashlib.sha256(b"abc").hexdigest()}


def test_of_an_empty_object_nothing_is_read(store: Ranges) -> None:
    etag = store.bucket.put_unconditionally("empty", b"")
    observed = read_back(store, CreatedObject("empty", 0, etag), [Algorithm.MD5])
    assert store.asked == []
    assert observed.digests.to_json() == {"md5": hashlib.md5(b"").hexdigest()}
