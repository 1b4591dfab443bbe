"""Server-to-server copy between two memory buckets, for fast tests of what copying makes of it."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from bagfill.checksum.crc64 import Crc64
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.memory_bucket import MemoryBucket
from bagfill.storage.server_copy import FetchedBlock, FetchedObject, NotFetched, PinnedSource, Refusal
from bagfill.storage.store import AlreadyExists

Before = Callable[[str, str], Refusal | None]
"""Called before each act with its name (``pin``, ``look again``, ``create``, ``stage``) and the source's key; may
raise, and says why the provider does not fetch, if it does not."""


class MemoryServerCopy:
    """See :class:`bagfill.storage.server_copy.ServerCopy`.

    Args:
        source, destination: the buckets.
        location: the destination's name, for messages.
        before: how a test makes it refuse, fail or die.
        damaged: what arrives instead of the bytes that were fetched.
        least_bytes: as the protocol says.
        creates: whether objects are made in one request.
        tells_crc: whether the source has a CRC of whole objects.
    """

    def __init__(
        self,
        source: MemoryBucket,
        destination: MemoryBucket,
        *,
        location: str = "memory",
        before: Before = lambda _act, _key: None,
        damaged: Callable[[bytes], bytes] = lambda data: data,
        least_bytes: int = 1,
        creates: bool = True,
        tells_crc: bool = True,
    ) -> None:
        self._source = source
        self._destination = destination
        self._location = location
        self._before = before
        self._damaged = damaged
        self._least_bytes = least_bytes
        self._creates = creates
        self._tells_crc = tells_crc
        self._numbers = itertools.count(1)

    @property
    def least_bytes(self) -> int:
        """As given to the constructor."""
        return self._least_bytes

    def pin(self, key: str, etag: str) -> PinnedSource | NotFetched:
        """See :meth:`ServerCopy.pin`."""
        if (refusal := self._before("pin", key)) is not None:
            return NotFetched(refusal, "as the test says")
        found = self._source.snapshot(key)
        if found is None:
            return NotFetched(Refusal.MISSING, "no such object")
        info, data = found
        if info.etag != etag:
            return NotFetched(Refusal.CHANGED, "another ETag")
        if not info.is_readable:
            return NotFetched(Refusal.ARCHIVED, f"storage class {info.storage_class}")
        return PinnedSource(key, info.size, info.etag, crc=Crc64.of(data) if self._tells_crc else None)

    def look_again(self, source: PinnedSource) -> NotFetched | None:
        """See :meth:`ServerCopy.look_again`."""
        self._before("look again", source.key)
        info = self._source.stat(source.key)
        same = info is not None and info.etag == source.etag
        return None if same else NotFetched(Refusal.CHANGED, "another ETag")

    def can_create(self, source: PinnedSource) -> bool:  # noqa: ARG002 - the same for all
        """As given to the constructor."""
        return self._creates

    def create(self, source: PinnedSource, key: str) -> FetchedObject | AlreadyExists | NotFetched:
        """See :meth:`ServerCopy.create`."""
        fetched = self._fetch("create", source, 0, source.size)
        if isinstance(fetched, NotFetched):
            return fetched
        etag = self._destination.put_if_absent(key, fetched)
        return AlreadyExists() if etag is None else FetchedObject(etag, None, None, Crc64.of(fetched))

    def stage(
        self, source: PinnedSource, key: str, token: str, *, index: int, start: int, length: int
    ) -> FetchedBlock | NotFetched:
        """See :meth:`ServerCopy.stage`."""
        fetched = self._fetch("stage", source, start, length)
        if isinstance(fetched, NotFetched):
            return fetched
        if not self._destination.put_block(key, token, index, fetched):
            raise StoreError(
                StoreFailure.MISSING,
                location=self._location,
                key=key,
                operation="stage block from URL",
                detail="no such staged write",
            )
        return FetchedBlock(index, length, f"fetched-{next(self._numbers)}", Crc64.of(fetched))

    def close(self) -> None:
        """Nothing to release."""

    def _fetch(self, act: str, source: PinnedSource, start: int, length: int) -> bytes | NotFetched:
        """The bytes under the key as they are now: an URL without a version pins nothing."""
        if (refusal := self._before(act, source.key)) is not None:
            return NotFetched(refusal, "as the test says")
        found = self._source.snapshot(source.key)
        if found is None:
            return NotFetched(Refusal.MISSING, "no such object")
        return self._damaged(found[1][start : start + length])
