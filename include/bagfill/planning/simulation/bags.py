"""A collection that does not exist, and luck that does not depend on who asks in which order."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from bagfill.planning.simulation.profile import CollectionShape

_MASK = (1 << 64) - 1
_LEAST_FILES = 3


@dataclass(slots=True)
class SimulatedBag:
    """One bag, of one version.

    Args:
        number: from 0; also its name.
        files, bytes: of it.
        archived_files, archived_bytes: of them, what has to be thawed.
    """

    number: int
    files: int
    bytes: int
    archived_files: int = 0
    archived_bytes: int = 0


def make_bags(shape: CollectionShape, seed: int) -> list[SimulatedBag]:
    """Bags of lognormal size whose files and bytes add up exactly, a share of them archived but for the tag files."""
    draw = random.Random(seed)  # noqa: S311 - a simulation is to be repeatable
    weights = [draw.lognormvariate(0.0, shape.files_spread) for _ in range(shape.bags)]
    files = _shared_out(shape.files - _LEAST_FILES * shape.bags, weights)
    weights = [(count + _LEAST_FILES) * draw.lognormvariate(0.0, shape.bytes_spread) for count in files]
    sizes = _shared_out(shape.bytes, weights)
    bags = [SimulatedBag(number, files[number] + _LEAST_FILES, sizes[number]) for number in range(shape.bags)]
    left = round(shape.bytes * shape.archived_share)
    for number in draw.sample(range(shape.bags), shape.bags):
        if left <= 0:
            break
        bag = bags[number]
        bag.archived_files = bag.files - _LEAST_FILES
        bag.archived_bytes = min(left, bag.bytes) if bag.archived_files else 0
        left -= bag.archived_bytes
    return bags


def _shared_out(total: int, weights: Sequence[float]) -> list[int]:
    """Whole numbers in proportion to the weights, with exactly this sum."""
    share = total / math.fsum(weights)
    numbers, owed = [], 0.0
    given = 0
    for weight in weights:
        owed += weight * share
        number = max(0, min(total, round(owed)) - given)
        numbers.append(number)
        given += number
    numbers[-1] += total - given
    return numbers


class Luck:
    """Chance by name: the same question has the same answer, whoever asks and whenever.

    Args:
        seed: of the whole simulation.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed * 0x9E3779B97F4A7C15 & _MASK

    def draw(self, kind: int, bag: int, attempt: int = 0) -> float:
        """A number from 0 up to 1 (SplitMix64)."""
        mixed = (
            self._seed + kind * 0xD1B54A32D192ED03 + bag * 0x8CB92BA72F3D8DD7 + attempt * 0xAAAAAAAAAAAAAAB5
        ) & _MASK
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9 & _MASK
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB & _MASK
        return (mixed ^ (mixed >> 31)) / 2**64

    def spread(self, sigma: float, kind: int, bag: int, attempt: int = 0) -> float:
        """A lognormal factor with mean 1 (Box and Muller)."""
        one, other = self.draw(kind, bag, attempt), self.draw(kind + 1, bag, attempt)
        normal = math.sqrt(-2 * math.log(1 - one)) * math.cos(2 * math.pi * other)
        return math.exp(sigma * normal - sigma * sigma / 2)
