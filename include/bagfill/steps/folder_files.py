"""The files of a bag version as they lie in one folder, and those of ``fetch.txt`` that lie beside it, in columns."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from bagfill.bag.bag_info import BAG_INFO_FILE, parse_tags
from bagfill.bag.columns import Sizes, Texts
from bagfill.bag.dependencies import split_version
from bagfill.bag.errors import BagFormatError
from bagfill.bag.fetch import FETCH_FILE, FetchList, scan_fetch
from bagfill.bag.identifiers import BagVersion, InvalidIdentifier
from bagfill.bag.path_table import PathTable
from bagfill.bag.paths import InvalidBagPath
from bagfill.bag.tag_data import TagData, held
from bagfill.steps.listings import VersionListing
from bagfill.storage.store import Capability, ObjectInfo, ObjectStore


class NothingThere(Exception):
    """There is no object under the prefix: no bag, and no verdict either."""


class ObjectsArchived(Exception):
    """Objects are archived, so there is no verdict.

    Attributes:
        first: key of the first of them.
        archived: how many they are.
        objects: how many there are in all.
    """

    def __init__(self, first: str, archived: int, objects: int) -> None:
        super().__init__(f"{archived} of {objects} objects are archived, first {first}")
        self.first = first
        self.archived = archived
        self.objects = objects


def list_folder(store: ObjectStore, prefix: str) -> VersionListing:
    """Every object under a prefix that is empty or ends in ``/``. Raises StoreError."""
    listing = VersionListing(prefix)
    for info in store.list(prefix):
        listing.add(info)
    return listing


def require_readable(store: ObjectStore, listing: VersionListing) -> None:
    """Look for archived objects before a byte is read.

    Raises:
        ObjectsArchived: there are some.
        StoreError: one of them, of which the listing cannot tell, could not be asked.
    """
    if listing.all_readable:
        return
    first, archived = "", 0
    for info in listing.values():
        if not is_readable(store, info):
            first = first or info.key
            archived += 1
    if archived:
        raise ObjectsArchived(first, archived, len(listing))


def is_readable(store: ObjectStore, info: ObjectInfo) -> bool:
    """Whether an object can be read now; where its listing cannot tell, it is asked. Raises StoreError."""
    if info.is_readable or Capability.ARCHIVE_STATE_IN_LISTING in store.capabilities:
        return info.is_readable
    asked = store.stat(info.key)
    return asked is None or asked.is_readable


@dataclass(frozen=True, slots=True)
class FetchedFiles:
    """Files of ``fetch.txt``.

    Args:
        names: in the bag.
        looked: whether anybody could look for them.
        sizes: in bytes of those that were found, by name in the bag.
        keys: where these are, by the numbers of their names.
    """

    names: Collection[str]
    looked: bool
    sizes: Sizes
    keys: Texts


def find_fetched(
    store: ObjectStore, prefix: str, tag_files: Mapping[str, TagData], table: PathTable
) -> FetchedFiles | None:
    """Look for the files of ``fetch.txt`` in the folders of the other versions.

    Args:
        store: where the bag lies.
        prefix: the version's folder.
        tag_files: of the version.
        table: numbers of the bag's paths.

    Returns:
        ``None`` if there is no ``fetch.txt``.

    Raises:
        ObjectsArchived: some of them must be thawed first.
        StoreError: one could not be looked at.
    """
    if FETCH_FILE not in tag_files:
        return None
    entries, _ = scan_fetch(tag_files[FETCH_FILE], table=table)
    root, _, version = prefix.removesuffix("/").rpartition("/")
    identifier = _identifier(tag_files.get(BAG_INFO_FILE, b""))
    if not _is_version(version) or identifier is None:
        return FetchedFiles(entries.paths, looked=False, sizes=Sizes(table), keys=Texts())
    return _found(store, f"{root}/" if root else "", identifier, entries)


def _found(store: ObjectStore, root: str, identifier: str, entries: FetchList) -> FetchedFiles:
    table = entries.paths.table
    found = FetchedFiles(entries.paths, looked=True, sizes=Sizes(table), keys=Texts())
    first, archived = "", 0
    for entry in entries:
        place = entry.key.partition(f"/{identifier}/")[2]
        try:
            split_version(place)
        except (InvalidIdentifier, InvalidBagPath):
            continue
        info = store.stat(f"{root}{place}")
        if info is None:
            continue
        number = table.add(entry.path)
        found.sizes.set(number, info.size)
        found.keys.set(number, info.key)
        if not info.is_readable:
            first = first or info.key
            archived += 1
    if archived:
        raise ObjectsArchived(first, archived, len(found.sizes))
    return found


def _identifier(bag_info: TagData) -> str | None:
    try:
        values = parse_tags(held(bag_info, BAG_INFO_FILE)).values("External-Identifier")
    except BagFormatError:
        return None
    return values[0] if len(set(values)) == 1 else None


def _is_version(text: str) -> bool:
    try:
        BagVersion.parse(text)
    except InvalidIdentifier:
        return False
    return True
