"""Copying by the providers themselves, from one location to another, so that no byte passes through this process.

An object of its own for each pair of locations, beside the stores: the destination's provider fetches or copies, asked
by the writing identity; the reading identity signs for the source. What a provider will not fetch is a value,
:class:`NotFetched`, and never the last word: the worker's own copy comes next and judges the source itself.
``tests/bagfill/transfer/test_server_copy.py`` and those of each way hold it to these docstrings.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from bagfill.checksum.crc64 import Crc64
from bagfill.storage.store import AlreadyExists

LEAST_FETCHED = 1024 * 1024
"""Bytes, on every way: a look at the source, a signature and a request cost as much as a MiB that passes through."""


class Refusal(StrEnum):
    """Why a provider did not fetch an object."""

    NAME = "name"
    """No URL carries this key unchanged (a ``.`` at its end, a segment ``..``)."""
    ARCHIVED = "archived"
    """The source has to be thawed first."""
    MISSING = "missing"
    """The source has no such object."""
    CHANGED = "changed"
    """The source's object is another than was asked for."""
    SIGNATURE = "signature"
    """The source refused the URL itself: expired with its token, or wrongly signed."""
    DENIED = "denied"
    """An identity that takes part may not read the source."""
    UNREACHABLE = "unreachable"
    """The source answers us and not the provider (network rules, a private endpoint)."""
    FAILED = "failed"
    """The provider answered none of many tries."""
    UNSUPPORTED = "unsupported"
    """The provider does not have this call."""
    CHECKSUM = "checksum"
    """What arrived is not what the source's own checksum says."""

    @property
    def is_of_the_pair(self) -> bool:
        """Whether the next object will most likely be refused too: it lies with the locations, not with the object."""
        return self in {
            Refusal.SIGNATURE,
            Refusal.DENIED,
            Refusal.UNREACHABLE,
            Refusal.FAILED,
            Refusal.UNSUPPORTED,
        }


@dataclass(frozen=True, slots=True)
class NotFetched:
    """The provider did not fetch it, and nothing became visible.

    Args:
        refusal: the kind.
        detail: the provider's error code and HTTP status. Never a URL.
    """

    refusal: Refusal
    detail: str


@dataclass(frozen=True, slots=True)
class PinnedSource:
    """A source object as it was when copying began.

    Args:
        key: full key at the source.
        size: in bytes.
        etag: unquoted.
        version_id: of a bucket that keeps versions: that very version is fetched, whatever comes later.
        md5: 16 bytes, where the source tells the MD5 of the whole object: the destination may be told to check it.
        crc: the source's own CRC-64/NVME of the whole object, where it has one.
    """

    key: str
    size: int
    etag: str
    version_id: str | None = None
    md5: bytes | None = None
    crc: Crc64 | None = None


@dataclass(frozen=True, slots=True)
class FetchedBlock:
    """A block that the provider fetched into a staged write.

    Args:
        index: position from 0.
        size: in bytes, as asked for; what is held is seen in :meth:`StagedWrite.staged`.
        label: the provider's own name of this very block: staging the index again gives another.
        crc: of the bytes that arrived, where the provider tells.
    """

    index: int
    size: int
    label: str
    crc: Crc64 | None


@dataclass(frozen=True, slots=True)
class FetchedObject:
    """An object that did not exist, and that the provider fetched in one request."""

    etag: str
    version_id: str | None
    request_id: str | None
    crc: Crc64 | None


class ServerCopy(Protocol):
    """The way between two locations that leads past this process. Safe to use from several threads.

    Errors: every method raises :class:`bagfill.storage.errors.StoreError`, and nothing else, when a provider does not
    answer, asks for patience, or refuses for a reason that has nothing to do with fetching.
    """

    @property
    def least_bytes(self) -> int:
        """Objects below this size cost less when they pass through the worker."""
        ...

    def pin(self, key: str, etag: str) -> PinnedSource | NotFetched:
        """Look at the source before it is copied, as the identity that reads.

        Args:
            key: full key at the source.
            etag: what the plan saw; another one is CHANGED.
        """
        ...

    def look_again(self, source: PinnedSource) -> NotFetched | None:
        """``None`` if the source still has the pinned bytes, as a pinned version always has. Asked before a commit."""
        ...

    def can_create(self, source: PinnedSource) -> bool:
        """Whether :meth:`create` fetches these very bytes or nothing; if not, a single staged block does."""
        ...

    def create(self, source: PinnedSource, key: str) -> FetchedObject | AlreadyExists | NotFetched:
        """Have a whole object made in one request, if and only if nothing exists under ``key``."""
        ...

    def stage(
        self, source: PinnedSource, key: str, token: str, *, index: int, start: int, length: int
    ) -> FetchedBlock | NotFetched:
        """Have the source's bytes ``[start, start + length)`` staged as block ``index``.

        Args:
            key, token: of the :class:`bagfill.storage.store.StagedWrite` that commits it.
            length: at least 1.
        """
        ...

    def close(self) -> None:
        """Release connections. Further calls are errors."""
        ...
