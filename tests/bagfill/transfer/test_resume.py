"""A file of 10 GiB that was interrupted at nine tenths: what is sent again, and what is read again."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence

import pytest

from bagfill.checksum.algorithm import Algorithm
from bagfill.checksum.crc64 import Crc64
from bagfill.checksum.digest import Digest, DigestSet
from bagfill.planning.limits import MIB, Limits
from bagfill.planning.shards import CopyItem, PlannedFile, block_bytes_for
from bagfill.steps.records import RecordStore
from bagfill.steps.sealed_records import SealedRecords
from bagfill.steps.work import WorkStagingLedger
from bagfill.storage.faults import Killed
from bagfill.storage.memory import MemoryStore
from bagfill.storage.memory_bucket import MemoryBucket
from bagfill.storage.store import NOTHING_NOTED, Created, Noted, ObjectInfo, StagedBlock, TransitCheck
from bagfill.transfer.copy_object import ObjectCopier
from bagfill.transfer.outcomes import Copied

LIMITS = Limits()
SIZE = 10 * 1024 * MIB
BLOCK = block_bytes_for(SIZE, LIMITS)
BLOCKS = SIZE // BLOCK
ZEROS = memoryview(bytes(4 * MIB))
EACH = Crc64.of(bytes(BLOCK))


class Zeros(MemoryStore):
    """A source whose object has 10 GiB that nobody keeps."""

    def __init__(self) -> None:
        super().__init__(MemoryBucket(), location="source")
        self.read_bytes = 0
        self._lock = threading.Lock()

    def read(
        self, key: str, *, start: int = 0, length: int | None = None, etag: str | None = None
    ) -> Iterator[bytes | memoryview]:
        assert length is not None
        with self._lock:
            self.read_bytes += length
        for position in range(0, length, len(ZEROS)):
            yield ZEROS[: min(len(ZEROS), length - position)]


class Listed:
    """A staged write that keeps sizes and checksums of its blocks, and dies when told to."""

    token = "write"
    check = TransitCheck.CRC64

    def __init__(self) -> None:
        self.blocks: dict[int, StagedBlock] = {}
        self.sent = 0
        self.there = self.most_there = 0
        self.dies_at: int | None = None
        self._lock = threading.Lock()

    def staged(self, noted: Noted = NOTHING_NOTED) -> Mapping[int, StagedBlock]:
        return dict(self.blocks)

    def stage(self, index: int, data: bytes | memoryview, crc: Crc64) -> StagedBlock:
        with self._lock:
            if self.dies_at is not None and index >= self.dies_at:
                raise Killed("stage block", "key")
            self.there += 1
            self.most_there = max(self.most_there, self.there)
        time.sleep(0.01)
        with self._lock:
            self.there -= 1
            self.sent += 1
            self.blocks[index] = StagedBlock(index, len(data), crc)
            return self.blocks[index]

    def commit(self, blocks: Sequence[StagedBlock]) -> Created:
        assert [block.index for block in blocks] == list(range(BLOCKS))
        return Created("committed")

    def abandon(self) -> None:
        raise AssertionError("nothing is given up")


class Destination(MemoryStore):
    """Has that one staged write."""

    def __init__(self, write: Listed) -> None:
        super().__init__(MemoryBucket(), location="destination")
        self._write = write

    def stat(self, key: str) -> ObjectInfo | None:
        return None

    def stage(self, key: str, *, token: str | None = None) -> Listed:  # type: ignore[override]
        return self._write


def test_a_file_of_10_gib_interrupted_at_nine_tenths_sends_and_reads_only_the_rest() -> None:
    digests = DigestSet([Digest(Algorithm.SHA256, "0" * 64)])
    file = PlannedFile("data/x", SIZE, "etag", False, False, digests, BLOCK)
    write, source = Listed(), Zeros()
    interrupted = BLOCKS * 9 // 10
    # What an earlier attempt left, but for the blocks that were in flight when it died.
    write.blocks = {index: StagedBlock(index, BLOCK, EACH) for index in range(interrupted)}
    ledger = WorkStagingLedger(SealedRecords(RecordStore(MemoryStore(MemoryBucket()))), "staging/")
    copier = ObjectCopier(source, Destination(write), ledger, lambda: None, LIMITS)

    write.dies_at = interrupted + 3
    with pytest.raises(Killed):
        copier.copy(CopyItem(file), "key", "key")
    first = write.sent
    write.dies_at = None
    outcome = copier.copy(CopyItem(file), "key", "key")

    assert isinstance(outcome, Copied)
    assert outcome.crc == Crc64.whole([EACH] * BLOCKS)
    assert write.sent == BLOCKS - interrupted, "no block was sent twice"
    assert first <= 3
    in_flight = 64 * MIB // BLOCK
    assert source.read_bytes <= (BLOCKS - interrupted + 4 * in_flight) * BLOCK
    # However many threads there are: this is what a task holds in memory.
    assert 1 < write.most_there <= in_flight < LIMITS.concurrency
