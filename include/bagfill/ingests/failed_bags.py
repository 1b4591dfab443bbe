"""Bags that failed, looked at from afar: which of them can be counted, and which must be judged one by one.

A million bags that failed for one reason are one line on a page. What needs a person is decided by
:mod:`bagfill.steps.bag_history`; here is said of whole groups of bags what it would say of each, where their history is
so plain that nobody needs to ask. ``tests/bagfill/steps/test_failure_counts.py`` holds the two against each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bagfill.bag.identifiers import BagId, BagVersion
from bagfill.ingests.reasons import Reason

EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class CountedFailure:
    """Bags of which every version that is missing failed for good, always for the same reason.

    Args:
        reason: that one.
        bags: how many.
        first_seen, last_seen: when the oldest and the newest of their failures ended; timezone-aware.
        examples: the first of them by name; none if :data:`EXAMPLES` of this reason were named before.
    """

    reason: Reason
    bags: int
    first_seen: datetime
    last_seen: datetime
    examples: tuple[BagId, ...]


@dataclass(frozen=True, slots=True)
class LackingBag:
    """A bag that lacks versions somewhere and has a history there.

    Args:
        bag: which.
        versions: that are missing, ascending.
    """

    bag: BagId
    versions: tuple[BagVersion, ...]


@dataclass(frozen=True, slots=True)
class FailedPart:
    """A part of all bags.

    Args:
        counted: groups of bags that need a person.
        others: bags that may need one; what is in neither needs nobody.
    """

    counted: tuple[CountedFailure, ...]
    others: tuple[LackingBag, ...]


class FailedBags(Protocol):
    """Looks at the histories of all bags at one location, part by part: memory does not grow with their number."""

    def parts(self, destination: str, *, spaces: Sequence[str] | None = None) -> Iterator[FailedPart]:
        """Count what can be counted.

        Args:
            destination: name of the location where bags are missing.
            spaces: only these; ``None``: every space.
        """
        ...

    def each(
        self, destination: str, *, spaces: Sequence[str] | None = None, reason: Reason | None = None
    ) -> Iterator[Sequence[LackingBag]]:
        """Name every bag that may need a person.

        Args:
            destination, spaces: as of :meth:`parts`.
            reason: only those that failed for it at least once; ``None``: for any.
        """
        ...
