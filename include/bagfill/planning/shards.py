"""Cuts a bag version into shards: what one mapped task copies, and what one verifies.

A mapped task costs about a second of a worker slot whatever it does, so a shard is closed by bytes and by count,
never one file a task. A file larger than a shard is cut into ranges of blocks that several tasks stage; whichever
finds all blocks staged commits them. Verification reads a file whole, from its first byte, so such a file is one item
there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self, TypeVar

from bagfill.checksum.digest import DigestSet
from bagfill.planning.limits import MIB, Limits

_MOST_BLOCKS = 9_000
"""Of one object: S3 allows 10,000 parts, Azure 50,000 blocks; the rest is margin."""

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """One concrete file of a bag version, as it was when the replication was planned.

    Args:
        path: inside the version's folder: ``data/a.txt``.
        size: in bytes.
        etag: the source's identity of the bytes; the copy reads these or stops.
        archived: whether it had to be thawed.
        at_destination: whether an object of that name was at the destination already.
        digests: what the manifests known at that time say of it.
        block_bytes: length of every block but the last, fixed here so that a resumed copy cuts the same way;
            0 for an object that is written in one request.
    """

    path: str
    size: int
    etag: str
    archived: bool
    at_destination: bool
    digests: DigestSet
    block_bytes: int = 0

    @property
    def blocks(self) -> int:
        """How many blocks the file is staged in; 0 when it is written in one request."""
        return -(-self.size // self.block_bytes) if self.block_bytes else 0

    def to_json(self) -> dict[str, Any]:
        """As one row of a shard file."""
        return {
            "path": self.path,
            "size": self.size,
            "etag": self.etag,
            "archived": self.archived,
            "atDestination": self.at_destination,
            "digests": self.digests.to_json(),
            "blockBytes": self.block_bytes,
        }

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Self:
        """The inverse of :meth:`to_json`."""
        return cls(
            path=row["path"],
            size=row["size"],
            etag=row["etag"],
            archived=row["archived"],
            at_destination=row["atDestination"],
            digests=DigestSet.from_json(row["digests"]),
            block_bytes=row["blockBytes"],
        )


@dataclass(frozen=True, slots=True)
class CopyItem:
    """A file to copy, or the blocks ``[first, last)`` of it (``last`` is 0 for the whole file)."""

    file: PlannedFile
    first: int = 0
    last: int = 0

    @property
    def is_range(self) -> bool:
        """Whether other shards stage other blocks of the same file."""
        return self.last > 0

    @property
    def size(self) -> int:
        """Bytes of the item."""
        if not self.is_range:
            return self.file.size
        return min(self.last * self.file.block_bytes, self.file.size) - self.first * self.file.block_bytes

    def to_json(self) -> dict[str, Any]:
        """As one row of a shard file."""
        return {**self.file.to_json(), "first": self.first, "last": self.last}

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Self:
        """The inverse of :meth:`to_json`."""
        return cls(PlannedFile.from_json(row), row["first"], row["last"])


@dataclass(frozen=True, slots=True)
class Shards:
    """The cut: every file (or every block of it) is in exactly one copy shard, every file in one verify shard."""

    copy: tuple[tuple[CopyItem, ...], ...]
    verify: tuple[tuple[PlannedFile, ...], ...]


def block_bytes_for(size: int, limits: Limits) -> int:
    """Length of the blocks of a file of ``size`` bytes; 0 when it is written in one request.

    Whole MiB, at least ``limits.block_bytes``, and large enough that no provider's count of blocks is passed.
    """
    if size <= limits.small_object_bytes:
        return 0
    needed = -(-size // _MOST_BLOCKS)
    return max(limits.block_bytes, -(-needed // MIB) * MIB)


def cut_shards(files: Sequence[PlannedFile], limits: Limits) -> Shards:
    """Cut ``files`` (in their order, which is kept) so that neither side has more than ``limits.max_shards`` shards."""
    shard_bytes, shard_files = limits.shard_bytes, limits.shard_files
    while True:
        roomy = replace(limits, shard_bytes=shard_bytes, shard_files=shard_files)
        items = [item for file in files for item in _items(file, roomy)]
        copy = _pack([(item, item.size) for item in items], roomy)
        verify = _pack([(file, file.size) for file in files], roomy)
        if max(len(copy), len(verify)) <= limits.max_shards:
            return Shards(copy, verify)
        shard_bytes, shard_files = shard_bytes * 2, shard_files * 2


def _items(file: PlannedFile, limits: Limits) -> Iterable[CopyItem]:
    # What is at the destination already is compared, not staged: one task reads it whole.
    if file.at_destination or not file.block_bytes or file.size <= limits.shard_bytes:
        return [CopyItem(file)]
    step = max(1, limits.shard_bytes // file.block_bytes)
    return [CopyItem(file, first, min(first + step, file.blocks)) for first in range(0, file.blocks, step)]


def _pack(sized: Iterable[tuple[Item, int]], limits: Limits) -> tuple[tuple[Item, ...], ...]:
    shards: list[tuple[Item, ...]] = []
    current: list[Item] = []
    filled = 0
    for item, size in sized:
        if current and (filled + size > limits.shard_bytes or len(current) >= limits.shard_files):
            shards.append(tuple(current))
            current, filled = [], 0
        current.append(item)
        filled += size
    if current:
        shards.append(tuple(current))
    return tuple(shards)
