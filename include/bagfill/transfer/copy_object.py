"""Copy one object through this process, without ever overwriting.

Small objects are held whole and go in one request; large ones in blocks (:mod:`bagfill.transfer.copy_blocks`). Every
byte is read once and written once, and passes one CRC-64. Files up to a size are also compared with their digest before
the first byte is written; larger ones are judged when they are read back (docs/decisions/0013).
"""

from __future__ import annotations

from bagfill.checksum.algorithm import strongest
from bagfill.checksum.crc64 import Crc64
from bagfill.checksum.digest import DigestSet
from bagfill.checksum.digester import digest_bytes
from bagfill.planning.limits import Limits
from bagfill.planning.shards import CopyItem, PlannedFile
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.store import AlreadyExists, Created, ObjectStore
from bagfill.transfer.buffers import Buffers
from bagfill.transfer.compare import compare_existing, compare_with, corrupt
from bagfill.transfer.copy_blocks import BlockCopier, Guard
from bagfill.transfer.outcomes import Copied, CopyOutcome, SourceChanged, SourceMissing
from bagfill.transfer.staging import StagingLedger


class ObjectCopier:
    """Copies objects from one store to another. Safe to use from several threads.

    Args:
        source: read only.
        destination: created in only.
        ledger: remembers staged writes.
        guard: called before each write.
        limits: up to which size digests are computed before writing, and how many blocks are in flight.
    """

    def __init__(
        self,
        source: ObjectStore,
        destination: ObjectStore,
        ledger: StagingLedger,
        guard: Guard,
        limits: Limits | None = None,
    ) -> None:
        limits = limits or Limits()
        self._source = source
        self._destination = destination
        self._guard = guard
        self._hash_up_to = limits.hash_before_write
        self._buffers = Buffers()
        self._blocks = BlockCopier(source, destination, ledger, guard, limits)

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
                return compare_with(self._destination, present, file)
        try:
            if not file.block_bytes:
                return self._copy_whole(file, source_key, destination_key)
            return self._blocks.copy(item, source_key, destination_key)
        except StoreError as error:
            if error.location == self._destination.location and error.failure is StoreFailure.MISSING:
                # The staged write ended under our hands: another task committed it, or the provider dropped it.
                present = self._destination.stat(destination_key)
                if present is not None:
                    return compare_with(self._destination, present, file)
            if error.location != self._source.location:
                raise
            if error.failure is StoreFailure.MISSING:
                return SourceMissing()
            if error.failure is StoreFailure.CHANGED:
                return SourceChanged()
            raise

    def _copy_whole(self, file: PlannedFile, source_key: str, destination_key: str) -> CopyOutcome:
        data, size = self._buffers.of(file.size), file.size
        if not self._source.read_into(source_key, data, etag=file.etag):
            data, size = self._buffers.fill(self._source.read(source_key, etag=file.etag), file.size)
        hashed = file.size <= self._hash_up_to
        digests = digest_bytes(data, [strongest(file.digests)]) if hashed else DigestSet()
        if (damage := corrupt(file, size, digests)) is not None:
            return damage
        crc = Crc64.of(data)
        self._guard()
        match self._destination.create(destination_key, data):
            case Created(etag, version_id, request_id):
                return Copied(size, digests, etag, version_id, request_id, crc)
            case AlreadyExists():
                return compare_existing(self._destination, file, destination_key)
