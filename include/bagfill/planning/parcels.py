"""Packing small bags into parcels: what one task takes on together, so that tasks cost less than bags.

A parcel is minutes of work for one task. The work of one bag, which is all that it lacks at one destination, is never
divided between parcels: its versions need each other, and go upwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from bagfill.planning.limits import Limits

_LARGEST_SHARE = 4
"""A bag that would fill more than this part of a parcel is not small: its own run copies shards side by side."""


class BagWork(Protocol):
    """What one bag lacks at one destination."""

    @property
    def destination(self) -> str:
        """Name of the location."""
        ...

    @property
    def versions(self) -> int:
        """How many versions are missing there."""
        ...

    @property
    def files(self) -> int:
        """Their concrete files."""
        ...

    @property
    def bytes(self) -> int:
        """Of those files."""
        ...

    @property
    def own_run(self) -> bool:
        """Whether it is known already that a run of its own is needed, as for archived objects."""
        ...


Work = TypeVar("Work", bound=BagWork)


@dataclass(frozen=True, slots=True)
class Parcel(Generic[Work]):
    """Bags that one task replicates one after the other, all to one destination.

    Args:
        bags: at least one, in the order in which they were handed in.
    """

    bags: tuple[Work, ...]

    @property
    def destination(self) -> str:
        """Name of the location that gains the replicas."""
        return self.bags[0].destination

    @property
    def files(self) -> int:
        """Of all bags."""
        return sum(bag.files for bag in self.bags)

    @property
    def bytes(self) -> int:
        """Of all bags."""
        return sum(bag.bytes for bag in self.bags)


def fits_a_parcel(work: BagWork, limits: Limits) -> bool:
    """Whether this bag is small enough, and known to be readable at once as far as anybody knows.

    Args:
        limits: with ``parcel_bags`` 0 no bag fits.
    """
    return (
        limits.parcel_bags > 0
        and not work.own_run
        and work.versions <= limits.versions_per_run
        and is_small(work.files, work.bytes, limits)
    )


def is_small(files: int, size: int, limits: Limits) -> bool:
    """Whether so many files of ``size`` bytes together are no more than a quarter of a parcel."""
    return files * _LARGEST_SHARE <= limits.parcel_files and size * _LARGEST_SHARE <= limits.parcel_bytes


def pack(works: Iterable[Work], limits: Limits) -> Iterator[Work | Parcel[Work]]:
    """Pack as they come, so that a million bags need no more memory than the open parcels (one a destination).

    Args:
        works: in the order in which they are to begin; each bag and destination once.
        limits: ``parcel_bytes``, ``parcel_files`` and ``parcel_bags`` close a parcel.

    Returns:
        a bag by itself for each that needs its own run, at once; a parcel when the next bag would overfill it, and the
        rest at the end. Every bag is in exactly one place, and bags of a destination keep their order in and between
        its parcels.
    """
    open_parcels: dict[str, list[Work]] = {}
    for work in works:
        if not fits_a_parcel(work, limits):
            yield work
            continue
        bags = open_parcels.setdefault(work.destination, [])
        if bags and _is_full(bags, work, limits):
            yield Parcel(tuple(bags))
            bags.clear()
        bags.append(work)
    yield from (Parcel(tuple(bags)) for bags in open_parcels.values() if bags)


def _is_full(bags: list[Work], coming: Work, limits: Limits) -> bool:
    return (
        len(bags) >= limits.parcel_bags
        or sum(bag.bytes for bag in bags) + coming.bytes > limits.parcel_bytes
        or sum(bag.files for bag in bags) + coming.files > limits.parcel_files
    )
