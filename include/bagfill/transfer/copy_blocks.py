"""Copy a large object in blocks that are staged, checked on arrival, and committed together.

Blocks whose CRC-64 the provider tells are kept and their bytes are not read again: the staged write belongs to one
plan, and the plan pins the source's ETag. Each other block is read as a range of its own, several at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace

from bagfill.checksum.algorithm import strongest
from bagfill.checksum.crc64 import Crc64
from bagfill.checksum.digest import DigestSet
from bagfill.checksum.digester import Digester
from bagfill.planning.limits import MIB, Limits
from bagfill.planning.shards import CopyItem, PlannedFile
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.store import AlreadyExists, Created, ObjectStore, StagedBlock, StagedWrite
from bagfill.transfer.buffers import Buffers
from bagfill.transfer.compare import compare_existing, corrupt
from bagfill.transfer.outcomes import Copied, CopyOutcome, SourceCorrupt, Staged, Transit
from bagfill.transfer.staging import StagingLedger, join_staged_write

_MOST_BYTES_IN_FLIGHT = 64 * MIB
"""Of one file: what keeps a task's memory flat, whatever its blocks."""
_ROUNDS = 2
"""Of staging: blocks that vanish before the commit (a lifecycle rule) are sent once more."""

Guard = Callable[[], None]
"""Called before each write; raises when this process may not write any more (its claim went to another)."""


class BlockCopier:
    """The part of :class:`bagfill.transfer.copy_object.ObjectCopier` for files that are cut into blocks."""

    def __init__(
        self, source: ObjectStore, destination: ObjectStore, ledger: StagingLedger, guard: Guard, limits: Limits
    ) -> None:
        self._source = source
        self._destination = destination
        self._ledger = ledger
        self._guard = guard
        self._limits = limits
        self._buffers = Buffers()

    def copy(self, item: CopyItem, source_key: str, destination_key: str) -> CopyOutcome:
        """Stage the item's blocks and commit the file if none is missing. Raises StoreError."""
        for again in reversed(range(_ROUNDS)):
            write = join_staged_write(self._destination, destination_key, self._ledger)
            try:
                if item.is_range:
                    return self._copy_range(write, item, source_key, destination_key)
                return self._copy_all(write, item.file, source_key, destination_key)
            except StoreError as error:
                gone = error.failure is StoreFailure.MISSING and error.location == self._destination.location
                if not gone or not again or self._destination.stat(destination_key) is not None:
                    raise
        raise AssertionError  # the last round returns or raises

    def _copy_all(self, write: StagedWrite, file: PlannedFile, source_key: str, destination_key: str) -> CopyOutcome:
        digester = self._digester(file, destination_key)
        held = write.staged()
        if digester is None:
            blocks, digests = self._stage(write, file, source_key, range(file.blocks), held), DigestSet()
        else:
            blocks = self._stage_hashed(write, file, source_key, held, digester)
            digests = digester.digests()
            if (damage := corrupt(file, digester.size, digests)) is not None:
                write.abandon()
                return damage
        self._guard()
        match write.commit(blocks):
            case Created(etag, version_id, request_id):
                transit = _transit(write, blocks)
                return Copied(file.size, digests, etag, version_id, request_id, transit.crc, transit)
            case AlreadyExists():
                # Blocks that nobody will commit are paid for until they are dropped.
                write.abandon()
                return compare_existing(self._destination, file, destination_key)

    def _copy_range(
        self, write: StagedWrite, item: CopyItem, source_key: str, destination_key: str
    ) -> Staged | SourceCorrupt:
        """Stage some blocks, and commit if all blocks are there then; the last of several tasks always finds them."""
        file = item.file
        mine = self._stage(write, file, source_key, range(item.first, item.last), write.staged())
        try:
            held = {**write.staged(), **{block.index: block for block in mine}}
            blocks = [held[index] for index in range(file.blocks) if index in held]
            if [block.size for block in blocks] != [_length(file, index) for index in range(file.blocks)]:
                return Staged(len(mine), committed=False)
            digester, digests = self._digester(file, destination_key), DigestSet()
            if digester is not None:
                # No task saw all bytes go by: the one that commits reads the source once more.
                blocks = self._stage_hashed(write, file, source_key, held, digester, unknown_is_right=True)
                digests = digester.digests()
                if (damage := corrupt(file, digester.size, digests)) is not None:
                    write.abandon()
                    return damage
            self._guard()
            answer = write.commit(blocks)
        except StoreError as error:
            # Committed by another task a moment ago, and so no longer a staged write.
            gone = error.failure is StoreFailure.MISSING and error.location == self._destination.location
            if gone and self._destination.stat(destination_key) is not None:
                return Staged(len(mine), committed=False)
            raise
        match answer:
            case Created(etag, version_id, request_id):
                return Staged(len(mine), True, digests, etag, version_id, request_id, _transit(write, blocks))
            case AlreadyExists():
                # Another task was first; the read-back judges what it committed.
                write.abandon()
                return Staged(len(mine), committed=False)

    def _digester(self, file: PlannedFile, destination_key: str) -> Digester | None:
        """For a file whose digest is to be compared before it is committed: a small one, and one that was fetched in
        part, by whichever task. Fetched blocks are kept, but nothing pinned each of them: they are held against the
        source once more.
        """
        wanted = file.size <= self._limits.hash_before_write or self._ledger.noted(destination_key)
        return Digester([strongest(file.digests)]) if wanted else None

    def _in_flight(self, file: PlannedFile) -> int:
        return max(1, min(self._limits.concurrency, _MOST_BYTES_IN_FLIGHT // file.block_bytes))

    def _stage(
        self,
        write: StagedWrite,
        file: PlannedFile,
        source_key: str,
        indices: Iterable[int],
        held: Mapping[int, StagedBlock],
    ) -> list[StagedBlock]:
        """Read and send the blocks that are not known to be held; each thread moves one at a time."""

        def moved(index: int) -> StagedBlock:
            known, length = held.get(index), _length(file, index)
            if known is not None and known.crc is not None and known.size == length:
                return known
            chunks = self._source.read(source_key, start=index * file.block_bytes, length=length, etag=file.etag)
            data, _ = self._buffers.fill(chunks, length)
            crc = Crc64.of(data)
            self._guard()
            return write.stage(index, data, crc)

        with ThreadPoolExecutor(self._in_flight(file), thread_name_prefix="stage") as pool:
            return list(pool.map(moved, indices))

    def _stage_hashed(
        self,
        write: StagedWrite,
        file: PlannedFile,
        source_key: str,
        held: Mapping[int, StagedBlock],
        digester: Digester,
        *,
        unknown_is_right: bool = False,
    ) -> list[StagedBlock]:
        """Read every block in order, and send those that are not held as they were read now.

        Args:
            digester: sees all bytes.
            unknown_is_right: whether a staged block of the right size and an unknown CRC counts as held.
        """
        blocks: list[StagedBlock] = []
        pending: set[Future[StagedBlock]] = set()
        most = self._in_flight(file)
        with ThreadPoolExecutor(most, thread_name_prefix="stage") as pool:
            try:
                for index, data in self._in_order(file, source_key):
                    digester.update(data)
                    crc = Crc64.of(data)
                    block = StagedBlock(index, len(data), crc)
                    known = held.get(index)
                    if known is not None and _is_held(block, known, unknown_is_right=unknown_is_right):
                        blocks.append(replace(block, label=known.label))
                        continue
                    if len(pending) >= most:
                        done, pending = wait(pending, return_when=FIRST_COMPLETED)
                        blocks += [future.result() for future in done]
                    self._guard()
                    pending.add(pool.submit(write.stage, index, data, crc))
                blocks += [future.result() for future in pending]
            except BaseException:
                for future in pending:
                    future.cancel()
                raise
        return sorted(blocks, key=lambda block: block.index)

    def _in_order(self, file: PlannedFile, source_key: str) -> Iterator[tuple[int, bytes]]:
        for index in range(file.blocks):
            start, length = index * file.block_bytes, _length(file, index)
            yield index, b"".join(self._source.read(source_key, start=start, length=length, etag=file.etag))


def _is_held(block: StagedBlock, known: StagedBlock, *, unknown_is_right: bool) -> bool:
    if known.size != block.size:
        return False
    return known.crc == block.crc or (known.crc is None and unknown_is_right)


def _transit(write: StagedWrite, blocks: Sequence[StagedBlock]) -> Transit:
    known = [block.crc for block in blocks if block.crc is not None]
    return Transit(write.check, Crc64.whole(known) if len(known) == len(blocks) else None)


def _length(file: PlannedFile, index: int) -> int:
    return min(file.block_bytes, file.size - index * file.block_bytes)
