"""Reading files of a folder for their digests: one by one or several at once, in threads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from itertools import chain
from threading import Event
from typing import TYPE_CHECKING, NamedTuple

from bagfill.checksum.algorithm import Algorithm
from bagfill.checksum.digester import Digester
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.store import ObjectStore

if TYPE_CHECKING:
    from concurrent.futures import Future

    # Not loaded for the many bags that are too small for it.
    from bagfill.checksum.side_by_side import Lanes

_BATCH_FILES = 32
_BATCH_BYTES = 1024 * 1024

Found = tuple[int, Sequence[str]]
"""A file by its number, and the hexadecimal digits of its digests, in the order of the algorithms."""

Job = Callable[[], list[Found]]
"""What one thread does at a time."""


class FileToRead(NamedTuple):
    """One file: the number of its name in the bag, the key of its object, its size in bytes."""

    number: int
    key: str
    size: int


class Reader(NamedTuple):
    """Reads files and says their digests, by number.

    Args:
        store: where they are.
        algorithms: of the digests.
        read: is told the bytes of each chunk that was read.
        stop: is set when nobody wants the digests any more: what is being read may be a hundred large files.
    """

    store: ObjectStore
    algorithms: Sequence[Algorithm]
    read: Callable[[int], None]
    stop: Event

    def one_by_one(self, files: Sequence[FileToRead]) -> list[Found]:
        """Each file from its beginning to its end, with ``hashlib``."""
        found = []
        for file in files:
            digester = Digester(self.algorithms)
            for chunk in self._chunks(file):
                digester.update(chunk)
            found.append(self._found(file, digester.size, digester.digits()))
        return found

    def side_by_side(self, files: Sequence[FileToRead], lanes: Lanes, helpers: int) -> list[Found]:
        """Several files at once, in lanes, with so many threads to help with the algorithms."""
        from concurrent.futures import ThreadPoolExecutor

        from bagfill.checksum.side_by_side import digest_side_by_side

        opened = ((file, self._chunks(file)) for file in files)
        with ThreadPoolExecutor(helpers, thread_name_prefix="lanes") if helpers else nullcontext() as pool:
            return [
                self._found(file, size, [digests[algorithm].text for algorithm in self.algorithms])
                for file, size, digests in digest_side_by_side(opened, self.algorithms, lanes, pool)
            ]

    def _chunks(self, file: FileToRead) -> Iterator[bytes | memoryview]:
        for chunk in self.store.read(file.key):
            if self.stop.is_set():
                raise _Stopped
            self.read(len(chunk))
            yield chunk

    def _found(self, file: FileToRead, size: int, digits: Sequence[str]) -> Found:
        if size != file.size:
            detail = f"{size} bytes were read, {file.size} were listed"
            location = self.store.location
            raise StoreError(StoreFailure.CHANGED, location=location, key=file.key, operation="read", detail=detail)
        return file.number, digits


class _Stopped(Exception):
    """Reading was given up; nobody asks for what would have been found."""


def together(jobs: Iterable[Job], concurrency: int, stop: Event) -> Iterator[list[Found]]:
    """Do jobs in threads, a few more of them waiting; what each found comes as it ends.

    The first that fails, or an interruption, sets ``stop`` for the others.
    """
    jobs = iter(jobs)
    first = next(jobs, None)
    if first is None:
        return
    from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

    waiting: set[Future[list[Found]]] = set()
    with ThreadPoolExecutor(concurrency, thread_name_prefix="validate") as pool:
        try:
            for job in chain((first,), jobs):
                if len(waiting) >= 4 * concurrency:
                    done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                    yield from (each.result() for each in done)
                waiting.add(pool.submit(job))
            while waiting:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                yield from (each.result() for each in done)
        except BaseException:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def batches(files: Iterable[FileToRead]) -> Iterator[list[FileToRead]]:
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
