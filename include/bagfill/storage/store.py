"""The object store protocol. Its docstrings are the contract that ``tests/contracts/store_contract.py`` checks.

A store is opened on one *location* (a bucket, a container or a folder). Keys are full keys within it; the location's
own prefix is already part of them. Every implementation is safe to use from several threads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol

from bagfill.checksum.crc64 import Crc64
from bagfill.storage.names import NameRules


class Capability(StrEnum):
    """What a store can do beyond the required calls; callers ask the set and never the class."""

    THAW = "thaw"
    """Objects may be archived, and :meth:`ObjectStore.request_thaw` works."""
    ARCHIVE_STATE_IN_LISTING = "archive state in listing"
    """Listings tell archived, thawing and thawed apart; otherwise an archived class may need a ``stat``."""
    SIGNED_URLS = "signed URLs"
    """Another provider can be given an URL that reads one object for a few minutes."""
    COPY_FROM_URL = "copy from URL"
    """The provider fetches blocks and objects from URLs by itself."""
    COPY_WITHIN = "copy within"
    """The provider copies between its own buckets, if one identity may read the one and write the other."""


LISTED_A_PAGE = 1000
"""Objects that one request lists, at the provider that lists fewest (S3)."""


class ArchiveState(StrEnum):
    """Whether an object's bytes can be read now: a state, never derived from the storage class alone."""

    READABLE = "readable"
    """Never archived, or in a class that is read directly (STANDARD, GLACIER_IR, Cool, Cold …)."""
    ARCHIVED = "archived"
    """Needs a thaw; none is known to be under way. From a listing without restore status this may also be a thaw that
    the listing does not tell about: ``stat`` knows."""
    THAWING = "thawing"
    """A thaw was asked for and is not finished."""
    THAWED = "thawed"
    """Readable until ``readable_until``."""


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What a store says of one object.

    Args:
        key: full key within the location.
        size: length in bytes.
        etag: the provider's opaque identity of these bytes; changes when the bytes are replaced. Unquoted.
        storage_class: the provider's own word (``STANDARD``, ``GLACIER``, ``Hot`` …), empty if it has none.
        archive: whether the bytes can be read now.
        readable_until: with ``THAWED``: when the readable copy goes away (timezone-aware), if the provider says so.
        last_modified: timezone-aware, if known.
        version_id: the provider's version id, if it keeps versions and the call tells.
        crc: of the whole object, if the provider keeps one that it computed or compared itself and the call tells.
        read_from: with ``THAWED``: the object that is read instead (container and key), where it is one of its own.
    """

    key: str
    size: int
    etag: str
    storage_class: str
    archive: ArchiveState
    readable_until: datetime | None = None
    last_modified: datetime | None = None
    version_id: str | None = None
    crc: Crc64 | None = None
    read_from: str | None = None

    @property
    def is_readable(self) -> bool:
        """Whether a read would be answered now, as far as this answer knows."""
        return self.archive in {ArchiveState.READABLE, ArchiveState.THAWED}


@dataclass(frozen=True, slots=True)
class Created:
    """The object did not exist and does now, with exactly the bytes given."""

    etag: str
    version_id: str | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class AlreadyExists:
    """Something is there under that key already; it was not touched. Whether it is the same, the caller finds out."""


@dataclass(frozen=True, slots=True)
class StagedBlock:
    """One block that a provider holds for a staged write.

    Args:
        index: position from 0; block ``i`` holds bytes ``[i * block_size, …)``.
        size: length in bytes.
        crc: of the bytes as the provider holds them, or ``None`` when it does not tell (send the block again).
        label: the provider's own name of this very block, where index and CRC do not say which it is; else empty.
    """

    index: int
    size: int
    crc: Crc64 | None
    label: str = field(default="", compare=False)


Noted = Mapping[str, Crc64 | None]
"""What a caller remembers of blocks that it had fetched, by label: their CRC, where the provider told it then."""
NOTHING_NOTED: Noted = MappingProxyType({})


class TransitCheck(StrEnum):
    """What a provider compares when a block arrives. The text stands in receipts."""

    CRC64 = "crc64 of each block"
    """CRC-64/NVME, computed once by us and once by the provider."""
    MD5 = "md5 of each block"
    """Of a server that knows no CRC-64: costs ten times the work."""
    FETCHED = "crc64 of fetched bytes"
    """The provider fetched by itself; nothing passed through us. It tells the CRC-64/NVME of what arrived."""


class StagedWrite(Protocol):
    """A large object being written in blocks that nobody can see until :meth:`commit`."""

    @property
    def token(self) -> str:
        """What another process needs to go on with this staged write (S3: the upload id; Azure: empty). No secret."""
        ...

    @property
    def check(self) -> TransitCheck:
        """What the provider compares when a block arrives: the same for all blocks of one staged write."""
        ...

    def staged(self, noted: Noted = NOTHING_NOTED) -> Mapping[int, StagedBlock]:
        """The blocks the provider holds by now, by index. Raises StoreError (MISSING: the staged write is gone).

        Args:
            noted: a block of these labels has the CRC that is noted, where the provider tells none now.
        """
        ...

    def stage(self, index: int, data: bytes | memoryview, crc: Crc64) -> StagedBlock:
        """Send block ``index``; the provider checks it on arrival. Staging again replaces it.

        Args:
            index: position from 0.
            data: the bytes.
            crc: of the bytes, as they were when they were read: damage done since then is refused.

        Raises:
            StoreError: CORRUPTED_IN_TRANSIT, other bytes arrived; MISSING, the staged write is gone.
        """
        ...

    def commit(self, blocks: Sequence[StagedBlock]) -> Created | AlreadyExists:
        """Make the object out of the blocks, in order of index, if and only if nothing exists under the key.

        A staged write that is gone while the object is there was committed before: AlreadyExists.

        Args:
            blocks: every block, indices 0…n-1 without gaps.
        """
        ...

    def abandon(self) -> None:
        """Drop the staged blocks where the provider can (no committed object is ever touched)."""
        ...


class ThawAnswer(StrEnum):
    """What a provider answers when asked to thaw one object."""

    REQUESTED = "requested"
    """202: a thaw starts (and is paid) now."""
    EXTENDED = "extended"
    """200: it is thawed already; the days were prolonged."""
    ALREADY_IN_PROGRESS = "already in progress"
    """409 RestoreAlreadyInProgress: somebody asked before; nothing new is paid."""
    NOT_ARCHIVED = "not archived"
    """The object can be read as it is."""


class ThawTier(StrEnum):
    """How fast and at what price; which classes allow which is checked before asking (``bagfill.thaw.tiers``)."""

    EXPEDITED = "Expedited"
    STANDARD = "Standard"
    BULK = "Bulk"

    @property
    def speed(self) -> int:
        """Grows with the speed: a thaw that is under way may be moved to a faster tier, never to a slower one."""
        return (ThawTier.BULK, ThawTier.STANDARD, ThawTier.EXPEDITED).index(self)


class ObjectStore(Protocol):
    """One location at one provider, for one identity.

    Errors: every method raises :class:`bagfill.storage.errors.StoreError`, and nothing else, when the provider does not
    answer or refuses. Keys are checked against ``name_rules`` before anything is sent (failure BAD_NAME).
    """

    @property
    def location(self) -> str:
        """The configured location's name, for messages."""
        ...

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What this store can do beyond the required calls."""
        ...

    @property
    def name_rules(self) -> NameRules:
        """Which keys this store can hold without changing them."""
        ...

    def stat(self, key: str) -> ObjectInfo | None:
        """The object's state, or ``None`` if and only if the provider says that there is no such object."""
        ...

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Every object whose key starts with ``prefix``, once, page after page, all of one folder together.

        S3 and Azure list in ascending order of the key; some S3 servers go folder by folder (``a/b`` before ``a-b``),
        so whoever needs an order sorts.

        Args:
            prefix: ends in ``/`` (so that ``v1/`` never lists ``v10/``), or is empty for the whole location.

        Raises:
            ValueError: the prefix does not end in ``/``.
        """
        ...

    def list_folders(self, prefix: str) -> Iterator[str]:
        """The distinct next path segments below ``prefix`` that hold objects, without slashes, ascending."""
        ...

    def read(
        self, key: str, *, start: int = 0, length: int | None = None, etag: str | None = None
    ) -> Iterator[bytes | memoryview]:
        """The bytes ``[start, start + length)`` (to the end if ``length`` is ``None``) in chunks of at most a few MiB.

        A connection that breaks in the middle is resumed at the byte where it broke, a few times; chunks that were
        handed out are never repeated. Raises MISSING if there is no object, ARCHIVED if it must be thawed, and CHANGED
        when it is another than ``etag`` says or does not hold the whole range. Exactly the bytes asked for are yielded,
        or an error is raised. Errors may come with the first chunk; names are checked by the call itself.
        """
        ...

    def read_into(self, key: str, into: memoryview, *, etag: str) -> bool:
        """A short way to read a small object that is known: fill ``into`` with the bytes of the object that has this
        ETag, if it is exactly that long, in one request.

        ``False``: that did not come; whatever it is, :meth:`read` says it. Raises what ``read`` raises, where this is
        plain at once.
        """
        ...

    def create(self, key: str, data: bytes | memoryview) -> Created | AlreadyExists:
        """Write a whole object (up to about 64 MiB) in one request, if and only if nothing exists under the key."""
        ...

    def stage(self, key: str, *, token: str | None = None) -> StagedWrite:
        """Start writing a large object in blocks, or go on with an earlier start.

        Args:
            token: ``StagedWrite.token`` of an earlier start; ``None`` starts anew.
        """
        ...

    def request_thaw(self, key: str, *, tier: ThawTier, days: int) -> ThawAnswer:
        """Ask for a readable copy for ``days`` days. Raises THROTTLED, DENIED, MISSING, UNSUPPORTED … as fits."""
        ...

    def close(self) -> None:
        """Release connections. Further calls are errors."""
        ...
