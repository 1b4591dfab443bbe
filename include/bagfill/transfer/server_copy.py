"""Have a provider copy what it can fetch by itself, and let the worker copy the rest.

No byte of what is fetched passes through this process. The source is pinned before the first block; what arrived is
compared with the source's own checksum before the commit, where the two tell one; and the read-back judges it like any
other copy (docs/decisions/0023).
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import replace
from threading import Lock

from bagfill.checksum.digest import DigestSet
from bagfill.logs import Line, tell
from bagfill.planning.limits import Limits
from bagfill.planning.shards import CopyItem
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.server_copy import FetchedObject, NotFetched, Refusal, ServerCopy
from bagfill.storage.store import AlreadyExists, ObjectStore, TransitCheck
from bagfill.transfer.compare import compare_existing, compare_with
from bagfill.transfer.copy_blocks import Guard
from bagfill.transfer.copy_object import ObjectCopier
from bagfill.transfer.fetch_blocks import BlockFetcher, FetchTask, differ
from bagfill.transfer.outcomes import Copied, CopyOutcome, Staged, Transit, WouldOverwrite
from bagfill.transfer.staging import StagingLedger

logger = logging.getLogger(__name__)

_MOST_REFUSALS = 3
"""Of one pair of locations in one shard: after these, the rest goes through the worker untried."""
_TROUBLE = frozenset({StoreFailure.UNAVAILABLE, StoreFailure.UNSUPPORTED, StoreFailure.MISCONFIGURED})
"""Of a request to fetch, after every retry: the worker finds out whether the provider fails at everything."""


class ServerCopier:
    """Copies as :class:`bagfill.transfer.copy_object.ObjectCopier` does. Safe to use from several threads.

    Args:
        way: past this process.
        worker: copies what is not fetched, and judges the source where the provider could not.
        destination: created in only.
        ledger: remembers staged writes, and the CRCs of fetched blocks.
        guard: called before each write.
        limits: how many blocks are in flight.
    """

    def __init__(
        self,
        way: ServerCopy,
        worker: ObjectCopier,
        destination: ObjectStore,
        ledger: StagingLedger,
        guard: Guard,
        limits: Limits | None = None,
    ) -> None:
        self._way = way
        self._worker = worker
        self._destination = destination
        self._ledger = ledger
        self._guard = guard
        self._blocks = BlockFetcher(way, destination, ledger, guard, (limits or Limits()).concurrency)
        self._lock = Lock()
        self._refusals: Counter[Refusal] = Counter()
        self._given_up: NotFetched | None = None
        self._creates = True

    def copy(self, item: CopyItem, source_key: str, destination_key: str) -> CopyOutcome:
        """See :meth:`ObjectCopier.copy`."""
        file = item.file
        if file.at_destination or file.size < max(1, self._way.least_bytes):
            return self._worker.copy(item, source_key, destination_key)
        if file.block_bytes and (present := self._destination.stat(destination_key)) is not None:
            return compare_with(self._destination, present, file)
        outcome = self._given_up or self._tried(item, source_key, destination_key)
        if not isinstance(outcome, NotFetched):
            return outcome
        self._count(outcome)
        copied = self._worker.copy(item, source_key, destination_key)
        return replace(copied, not_fetched=outcome) if isinstance(copied, Copied | Staged) else copied

    def _count(self, refused: NotFetched) -> None:
        with self._lock:
            if self._given_up is not None or not refused.refusal.is_of_the_pair:
                return
            self._refusals[refused.refusal] += 1
            if self._refusals.total() >= _MOST_REFUSALS:
                self._given_up = refused
                why = f"{refused.refusal.value}: {refused.detail}"
                tell(logger, Line.PROVIDER_DOES_NOT_FETCH, location=self._destination.location, why=why)

    def _tried(self, item: CopyItem, source_key: str, destination_key: str) -> CopyOutcome | NotFetched:
        try:
            return self._fetch(item, source_key, destination_key)
        except StoreError as error:
            if error.failure not in _TROUBLE:
                raise
            return NotFetched(Refusal.FAILED, error.detail)

    def _fetch(self, item: CopyItem, source_key: str, destination_key: str) -> CopyOutcome | NotFetched:
        source = self._way.pin(source_key, item.file.etag)
        if isinstance(source, NotFetched):
            return source
        if source.size != item.file.size:
            return NotFetched(Refusal.CHANGED, f"{source.size} bytes")
        task = FetchTask(item, source, destination_key)
        if not item.file.block_bytes and self._creates and self._way.can_create(source):
            made = self._create(task)
            if not isinstance(made, NotFetched) or made.refusal is not Refusal.UNSUPPORTED:
                return made
            # A provider may fetch blocks and no whole objects.
            self._creates = False
        return self._blocks.fetch(task)

    def _create(self, task: FetchTask) -> CopyOutcome | NotFetched:
        self._guard()
        match self._way.create(task.source, task.key):
            case FetchedObject(crc=crc) if differ(crc, task.source.crc):
                return WouldOverwrite(f"crc64 {task.source.crc and task.source.crc.s3}", f"crc64 {crc and crc.s3}")
            case FetchedObject(etag, version_id, request_id, crc):
                transit = Transit(TransitCheck.FETCHED, crc, task.source.crc)
                return Copied(task.file.size, DigestSet(), etag, version_id, request_id, crc, transit, fetched=True)
            case AlreadyExists():
                return compare_existing(self._destination, task.file, task.key)
            case NotFetched() as refused:
                return refused
