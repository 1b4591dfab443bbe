"""Read files of a replica again, every byte, and remember what was read: a killed audit goes on from there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from bagfill.bag.columns import Paths
from bagfill.fixity.read_back import read_back
from bagfill.steps.audit_evidence import Evidence
from bagfill.steps.audit_work import ReadProgress
from bagfill.steps.masking import masked
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.store import ObjectInfo, ObjectStore

_BATCH_BYTES = 64 * 1024 * 1024
_BATCH_FILES = 200
"""What is remembered together: so much, or one larger file, is read twice at most when an audit is killed."""

FileRead = Callable[[int], None]
"""Called after each file with its bytes, from several threads: progress."""


@dataclass(frozen=True, slots=True)
class Right:
    """Every digest is as recorded. ``etag``: of the object that was read."""

    etag: str


@dataclass(frozen=True, slots=True)
class Wrong:
    """The bytes that were read are others."""

    expected: str
    seen: str
    etag: str


@dataclass(frozen=True, slots=True)
class Vanished:
    """It was listed, and the provider says now that there is no such object."""


@dataclass(frozen=True, slots=True)
class Unread:
    """It could not be read: nothing is known about its bytes. ``archived``: for they are archived."""

    why: str
    archived: bool = False


Look = Right | Wrong | Vanished | Unread


class ReplicaReader:
    """Reads files of one replica.

    Args:
        store: the location.
        prefix: of the version's folder.
        evidence: what the files should be.
        progress: what was read before, and where to remember what is read now.
        concurrency: files in flight.
    """

    def __init__(
        self,
        store: ObjectStore,
        prefix: str,
        evidence: Evidence,
        progress: ReadProgress,
        *,
        concurrency: int,
        file_read: FileRead | None = None,
    ) -> None:
        self._store = store
        self._prefix = prefix
        self._evidence = evidence
        self._progress = progress
        self._concurrency = concurrency
        self._file_read = file_read

    def read(self, listed: Mapping[str, ObjectInfo]) -> Iterator[tuple[str, Look]]:
        """Read every file of a listing that was not read before as the object that it is now.

        Args:
            listed: path → object, each of which has the right size; in the order in which they are read.

        Returns:
            Each path and what was found of it, as it is found; what was read before comes first.

        Raises:
            StoreError: the work area did not answer.
        """
        known = Paths(self._evidence.sizes.table)
        for row in self._progress.rows():
            path = row["path"]
            info = listed.get(path)
            if info is not None and info.etag == row["etag"] and known.add(known.table.add(path)):
                yield path, _look_of(row)
        left = ((path, info) for path, info in listed.items() if path not in known)
        with ThreadPoolExecutor(self._concurrency, thread_name_prefix="audit") as pool:
            for batch in _batches(left):
                found = list(pool.map(lambda each: (each[0], self._look(*each)), batch))
                rows = (_row_of(path, look) for path, look in found)
                self._progress.add([row for row in rows if row is not None])
                yield from found

    def _look(self, path: str, info: ObjectInfo) -> Look:
        try:
            look = self._compare(path, info)
        except StoreError as error:
            if error.failure not in {StoreFailure.MISSING, StoreFailure.CHANGED}:
                return Unread(masked(str(error)), error.failure is StoreFailure.ARCHIVED)
            look = self._look_again(path)
        if self._file_read is not None:
            self._file_read(info.size)
        return look

    def _look_again(self, path: str) -> Look:
        """It was replaced or deleted after it was listed: judge what is there now."""
        key = f"{self._prefix}{path}"
        try:
            info = self._store.stat(key)
            if info is None:
                return Vanished()
            if info.size != self._evidence.sizes[path]:
                return Wrong(f"{self._evidence.sizes[path]} bytes", f"{info.size} bytes", info.etag)
            return self._compare(path, info)
        except StoreError as error:
            return Unread(masked(str(error)), error.failure is StoreFailure.ARCHIVED)

    def _compare(self, path: str, info: ObjectInfo) -> Look:
        expected = self._evidence.digests.of(path)
        observed = read_back(self._store, info, self._evidence.algorithms(path))
        if expected.matches(observed.digests):
            return Right(observed.etag)
        mismatch = expected.mismatches(observed.digests)[0]
        return Wrong(str(mismatch.expected), str(mismatch.found), observed.etag)


def _batches(files: Iterable[tuple[str, ObjectInfo]]) -> Iterator[list[tuple[str, ObjectInfo]]]:
    batch: list[tuple[str, ObjectInfo]] = []
    filled = 0
    for path, info in files:
        if batch and (len(batch) >= _BATCH_FILES or filled + info.size > _BATCH_BYTES):
            yield batch
            batch, filled = [], 0
        batch.append((path, info))
        filled += info.size
    if batch:
        yield batch


def _row_of(path: str, look: Look) -> dict[str, Any] | None:
    """Only what was read to its end is remembered; the rest is looked at again."""
    match look:
        case Right(etag):
            return {"path": path, "etag": etag}
        case Wrong(expected, seen, etag):
            return {"path": path, "etag": etag, "expected": expected, "seen": seen}
        case Vanished() | Unread():
            return None


def _look_of(row: Mapping[str, Any]) -> Right | Wrong:
    return Wrong(row["expected"], row["seen"], row["etag"]) if "seen" in row else Right(row["etag"])
