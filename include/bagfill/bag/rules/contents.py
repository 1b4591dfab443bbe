"""What the rules look at: everything that was read of a bag version, and nothing that reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import cached_property
from typing import NamedTuple

from bagfill.bag.bag_info import BAG_INFO_FILE, OLD_BAG_INFO_FILE
from bagfill.bag.columns import Sizes
from bagfill.bag.declaration import DECLARATION_FILE
from bagfill.bag.fetch import FETCH_FILE
from bagfill.bag.identifiers import BagId
from bagfill.bag.path_table import PathTable
from bagfill.bag.payload_manifest import manifest_algorithm
from bagfill.bag.tag_data import TagData
from bagfill.checksum.algorithm import Algorithm
from bagfill.checksum.digest import DigestSet


class Oddity(Enum):
    """What a member of a tar or zip file may be that no file of a bag can be."""

    LEAVES = auto()
    """It would be written outside the folder it is unpacked in."""
    TWICE = auto()
    """There is another member of that name."""
    NOT_A_FILE = auto()
    """A link, a device, a pipe."""
    OUTSIDE = auto()
    """It lies beside the bag's base folder."""


class OddMember(NamedTuple):
    """A member of a tar or zip file that is no file of the bag: its name as the archive has it, and why."""

    name: str
    oddity: Oddity


@dataclass(frozen=True)
class BagContents:
    """A bag version as it was found.

    Args:
        listing: size in bytes of everything under the version's folder, by path in it.
        tag_files: the files ``tag_files_to_read`` names; large ones are read again each time.
        unreadable: why one of those could not be read, by its name.
        observed: digests of what was read, by path in the bag, fetched files included; nothing when no payload
            was read, and then no payload is compared. Tag files are digested from ``tag_files``.
        fetched_sizes: size in bytes of the objects that are there for the lines of ``fetch.txt``, by path in the bag;
            nothing when nobody looked.
        identity: the bag it should be.
        primary_bucket: the bucket that ``fetch.txt`` should refer to.
        primary_prefix: what precedes the space there.
        odd_members: what was left out of the listing, when the bag lies in a tar or zip file.
    """

    listing: Mapping[str, int]
    tag_files: Mapping[str, TagData] = field(repr=False)
    unreadable: Mapping[str, str] = field(default_factory=dict)
    observed: Mapping[str, DigestSet] | None = field(default=None, repr=False)
    fetched_sizes: Mapping[str, int] | None = field(default=None, repr=False)
    identity: BagId | None = None
    primary_bucket: str | None = None
    primary_prefix: str = ""
    odd_members: tuple[OddMember, ...] = ()

    def __post_init__(self) -> None:
        unread = [
            name
            for name in tag_files_to_read(self.listing)
            if name not in self.tag_files.keys() | self.unreadable.keys()
        ]
        if unread:
            raise ValueError(f"Listed, but neither read nor said to be unreadable: {', '.join(unread)}")

    @cached_property
    def table(self) -> PathTable:
        """The numbers of the bag's paths: the listing's own, where it has one."""
        return self.listing.table if isinstance(self.listing, Sizes) else PathTable()


def tag_files_to_read(listing: Iterable[str]) -> list[str]:
    """The files at the root whose bytes the rules need, of those that are listed."""
    known = (DECLARATION_FILE, BAG_INFO_FILE, OLD_BAG_INFO_FILE, FETCH_FILE)
    return sorted(name for name in listing if "/" not in name and (name in known or _algorithm(name) is not None))


def declared_algorithms(listing: Iterable[str]) -> frozenset[Algorithm]:
    """The algorithms of all manifests in a listing: what a reader has to compute."""
    return frozenset(algorithm for name in listing if (algorithm := _algorithm(name)) is not None)


def _algorithm(name: str) -> Algorithm | None:
    if "/" in name or not name.endswith(".txt"):
        return None
    return manifest_algorithm(name, tag=False) or manifest_algorithm(name, tag=True)
