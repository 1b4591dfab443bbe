"""Cuts a bag version into shards: what one mapped task copies, and what one verifies.

A mapped task costs about a second of a worker slot whatever it does, so a shard is closed by bytes and by count,
never one file a task. A file larger than a shard is cut into ranges of blocks that several tasks stage; whichever
finds all blocks staged commits them. Verification reads a file whole, from its first byte, so such a file is one item
there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Self, TypeVar

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

    @property
    def cut_bytes(self) -> int:
        """Length of the blocks in which the file may be cut into ranges; 0: one task copies it whole.

        What is at the destination already is compared, not staged: one task reads it whole.
        """
        return 0 if self.at_destination else self.block_bytes

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


def block_bytes_for(size: int, limits: Limits) -> int:
    """Length of the blocks of a file of ``size`` bytes; 0 when it is written in one request.

    Whole MiB, at least ``limits.block_bytes``, and large enough that no provider's count of blocks is passed.
    """
    if size <= limits.small_object_bytes:
        return 0
    needed = -(-size // _MOST_BLOCKS)
    return max(limits.block_bytes, -(-needed // MIB) * MIB)


@dataclass(frozen=True, slots=True)
class Cut:
    """How a bag version is cut: each file (or each block of it) into one copy shard, each file into one verify shard.

    Args:
        shard_bytes, shard_files: a shard is closed when it holds so much.
        copy_shards, verify_shards: how many that makes.
    """

    shard_bytes: int
    shard_files: int
    copy_shards: int
    verify_shards: int

    def packer(self) -> Packer[Any]:
        """Packs what is cut, one side at a time."""
        return Packer(self.shard_bytes, self.shard_files)

    def items(self, file: PlannedFile) -> Iterable[CopyItem]:
        """A file as it is copied: whole, or in ranges of blocks."""
        step = _step(file.size, file.cut_bytes, self.shard_bytes)
        if not step:
            return [CopyItem(file)]
        return [CopyItem(file, first, min(first + step, file.blocks)) for first in range(0, file.blocks, step)]


def cut_for(sizes: Callable[[], Iterable[tuple[int, int]]], limits: Limits) -> Cut:
    """The cut that keeps to ``limits``, with larger shards where neither side may have more than ``limits.max_shards``.

    Args:
        sizes: gives :attr:`PlannedFile.size` and :attr:`PlannedFile.cut_bytes` of every file, in the order of the plan;
            called once for each size of shard that is tried.
        limits: of the installation.
    """
    shard_bytes, shard_files = limits.shard_bytes, limits.shard_files
    while True:
        copy, verify = _Count(shard_bytes, shard_files), _Count(shard_bytes, shard_files)
        for size, cut_bytes in sizes():
            verify.add(size)
            step = _step(size, cut_bytes, shard_bytes) * cut_bytes
            for start in range(0, size, step) if step else ():
                copy.add(min(step, size - start))
            if not step:
                copy.add(size)
        if max(copy.shards, verify.shards) <= limits.max_shards:
            return Cut(shard_bytes, shard_files, copy.shards, verify.shards)
        shard_bytes, shard_files = shard_bytes * 2, shard_files * 2


def _step(size: int, cut_bytes: int, shard_bytes: int) -> int:
    """Blocks of one range of a file; 0 where it is copied whole."""
    return max(1, shard_bytes // cut_bytes) if cut_bytes and size > shard_bytes else 0


class _Count:
    """Counts shards, as :class:`Packer` makes them."""

    def __init__(self, shard_bytes: int, shard_files: int) -> None:
        self._most = (shard_bytes, shard_files)
        self._filled = self._items = 0
        self.shards = 0

    def add(self, size: int) -> None:
        shard_bytes, shard_files = self._most
        if not self._items or self._filled + size > shard_bytes or self._items >= shard_files:
            self.shards += 1
            self._filled = self._items = 0
        self._filled += size
        self._items += 1


class Packer(Generic[Item]):
    """Collects items into shards.

    Args:
        shard_bytes, shard_files: see :class:`Cut`.
    """

    def __init__(self, shard_bytes: int, shard_files: int) -> None:
        self._most = (shard_bytes, shard_files)
        self._filled = 0
        self.open: list[Item] = []
        """The shard that is not full yet; after the last item the last shard, unless it is empty."""

    def add(self, item: Item, size: int) -> list[Item] | None:
        """Take one more item of so many bytes; the shard that is full without it, if one is."""
        shard_bytes, shard_files = self._most
        full = None
        if self.open and (self._filled + size > shard_bytes or len(self.open) >= shard_files):
            full, self.open, self._filled = self.open, [], 0
        self.open.append(item)
        self._filled += size
        return full
