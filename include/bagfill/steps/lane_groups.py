"""Which files are hashed side by side in the lanes of the vector registers, and which one by one.

The registers cost the same however many lanes have a file. So the longest files begin, and a file that would go on
alone long after all others is read by itself, with ``hashlib``. The choice is made for a window of files before any
is read: the state of a lane cannot be handed over to ``hashlib``. By the costs that it reckons with lanes cost a
fifth less than ``hashlib`` for the files that stand in them, or none do.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Protocol, TypeVar

from bagfill.checksum.algorithm import Algorithm

if TYPE_CHECKING:
    # Not loaded for the many bags that are too small for it.
    from bagfill.checksum.side_by_side import Lanes

WINDOW = 256
"""Files that are chosen among at a time. Of a bag of a million files no more are held."""

_TO_BEGIN_AND_END = 40e-6
"""CPU seconds for a file and an algorithm, beyond what ``hashlib`` takes: measured 10e-6 to 30e-6, and to spare."""
_GIB = 1024**3


class Sized(Protocol):
    """A file of so many bytes."""

    @property
    def size(self) -> int: ...


S = TypeVar("S", bound=Sized)


def smallest_worth_it(lanes: Lanes, algorithms: Collection[Algorithm]) -> int | None:
    """From how many bytes on a file gains from lanes that are all in use; nothing where none does."""
    costs = [lanes.costs[algorithm] for algorithm in algorithms if algorithm in lanes.costs]
    gain = sum(cost.alone - cost.all_lanes / lanes.width for cost in costs)
    return int(_TO_BEGIN_AND_END * len(costs) / gain * _GIB) if gain > 0 else None


def windows(files: Iterable[S]) -> Iterator[list[S]]:
    """The files, so many at a time."""
    rest = iter(files)
    while window := list(islice(rest, WINDOW)):
        yield window


def choose(
    window: Sequence[S], lanes: Lanes, algorithms: Collection[Algorithm], *, threads: int
) -> tuple[list[list[S]], list[S]]:
    """Share out a window of files.

    Args:
        algorithms: of the digests.
        threads: that have something to do at the same time.

    Returns:
        Groups, each to be hashed side by side in the order given, and what is left to be read one by one; the longest
        first in both.
    """
    costs = [lanes.costs[algorithm] for algorithm in algorithms if algorithm in lanes.costs]
    together, alone = sum(cost.all_lanes for cost in costs), sum(cost.alone for cost in costs)
    ordered = sorted(window, key=lambda file: -file.size)
    count = max(1, min(threads, len(ordered) // lanes.width))
    groups: list[list[S]] = []
    singles: list[S] = []
    for first in range(count):
        group = ordered[first::count]
        start = _longest_to_leave_out([file.size for file in group], lanes.width, together, alone)
        singles += group[:start]
        if start < len(group):
            groups.append(group[start:])
    return groups, sorted(singles, key=lambda file: -file.size)


def _longest_to_leave_out(sizes: Sequence[int], width: int, together: float, alone: float) -> int:
    """How many of the longest files are better read by themselves; all of them, where lanes are not worth it."""
    best, least = len(sizes), alone * sum(sizes)
    left_out, rest = 0, sum(sizes)
    for number, size in enumerate(sizes):
        length = _length(sizes[number:], width)
        cost = alone * left_out + together * length
        if cost < least and together * length <= _WORTH_IT * alone * rest:
            best, least = number, cost
        if length * width <= rest * _EVEN:
            # Lanes that are as good as full all the time do not become cheaper.
            break
        left_out += size
        rest -= size
    return best


_EVEN = 1.02

_WORTH_IT = 0.8
"""Of the cost one by one: for less, files are not taken out of threads of their own, where all would be read sooner."""


def _length(sizes: Iterable[int], width: int) -> int:
    """Bytes that pass through the longest lane, if a lane that is free takes the next file."""
    lanes = [0] * width
    for size in sizes:
        heapq.heapreplace(lanes, lanes[0] + size)
    return max(lanes)
