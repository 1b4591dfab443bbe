"""Draws files at random, so that anybody can draw the same again from the seed and the plan."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from random import Random

from bagfill.audit.statistics import files_to_draw


def draw(counts: Sequence[int], number: int, seed: int) -> dict[int, tuple[int, ...]]:
    """Draw from several replicas as if all their files lay in one row.

    Args:
        counts: files of each replica, in the order of the plan.
        number: files to draw; all of them if there are fewer.
        seed: of Python's ``random.Random``.

    Returns:
        Place of a replica → places of the drawn files in it, ascending. Every set of so many files is equally likely.
    """
    ends = list(accumulate(counts))
    population = ends[-1] if ends else 0
    drawn: defaultdict[int, list[int]] = defaultdict(list)
    for index in sorted(Random(seed).sample(range(population), min(number, population))):  # noqa: S311 - to be drawn again by others
        place = bisect_right(ends, index)
        drawn[place].append(index - (ends[place] - counts[place]))
    return {place: tuple(files) for place, files in drawn.items()}


def size_class(size: int) -> int:
    """The class of a file: those below ``2 ** class`` bytes and not below half of that; 0 for empty files."""
    return size.bit_length()


def size_classes(sizes: Iterable[int]) -> dict[int, int]:
    """Class → number of files."""
    return dict(sorted(Counter(map(size_class, sizes)).items()))


@dataclass(frozen=True, slots=True)
class ThawSample:
    """How to draw from archived files within a budget.

    The number to draw is fixed before anything is drawn, and the largest files that could be drawn fit the budget
    together: so every file below the limit is equally likely, however large, and the statement about them is exact.

    Args:
        limit_class: only files of this size class or a smaller one are drawn.
        population: how many files those are.
        left_out: archived files that are larger.
        number: how many to draw.
    """

    limit_class: int
    population: int
    left_out: int
    number: int


def thaw_sample(classes: Mapping[int, int], *, budget: int, confidence: float, loss: float) -> ThawSample | None:
    """Choose limit and number: the highest limit under which enough files can be drawn, else the one that allows most.

    Args:
        classes: of all archived files.
        budget: bytes that may be thawed.
        confidence, loss: what the sample is to prove, see :func:`bagfill.audit.statistics.files_to_draw`.

    Returns:
        ``None`` when the budget allows no file.
    """
    total = sum(classes.values())
    best: ThawSample | None = None
    for limit in sorted(classes, reverse=True):
        population = sum(number for each, number in classes.items() if each <= limit)
        largest = max(2**limit - 1, 1)
        wanted = files_to_draw(population, confidence, loss)
        number = min(wanted, budget // largest)
        sample = ThawSample(limit, population, total - population, number)
        if number and number == wanted:
            return sample
        if number and (best is None or number > best.number):
            best = sample
    return best
