"""Records of any length: written in pieces, read in pieces, each once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from bagfill.steps import records as module
from bagfill.steps.records import RecordStore
from bagfill.storage.errors import StoreError
from bagfill.storage.faults import Fault, FaultKind, FaultyStore, Killed
from bagfill.storage.local import LocalStore
from bagfill.storage.memory import MemoryStore
from bagfill.storage.memory_bucket import MemoryBucket
from bagfill.storage.store import ObjectStore


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BLOCK_BYTES", 100)


@pytest.fixture(params=["memory", "local"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    return MemoryStore(chunk_size=30) if request.param == "memory" else LocalStore(tmp_path, location="records")


def pieces(length: int, step: int = 7) -> Iterator[bytes]:
    data = bytes(range(256)) * (length // 256 + 1)
    for start in range(0, length, step):
        yield data[start : min(start + step, length)]


@pytest.mark.parametrize("length", [0, 1, 99, 100, 101, 200, 1234])
def test_a_record_is_the_same_in_pieces_and_whole(store: ObjectStore, length: int) -> None:
    records = RecordStore(store, "p/")
    assert records.write_chunks("a/b.jsonl", pieces(length)) is True
    expected = b"".join(pieces(length))
    assert records.read_bytes("a/b.jsonl") == expected
    chunks = records.read_chunks("a/b.jsonl")
    assert chunks is not None
    assert b"".join(chunks) == expected
    assert records.names("a/") == ["a/b.jsonl"]


@pytest.mark.parametrize("length", [50, 1000])
def test_what_is_there_stays_and_the_pieces_are_taken_all_the_same(store: ObjectStore, length: int) -> None:
    records = RecordStore(store)
    records.write_bytes("x", b"first")
    taken = 0

    def counted() -> Iterator[bytes]:
        nonlocal taken
        for piece in pieces(length):
            taken += len(piece)
            yield piece

    assert records.write_chunks("x", counted()) is False
    assert taken == length
    assert records.read_bytes("x") == b"first"


def test_what_is_not_there_is_none(store: ObjectStore) -> None:
    assert RecordStore(store).read_chunks("none") is None
    assert RecordStore(store).read_bytes("none") is None


def test_a_record_that_was_begun_and_left_is_not_there() -> None:
    bucket = MemoryBucket()

    def broken() -> Iterator[bytes]:
        yield from pieces(1000)
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        RecordStore(MemoryStore(bucket)).write_chunks("x", broken())
    assert bucket.contents() == {}
    assert bucket.open_uploads() == {}


@pytest.mark.parametrize("kind", [FaultKind.REFUSE, FaultKind.LOSE_ANSWER, FaultKind.KILL_BEFORE, FaultKind.KILL_AFTER])
@pytest.mark.parametrize("call", range(12))
def test_a_fault_anywhere_leaves_the_whole_record_or_none_and_the_next_call_completes_it(
    kind: FaultKind, call: int
) -> None:
    bucket = MemoryBucket()
    count = 0

    def decide(_operation: str, _key: str) -> Fault | None:
        nonlocal count
        count += 1
        return Fault(kind) if count == call + 1 else None

    failed = False
    try:
        RecordStore(FaultyStore(MemoryStore(bucket), decide)).write_chunks("x", pieces(950))
    except (StoreError, Killed):
        failed = True
    assert failed == (call < count)
    whole = b"".join(pieces(950))
    assert bucket.contents().get("x", whole) == whole
    RecordStore(MemoryStore(bucket)).write_chunks("x", pieces(950))
    assert hashlib.sha256(bucket.contents()["x"]).digest() == hashlib.sha256(whole).digest()
