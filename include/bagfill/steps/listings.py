"""The objects of one bag version at one location, and how two accounts of them differ."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime, timedelta

from bagfill.bag.columns import Sizes, Texts
from bagfill.bag.identifiers import BagVersionId
from bagfill.bag.path_table import PathTable
from bagfill.storage.location import Location
from bagfill.storage.store import ArchiveState, ObjectInfo, ObjectStore

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)
_UNKNOWN = -(2**63)

_MOST_HELD = 1000
"""Of problems, before all but the first by path are only counted."""


class _Moments:
    """Moments by number, eight bytes each from the first that is known."""

    def __init__(self) -> None:
        self._ticks = array("q")

    def set(self, number: int, moment: datetime | None) -> None:
        if moment is not None:
            while len(self._ticks) <= number:
                self._ticks.append(_UNKNOWN)
            self._ticks[number] = (moment - _EPOCH) // _TICK
        elif number < len(self._ticks):
            self._ticks[number] = _UNKNOWN

    def get(self, number: int) -> datetime | None:
        return self._moment(self._ticks[number] if number < len(self._ticks) else _UNKNOWN)

    def first(self) -> datetime | None:
        return self._moment(min((ticks for ticks in self._ticks if ticks != _UNKNOWN), default=_UNKNOWN))

    @staticmethod
    def _moment(ticks: int) -> datetime | None:
        return None if ticks == _UNKNOWN else _EPOCH + ticks * _TICK


class VersionListing(Mapping[str, ObjectInfo]):
    """Objects by path in the version's folder, in order of their listing; about 130 bytes an object with its path.

    Args:
        prefix: of the folder, ending in ``/``.
        table: numbers of the paths; shared with whoever else knows these files.
        dated: whether the moments of the objects are kept.
    """

    def __init__(self, prefix: str, table: PathTable | None = None, *, dated: bool = True) -> None:
        self.table = PathTable() if table is None else table
        self.sizes = Sizes(self.table)
        self._prefix = prefix
        self._etags = Texts()
        self._kinds: list[tuple[str, ArchiveState]] = []
        self._kind_of = array("H")
        self._dated = dated
        self._modified = _Moments()
        self._until = _Moments()
        self._rare: dict[int, ObjectInfo] = {}

    def add(self, info: ObjectInfo) -> int:
        """Note an object; the number of its path."""
        number = self.table.add(info.key.removeprefix(self._prefix))
        self.sizes.set(number, info.size)
        self._etags.set(number, info.etag)
        kind = (info.storage_class, info.archive)
        if kind not in self._kinds:
            self._kinds.append(kind)
        while len(self._kind_of) <= number:
            self._kind_of.append(0)
        self._kind_of[number] = self._kinds.index(kind)
        if self._dated:
            self._modified.set(number, info.last_modified)
        self._until.set(number, info.readable_until)
        if info.version_id is not None:
            self._rare[number] = info
        return number

    def at(self, number: int) -> ObjectInfo | None:
        """The object under the path of a number, or ``None``."""
        size = self.sizes.at(number)
        if size is None:
            return None
        if number in self._rare:
            return self._rare[number]
        storage_class, archive = self._kinds[self._kind_of[number]]
        return ObjectInfo(
            key=self.key(number),
            size=size,
            etag=self._etags.get(number) or "",
            storage_class=storage_class,
            archive=archive,
            readable_until=self._until.get(number),
            last_modified=self._modified.get(number),
        )

    def key(self, number: int) -> str:
        """The whole key of the path of a number."""
        return f"{self._prefix}{self.table.path(number)}"

    def etag(self, number: int) -> str | None:
        """Its ETag, or ``None`` if there is no such object."""
        return self._etags.get(number)

    @property
    def all_readable(self) -> bool:
        """Whether the listing says of no object that it is archived."""
        return all(archive in {ArchiveState.READABLE, ArchiveState.THAWED} for _, archive in self._kinds)

    @property
    def oldest(self) -> datetime | None:
        """When the first of the objects was made, as far as that is known."""
        return self._modified.first()

    def __getitem__(self, path: str) -> ObjectInfo:
        number = self.table.number(path)
        info = None if number is None else self.at(number)
        if info is None:
            raise KeyError(path)
        return info

    def __contains__(self, path: object) -> bool:
        return path in self.sizes

    def __iter__(self) -> Iterator[str]:
        return iter(self.sizes)

    def __len__(self) -> int:
        return len(self.sizes)


def list_version(
    store: ObjectStore,
    location: Location,
    bag_version: BagVersionId,
    *,
    table: PathTable | None = None,
    dated: bool = True,
) -> VersionListing:
    """Every object below the version's folder, by path inside it.

    Args:
        table, dated: see :class:`VersionListing`.

    Raises:
        StoreError: the listing could not be had. An empty result is the provider's word, never a failure in disguise.
    """
    prefix = location.version_prefix(bag_version)
    listing = VersionListing(prefix, table, dated=dated)
    for info in store.list(prefix):
        listing.add(info)
    return listing


class Problems(Collection[str]):
    """Sentences about files, counted; only the first by path are kept: there may be one about each of a million."""

    def __init__(self) -> None:
        self._held: list[tuple[str, str]] = []
        self._count = 0

    def add(self, path: str, text: str) -> None:
        """Note one."""
        self._count += 1
        self._held.append((path, text))
        if len(self._held) >= 2 * _MOST_HELD:
            self._held = sorted(self._held)[:_MOST_HELD]

    def difference(self, path: str, expected: int | None, found: int | None, found_where: str) -> None:
        """Note how two accounts of one path differ, if they do.

        Args:
            expected, found: size in bytes, or ``None`` if the account does not have the path.
            found_where: what the second account is: ``the listing of azure``.
        """
        if expected == found:
            return
        if found is None:
            self.add(path, f"{path}: expected {expected} bytes, missing in {found_where}")
        elif expected is None:
            self.add(path, f"{path}: not expected, {found} bytes in {found_where}")
        else:
            self.add(path, f"{path}: expected {expected} bytes, saw {found} in {found_where}")

    def __contains__(self, text: object) -> bool:
        return any(text == each for _, each in self._held)

    def __iter__(self) -> Iterator[str]:
        """The first by path, ascending."""
        return (text for _, text in sorted(self._held)[:_MOST_HELD])

    def __len__(self) -> int:
        """All of them, kept or not."""
        return self._count
