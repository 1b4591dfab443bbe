"""Azure's second way to thaw: an archived blob stays as it is, and a readable copy of it is made in another container.

Such a copy is our own temporary object: its container holds nothing else, no location may lie in it, and its name
carries the ETag of the blob that it was made of, so that a blob that is replaced never meets an older copy. Nothing is
overwritten, and nothing is deleted: a lifecycle rule of the copies' container does that.

Source: Azure Storage REST API, Copy Blob; Azure, "Rehydrate an archived blob to an online tier".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from threading import Lock

from bagfill.storage.azure_copy_maker import CopyMaker
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.names import NameRules
from bagfill.storage.store import (
    AlreadyExists,
    ArchiveState,
    Capability,
    Created,
    ObjectInfo,
    ObjectStore,
    StagedWrite,
    ThawAnswer,
    ThawTier,
)

_MOST_FOUND = 100_000
"""Blobs that are remembered to have a copy, the last ones; others take three requests more to read."""


@dataclass(frozen=True, slots=True)
class _Found:
    """A blob, as thawed, and the ETag of the copy that it is read from: ranges of one copy are ranges of one blob."""

    info: ObjectInfo
    copy_etag: str


class ThawedByCopy:
    """A container for the identity that reads, whose archived blobs are thawed by copying them.

    Archived blobs of which there is a finished copy are told as thawed, and read from it; everything else is as the
    container says.

    Args:
        originals: the container of the bags.
        copies: the container of the copies.
        maker: has them made.
    """

    def __init__(self, originals: ObjectStore, copies: ObjectStore, maker: CopyMaker) -> None:
        self._originals = originals
        self._copies = copies
        self._maker = maker
        # Blobs that were seen to have a finished copy: they are read without another look.
        self._found: dict[str, _Found] = {}
        self._finding = Lock()

    def __repr__(self) -> str:
        return f"ThawedByCopy({self._originals!r}, copies={self._copies!r})"

    @property
    def location(self) -> str:
        """The configured location's name."""
        return self._originals.location

    @property
    def capabilities(self) -> frozenset[Capability]:
        """The container's, but for signed URLs: one of an archived blob leads to nothing that can be fetched."""
        return self._originals.capabilities - {Capability.SIGNED_URLS}

    @property
    def name_rules(self) -> NameRules:
        """The container's."""
        return self._originals.name_rules

    def stat(self, key: str) -> ObjectInfo | None:
        """See :meth:`ObjectStore.stat`. Two requests for an archived blob."""
        info = self._originals.stat(key)
        if info is None or info.archive is not ArchiveState.ARCHIVED:
            self._forget(key)
            return info
        return self._seen(info, self._copies.stat(copy_name(info)))

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """See :meth:`ObjectStore.list`. The copies are listed once something archived has come by."""
        copies = cache(lambda: {copy.key: copy for copy in self._copies.list(prefix)})
        for info in self._originals.list(prefix):
            is_archived = info.archive is ArchiveState.ARCHIVED
            yield self._seen(info, copies().get(copy_name(info))) if is_archived else info

    def list_folders(self, prefix: str) -> Iterator[str]:
        """See :meth:`ObjectStore.list_folders`."""
        return self._originals.list_folders(prefix)

    def read(
        self, key: str, *, start: int = 0, length: int | None = None, etag: str | None = None
    ) -> Iterator[bytes | memoryview]:
        """See :meth:`ObjectStore.read`. The copy is read of what was seen to have one, or turns out to be archived."""
        found = self._found.get(key)
        if found is not None and etag in {None, found.info.etag}:
            return self._read_copy(found, start, length)
        return self._read(self._originals.read(key, start=start, length=length, etag=etag), key, start, length, etag)

    def _read(
        self, chunks: Iterator[bytes | memoryview], key: str, start: int, length: int | None, etag: str | None
    ) -> Iterator[bytes | memoryview]:
        try:
            first = next(chunks, None)
        except StoreError as error:
            if error.failure is not StoreFailure.ARCHIVED:
                raise
            found = self._find(key)
            if found is None or etag not in {None, found.info.etag}:
                raise
            yield from self._read_copy(found, start, length)
            return
        if first is not None:
            yield first
            yield from chunks

    def _read_copy(self, found: _Found, start: int, length: int | None) -> Iterator[bytes | memoryview]:
        """Read of exactly the copy that was looked at.

        It is remembered until it is looked at again: whoever reads range after range is not handed one of another copy.
        """
        key, name = found.info.key, copy_name(found.info)
        try:
            yield from self._copies.read(name, start=start, length=length, etag=found.copy_etag)
        except StoreError as error:
            where = f"{self._maker.container}/{name}"
            if error.failure is StoreFailure.CHANGED:
                detail = f"its copy {where} is another one than was looked at: {error.detail}"
                raise self._error(StoreFailure.CHANGED, key, "read", detail) from None
            if error.failure in {StoreFailure.MISSING, StoreFailure.ARCHIVED}:
                self._forget(key)
            if error.failure is not StoreFailure.MISSING:
                raise
            # The copy is gone, not the blob.
            raise self._error(StoreFailure.ARCHIVED, key, "read", f"its copy {where} went away") from None

    def read_into(self, key: str, into: memoryview, *, etag: str) -> bool:
        """See :meth:`ObjectStore.read_into`. Of originals alone."""
        if key in self._found:
            return False
        try:
            return self._originals.read_into(key, into, etag=etag)
        except StoreError as error:
            if error.failure is not StoreFailure.ARCHIVED:
                raise
            return False

    def create(self, key: str, data: bytes | memoryview) -> Created | AlreadyExists:
        """See :meth:`ObjectStore.create`."""
        return self._originals.create(key, data)

    def stage(self, key: str, *, token: str | None = None) -> StagedWrite:
        """See :meth:`ObjectStore.stage`."""
        return self._originals.stage(key, token=token)

    def request_thaw(self, key: str, *, tier: ThawTier, days: int) -> ThawAnswer:
        """See :meth:`ObjectStore.request_thaw`. How long the copy lives is the business of its container's rules."""
        info = self._originals.stat(key)
        if info is None:
            raise self._error(StoreFailure.MISSING, key, "request thaw", "there is no such blob")
        if info.archive is not ArchiveState.ARCHIVED:
            # Readable, or somebody moves it to another tier: that is waited for.
            return self._originals.request_thaw(key, tier=tier, days=days)
        name = copy_name(info)
        refused = self.name_rules.check(name)
        if refused is not None:
            detail = f"its copy cannot be named {name}: {refused.message}"
            raise self._error(StoreFailure.BAD_NAME, key, "request thaw", detail)
        copy = self._copies.stat(name)
        if copy is None:
            made = self._maker.make(key, info.etag, name, tier)
            return ThawAnswer.REQUESTED if made else ThawAnswer.ALREADY_IN_PROGRESS
        if not copy.is_readable:
            # Under way, and perhaps to be faster; or finished, and archived by somebody's rule.
            return self._copies.request_thaw(name, tier=tier, days=days)
        if copy.size == info.size:
            return ThawAnswer.NOT_ARCHIVED
        detail = f"{self._maker.container}/{name} is no copy of it: {copy.size} bytes, not {info.size}; remove it"
        raise self._error(StoreFailure.CONFLICT, key, "request thaw", detail)

    def close(self) -> None:
        """Close the connections."""
        for each in (self._maker, self._copies, self._originals):
            each.close()

    def _seen(self, info: ObjectInfo, copy: ObjectInfo | None) -> ObjectInfo:
        """The blob, in the state that its copy puts it in."""
        if copy is None or not copy.is_readable or copy.size != info.size:
            self._forget(info.key)
            is_coming = copy is not None and copy.archive is ArchiveState.THAWING
            return replace(info, archive=ArchiveState.THAWING) if is_coming else info
        where = f"{self._maker.container}/{copy.key}"
        thawed = replace(info, archive=ArchiveState.THAWED, read_from=where)
        with self._finding:
            self._found.pop(info.key, None)
            if len(self._found) >= _MOST_FOUND:
                del self._found[next(iter(self._found))]
            self._found[info.key] = _Found(thawed, copy.etag)
        return thawed

    def _find(self, key: str) -> _Found | None:
        """Look at a blob and its copy; ``None``: there is nothing to read."""
        info = self.stat(key)
        if info is None or info.archive is not ArchiveState.THAWED:
            return None
        return self._found.get(key)

    def _forget(self, key: str) -> None:
        with self._finding:
            self._found.pop(key, None)

    def _error(self, failure: StoreFailure, key: str, operation: str, detail: str) -> StoreError:
        return StoreError(failure, location=self.location, key=key, operation=operation, detail=detail)


def copy_name(info: ObjectInfo) -> str:
    """The name of the copy of exactly these bytes."""
    return f"{info.key}.{info.etag}"
