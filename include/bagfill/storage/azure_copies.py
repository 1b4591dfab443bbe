"""Azure's second way to thaw: an archived blob stays as it is, and a readable copy of it is made in another container.

Such a copy is our own temporary object: its container holds nothing else, no location may lie in it, and its name
carries the ETag of the blob that it was made of, so that a blob that is replaced never meets an older copy. Nothing is
overwritten, and nothing is deleted: a lifecycle rule of the copies' container does that.

Source: Azure Storage REST API, Copy Blob; Azure, "Rehydrate an archived blob to an online tier".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from urllib.parse import quote

from bagfill.storage.azure_lean import AzureLean
from bagfill.storage.credentials import AzureAccess
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
"""Blobs that are remembered to have a copy; the others take three requests more to read."""


class CopyMaker:
    """Has copies of archived blobs made, within one account.

    Args:
        access: may read the container of the blobs, and create in that of the copies.
        originals, copies: names of the containers.
        container: requests to the copies' container.
        into: tier of the copies: Hot, Cool or Cold.
    """

    def __init__(self, access: AzureAccess, originals: str, copies: str, container: AzureLean, into: str) -> None:
        self._from = f"{access.account_url.rstrip('/')}/{originals}"
        self._sas = f"?{access.sas_token}" if access.sas_token else ""
        self._container = container
        self.container = copies
        self._into = into

    def make(self, key: str, etag: str, name: str, tier: ThawTier) -> bool:
        """Ask for a copy; ``False`` if there is one under this name. Raises StoreError.

        Args:
            key, etag: of the blob; another one under its name is refused (CHANGED).
            name: of the copy.
            tier: how fast; Bulk is asked as Standard.
        """
        headers = {
            "x-ms-copy-source": f"{self._from}/{quote(key, safe='/~')}{self._sas}",
            "x-ms-source-if-match": f'"{etag}"',
            "x-ms-access-tier": self._into,
            "x-ms-rehydrate-priority": "High" if tier is ThawTier.EXPEDITED else "Standard",
            "If-None-Match": "*",
        }
        answer = self._container.send("PUT", name, operation="request thaw", headers=headers)
        if answer.status in {200, 201, 202}:
            return True
        code = answer.headers.get("x-ms-error-code", "")
        if code in {"BlobAlreadyExists", "PendingCopyOperation"} or (answer.status == 409 and not code):
            return False
        if answer.status == 412:
            return self._precondition(key, code)
        raise self._container.refusal(answer, key, "request thaw")

    def _precondition(self, key: str, code: str) -> bool:
        """Of the two conditions, which was not met: the blob is another by now, or the copy is there."""
        if code == "SourceConditionNotMet":
            detail = "the blob is another one than was looked at"
            raise self._container.error(StoreFailure.CHANGED, key, "request thaw", detail)
        return False

    def close(self) -> None:
        """Close the connections."""
        self._container.close()


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
        self._found: dict[str, ObjectInfo] = {}

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
        if found is not None and etag in {None, found.etag}:
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
            info = self.stat(key)
            if info is None or info.archive is not ArchiveState.THAWED or etag not in {None, info.etag}:
                raise
            yield from self._read_copy(info, start, length)
            return
        if first is not None:
            yield first
            yield from chunks

    def _read_copy(self, info: ObjectInfo, start: int, length: int | None) -> Iterator[bytes | memoryview]:
        name = copy_name(info)
        try:
            yield from self._copies.read(name, start=start, length=length)
        except StoreError as error:
            self._found.pop(info.key, None)
            if error.failure is not StoreFailure.MISSING:
                raise
            # The copy is gone, not the blob.
            detail = f"its copy {self._maker.container}/{name} went away"
            raise self._error(StoreFailure.ARCHIVED, info.key, "read", detail) from None

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
        self._found.pop(info.key, None)
        if copy is not None and copy.archive is ArchiveState.THAWING:
            return replace(info, archive=ArchiveState.THAWING)
        if copy is None or not copy.is_readable or copy.size != info.size:
            return info
        where = f"{self._maker.container}/{copy.key}"
        thawed = replace(info, archive=ArchiveState.THAWED, read_from=where)
        if len(self._found) < _MOST_FOUND:
            self._found[info.key] = thawed
        return thawed

    def _error(self, failure: StoreFailure, key: str, operation: str, detail: str) -> StoreError:
        return StoreError(failure, location=self.location, key=key, operation=operation, detail=detail)


def copy_name(info: ObjectInfo) -> str:
    """The name of the copy of exactly these bytes."""
    return f"{info.key}.{info.etag}"
