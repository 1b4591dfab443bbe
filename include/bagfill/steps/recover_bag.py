"""Bring one bag version back from a replica alone: no registry, no storage manifest and no other location is asked.

What the replica holds is enough, because bags describe themselves: tag files say what belongs to the bag, and the files
of ``fetch.txt`` lie beside it in the folders of older versions.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bagfill.bag.rules.finding import Profile
from bagfill.steps.recovery_folder import RecoveryFolder, recovery_folder
from bagfill.steps.replica_files import ReplicaFile, ReplicaFiles
from bagfill.steps.validate_bag import Verdict, validate_bag
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.local import LocalStore
from bagfill.storage.names import LOCAL_NAMES
from bagfill.storage.store import ObjectInfo, ObjectStore

_WAITING = 4


@dataclass(frozen=True, slots=True)
class Recovered:
    """What came back.

    Args:
        verdict: on the folder that was written, every byte of it read again.
        files: how many files the folder has from the replica.
        bytes: their size together.
        kept: how many of them an earlier, unfinished recovery had written.
        not_found: files of ``fetch.txt`` that are not beside the bag version, by their path in the bag.
    """

    verdict: Verdict
    files: int
    bytes: int
    kept: int
    not_found: tuple[str, ...]

    @property
    def is_whole(self) -> bool:
        """Whether the folder is the bag version, complete and valid."""
        return self.verdict.is_valid and not self.not_found

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "recovered": self.is_whole,
            "files": self.files,
            "bytes": self.bytes,
            "kept": self.kept,
            "fetched_files_not_found": list(self.not_found),
            "verdict": self.verdict.to_json(),
        }


def recover_bag(
    store: ObjectStore,
    prefix: str,
    folder: Path,
    *,
    concurrency: int = 8,
    planned: Callable[[int], None] = lambda _: None,
    moved: Callable[[int], None] = lambda _: None,
) -> Recovered:
    """Write a bag version into a folder, its fetched files included, and judge what was written.

    Nothing in the folder is overwritten. A recovery that was interrupted goes on where it was: whole files are kept,
    and proved with all others at the end. The bag is judged by the BagIt standard alone: a bag that breaks a rule of
    some service is still the bag that was kept.

    Args:
        store: where the replica is.
        prefix: folder of the bag version there: empty, or ending in ``/``.
        folder: absolute path to write into: absent, empty, or left by an earlier recovery of the same bag version.
        concurrency: files moved at the same time.
        planned: is told the bytes to move and then to read again, together.
        moved: is told the bytes of each chunk moved or read again, from several threads.

    Raises:
        NothingThere: nothing lies under the prefix.
        ObjectsArchived: some objects must be thawed first; nothing was written.
        FolderInUse: the folder holds something else; nothing was written.
        RecoveryRuns: another recovery writes into it now; nothing was written.
        StoreError: an object could not be read, or this file system cannot hold a name.
    """
    there = ReplicaFiles.at(store, prefix, LOCAL_NAMES)
    counts = _Counts()
    with recovery_folder(folder) as ours:
        planned(2 * there.bytes)
        with ThreadPoolExecutor(concurrency, thread_name_prefix="recover") as pool:
            for part, was_there in _each_moved(pool, there.each(), store, ours, concurrency, moved):
                counts.add(part, was_there=was_there)
        with closing(LocalStore(folder, location=str(folder))) as written:
            verdict = validate_bag(written, "", Profile.BAGIT, read=moved)
        if verdict.is_valid and not there.not_found:
            ours.finish()
    return Recovered(verdict, counts.files, counts.bytes, counts.kept, there.not_found)


@dataclass(slots=True)
class _Counts:
    files: int = 0
    bytes: int = 0
    kept: int = 0

    def add(self, part: ReplicaFile, *, was_there: bool) -> None:
        self.files += 1
        self.bytes += part.info.size
        self.kept += was_there


def _each_moved(
    pool: ThreadPoolExecutor,
    parts: Iterable[ReplicaFile],
    store: ObjectStore,
    ours: RecoveryFolder,
    concurrency: int,
    moved: Callable[[int], None],
) -> Iterator[tuple[ReplicaFile, bool]]:
    """Move files, a few at a time; says of each whether it was there already."""
    waiting: deque[tuple[ReplicaFile, Future[bool]]] = deque()

    def next_one() -> tuple[ReplicaFile, bool]:
        part, future = waiting.popleft()
        return part, future.result()

    try:
        for part in parts:
            if len(waiting) >= _WAITING * concurrency:
                yield next_one()
            waiting.append((part, pool.submit(_move, part, store, ours, moved)))
        while waiting:
            yield next_one()
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise


def _move(part: ReplicaFile, store: ObjectStore, ours: RecoveryFolder, moved: Callable[[int], None]) -> bool:
    """Write one file unless it is there with its size; whether its bytes are right, the verdict says."""
    files = ours.files
    found = files.stat(part.path, "recover")
    if found is not None:
        if found.size != part.info.size:
            detail = f"{found.size} bytes are there, expected {part.info.size}; remove the file and run this again"
            raise files.error(StoreFailure.CHANGED, part.path, "recover", detail)
        files.make_last(part.path, "recover")
        moved(found.size)
        return True
    with files.translated(part.path, "recover"):
        written = files.write(ours.staging, _counted(store, part.info, moved))
    files.link_if_absent(written, part.path, "recover")
    return False


def _counted(store: ObjectStore, info: ObjectInfo, moved: Callable[[int], None]) -> Iterator[bytes | memoryview]:
    size = 0
    for chunk in store.read(info.key, etag=info.etag or None):
        size += len(chunk)
        moved(len(chunk))
        yield chunk
    if size != info.size:
        detail = f"{size} bytes were read, {info.size} were listed"
        raise StoreError(StoreFailure.CHANGED, location=store.location, key=info.key, operation="read", detail=detail)
