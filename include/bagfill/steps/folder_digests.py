"""Digests of the files in a folder: each is read once, and a million of them are kept in columns."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

from bagfill.bag.columns import DigestSets
from bagfill.checksum.algorithm import Algorithm
from bagfill.checksum.digest import DigestSet
from bagfill.checksum.digest_column import DigestColumn
from bagfill.checksum.digester import Digester
from bagfill.steps.folder_files import FetchedFiles
from bagfill.steps.listings import VersionListing
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.store import ObjectStore

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

    Attributes:
        files: how many.
        bytes: their size together.
    """

    def __init__(self, listing: VersionListing, without: Collection[str], fetched: FetchedFiles | None) -> None:
        self.table = listing.table
        self._listing = listing
        self._without = {self.table.number(name) for name in without}
        self._fetched = fetched
        self.files = self.bytes = 0
        for file in self.each():
            self.files += 1
            self.bytes += file.size

    def each(self, *, below: int = 0, at_least: int = 0) -> Iterator[FileToRead]:
        """The files, of which those alone whose size is at least so many bytes, or, if given, below so many."""
        sizes, fetched = self._listing.sizes, self._fetched
        for number in range(len(self.table)):
            size = sizes.at(number)
            key: str | None = None
            if size is None and fetched is not None:
                size, key = fetched.sizes.at(number), fetched.keys.get(number)
            if size is None or size < at_least or (below and size >= below) or number in self._without:
                continue
            yield FileToRead(number, key or self._listing.key(number), size)


def read_digests(
    store: ObjectStore,
    files: FilesToRead,
    algorithms: Collection[Algorithm],
    *,
    concurrency: int,
    alone_below: int = 0,
    read: Callable[[int], None] = lambda _: None,
) -> DigestSets:
    """Read every file.

    Args:
        store: where they are.
        algorithms: of the digests.
        concurrency: files read at the same time.
        alone_below: files with fewer bytes are read one after the other: on a disk, threads cost more than they gain.
        read: is told the bytes of each chunk that was read, from several threads.

    Raises:
        StoreError: a file could not be read, or has another length than was listed.
    """
    columns = {algorithm: DigestColumn(algorithm) for algorithm in algorithms}
    chosen = tuple(algorithms)

    def digest(batch: Sequence[FileToRead]) -> list[tuple[int, DigestSet]]:
        return [(file.number, _digest(store, file, chosen, read)) for file in batch]

    def note(found: Iterable[tuple[int, DigestSet]]) -> None:
        for number, digests in found:
            for algorithm, column in columns.items():
                column.set(number, digests[algorithm].hex)

    for found in _together(files.each(at_least=alone_below), digest, concurrency):
        note(found)
    if alone_below:
        for file in files.each(below=alone_below):
            note(digest((file,)))
    return DigestSets(files.table, list(columns.values()))


def _together(
    files: Iterable[FileToRead],
    digest: Callable[[Sequence[FileToRead]], list[tuple[int, DigestSet]]],
    concurrency: int,
) -> Iterator[list[tuple[int, DigestSet]]]:
    waiting: deque[Future[list[tuple[int, DigestSet]]]] = deque()
    with ThreadPoolExecutor(concurrency, thread_name_prefix="validate") as pool:
        try:
            for batch in _batches(files):
                if len(waiting) >= 4 * concurrency:
                    yield waiting.popleft().result()
                waiting.append(pool.submit(digest, batch))
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


def _digest(
    store: ObjectStore, file: FileToRead, algorithms: Sequence[Algorithm], read: Callable[[int], None]
) -> DigestSet:
    digester = Digester(algorithms)
    for chunk in store.read(file.key):
        digester.update(chunk)
        read(len(chunk))
    if digester.size != file.size:
        detail = f"{digester.size} bytes were read, {file.size} were listed"
        raise StoreError(StoreFailure.CHANGED, location=store.location, key=file.key, operation="read", detail=detail)
    return digester.digests()
