"""A store in memory, held to the same contract as the real ones: for fast tests, property tests and simulations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bagfill.checksum.crc64 import Crc64
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.filling import filled
from bagfill.storage.keys import (
    in_key_order,
    next_segment,
    require_folder,
    require_name,
    require_range,
    require_sequence,
)
from bagfill.storage.memory_bucket import MemoryBucket
from bagfill.storage.names import MEMORY_NAMES, NameRules
from bagfill.storage.store import (
    NOTHING_NOTED,
    AlreadyExists,
    ArchiveState,
    Capability,
    Created,
    Noted,
    ObjectInfo,
    StagedBlock,
    ThawAnswer,
    ThawTier,
    TransitCheck,
)

DEFAULT_CHUNK = 1024 * 1024
_ALL = frozenset({Capability.THAW, Capability.ARCHIVE_STATE_IN_LISTING})


class MemoryStore:
    """One identity's view of a :class:`MemoryBucket`.

    Args:
        bucket: shared with other stores; a new one if ``None``.
        location: the location's name, for messages.
        name_rules: which keys to accept (``AZURE_NAMES`` plays Azure).
        capabilities: leave out THAW to play a store without archive tiers, ARCHIVE_STATE_IN_LISTING to play S3
            listings without restore status.
        chunk_size: bytes in one chunk of a read.
    """

    def __init__(
        self,
        bucket: MemoryBucket | None = None,
        *,
        location: str = "memory",
        name_rules: NameRules = MEMORY_NAMES,
        capabilities: frozenset[Capability] = _ALL,
        chunk_size: int = DEFAULT_CHUNK,
    ) -> None:
        self.bucket = MemoryBucket() if bucket is None else bucket
        self._location = location
        self._name_rules = name_rules
        self._capabilities = capabilities
        self._chunk_size = chunk_size

    @property
    def location(self) -> str:
        """The location's name."""
        return self._location

    @property
    def capabilities(self) -> frozenset[Capability]:
        """As given to the constructor."""
        return self._capabilities

    @property
    def name_rules(self) -> NameRules:
        """As given to the constructor."""
        return self._name_rules

    def stat(self, key: str) -> ObjectInfo | None:
        """See :meth:`ObjectStore.stat`."""
        self._require_name(key, "stat")
        return self.bucket.stat(key)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """See :meth:`ObjectStore.list`. Objects that vanish while listing are left out, as at a real store."""
        require_folder(self._name_rules, prefix, location=self._location, operation="list")
        return self._list(prefix)

    def _list(self, prefix: str) -> Iterator[ObjectInfo]:
        for key in in_key_order(self.bucket.keys(prefix)):
            info = self.bucket.stat(key)
            if info is not None:
                yield info if Capability.ARCHIVE_STATE_IN_LISTING in self._capabilities else _without_thaw(info)

    def list_folders(self, prefix: str) -> Iterator[str]:
        """See :meth:`ObjectStore.list_folders`."""
        require_folder(self._name_rules, prefix, location=self._location, operation="list folders")
        folders = {next_segment(key, prefix) for key in self.bucket.keys(prefix)}
        return iter(in_key_order([folder for folder in folders if folder is not None]))

    def read(
        self, key: str, *, start: int = 0, length: int | None = None, etag: str | None = None
    ) -> Iterator[bytes | memoryview]:
        """See :meth:`ObjectStore.read`."""
        self._require_name(key, "read")
        require_range(start, length)
        return self._read(key, start, length, etag)

    def _read(self, key: str, start: int, length: int | None, etag: str | None) -> Iterator[bytes | memoryview]:
        # One snapshot for the whole read: a replacement in the middle never mixes two objects.
        found = self.bucket.snapshot(key)
        if found is None:
            raise self._error(StoreFailure.MISSING, key, "read", "no such object")
        info, data = found
        if etag is not None and info.etag != etag:
            raise self._error(StoreFailure.CHANGED, key, "read", "another ETag")
        if not info.is_readable:
            raise self._error(StoreFailure.ARCHIVED, key, "read", f"storage class {info.storage_class}")
        end = len(data) if length is None else start + length
        if end > len(data) or start > len(data):
            raise self._error(StoreFailure.CHANGED, key, "read", f"the object ends at byte {len(data)}")
        for position in range(start, end, self._chunk_size):
            yield data[position : min(position + self._chunk_size, end)]

    def read_into(self, key: str, into: memoryview, *, etag: str) -> bool:
        """See :meth:`ObjectStore.read_into`."""
        return filled(self.read(key, etag=etag), into)

    def create(self, key: str, data: bytes | memoryview) -> Created | AlreadyExists:
        """See :meth:`ObjectStore.create`."""
        self._require_name(key, "create")
        etag = self.bucket.put_if_absent(key, bytes(data))
        return AlreadyExists() if etag is None else Created(etag=etag)

    def stage(self, key: str, *, token: str | None = None) -> MemoryStagedWrite:
        """See :meth:`ObjectStore.stage`."""
        self._require_name(key, "stage")
        return MemoryStagedWrite(self, key, self.bucket.open_upload(key) if token is None else token)

    def request_thaw(self, key: str, *, tier: ThawTier, days: int) -> ThawAnswer:
        """See :meth:`ObjectStore.request_thaw`."""
        self._require_name(key, "request thaw")
        if Capability.THAW not in self._capabilities:
            raise self._error(StoreFailure.UNSUPPORTED, key, "request thaw", "this store has no archive tiers")
        info = self.bucket.stat(key)
        if info is None:
            raise self._error(StoreFailure.MISSING, key, "request thaw", "no such object")
        if tier is ThawTier.EXPEDITED and info.storage_class == "DEEP_ARCHIVE":
            raise self._error(StoreFailure.UNSUPPORTED, key, "request thaw", "no Expedited tier for DEEP_ARCHIVE")
        return self.bucket.request_thaw(key, tier, days)

    def close(self) -> None:
        """Nothing to release; the bucket lives on."""

    def _require_name(self, key: str, operation: str) -> None:
        require_name(self._name_rules, key, location=self._location, operation=operation)

    def _error(self, failure: StoreFailure, key: str, operation: str, detail: str) -> StoreError:
        return StoreError(failure, location=self._location, key=key, operation=operation, detail=detail)


class MemoryStagedWrite:
    """A staged write in a :class:`MemoryBucket`; see :class:`bagfill.storage.store.StagedWrite`."""

    def __init__(self, store: MemoryStore, key: str, token: str) -> None:
        self._store = store
        self._key = key
        self._token = token

    @property
    def token(self) -> str:
        """The bucket's id of this staged write."""
        return self._token

    @property
    def check(self) -> TransitCheck:
        """CRC-64."""
        return TransitCheck.CRC64

    def staged(self, noted: Noted = NOTHING_NOTED) -> Mapping[int, StagedBlock]:  # noqa: ARG002 - all CRCs are known
        """See :meth:`StagedWrite.staged`."""
        blocks = self._blocks("list blocks")
        return {index: _block(index, data) for index, data in sorted(blocks.items())}

    def stage(self, index: int, data: bytes | memoryview, crc: Crc64) -> StagedBlock:
        """See :meth:`StagedWrite.stage`."""
        block = _block(index, bytes(data))
        if block.crc != crc:
            raise self._error(StoreFailure.CORRUPTED_IN_TRANSIT, "stage block", "the block has another CRC-64")
        if not self._store.bucket.put_block(self._key, self._token, index, bytes(data)):
            raise self._gone("stage block")
        return block

    def commit(self, blocks: Sequence[StagedBlock]) -> Created | AlreadyExists:
        """See :meth:`StagedWrite.commit`."""
        require_sequence(blocks)
        held = self._store.bucket.upload(self._key, self._token)
        if held is None and self._store.bucket.stat(self._key) is not None:
            return AlreadyExists()
        staged = self._blocks("commit")
        for block in blocks:
            if block.index not in staged or _block(block.index, staged[block.index]) != block:
                raise self._error(StoreFailure.MISSING, "commit", f"block {block.index} is not staged so")
        data = b"".join(staged[block.index] for block in blocks)
        etag = self._store.bucket.put_if_absent(self._key, data)
        if etag is None:
            return AlreadyExists()
        self.abandon()
        return Created(etag=etag)

    def abandon(self) -> None:
        """See :meth:`StagedWrite.abandon`."""
        self._store.bucket.close_upload(self._token)

    def _blocks(self, operation: str) -> dict[int, bytes]:
        blocks = self._store.bucket.upload(self._key, self._token)
        if blocks is None:
            raise self._gone(operation)
        return blocks

    def _gone(self, operation: str) -> StoreError:
        return self._error(StoreFailure.MISSING, operation, "no such staged write")

    def _error(self, failure: StoreFailure, operation: str, detail: str) -> StoreError:
        return StoreError(failure, location=self._store.location, key=self._key, operation=operation, detail=detail)


def _block(index: int, data: bytes) -> StagedBlock:
    return StagedBlock(index=index, size=len(data), crc=Crc64.of(data))


def _without_thaw(info: ObjectInfo) -> ObjectInfo:
    if info.archive is ArchiveState.READABLE:
        return info
    return ObjectInfo(
        key=info.key,
        size=info.size,
        etag=info.etag,
        storage_class=info.storage_class,
        archive=ArchiveState.ARCHIVED,
        last_modified=info.last_modified,
    )
