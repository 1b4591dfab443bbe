"""The store that fails on command does what it was told, and nothing else."""

from __future__ import annotations

import pickle

import pytest

from bagfill.checksum.crc64 import Crc64
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.faults import Fault, FaultKind, FaultyStore, Killed
from bagfill.storage.memory import MemoryStore
from bagfill.storage.memory_bucket import MemoryBucket
from bagfill.storage.store import Created
from contracts.store_contract import read


def crc(data: bytes) -> Crc64:
    return Crc64.of(data)


@pytest.fixture
def bucket() -> MemoryBucket:
    return MemoryBucket()


def faulty(bucket: MemoryBucket, at: str, kind: FaultKind) -> FaultyStore:
    return FaultyStore(MemoryStore(bucket), lambda operation, _key: Fault(kind) if operation == at else None)


@pytest.mark.parametrize(
    ("kind", "error", "written"),
    [
        (FaultKind.REFUSE, StoreError, False),
        (FaultKind.KILL_BEFORE, Killed, False),
        (FaultKind.LOSE_ANSWER, StoreError, True),
        (FaultKind.KILL_AFTER, Killed, True),
    ],
)
def test_a_failed_create_took_place_or_not(
    bucket: MemoryBucket, kind: FaultKind, error: type[BaseException], written: bool
) -> None:
    with pytest.raises(error):
        faulty(bucket, "create", kind).create("a", b"x")
    assert ("a" in bucket.contents()) is written


def test_a_commit_whose_answer_is_lost_took_place(bucket: MemoryBucket) -> None:
    write = faulty(bucket, "commit", FaultKind.LOSE_ANSWER).stage("a")
    block = write.stage(0, b"x", crc(b"x"))
    with pytest.raises(StoreError):
        write.commit([block])
    assert bucket.contents() == {"a": b"x"}


def test_a_flipped_read_is_wrong_by_one_bit(bucket: MemoryBucket) -> None:
    bucket.put_unconditionally("a", b"12345")
    assert read(faulty(bucket, "read", FaultKind.FLIP_READ), "a") == b"12245"
    assert bucket.contents() == {"a": b"12345"}


def test_a_flipped_write_looks_right_and_is_wrong(bucket: MemoryBucket) -> None:
    assert isinstance(faulty(bucket, "create", FaultKind.FLIP_WRITE).create("a", b"12345"), Created)
    write = faulty(bucket, "stage block", FaultKind.FLIP_WRITE).stage("b")
    block = write.stage(0, b"12345", crc(b"12345"))
    assert block.crc == crc(b"12345")
    assert isinstance(write.commit([block]), Created)
    assert bucket.contents() == {"a": b"12245", "b": b"12245"}


def test_errors_cross_process_borders() -> None:
    error = StoreError(StoreFailure.DENIED, location="l", key="k", operation="read", detail="d")
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - written one line above
    assert (str(again), again.failure, again.retryable) == (str(error), StoreFailure.DENIED, False)
