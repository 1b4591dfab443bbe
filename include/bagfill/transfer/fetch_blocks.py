"""Have a provider fetch one object in blocks, and commit them when all are there and are what was meant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event

from bagfill.checksum.crc64 import Crc64
from bagfill.checksum.digest import DigestSet
from bagfill.planning.shards import CopyItem, PlannedFile
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.server_copy import NotFetched, PinnedSource, Refusal, ServerCopy
from bagfill.storage.store import AlreadyExists, Created, Noted, ObjectStore, StagedBlock, StagedWrite, TransitCheck
from bagfill.transfer.compare import compare_existing, compare_with
from bagfill.transfer.copy_blocks import Guard
from bagfill.transfer.outcomes import Copied, CopyOutcome, Staged, Transit
from bagfill.transfer.staging import StagingLedger, join_staged_write

_ROUNDS = 2
"""Of fetching a file: blocks that vanish before the commit are fetched once more."""
_NOTED_AT_ONCE = 16
"""Blocks: what is fetched again, at most, after a worker was killed."""


@dataclass(frozen=True, slots=True)
class FetchTask:
    """One item on its way.

    Args:
        item: what.
        source: as it was pinned.
        key: full key at the destination.
    """

    item: CopyItem
    source: PinnedSource
    key: str

    @property
    def file(self) -> PlannedFile:
        """The file that it is, or is a part of."""
        return self.item.file

    @property
    def indices(self) -> range:
        """The blocks of this task; a file without blocks is one."""
        return range(self.item.first, self.item.last) if self.item.is_range else range(self.blocks)

    @property
    def blocks(self) -> int:
        """Of the whole file."""
        return self.file.blocks or 1

    def length(self, index: int) -> int:
        """Of a block, in bytes."""
        size = self.file.block_bytes or self.file.size
        return min(size, self.file.size - index * size)


class BlockFetcher:
    """The part of :class:`bagfill.transfer.server_copy.ServerCopier` for what is fetched in blocks.

    Args:
        way: past this process.
        destination: where blocks are staged and committed.
        ledger: remembers staged writes, and the CRCs of fetched blocks.
        guard: called before each write.
        concurrency: blocks in flight.
    """

    def __init__(
        self, way: ServerCopy, destination: ObjectStore, ledger: StagingLedger, guard: Guard, concurrency: int
    ) -> None:
        self._way = way
        self._destination = destination
        self._ledger = ledger
        self._guard = guard
        self._concurrency = concurrency

    def fetch(self, task: FetchTask) -> CopyOutcome | NotFetched:
        """Fetch the task's blocks and commit the file if none is missing. Raises StoreError."""
        for again in reversed(range(_ROUNDS)):
            write = join_staged_write(self._destination, task.key, self._ledger)
            try:
                mine = self._stage(task, write)
                outcome = mine if isinstance(mine, NotFetched) else self._commit(task, write, mine)
            except StoreError as error:
                gone = error.failure is StoreFailure.MISSING and error.location == self._destination.location
                if not gone:
                    raise
                if (present := self._destination.stat(task.key)) is not None:
                    # Committed by another task a moment ago.
                    if task.item.is_range:
                        return Staged(len(task.indices), committed=False, fetched=True)
                    return compare_with(self._destination, present, task.file)
                if not again:
                    raise
            else:
                if isinstance(outcome, NotFetched) and not task.file.block_bytes:
                    # The worker writes such a file in one request.
                    write.abandon()
                return outcome
        raise AssertionError  # the last round returns or raises

    def _stage(self, task: FetchTask, write: StagedWrite) -> list[StagedBlock] | NotFetched:
        """Have every block of the task staged that is not known to be; a refusal ends it, and what is there stays."""
        held = write.staged()
        noted = self._ledger.noted(task.key) if held else {}
        missing = [index for index in task.indices if not _is_right(held.get(index), task.length(index), noted)]
        blocks = [held[index] for index in task.indices if index not in set(missing)]
        stop = Event()
        fresh: list[StagedBlock] = []
        refused: NotFetched | None = None

        def staged(index: int) -> StagedBlock | NotFetched | None:
            if stop.is_set():
                return None
            going_on = False
            try:
                self._guard()
                begin, length = index * task.file.block_bytes, task.length(index)
                answer = self._way.stage(task.source, task.key, write.token, index=index, start=begin, length=length)
                going_on = not isinstance(answer, NotFetched)
            finally:
                if not going_on:
                    stop.set()
            if isinstance(answer, NotFetched):
                return answer
            return StagedBlock(index, answer.size, answer.crc, answer.label)

        with ThreadPoolExecutor(self._concurrency, thread_name_prefix="fetch") as pool:
            try:
                for answer in pool.map(staged, missing):
                    if isinstance(answer, NotFetched):
                        refused = refused or answer
                    elif answer is not None:
                        fresh.append(answer)
                        blocks.append(answer)
                    if len(fresh) >= _NOTED_AT_ONCE:
                        self._note(task.key, fresh)
            finally:
                stop.set()
                self._note(task.key, fresh)
        return refused or sorted(blocks, key=lambda block: block.index)

    def _note(self, key: str, fresh: list[StagedBlock]) -> None:
        """Leave what nobody tells again, and empty the list."""
        if fresh:
            self._ledger.note(key, {block.label: block.crc for block in fresh})
            fresh.clear()

    def _commit(self, task: FetchTask, write: StagedWrite, mine: Iterable[StagedBlock]) -> CopyOutcome | NotFetched:
        """Commit, if this task finds every block; of several tasks the last one always does."""
        own = {block.index: block for block in mine}
        noted = self._ledger.noted(task.key)
        listed = write.staged(noted)
        if any(index not in listed or listed[index].size != task.length(index) for index in own):
            return NotFetched(Refusal.CHECKSUM, "a staged block has another length than was asked for")
        blocks = _whole(task, own, listed, noted)
        if blocks is None:
            return Staged(len(own), committed=False, fetched=True)
        known = [block.crc for block in blocks if block.crc is not None]
        crc = Crc64.whole(known) if len(known) == len(blocks) else None
        if differ(crc, task.source.crc):
            return NotFetched(Refusal.CHECKSUM, "CRC-64 of what arrived is not the source's")
        # After the last block: each was fetched from the object that was there when it was asked for.
        if (changed := self._way.look_again(task.source)) is not None:
            return changed
        self._guard()
        transit = Transit(TransitCheck.FETCHED, crc, task.source.crc)
        match write.commit(blocks):
            case Created(etag, version_id, request_id) if task.item.is_range:
                return Staged(len(own), True, DigestSet(), etag, version_id, request_id, transit, fetched=True)
            case Created(etag, version_id, request_id):
                return Copied(task.file.size, DigestSet(), etag, version_id, request_id, crc, transit, fetched=True)
            case AlreadyExists():
                write.abandon()
                if task.item.is_range:
                    # Another task was first; the read-back judges what it committed.
                    return Staged(len(own), committed=False, fetched=True)
                return compare_existing(self._destination, task.file, task.key)


def _is_right(block: StagedBlock | None, length: int, noted: Noted) -> bool:
    """Whether a listed block need not be fetched again: its CRC is known, or it is noted that none was told."""
    return block is not None and block.size == length and (block.crc is not None or block.label in noted)


def _whole(
    task: FetchTask, own: Mapping[int, StagedBlock], listed: Mapping[int, StagedBlock], noted: Noted
) -> list[StagedBlock] | None:
    """Every block of the file, or ``None`` while one is missing. Lengths are the provider's word; which block is meant
    is this task's own, whatever else is listed under its index.
    """
    blocks: list[StagedBlock] = []
    for index in range(task.blocks):
        there, length = listed.get(index), task.length(index)
        if there is None or there.size != length or not (index in own or _is_right(there, length, noted)):
            return None
        blocks.append(own.get(index, there))
    return blocks


def differ(arrived: Crc64 | None, source: Crc64 | None) -> bool:
    """Whether two checksums are known and contradict each other."""
    return arrived is not None and source is not None and arrived != source
