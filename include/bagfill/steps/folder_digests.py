"""Digests of the files in a folder: each is read once, and a million of them are kept in columns."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from bagfill.bag.columns import DigestSets, Paths
from bagfill.checksum.algorithm import Algorithm
from bagfill.checksum.digest import DigestSet
from bagfill.checksum.digest_column import DigestColumn
from bagfill.checksum.digester import Digester
from bagfill.steps.folder_files import FetchedFiles
from bagfill.steps.listings import VersionListing
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.store import ObjectStore

if TYPE_CHECKING:
    # Not loaded for the many bags that are too small for it.
    from bagfill.checksum.side_by_side import Lanes

SIDE_BY_SIDE_FROM = 64 * 1024
"""Bytes of a file, from which on it gains from lanes."""

_WORTH_LANES = 32 * 1024 * 1024
"""Bytes of such files, from which on what is gained is more than loading and trying the library takes."""

_BATCH_FILES = 32
_BATCH_BYTES = 1024 * 1024


class FileToRead(NamedTuple):
    """One file: the number of its name in the bag, the key of its object, its size in bytes."""

    number: int
    key: str
    size: int


class FilesToRead:
    """What is read of a bag version: its own files but some, and the fetched ones, in order of the listing.

    Args:
        listing: of its folder.
        without: names of files that are not read.
        fetched: files in other folders; one that is in the folder too is read there.
        only: numbers of the names that are read; if not given, all.

    Attributes:
        files: how many.
        bytes: their size together.
        bytes_for_lanes: the size of those that gain from being hashed side by side.
    """

    def __init__(
        self,
        listing: VersionListing,
        without: Collection[str],
        fetched: FetchedFiles | None,
        *,
        only: Collection[int] | None = None,
    ) -> None:
        self.table = listing.table
        self._listing = listing
        self._without = {self.table.number(name) for name in without}
        self._fetched = fetched
        self._only = only
        self.files = self.bytes = self.bytes_for_lanes = 0
        for file in self.each():
            self.files += 1
            self.bytes += file.size
            if file.size >= SIDE_BY_SIDE_FROM:
                self.bytes_for_lanes += file.size

    def each(self, *, below: int = 0, at_least: int = 0) -> Iterator[FileToRead]:
        """The files, of which those alone whose size is at least so many bytes, or, if given, below so many."""
        sizes, fetched = self._listing.sizes, self._fetched
        for number in range(len(self.table)) if self._only is None else sorted(self._only):
            size = sizes.at(number)
            key: str | None = None
            if size is None and fetched is not None:
                size, key = fetched.sizes.at(number), fetched.keys.get(number)
            if size is None or size < at_least or (below and size >= below) or number in self._without:
                continue
            yield FileToRead(number, key or self._listing.key(number), size)


class Observed(NamedTuple):
    """What was read.

    Args:
        digests: of every file.
        side_by_side: the files whose digests came from lanes: a difference from what was promised is no finding before
            ``hashlib`` has computed it again.
    """

    digests: DigestSets
    side_by_side: Paths


def read_digests(
    store: ObjectStore,
    files: FilesToRead,
    algorithms: Collection[Algorithm],
    *,
    concurrency: int,
    alone_below: int = 0,
    lanes: Callable[[], Lanes | None] = lambda: None,
    read: Callable[[int], None] = lambda _: None,
) -> Observed:
    """Read every file.

    Args:
        store: where they are.
        algorithms: of the digests.
        concurrency: files read at the same time.
        alone_below: files with fewer bytes are read one after the other: on a disk, threads cost more than they gain.
        lanes: loads what hashes several files side by side, where the store can be read so; asked when it is worth it.
        read: is told the bytes of each chunk that was read, from several threads.

    Raises:
        StoreError: a file could not be read, or has another length than was listed.
    """
    columns = {algorithm: DigestColumn(algorithm) for algorithm in algorithms}
    side_by_side = Paths(files.table)
    reader = _Reader(store, tuple(algorithms), read)
    loaded = lanes() if files.bytes_for_lanes >= _WORTH_LANES else None
    if loaded is not None and loaded.costs.keys().isdisjoint(algorithms):
        loaded = None

    def note(found: Iterable[_Found]) -> None:
        for number, digests in found:
            for algorithm, column in columns.items():
                column.set(number, digests[algorithm].hex)

    def jobs() -> Iterator[_Job]:
        if loaded is None:
            for batch in _batches(files.each(at_least=alone_below)):
                yield partial(reader.one_by_one, batch)
            return
        from bagfill.steps.lane_groups import choose, windows

        for window in windows(files.each(at_least=SIDE_BY_SIDE_FROM)):
            groups, singles = choose(window, loaded, reader.algorithms, threads=min(concurrency, _processors()))
            for batch in _batches(singles):
                yield partial(reader.one_by_one, batch)
            for group in groups:
                for file in group:
                    side_by_side.add(file.number)
                yield partial(reader.side_by_side, group, loaded)

    for found in _together(jobs(), concurrency):
        note(found)
    smallest = alone_below if loaded is None else SIDE_BY_SIDE_FROM
    if smallest:
        for file in files.each(below=smallest):
            note(reader.one_by_one((file,)))
    return Observed(DigestSets(files.table, list(columns.values())), side_by_side)


_Found = tuple[int, DigestSet]
_Job = Callable[[], list[_Found]]


class _Reader(NamedTuple):
    """Reads files and says their digests, by number."""

    store: ObjectStore
    algorithms: Sequence[Algorithm]
    read: Callable[[int], None]

    def one_by_one(self, files: Sequence[FileToRead]) -> list[_Found]:
        """Each file from its beginning to its end, with ``hashlib``."""
        found = []
        for file in files:
            digester = Digester(self.algorithms)
            for chunk in self._chunks(file):
                digester.update(chunk)
            found.append(self._found(file, digester.size, digester.digests()))
        return found

    def side_by_side(self, files: Sequence[FileToRead], lanes: Lanes) -> list[_Found]:
        """Several files at once, in lanes."""
        from bagfill.checksum.side_by_side import digest_side_by_side

        opened = ((file, self._chunks(file)) for file in files)
        return [self._found(*digested) for digested in digest_side_by_side(opened, self.algorithms, lanes)]

    def _chunks(self, file: FileToRead) -> Iterator[bytes | memoryview]:
        for chunk in self.store.read(file.key):
            self.read(len(chunk))
            yield chunk

    def _found(self, file: FileToRead, size: int, digests: DigestSet) -> _Found:
        if size != file.size:
            detail = f"{size} bytes were read, {file.size} were listed"
            location = self.store.location
            raise StoreError(StoreFailure.CHANGED, location=location, key=file.key, operation="read", detail=detail)
        return file.number, digests


def _together(jobs: Iterable[_Job], concurrency: int) -> Iterator[list[_Found]]:
    waiting: deque[Future[list[_Found]]] = deque()
    with ThreadPoolExecutor(concurrency, thread_name_prefix="validate") as pool:
        try:
            for job in jobs:
                if len(waiting) >= 4 * concurrency:
                    yield waiting.popleft().result()
                waiting.append(pool.submit(job))
            while waiting:
                yield waiting.popleft().result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _batches(files: Iterable[FileToRead]) -> Iterator[list[FileToRead]]:
    """Small files together: to hand a file to a thread costs as much as to read it."""
    batch: list[FileToRead] = []
    size = 0
    for file in files:
        if batch and (len(batch) >= _BATCH_FILES or size + file.size > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(file)
        size += file.size
    if batch:
        yield batch


def _processors() -> int:
    """That this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
