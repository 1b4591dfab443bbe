"""Copying one object: what is sent, what is sent again, and what is never written."""

from __future__ import annotations

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bagfill.checksum.algorithm import Algorithm
from bagfill.checksum.crc64 import Crc64
from bagfill.checksum.digester import digest_bytes
from bagfill.planning.limits import Limits
from bagfill.planning.shards import CopyItem, PlannedFile
from bagfill.registry.registry import ClaimLostError
from bagfill.steps.records import RecordStore
from bagfill.steps.sealed_records import SealedRecords
from bagfill.steps.work import WorkStagingLedger
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.faults import Fault, FaultKind, FaultyStore, Killed
from bagfill.storage.memory import MemoryStagedWrite, MemoryStore
from bagfill.storage.memory_bucket import MemoryBucket
from bagfill.storage.store import NOTHING_NOTED, Noted, StagedBlock, TransitCheck
from bagfill.transfer.copy_object import ObjectCopier
from bagfill.transfer.outcomes import (
    AlreadyThere,
    Copied,
    CopyOutcome,
    SourceChanged,
    SourceCorrupt,
    SourceMissing,
    Staged,
    Transit,
    WouldOverwrite,
)

BLOCK = 1000
DATA = bytes(range(250)) * 18
BLOCKS = 5
KEY = "v1/data/x"


class Faults:
    """Fails the n-th call of an operation (from 0), and counts all calls by operation."""

    def __init__(self) -> None:
        self.planned: dict[tuple[str, int], Fault] = {}
        self.calls: dict[str, int] = {}
        self._lock = threading.Lock()

    def __call__(self, operation: str, key: str) -> Fault | None:
        with self._lock:
            number = self.calls.get(operation, 0)
            self.calls[operation] = number + 1
            return self.planned.get((operation, number))

    def at(self, operation: str, number: int, kind: FaultKind) -> None:
        self.planned[operation, number] = Fault(kind)


class Bench:
    """A source with one object, an empty destination, and the plan's words about the object."""

    def __init__(self, data: bytes = DATA, block_bytes: int = BLOCK, *, careful: bool = False) -> None:
        self.limits = Limits(concurrency=4, hash_before_write=2 * len(data) if careful else 10)
        self.source = MemoryBucket()
        self.destination = MemoryBucket()
        self.faults = Faults()
        self.source_faults = Faults()
        self.ledger = WorkStagingLedger(
            SealedRecords(RecordStore(MemoryStore(MemoryBucket()))), "staging/", fetches=True
        )
        etag = self.source.put_unconditionally(KEY, data)
        digests = digest_bytes(data, [Algorithm.MD5, Algorithm.SHA256])
        self.file = PlannedFile("data/x", len(data), etag, False, False, digests, block_bytes)
        self.guarded = 0

    def guard(self) -> None:
        self.guarded += 1

    def copier(self) -> ObjectCopier:
        return ObjectCopier(
            FaultyStore(MemoryStore(self.source, location="source"), self.source_faults),
            FaultyStore(MemoryStore(self.destination, location="destination"), self.faults),
            self.ledger,
            self.guard,
            self.limits,
        )

    def copy(self, first: int = 0, last: int = 0) -> object:
        return self.copier().copy(CopyItem(self.file, first, last), KEY, KEY)

    @property
    def there(self) -> bytes | None:
        return self.destination.contents().get(KEY)


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def small() -> Bench:
    return Bench(b"small", 0)


def test_a_small_object_is_written_in_one_request_and_its_digest_was_compared(small: Bench) -> None:
    outcome = small.copy()
    assert isinstance(outcome, Copied)
    assert outcome.digests.to_json() == {"sha256": hashlib.sha256(b"small").hexdigest()}
    assert small.there == b"small"
    assert small.faults.calls == {"create": 1}
    assert small.guarded == 1


def test_a_large_object_is_written_in_blocks_that_are_committed_together(bench: Bench) -> None:
    assert isinstance(bench.copy(), Copied)
    assert bench.there == DATA
    assert bench.faults.calls["stage block"] == BLOCKS
    assert bench.faults.calls["commit"] == 1
    assert bench.destination.open_uploads() == {}
    assert bench.guarded == BLOCKS + 1


CAREFUL = pytest.mark.parametrize(
    "make", [lambda: Bench(careful=True), lambda: Bench(b"small", 0)], ids=["large", "small"]
)


@CAREFUL
@pytest.mark.parametrize("damage", [b"!", b""], ids=["longer", "flipped"])
def test_a_corrupt_source_is_never_written_where_digests_come_first(make: type[Bench], damage: bytes) -> None:
    bench = make()
    good = bench.source.contents()[KEY]
    bad = good + damage if damage else bytes([good[0] ^ 1]) + good[1:]
    bench.file = replace(bench.file, etag=bench.source.put_unconditionally(KEY, bad))
    if damage:
        bench.file = replace(bench.file, size=len(bad))
    assert isinstance(bench.copy(), SourceCorrupt)
    assert bench.there is None
    assert bench.destination.open_uploads() == {}


@pytest.mark.parametrize("make", [Bench, lambda: Bench(b"small", 0)], ids=["large", "small"])
def test_a_source_that_vanished_or_was_replaced_is_told_apart(make: type[Bench]) -> None:
    bench = make()
    bench.source.put_unconditionally(KEY, bench.source.contents()[KEY])
    assert isinstance(bench.copy(), SourceChanged)
    bench.source.remove(KEY)
    assert isinstance(bench.copy(), SourceMissing)
    assert bench.there is None


@pytest.mark.parametrize("make", [Bench, lambda: Bench(b"small", 0)], ids=["large", "small"])
def test_the_same_bytes_there_are_read_and_kept(make: type[Bench]) -> None:
    bench = make()
    etag = bench.destination.put_unconditionally(KEY, bench.source.contents()[KEY])
    outcome = bench.copy()
    assert isinstance(outcome, AlreadyThere)
    assert outcome.etag == etag
    assert outcome.digests.algorithms == bench.file.digests.algorithms


@pytest.mark.parametrize("make", [Bench, lambda: Bench(b"small", 0)], ids=["large", "small"])
@pytest.mark.parametrize("longer", [True, False])
def test_other_bytes_there_stop_the_copy_and_stay(make: type[Bench], longer: bool) -> None:
    bench = make()
    good = bench.source.contents()[KEY]
    other = good + b"!" if longer else bytes(len(good))
    bench.destination.put_unconditionally(KEY, other)
    assert isinstance(bench.copy(), WouldOverwrite)
    assert bench.there == other


@pytest.mark.parametrize(
    ("make", "operation"), [(Bench, "commit"), (lambda: Bench(b"small", 0), "create")], ids=["large", "small"]
)
def test_a_lost_answer_is_recognised_by_the_bytes_that_are_there(make: type[Bench], operation: str) -> None:
    bench = make()
    bench.faults.at(operation, 0, FaultKind.LOSE_ANSWER)
    with pytest.raises(StoreError):
        bench.copy()
    assert isinstance(bench.copy(), AlreadyThere)
    assert bench.faults.calls[operation] == (1 if operation == "commit" else 2)


@pytest.mark.parametrize("careful", [False, True])
def test_a_copy_that_died_inside_a_file_sends_only_what_is_missing(careful: bool) -> None:
    bench = Bench(careful=careful)
    bench.faults.at("stage block", 3, FaultKind.KILL_BEFORE)
    with pytest.raises(Killed):
        bench.copy()
    staged = len(next(iter(bench.destination._uploads.values()))[1])
    sent, read = bench.faults.calls["stage block"], bench.source_faults.calls["read"]

    assert isinstance(bench.copy(), Copied)

    assert bench.there == DATA
    assert bench.faults.calls["stage block"] - sent == BLOCKS - staged
    assert bench.faults.calls["stage"] == 2
    # What is staged is known by its CRC, and is not read again unless its digest is wanted.
    assert bench.source_faults.calls["read"] - read == (BLOCKS if careful else BLOCKS - staged)


@given(killed=st.integers(0, BLOCKS), by=st.sampled_from([FaultKind.KILL_BEFORE, FaultKind.KILL_AFTER]))
def test_wherever_a_copy_dies_the_next_one_ends_with_the_same_object(killed: int, by: FaultKind) -> None:
    bench = Bench()
    operation, number = ("stage block", killed) if killed < BLOCKS else ("commit", 0)
    bench.faults.at(operation, number, by)
    with pytest.raises(Killed):
        bench.copy()

    assert isinstance(bench.copy(), Copied | AlreadyThere)

    assert bench.there == DATA
    assert bench.faults.calls["stage block"] <= BLOCKS + bench.limits.concurrency


def test_no_block_of_an_earlier_plan_is_kept(bench: Bench) -> None:
    """The source was replaced since: blocks under the same name are another object's."""
    bench.copy(0, 3)
    other = bytes(reversed(DATA))
    digests = digest_bytes(other, [Algorithm.SHA256])
    bench.file = replace(bench.file, etag=bench.source.put_unconditionally(KEY, other), digests=digests)
    bench.ledger = WorkStagingLedger(SealedRecords(RecordStore(MemoryStore(MemoryBucket()))), "another plan/")

    assert isinstance(bench.copy(), Copied)

    assert bench.there == other


def test_a_source_that_is_replaced_between_two_blocks_ends_the_copy(bench: Bench) -> None:
    bench.limits = Limits(concurrency=1, hash_before_write=0)
    first = bench.copier()
    real = first._blocks._source.read

    def replaced_after_two(key: str, **options: Any) -> Any:
        if options["start"] == 2 * BLOCK:
            bench.source.put_unconditionally(KEY, bytes(reversed(DATA)))
        return real(key, **options)

    first._blocks._source.read = replaced_after_two  # type: ignore[method-assign]

    assert isinstance(first.copy(CopyItem(bench.file), KEY, KEY), SourceChanged)
    assert bench.there is None


def test_blocks_that_vanish_before_the_commit_are_sent_again(bench: Bench) -> None:
    vanished = []

    def guard() -> None:
        uploads = bench.destination._uploads
        if not vanished and any(len(blocks) == BLOCKS for _, blocks in uploads.values()):
            vanished.append(True)
            for _, blocks in uploads.values():
                del blocks[1], blocks[3]

    bench.guard = guard  # type: ignore[method-assign]

    assert isinstance(bench.copy(), Copied)

    assert vanished
    assert bench.there == DATA
    assert bench.faults.calls["stage block"] == BLOCKS + 2


def test_the_crc_of_the_whole_is_known_after_a_copy(bench: Bench, small: Bench) -> None:
    large = bench.copy()
    assert isinstance(large, Copied)
    assert large.crc == Crc64.of(DATA)
    assert large.transit == Transit(TransitCheck.CRC64, Crc64.of(DATA))
    one = small.copy()
    assert isinstance(one, Copied)
    assert (one.crc, one.transit) == (Crc64.of(b"small"), None)


class _WithoutCrc(MemoryStagedWrite):
    """As a server that lists no checksums of parts (SeaweedFS)."""

    def staged(self, noted: Noted = NOTHING_NOTED) -> dict[int, StagedBlock]:
        return {index: replace(block, crc=None) for index, block in super().staged(noted).items()}

    def commit(self, blocks: list[StagedBlock]) -> object:  # type: ignore[override]
        known = super().staged()
        return super().commit([known[block.index] for block in blocks])


def test_a_block_whose_crc_nobody_knows_is_sent_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.copy(0, 3)
    monkeypatch.setattr("bagfill.storage.memory.MemoryStagedWrite", _WithoutCrc)
    sent = bench.faults.calls["stage block"]

    assert isinstance(bench.copy(), Copied)

    assert bench.faults.calls["stage block"] - sent == BLOCKS
    assert bench.there == DATA


def staged_and_committed(outcome: CopyOutcome) -> int:
    """How many blocks the task staged that committed the file; it knows what the receipt needs."""
    assert isinstance(outcome, Staged)
    assert outcome.committed
    assert outcome.etag
    return outcome.blocks


def test_where_no_crc_is_ever_told_the_last_of_several_tasks_does_not_send_all_blocks_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bagfill.storage.memory.MemoryStagedWrite", _WithoutCrc)
    bench.copy(0, 3)
    assert staged_and_committed(bench.copy(3, BLOCKS)) == BLOCKS - 3
    assert bench.faults.calls["stage block"] == BLOCKS
    assert bench.there == DATA


def test_a_staged_write_that_vanished_is_begun_anew(bench: Bench) -> None:
    bench.copy(0, 3)
    for token in bench.destination.open_uploads():
        bench.destination.close_upload(token)

    assert isinstance(bench.copy(), Copied)

    assert bench.there == DATA
    assert bench.ledger.current(KEY) is not None
    assert bench.ledger.current(KEY)[0] == 1  # type: ignore[index]


def test_two_tasks_stage_one_file_and_the_last_commits_it(bench: Bench) -> None:
    assert bench.copy(0, 3) == Staged(3, committed=False)
    assert bench.there is None
    assert staged_and_committed(bench.copy(3, BLOCKS)) == 2
    assert bench.there == DATA
    assert bench.faults.calls["stage block"] == BLOCKS
    assert bench.destination.open_uploads() == {}


def test_no_byte_of_a_cut_file_is_read_twice(bench: Bench) -> None:
    bench.copy(0, 3)
    bench.copy(3, BLOCKS)
    assert bench.source_faults.calls["read"] == BLOCKS


def test_a_block_that_one_task_read_wrongly_is_put_right_where_digests_come_first() -> None:
    bench = Bench(careful=True)
    bench.source_faults.at("read", 1, FaultKind.FLIP_READ)
    assert bench.copy(0, 3) == Staged(3, committed=False)

    assert staged_and_committed(bench.copy(3, BLOCKS)) == 2

    assert bench.there == DATA
    assert bench.faults.calls["stage block"] == BLOCKS + 1


def test_a_corrupt_source_staged_by_several_tasks_is_never_committed_where_digests_come_first() -> None:
    bench = Bench(careful=True)
    bench.file = replace(bench.file, etag=bench.source.put_unconditionally(KEY, DATA[:-1] + b"!"))
    assert isinstance(bench.copy(0, 3), Staged)
    assert isinstance(bench.copy(3, BLOCKS), SourceCorrupt)
    assert bench.there is None


def test_a_task_that_runs_again_after_the_commit_finds_the_file_there(bench: Bench) -> None:
    bench.copy(0, 3)
    bench.copy(3, BLOCKS)
    assert isinstance(bench.copy(0, 3), AlreadyThere)
    assert bench.destination.open_uploads() == {}


def test_two_tasks_at_once_leave_one_file_and_no_staged_blocks() -> None:
    for _ in range(10):
        bench = Bench()
        with ThreadPoolExecutor(4) as pool:
            outcomes = list(pool.map(bench.copy, [0, 3, 0, 3], [3, BLOCKS, 3, BLOCKS]))
        assert bench.there == DATA, outcomes
        assert bench.destination.open_uploads() == {}, outcomes
        assert all(isinstance(outcome, Staged | AlreadyThere) for outcome in outcomes)


def test_no_byte_is_written_once_the_guard_says_no(bench: Bench, small: Bench) -> None:
    for each in (bench, small):

        def lost() -> None:
            raise ClaimLostError("another holder")

        each.guard = lost  # type: ignore[method-assign]
        with pytest.raises(ClaimLostError):
            each.copy()
        assert each.there is None
        assert "stage block" not in each.faults.calls
        assert "commit" not in each.faults.calls


def test_a_provider_that_contradicts_itself_is_an_error_to_try_again(small: Bench) -> None:
    class Contradicting(MemoryStore):
        def stat(self, key: str) -> None:  # type: ignore[override]
            return None

    small.destination.put_unconditionally(KEY, b"small")
    copier = ObjectCopier(MemoryStore(small.source), Contradicting(small.destination), small.ledger, small.guard)
    with pytest.raises(StoreError) as caught:
        copier.copy(CopyItem(small.file), KEY, KEY)
    assert caught.value.failure is StoreFailure.CONFLICT
    assert caught.value.retryable


def test_errors_of_the_source_other_than_its_absence_are_no_outcome(small: Bench) -> None:
    small.source_faults.planned["read", 0] = Fault(FaultKind.REFUSE, StoreFailure.DENIED)
    with pytest.raises(StoreError) as caught:
        small.copy()
    assert caught.value.location == "source"
    assert small.there is None
