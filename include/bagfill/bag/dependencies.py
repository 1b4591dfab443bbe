"""Which other versions of a bag one version needs."""

from __future__ import annotations

from collections.abc import Iterable

from bagfill.bag.fetch import FetchEntry
from bagfill.bag.identifiers import BagId, BagVersion, InvalidIdentifier
from bagfill.bag.paths import BagPath, InvalidBagPath


class ForeignFetchEntry(ValueError):
    """A line of ``fetch.txt`` that does not point into a version of the same bag at the primary location.

    Attributes:
        entry: the line.
        expected: the start its URI should have had.
    """

    def __init__(self, entry: FetchEntry, expected: str) -> None:
        super().__init__(
            f"fetch.txt line {entry.line}: {entry.path} is fetched from {entry.uri}, expected {expected}v{{N}}/..."
        )
        self.entry = entry
        self.expected = expected


def split_version(path: str) -> tuple[BagVersion, BagPath]:
    """Take ``v1/data/a.txt`` apart: the version whose folder it is in, and the path in that folder.

    Raises:
        InvalidIdentifier: it does not start with a version.
        InvalidBagPath: nothing follows the version, or what follows leaves the folder.
    """
    version, _, rest = path.partition("/")
    return BagVersion.parse(version), BagPath(rest)


def fetched_path(entry: FetchEntry, bag: BagId, bucket: str, location_prefix: str = "") -> str:
    """Where the bytes of a fetched file are, from the bag's root: ``v1/data/a.txt``.

    The same path holds at every location: only the bucket and the location's prefix differ.

    Args:
        entry: a line of ``fetch.txt``.
        bag: the bag it belongs to.
        bucket: of the primary location, to which the URIs point.
        location_prefix: of the primary location, before the space.

    Raises:
        ForeignFetchEntry: another scheme than ``s3``, another bucket, or no version folder of this bag.
    """
    start = f"{location_prefix}{bag}/"
    if entry.scheme != "s3" or entry.bucket != bucket or not entry.key.startswith(start):
        raise ForeignFetchEntry(entry, f"s3://{bucket}/{start}")
    path = entry.key.removeprefix(start)
    try:
        split_version(path)
    except (InvalidIdentifier, InvalidBagPath):
        raise ForeignFetchEntry(entry, f"s3://{bucket}/{start}") from None
    return path


def versions_fetched(
    entries: Iterable[FetchEntry], bag: BagId, bucket: str, location_prefix: str = ""
) -> frozenset[BagVersion]:
    """The versions whose folders hold the fetched files; arguments and errors as for ``fetched_path``."""
    return frozenset(split_version(fetched_path(entry, bag, bucket, location_prefix))[0] for entry in entries)
