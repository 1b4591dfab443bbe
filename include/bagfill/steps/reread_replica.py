"""Read a replica again at its location, every byte, and hold it against its receipt."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from bagfill.bag.identifiers import BagVersionId
from bagfill.bag.path_table import PathTable
from bagfill.checksum.digest import DigestSet
from bagfill.fixity.read_back import CreatedObject, Observed, read_back
from bagfill.fixity.receipt_form import FileLine, Header
from bagfill.steps.services import Services
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.store import ObjectStore

_IN_FLIGHT = 4
"""Files that wait for one thread: the receipt is read no faster than the replica."""


@dataclass(slots=True)
class Reread:
    """What was found.

    Args:
        files, bytes: that were read and had every digest.
        problems: what differs from the receipt.
        unread: what could not be found out, and so is no problem yet.
        remarks: what changed without touching the bytes.
    """

    files: int = 0
    bytes: int = 0
    problems: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Found:
    size: int | None = None
    problem: str | None = None
    unread: str | None = None
    remark: str | None = None


def reread_replica(
    services: Services,
    header: Header,
    files: Iterable[FileLine],
    *,
    file_done: Callable[[int], None] = lambda _size: None,
) -> Reread:
    """Read every file of a replica from its location, and look for objects that the receipt has not.

    Args:
        header, files: of the receipt.
        file_done: called after each file with its bytes: progress.
    """
    result = Reread()
    name = header.destination.name
    location = services.locations.get(name)
    bag_version = BagVersionId.parse(header.bag_version, stored=True)
    if location is None:
        result.unread.append(f"location {name!r} is not configured")
        return result
    prefix = location.version_prefix(bag_version)
    if (location.bucket, prefix) != (header.destination.bucket, header.destination.prefix):
        there = f"{header.destination.bucket}/{header.destination.prefix}"
        result.unread.append(f"the replica was at {there}, {name} now means {location.bucket}/{prefix}")
        return result
    try:
        store = services.stores.reading(location)
        paths = _read_all(store, prefix, files, services.limits.concurrency, result, file_done)
        result.problems += [
            f"{info.key.removeprefix(prefix)}: not in the receipt, {info.size} bytes"
            for info in store.list(prefix)
            if info.key.removeprefix(prefix) not in paths
        ]
    except StoreError as error:
        result.unread.append(f"{error}")
    return result


def _read_all(
    store: ObjectStore,
    prefix: str,
    files: Iterable[FileLine],
    threads: int,
    result: Reread,
    file_done: Callable[[int], None],
) -> PathTable:
    paths = PathTable()
    with ThreadPoolExecutor(threads, thread_name_prefix="reread") as pool:
        for path, found in _in_order(pool, store, prefix, files, threads * _IN_FLIGHT):
            paths.add(path)
            if found.size is not None:
                result.files += 1
                result.bytes += found.size
                file_done(found.size)
            for texts, text in (
                (result.problems, found.problem),
                (result.unread, found.unread),
                (result.remarks, found.remark),
            ):
                if text is not None:
                    texts.append(f"{path}: {text}")
    return paths


def _in_order(
    pool: ThreadPoolExecutor, store: ObjectStore, prefix: str, files: Iterable[FileLine], most: int
) -> Iterator[tuple[str, _Found]]:
    waiting: deque[tuple[str, Future[_Found]]] = deque()
    for file in files:
        waiting.append((file.path, pool.submit(_look, store, prefix, file)))
        if len(waiting) >= most:
            path, future = waiting.popleft()
            yield path, future.result()
    for path, future in waiting:
        yield path, future.result()


def _look(store: ObjectStore, prefix: str, file: FileLine) -> _Found:
    try:
        observed, remark = _observe(store, f"{prefix}{file.path}", file)
    except StoreError as error:
        if error.failure is StoreFailure.ARCHIVED:
            return _Found(unread="is archived; thaw it to read it")
        return _Found(unread=str(error))
    if observed is None:
        return _Found(problem=f"expected {file.size} bytes, not there")
    if observed.size != file.size:
        return _Found(problem=f"expected {file.size} bytes, saw {observed.size}")
    mismatches = DigestSet.from_json(file.digests).mismatches(observed.digests)
    if mismatches:
        return _Found(problem="; ".join(map(str, mismatches)))
    return _Found(size=observed.size, remark=remark)


def _observe(store: ObjectStore, key: str, file: FileLine) -> tuple[Observed | None, str | None]:
    """What is there, or ``None`` if the provider says that nothing is; and whether it is another object by now."""
    algorithms = DigestSet.from_json(file.digests).algorithms
    if file.size:
        try:
            return read_back(store, CreatedObject(key, file.size, file.object.etag), algorithms), None
        except StoreError as error:
            if error.failure not in {StoreFailure.MISSING, StoreFailure.CHANGED}:
                raise
    info = store.stat(key)
    if info is None:
        return None, None
    replaced = None if info.etag == file.object.etag else "was replaced since, by the same bytes"
    return read_back(store, info, algorithms), replaced
