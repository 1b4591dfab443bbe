"""What came of copying one object: values, so that no caller can forget one."""

from __future__ import annotations

from dataclasses import dataclass, field

from bagfill.checksum.crc64 import Crc64
from bagfill.checksum.digest import DigestSet
from bagfill.storage.server_copy import NotFetched
from bagfill.storage.store import TransitCheck


@dataclass(frozen=True, slots=True)
class Transit:
    """What the destination's provider compared on arrival.

    Args:
        check: of each block.
        crc: of the whole object, combined from its blocks; ``None`` if another task's blocks are not told.
        source_crc: the source provider's own, of an object that was fetched; the two were compared before the commit.
    """

    check: TransitCheck
    crc: Crc64 | None
    source_crc: Crc64 | None = None


@dataclass(frozen=True, slots=True)
class Copied:
    """The object was not at the destination and is now.

    Args:
        size: in bytes.
        digests: of the bytes as they were read from the source.
        etag, version_id, request_id: what the destination answered.
        crc: of the bytes as they were read from the source; ``None`` if the blocks of another task are not told.
        transit: what was compared on arrival; ``None`` for an object that was written in one request.
        not_fetched: why it passed through the worker, where the destination's provider should have fetched it.
        fetched: whether no byte passed through the worker.
    """

    size: int
    digests: DigestSet
    etag: str
    version_id: str | None
    request_id: str | None
    crc: Crc64 | None = None
    transit: Transit | None = None
    not_fetched: NotFetched | None = None
    fetched: bool = False


@dataclass(frozen=True, slots=True)
class AlreadyThere:
    """The destination holds these very bytes already (they were read to know)."""

    size: int
    digests: DigestSet
    etag: str


@dataclass(frozen=True, slots=True)
class Staged:
    """This task's blocks are at the destination; the file is committed by whichever task finds all of them there.

    Args:
        blocks: how many of them this task sent or found.
        committed: whether this task committed the file.
        digests: of the whole file as this task read it from the source, if it committed it.
        etag, version_id, request_id: what the destination answered to the commit.
        transit: what was compared on arrival, if this task committed the file.
        not_fetched, fetched: as in :class:`Copied`, of this task's blocks.
    """

    blocks: int
    committed: bool
    digests: DigestSet = field(default_factory=DigestSet)
    etag: str | None = None
    version_id: str | None = None
    request_id: str | None = None
    transit: Transit | None = None
    not_fetched: NotFetched | None = None
    fetched: bool = False

    @property
    def crc(self) -> Crc64 | None:
        """Of the whole file, if it is known."""
        return None if self.transit is None else self.transit.crc


@dataclass(frozen=True, slots=True)
class WouldOverwrite:
    """Something else is at the destination under that name. It was not touched, and nothing will ever touch it."""

    expected: str
    seen: str


@dataclass(frozen=True, slots=True)
class SourceCorrupt:
    """The source's bytes are not what the manifest says; nothing was written."""

    expected: str
    seen: str


@dataclass(frozen=True, slots=True)
class SourceMissing:
    """The source has no such object any more."""


@dataclass(frozen=True, slots=True)
class SourceChanged:
    """The source's object is not the one that was planned."""


CopyOutcome = Copied | AlreadyThere | Staged | WouldOverwrite | SourceCorrupt | SourceMissing | SourceChanged
