"""In which order bags are done, and which begin now. Pure.

A bag whose objects are archived waits for hours and holds no worker meanwhile; a warm one needs a worker at once. They
have places of their own, therefore: thaws are asked for as early as there is room for them, and what is warm is copied
while they run, so that copying never waits for a thaw that could have been asked for earlier.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from heapq import nsmallest


class Order(StrEnum):
    """What comes first among bags whose oldest missing version is the same."""

    SMALLEST_FIRST = "smallest-first"
    OLDEST_FIRST = "oldest-first"
    ARCHIVED_TOGETHER = "archived-together"
    PRIORITY = "priority"


MOST_URGENT = 1_000_000
"""The highest priority; the lowest is as far below zero."""
_LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One bag that lacks a replica.

    Args:
        bag: ``space/external identifier``.
        version: number of its oldest missing version: older versions go before younger ones, of all bags.
        bytes: of its missing versions.
        archived_bytes: of them, what has to be thawed first; 0 if all can be read, or if it is not known.
        added: when the bag version became known; timezone-aware.
        priority: higher goes first with ``Order.PRIORITY``.
        destination: where it is missing.
    """

    bag: str
    version: int
    bytes: int
    archived_bytes: int = 0
    added: datetime = _LONG_AGO
    priority: int = 0
    destination: str = ""

    @property
    def is_archived(self) -> bool:
        """Whether it begins with a thaw."""
        return self.archived_bytes > 0


@dataclass(frozen=True, slots=True)
class Places:
    """How many bags may begin now.

    Args:
        warm: that are copied at once: places of workers.
        thawing: that wait for a thaw first: places in a wave.
    """

    warm: int
    thawing: int


def in_order(candidates: Iterable[Candidate], order: Order) -> list[Candidate]:
    """By version, then as ``order`` says; what is equal by name, so that two who ask agree."""
    return sorted(candidates, key=lambda candidate: _key(candidate, order))


def begin_now(candidates: Iterable[Candidate], order: Order, places: Places) -> Sequence[Candidate]:
    """Which bags begin now, those to thaw first: their requests go out before the workers are busy with the warm ones.

    Holds as many candidates in memory as there are places, however many there are to choose from.
    """
    warm: list[Candidate] = []
    archived: list[Candidate] = []
    for block in _blocks(candidates):
        warm = _first(places.warm, [*warm, *(each for each in block if not each.is_archived)], order)
        archived = _first(places.thawing, [*archived, *(each for each in block if each.is_archived)], order)
    return (*archived, *warm)


def _blocks(candidates: Iterable[Candidate], size: int = 10_000) -> Iterable[list[Candidate]]:
    block: list[Candidate] = []
    for candidate in candidates:
        block.append(candidate)
        if len(block) == size:
            yield block
            block = []
    yield block


def _first(count: int, candidates: list[Candidate], order: Order) -> list[Candidate]:
    return nsmallest(max(0, count), candidates, key=lambda candidate: _key(candidate, order))


def _key(candidate: Candidate, order: Order) -> tuple[object, ...]:
    name = (candidate.bag, candidate.destination)
    match order:
        case Order.SMALLEST_FIRST:
            return (candidate.version, candidate.bytes, *name)
        case Order.OLDEST_FIRST:
            return (candidate.version, candidate.added, *name)
        case Order.ARCHIVED_TOGETHER:
            return (candidate.version, not candidate.is_archived, *name)
        case Order.PRIORITY:
            return (candidate.version, -candidate.priority, *name)
