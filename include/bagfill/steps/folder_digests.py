"""Digests of the files in a folder: each is read once, and a million of them are kept in columns."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial
from threading import Event
from typing import TYPE_CHECKING, NamedTuple

from bagfill.bag.columns import DigestSets, Paths
from bagfill.checksum.algorithm import Algorithm
from bagfill.checksum.digest_column import DigestColumn
from bagfill.steps.folder_files import FetchedFiles
from bagfill.steps.folder_reader import FileToRead, Found, Job, Reader, batches, together
from bagfill.steps.lane_groups import choose, smallest_worth_it, windows
from bagfill.steps.listings import VersionListing
from bagfill.storage.store import ObjectStore

if TYPE_CHECKING:
    # Not loaded for the many bags that are too small for it.
    from bagfill.checksum.side_by_side import Lanes

_PERHAPS_IN_LANES = 32 * 1024
"""Bytes of a file: no smaller one gains from lanes, whatever the algorithms."""

_WORTH_LANES = 32 * 1024 * 1024
"""Bytes of such files, from which on what is gained is more than loading and trying the library takes."""


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
        bytes_for_lanes: the size of those that may gain from being hashed side by side.
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
            if file.size >= _PERHAPS_IN_LANES:
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
    reader = Reader(store, tuple(algorithms), read, Event())
    columns = [DigestColumn(algorithm) for algorithm in reader.algorithms]
    side_by_side = Paths(files.table)
    loaded = lanes() if files.bytes_for_lanes >= _WORTH_LANES else None
    smallest = None if loaded is None else smallest_worth_it(loaded, algorithms)
    processors = _processors()
    # Each thread of lanes keeps eight files going: more than there are processors would only be in one another's way.
    threads = concurrency if smallest is None else min(concurrency, max(2, processors))

    def jobs() -> Iterator[Job]:
        if loaded is None or smallest is None:
            for batch in batches(files.each(at_least=alone_below)):
                yield partial(reader.one_by_one, batch)
            return
        for window in windows(files.each(at_least=smallest)):
            groups, singles = choose(window, loaded, algorithms, threads=min(threads, processors))
            # A thread of lanes is as fast as two were without: only more processors than that gain from helpers.
            helpers = len(algorithms) - 1 if processors >= 4 * len(groups) else 0
            for batch in batches(singles):
                yield partial(reader.one_by_one, batch)
            for group in groups:
                for file in group:
                    side_by_side.add(file.number)
                yield partial(reader.side_by_side, group, loaded, helpers)

    def note(found: Iterable[Found]) -> None:
        for number, digits in found:
            for column, text in zip(columns, digits, strict=True):
                column.set(number, text)

    for found in together(jobs(), threads, reader.stop):
        note(found)
    below = alone_below if smallest is None else smallest
    if below:
        for file in files.each(below=below):
            note(reader.one_by_one((file,)))
    return Observed(DigestSets(files.table, columns), side_by_side)


def _processors() -> int:
    """That this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
