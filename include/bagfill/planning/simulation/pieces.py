"""Bags as pieces of work for one worker: parcels of small bags, shards of large ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bagfill.planning.limits import Limits
from bagfill.planning.order import Candidate
from bagfill.planning.parcels import Parcel, pack
from bagfill.planning.simulation.bags import SimulatedBag


@dataclass(slots=True)
class Piece:
    """What one worker copies and reads back in one go.

    Args:
        number: its name, for its luck.
        bag: number of the bag it is part of; the first one's of a parcel.
        files, bytes: of it.
        bags: that end with it.
        attempt: how often it was done before.
    """

    number: int
    bag: int
    files: int
    bytes: int
    bags: int = 0
    attempt: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BagToDo(Candidate):
    """A bag as the order sees it (:class:`Candidate`), and as packing does (``BagWork``)."""

    made: SimulatedBag

    @property
    def versions(self) -> int:
        """One."""
        return 1

    @property
    def files(self) -> int:
        """Of the bag."""
        return self.made.files

    @property
    def own_run(self) -> bool:
        """Whether it begins with a thaw."""
        return self.is_archived


def candidate_of(bag: SimulatedBag) -> BagToDo:
    """The bag, to be put in order and packed."""
    return BagToDo(f"bag/{bag.number:09d}", 1, bag.bytes, bag.archived_bytes, destination="there", made=bag)


def cut_bag(bag: SimulatedBag, limits: Limits) -> list[tuple[int, int]]:
    """Files and bytes of each shard of a bag, as even as whole numbers are."""
    count = max(1, -(-bag.bytes // limits.shard_bytes), -(-bag.files // limits.shard_files))
    count = min(count, limits.max_shards, bag.files)
    return [
        (
            bag.files * (place + 1) // count - bag.files * place // count,
            bag.bytes * (place + 1) // count - bag.bytes * place // count,
        )
        for place in range(count)
    ]


def pieces_of(bags: Iterable[BagToDo], limits: Limits, first: int) -> Iterator[Piece]:
    """Pack small bags into parcels and cut large ones into shards.

    Args:
        bags: in their order.
        limits: of parcels and shards.
        first: number of the first piece.
    """
    number = first
    for each in pack(bags, limits):
        if isinstance(each, Parcel):
            yield Piece(number, each.bags[0].made.number, each.files, each.bytes, len(each.bags))
            number += 1
            continue
        shards = cut_bag(each.made, limits)
        for place, (files, size) in enumerate(shards, start=1):
            yield Piece(number, each.made.number, files, size, int(place == len(shards)))
            number += 1
