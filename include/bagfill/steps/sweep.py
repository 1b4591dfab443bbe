"""Find what is missing where, and say which runs to start. The registry is asked, never the workflow system."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from bagfill.steps.services import Services
from bagfill.steps.sweep_candidates import SweepSkipped, SweepStart, sweep_candidates

MOST_TOLD = 1000
"""Bags left alone that are told one by one; the rest is counted by its reason."""


@dataclass(slots=True)
class LeftAlone:
    """Bags that a sweep did not start: the first ones by name, all of them by kind of reason."""

    first: list[SweepSkipped] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)

    def add(self, skipped: SweepSkipped) -> None:
        """Count one."""
        self.kinds[skipped.why.partition(":")[0]] += 1
        if len(self.first) < MOST_TOLD:
            self.first.append(skipped)


@dataclass(frozen=True, slots=True)
class SweepFindings:
    """What a sweep found: at most ``limit`` starts, bags with the oldest missing version first.

    Args:
        starts: the bags to start.
        skipped: bags that are left alone, the first of them.
        untold: how many more are left alone.
    """

    starts: tuple[SweepStart, ...]
    skipped: tuple[SweepSkipped, ...]
    untold: int = 0

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "starts": [start.to_json() for start in self.starts],
            "skipped": [skipped.to_json() for skipped in self.skipped],
            "untold": self.untold,
        }


def find_unbackfilled(
    services: Services, *, destination: str | None = None, space: str | None = None, limit: int
) -> SweepFindings:
    """The first bags to start, all at once; see :func:`sweep_candidates`.

    Args:
        destination: only this location; ``None``: every location of every policy.
        space: only this space.
        limit: most bags to start; 0 or more.

    Raises:
        SweepError: ``destination`` is no location, or no policy sends anything there.
    """
    left_alone = LeftAlone()
    found = sweep_candidates(services, destination=destination, space=space)
    starts = tuple(starts_among(found, left_alone, limit))
    skipped = tuple(left_alone.first)
    return SweepFindings(starts, skipped, left_alone.kinds.total() - len(skipped))


def starts_among(found: Iterable[SweepStart | SweepSkipped], left_alone: LeftAlone, limit: int) -> Iterator[SweepStart]:
    """The starts, at most ``limit``, as they come; the others are counted."""
    if limit <= 0:
        return
    for each in found:
        if isinstance(each, SweepSkipped):
            left_alone.add(each)
            continue
        yield each
        limit -= 1
        if limit == 0:
            return
