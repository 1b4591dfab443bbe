"""What a bag version consists of at one location, as the replica alone tells: its folder, and the files it fetches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bagfill.bag.bag_info import BAG_INFO_FILE, parse_tags
from bagfill.bag.dependencies import split_version
from bagfill.bag.errors import BagFormatError
from bagfill.bag.fetch import FETCH_FILE, FetchEntry, scan_fetch
from bagfill.bag.identifiers import InvalidIdentifier
from bagfill.bag.paths import InvalidBagPath
from bagfill.steps.folder_files import NothingThere, ObjectsArchived, is_readable
from bagfill.storage.keys import require_name
from bagfill.storage.names import NameRules
from bagfill.storage.store import ObjectInfo, ObjectStore


@dataclass(frozen=True, slots=True)
class ReplicaFile:
    """One file of the bag, and the object that has its bytes."""

    path: str
    info: ObjectInfo


@dataclass(frozen=True, slots=True)
class ReplicaFiles:
    """What there is, found before anything is written.

    Args:
        store: where the replica is.
        prefix: of the bag version.
        fetched: the files of ``fetch.txt`` that lie beside it.
        not_found: the other files of ``fetch.txt``.
        bytes: of everything.
    """

    store: ObjectStore
    prefix: str
    fetched: tuple[ReplicaFile, ...] = ()
    not_found: tuple[str, ...] = ()
    bytes: int = 0

    @classmethod
    def at(cls, store: ObjectStore, prefix: str, names: NameRules) -> ReplicaFiles:
        """Look at everything, reading tag files alone.

        Args:
            store: where the replica is.
            prefix: folder of the bag version: empty, or ending in ``/``.
            names: what the place can hold that the files are for.

        Raises:
            NothingThere: nothing lies under the prefix.
            ObjectsArchived: some objects must be thawed first.
            StoreError: a look failed, or a name cannot be held.
        """
        # The folder first: its tag files are read next, and can be archived as well.
        size, objects = _look_at(store, cls(store, prefix).each(), names)
        if not objects:
            raise NothingThere(prefix)
        fetched, not_found = [], []
        for path, info in _fetched(store, prefix):
            if info is None:
                not_found.append(path)
            else:
                fetched.append(ReplicaFile(path, info))
        more, _ = _look_at(store, fetched, names)
        return cls(store, prefix, tuple(fetched), tuple(not_found), size + more)

    def each(self) -> Iterator[ReplicaFile]:
        """Every file of the bag version that can be had; the folder's are listed page after page."""
        for info in self.store.list(self.prefix):
            yield ReplicaFile(info.key.removeprefix(self.prefix), info)
        yield from self.fetched


def _look_at(store: ObjectStore, files: Iterable[ReplicaFile], names: NameRules) -> tuple[int, int]:
    """Bytes and count of files that can all be read and held; raises what :meth:`ReplicaFiles.at` does."""
    first, archived, objects, size = "", 0, 0, 0
    for file in files:
        require_name(names, file.path, location="the folder to write into", operation="recover")
        objects += 1
        size += file.info.size
        if not is_readable(store, file.info):
            first = first or file.info.key
            archived += 1
    if archived:
        raise ObjectsArchived(first, archived, objects)
    return size, objects


def _fetched(store: ObjectStore, prefix: str) -> Iterator[tuple[str, ObjectInfo | None]]:
    """The files of ``fetch.txt`` that are not in the folder itself, and where their bytes are at this location."""
    if store.stat(f"{prefix}{FETCH_FILE}") is None:
        return
    entries, _ = scan_fetch(b"".join(store.read(f"{prefix}{FETCH_FILE}")))
    root = prefix.removesuffix("/").rpartition("/")[0]
    identifier = _identifier(store, prefix)
    for entry in entries:
        if store.stat(f"{prefix}{entry.path}") is None:
            place = _place_beside(entry, identifier)
            yield str(entry.path), None if place is None else store.stat(f"{root}/{place}" if root else place)


def _identifier(store: ObjectStore, prefix: str) -> str:
    """What the bag says that it is called; empty if it does not."""
    if store.stat(f"{prefix}{BAG_INFO_FILE}") is None:
        return ""
    try:
        values = parse_tags(b"".join(store.read(f"{prefix}{BAG_INFO_FILE}"))).values("External-Identifier")
    except BagFormatError:
        return ""
    return values[0] if len(set(values)) == 1 else ""


def _place_beside(entry: FetchEntry, identifier: str) -> str | None:
    """``v1/data/a.txt``: where a fetched file is from the bag's root, which is the same at every location."""
    place = entry.key.partition(f"/{identifier}/")[2] if identifier else ""
    try:
        split_version(place)
    except (InvalidIdentifier, InvalidBagPath):
        return None
    return place
