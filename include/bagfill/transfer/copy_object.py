"""Copy one object through this process, without ever overwriting.

Small objects are held whole: their digest is compared before the first byte is written. Large ones go in blocks, each
with its CRC-64 checked by the provider on arrival; the digest of the whole is compared before the commit makes them
visible. A copy that was interrupted reads the source again, since only that proves what the staged blocks are, and
sends what is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from bagfill.checksum.algorithm import strongest
from bagfill.checksum.crc64 import Crc64
from bagfill.checksum.digest import DigestSet
from bagfill.checksum.digester import Digester
from bagfill.fixity.read_back import read_back
from bagfill.planning.shards import CopyItem, PlannedFile
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.store import AlreadyExists, Created, ObjectInfo, ObjectStore, StagedBlock, StagedWrite
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
from bagfill.transfer.staging import StagingLedger, join_staged_write

_BLOCKS_IN_FLIGHT = 4

Guard = Callable[[], None]
"""Called before each write; raises when this process may not write any more (its claim went to another)."""


class ObjectCopier:
    """Copies objects from one store to another.

    Args:
        source: read only.
        destination: created in only.
        ledger: remembers staged writes.
        guard: called before each write.
    """

    def __init__(self, source: ObjectStore, destination: ObjectStore, ledger: StagingLedger, guard: Guard) -> None:
        self._source = source
        self._destination = destination
        self._ledger = ledger
        self._guard = guard

    def copy(self, item: CopyItem, source_key: str, destination_key: str) -> CopyOutcome:
        """Copy one item of a plan.

        Args:
            item: what; its digests must hold at least one.
            source_key, destination_key: full keys in their stores.

        Raises:
            StoreError: a store did not answer, or refuses. Source and destination are told apart by its location.
        """
        file = item.file
        if file.at_destination or file.block_bytes:
            present = self._destination.stat(destination_key)
            if present is not None:
                return _compare(self._destination, present, file)
        try:
            if not file.block_bytes:
                return self._copy_whole(file, source_key, destination_key)
            return self._copy_blocks(item, source_key, destination_key)
        except StoreError as error:
            if error.location == self._destination.location and error.failure is StoreFailure.MISSING:
                # The staged write ended under our hands: another task committed it, or the provider dropped it.
                present = self._destination.stat(destination_key)
                if present is not None:
                    return _compare(self._destination, present, file)
            if error.location != self._source.location:
                raise
            if error.failure is StoreFailure.MISSING:
                return SourceMissing()
            if error.failure is StoreFailure.CHANGED:
                return SourceChanged()
            raise

    def _copy_whole(self, file: PlannedFile, source_key: str, destination_key: str) -> CopyOutcome:
        digester = Digester([strongest(file.digests)])
        chunks: list[bytes | memoryview] = []
        for chunk in self._source.read(source_key, etag=file.etag):
            # Hashed as it arrives: the bytes are compared before the first one is written either way.
            digester.update(chunk)
            chunks.append(chunk)
        data = b"".join(chunks)
        digests = digester.digests()
        if (corrupt := _corrupt(file, len(data), digests)) is not None:
            return corrupt
        self._guard()
        match self._destination.create(destination_key, data):
            case Created(etag, version_id, request_id):
                return Copied(len(data), digests, etag, version_id, request_id, Crc64.of(data))
            case AlreadyExists():
                return self._compare_existing(file, destination_key)

    def _copy_blocks(self, item: CopyItem, source_key: str, destination_key: str) -> CopyOutcome:
        file = item.file
        write = join_staged_write(self._destination, destination_key, self._ledger)
        digester = Digester([] if item.is_range else [strongest(file.digests)])
        first, last = (item.first, item.last) if item.is_range else (0, file.blocks)
        blocks = self._stage(write, file, source_key, range(first, last), digester)
        if not item.is_range:
            digests = digester.digests()
            if (corrupt := _corrupt(file, digester.size, digests)) is not None:
                write.abandon()
                return corrupt
            return self._commit(write, file, destination_key, blocks, digests)
        return self._commit_if_complete(write, file, source_key, destination_key, len(blocks))

    def _commit_if_complete(
        self, write: StagedWrite, file: PlannedFile, source_key: str, destination_key: str, sent: int
    ) -> Staged | SourceCorrupt:
        """Commit a file that several tasks stage, if this task sees every block; the last of them always does.

        No task saw all its bytes go by, so the one that commits reads the source once more and holds each staged block
        against it: neither a corrupt source nor a block that another task read wrongly must become an object that
        nobody may overwrite.
        """
        digester = Digester([strongest(file.digests)])
        try:
            held = write.staged()
            sizes = [held[index].size for index in range(file.blocks) if index in held]
            if sizes != [_block_length(file, index) for index in range(file.blocks)]:
                return Staged(sent, committed=False)
            # A provider that tells no CRC at all would have the whole file sent twice; there the read-back judges.
            unknown = all(block.crc is None for block in held.values())
            blocks = self._stage(write, file, source_key, range(file.blocks), digester, unknown_is_right=unknown)
        except StoreError as error:
            # Committed by another task a moment ago, and so no longer a staged write.
            gone = error.failure is StoreFailure.MISSING and error.location == self._destination.location
            if gone and self._destination.stat(destination_key) is not None:
                return Staged(sent, committed=False)
            raise
        digests = digester.digests()
        if (corrupt := _corrupt(file, digester.size, digests)) is not None:
            write.abandon()
            return corrupt
        self._guard()
        match write.commit(blocks):
            case Created(etag, version_id, request_id):
                transit = _transit(write, blocks)
                return Staged(sent, True, digests, etag, version_id, request_id, transit)
            case AlreadyExists():
                # Another task was first; the read-back judges what it committed.
                write.abandon()
                return Staged(sent, committed=False)

    def _stage(
        self,
        write: StagedWrite,
        file: PlannedFile,
        source_key: str,
        indices: range,
        digester: Digester,
        *,
        unknown_is_right: bool = False,
    ) -> list[StagedBlock]:
        """Stage the blocks that are not staged yet; a few are in flight while the next ones are read and hashed.

        Args:
            unknown_is_right: whether a staged block of the right size and an unknown CRC counts as staged.
        """
        held = write.staged()
        blocks: list[StagedBlock] = []
        pending: set[Future[StagedBlock]] = set()
        with ThreadPoolExecutor(_BLOCKS_IN_FLIGHT, thread_name_prefix="stage") as pool:
            try:
                for index, data in self._read_blocks(file, source_key, indices):
                    digester.update(data)
                    crc = Crc64.of(data)
                    known = held.get(index)
                    right = known is not None and (known.crc == crc or (known.crc is None and unknown_is_right))
                    if known is not None and right and known.size == len(data):
                        blocks.append(StagedBlock(index, len(data), crc) if known.crc is None else known)
                        continue
                    if len(pending) >= _BLOCKS_IN_FLIGHT:
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

    def _read_blocks(self, file: PlannedFile, source_key: str, indices: range) -> Iterator[tuple[int, bytes]]:
        for index in indices:
            start, length = index * file.block_bytes, _block_length(file, index)
            yield index, b"".join(self._source.read(source_key, start=start, length=length, etag=file.etag))

    def _commit(
        self,
        write: StagedWrite,
        file: PlannedFile,
        destination_key: str,
        blocks: list[StagedBlock],
        digests: DigestSet,
    ) -> CopyOutcome:
        self._guard()
        match write.commit(blocks):
            case Created(etag, version_id, request_id):
                transit = _transit(write, blocks)
                return Copied(file.size, digests, etag, version_id, request_id, transit.crc, transit)
            case AlreadyExists():
                # Blocks that nobody will commit are paid for until they are dropped.
                write.abandon()
                return self._compare_existing(file, destination_key)

    def _compare_existing(self, file: PlannedFile, destination_key: str) -> CopyOutcome:
        present = self._destination.stat(destination_key)
        if present is None:
            raise StoreError(
                StoreFailure.CONFLICT,
                location=self._destination.location,
                key=destination_key,
                operation="create",
                detail="the provider said that the object exists, then that it does not",
            )
        return _compare(self._destination, present, file)


def _compare(destination: ObjectStore, present: ObjectInfo, file: PlannedFile) -> AlreadyThere | WouldOverwrite:
    """Read what is there and hold it against the manifest: size alone proves nothing."""
    if present.size != file.size:
        return WouldOverwrite(f"{file.size} bytes", f"{present.size} bytes")
    observed = read_back(destination, present, file.digests.algorithms)
    if file.digests.matches(observed.digests):
        return AlreadyThere(observed.size, observed.digests, observed.etag)
    mismatch = file.digests.mismatches(observed.digests)[0]
    return WouldOverwrite(str(mismatch.expected), str(mismatch.found))


def _corrupt(file: PlannedFile, size: int, digests: DigestSet) -> SourceCorrupt | None:
    if size != file.size:
        return SourceCorrupt(f"{file.size} bytes", f"{size} bytes")
    for mismatch in file.digests.mismatches(digests):
        return SourceCorrupt(str(mismatch.expected), str(mismatch.found))
    return None


def _transit(write: StagedWrite, blocks: Sequence[StagedBlock]) -> Transit:
    known = [block.crc for block in blocks if block.crc is not None]
    return Transit(write.check, Crc64.whole(known) if len(known) == len(blocks) else None)


def _block_length(file: PlannedFile, index: int) -> int:
    return min(file.block_bytes, file.size - index * file.block_bytes)
