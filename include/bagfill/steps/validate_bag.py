"""Judge one bag version where it lies: every byte is read once, every checksum compared, every rule asked."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from bagfill.bag.bag_info import BAG_INFO_FILE, parse_tags
from bagfill.bag.dependencies import split_version
from bagfill.bag.errors import BagFormatError
from bagfill.bag.fetch import FETCH_FILE, scan_fetch
from bagfill.bag.identifiers import BagId, BagVersion, InvalidIdentifier
from bagfill.bag.paths import InvalidBagPath
from bagfill.bag.rules.check import check, is_valid
from bagfill.bag.rules.contents import BagContents, declared_algorithms, tag_files_to_read
from bagfill.bag.rules.finding import Finding, Profile, Severity
from bagfill.checksum.algorithm import Algorithm
from bagfill.checksum.digest import DigestSet
from bagfill.checksum.digester import Digester
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.store import Capability, ObjectInfo, ObjectStore

_BATCH_FILES = 32
_BATCH_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found.

    Args:
        profile: by which rules.
        findings: every broken rule.
        files: how many objects were read.
        bytes: their size together.
        not_looked_for: files of ``fetch.txt`` that nobody looked for, because the folder's place does not tell where.
    """

    profile: Profile
    findings: tuple[Finding, ...]
    files: int
    bytes: int
    not_looked_for: tuple[str, ...]

    @property
    def is_valid(self) -> bool:
        """Whether no rule that matters is broken."""
        return is_valid(self.findings)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "valid": self.is_valid,
            "profile": self.profile.value,
            "errors": sum(finding.severity is Severity.ERROR for finding in self.findings),
            "warnings": sum(finding.severity is Severity.WARNING for finding in self.findings),
            "findings": [
                {
                    "code": finding.code,
                    "severity": finding.severity.value,
                    "path": finding.path,
                    "message": finding.message,
                }
                for finding in self.findings
            ],
            "files": self.files,
            "bytes": self.bytes,
            "fetched_files_not_looked_for": list(self.not_looked_for),
        }


class NothingThere(Exception):
    """There is no object under the prefix: no bag, and no verdict either."""


class ObjectsArchived(Exception):
    """Objects are archived, so there is no verdict.

    Attributes:
        keys: of these objects.
        objects: how many there are in all.
    """

    def __init__(self, keys: tuple[str, ...], objects: int) -> None:
        super().__init__(f"{len(keys)} of {objects} objects are archived, first {keys[0]}")
        self.keys = keys
        self.objects = objects


def validate_bag(
    store: ObjectStore,
    prefix: str,
    profile: Profile,
    *,
    identity: BagId | None = None,
    concurrency: int = 8,
    alone_below: int = 0,
    planned: Callable[[int], None] = lambda _: None,
    read: Callable[[int], None] = lambda _: None,
) -> Verdict:
    """Judge the bag version in one folder.

    Files of ``fetch.txt`` are looked for in the folders of the other versions, where the folder is named ``vN`` and
    lies in the storage service's layout; elsewhere nobody looks for them, and the verdict says so.

    Args:
        store: where it lies.
        prefix: the folder: empty, or ending in ``/``.
        profile: by which rules.
        identity: which bag it should be, where that is known.
        concurrency: files read at the same time.
        alone_below: files with fewer bytes are read one after the other: on a disk, threads cost more than they gain.
        planned: is told the bytes that will be read.
        read: is told the bytes of each chunk that was read, from several threads.

    Raises:
        NothingThere: nothing lies under the prefix.
        ObjectsArchived: some objects must be thawed before they can be read.
        StoreError: a file could not be read, so there is no verdict.
    """
    objects = {info.key.removeprefix(prefix): info for info in store.list(prefix)}
    if not objects:
        raise NothingThere(prefix)
    _require_readable(store, objects.values())
    tag_files = {name: b"".join(store.read(objects[name].key)) for name in tag_files_to_read(objects)}
    fetched = _Fetched.find(store, prefix, tag_files) if profile is Profile.STORAGE_SERVICE else None
    elsewhere: Mapping[str, ObjectInfo] = {} if fetched is None else fetched.objects
    _require_readable(store, elsewhere.values())
    # The rules digest tag files themselves.
    to_read = {name: info for name, info in objects.items() if name not in tag_files}
    to_read |= {name: info for name, info in elsewhere.items() if name not in objects}
    planned(sum(info.size for info in to_read.values()))
    algorithms = tuple(declared_algorithms(objects))
    alone = {name: info for name, info in to_read.items() if info.size < alone_below}
    together = {name: info for name, info in to_read.items() if name not in alone}
    observed = dict(_digests(store, together, algorithms, concurrency, read))
    observed |= {name: _digest(store, info, algorithms, read) for name, info in alone.items()}
    contents = BagContents(
        listing={name: info.size for name, info in objects.items()},
        tag_files=tag_files,
        observed=observed,
        fetched_sizes={name: info.size for name, info in elsewhere.items()} if fetched and fetched.looked else None,
        identity=identity,
    )
    return Verdict(
        profile=profile,
        findings=tuple(check(contents, profile)),
        files=len(tag_files) + len(to_read),
        bytes=sum(map(len, tag_files.values())) + sum(info.size for info in to_read.values()),
        not_looked_for=() if fetched is None or fetched.looked else fetched.names,
    )


def _require_readable(store: ObjectStore, objects: Collection[ObjectInfo]) -> None:
    """Raise ObjectsArchived before a byte is read; where a listing cannot tell, the objects themselves are asked."""
    archived = [info for info in objects if not info.is_readable]
    if Capability.ARCHIVE_STATE_IN_LISTING not in store.capabilities:
        states = [store.stat(info.key) for info in archived]
        archived = [info for info in states if info is not None and not info.is_readable]
    if archived:
        raise ObjectsArchived(tuple(info.key for info in archived), len(objects))


@dataclass(frozen=True, slots=True)
class _Fetched:
    """Files of ``fetch.txt``: their names in the bag, whether anybody could look for them, and what was found."""

    names: tuple[str, ...]
    looked: bool
    objects: Mapping[str, ObjectInfo]

    @classmethod
    def find(cls, store: ObjectStore, prefix: str, tag_files: Mapping[str, bytes]) -> _Fetched | None:
        if FETCH_FILE not in tag_files:
            return None
        entries, _ = scan_fetch(tag_files[FETCH_FILE])
        names = tuple(entry.path for entry in entries)
        root, _, version = prefix.removesuffix("/").rpartition("/")
        identifier = _identifier(tag_files.get(BAG_INFO_FILE, b""))
        if not _is_version(version) or identifier is None:
            return cls(names, looked=False, objects={})
        found: dict[str, ObjectInfo] = {}
        for entry in entries:
            place = entry.key.partition(f"/{identifier}/")[2]
            try:
                split_version(place)
            except (InvalidIdentifier, InvalidBagPath):
                continue
            info = store.stat(f"{root}/{place}" if root else place)
            if info is not None:
                found[entry.path] = info
        return cls(names, looked=True, objects=found)


def _identifier(bag_info: bytes) -> str | None:
    try:
        values = parse_tags(bag_info).values("External-Identifier")
    except BagFormatError:
        return None
    return values[0] if len(set(values)) == 1 else None


def _is_version(text: str) -> bool:
    try:
        BagVersion.parse(text)
    except InvalidIdentifier:
        return False
    return True


def _digests(
    store: ObjectStore,
    objects: Mapping[str, ObjectInfo],
    algorithms: Sequence[Algorithm],
    concurrency: int,
    read: Callable[[int], None],
) -> Iterator[tuple[str, DigestSet]]:
    def digest(batch: Sequence[tuple[str, ObjectInfo]]) -> list[tuple[str, DigestSet]]:
        return [(name, _digest(store, info, algorithms, read)) for name, info in batch]

    waiting: deque[Future[list[tuple[str, DigestSet]]]] = deque()
    with ThreadPoolExecutor(concurrency, thread_name_prefix="validate") as pool:
        try:
            for batch in _batches(objects.items()):
                if len(waiting) >= 4 * concurrency:
                    yield from waiting.popleft().result()
                waiting.append(pool.submit(digest, batch))
            while waiting:
                yield from waiting.popleft().result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _batches(objects: Iterable[tuple[str, ObjectInfo]]) -> Iterator[list[tuple[str, ObjectInfo]]]:
    """Small files together: to hand a file to a thread costs as much as to read it."""
    batch: list[tuple[str, ObjectInfo]] = []
    size = 0
    for name, info in objects:
        if batch and (len(batch) >= _BATCH_FILES or size + info.size > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append((name, info))
        size += info.size
    if batch:
        yield batch


def _digest(
    store: ObjectStore, info: ObjectInfo, algorithms: Sequence[Algorithm], read: Callable[[int], None]
) -> DigestSet:
    digester = Digester(algorithms)
    for chunk in store.read(info.key):
        digester.update(chunk)
        read(len(chunk))
    if digester.size != info.size:
        detail = f"{digester.size} bytes were read, {info.size} were listed"
        raise StoreError(StoreFailure.CHANGED, location=store.location, key=info.key, operation="read", detail=detail)
    return digester.digests()
