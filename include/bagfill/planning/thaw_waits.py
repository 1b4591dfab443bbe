"""How long thaws take: as the providers say, or as a location's own thaws have shown."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from bagfill.planning.rates import HALF_LIFE, weighted_quantile
from bagfill.storage.store import ThawTier
from bagfill.thaw.tiers import thaw_times

LEAST_THAWS = 3
"""Groups of requests; with fewer, the provider's word counts."""
_USUAL = 0.9
"""Of so many groups the last object is readable by then."""


@dataclass(frozen=True, slots=True)
class ThawTiming:
    """What one group of requests took, of one storage class.

    Args:
        storage_class: the provider's own word, in capitals.
        tier: as they were asked for.
        first, last: seconds from an object's request until it was seen to be readable: of the fastest, of the slowest.
        seen: when the last of them was seen; timezone-aware.
    """

    storage_class: str
    tier: ThawTier
    first: float
    last: float
    seen: datetime


@dataclass(frozen=True, slots=True)
class MeasuredWait:
    """How long thaws of one class and tier took.

    Args:
        first: until the first object of a group was readable, as the median has it.
        last: until all objects of nine groups in ten were.
        measured: groups.
        until: when the newest was seen.
    """

    first: timedelta
    last: timedelta
    measured: int
    until: datetime


ThawWaits = Mapping[tuple[str, ThawTier], MeasuredWait]
"""By storage class, in capitals, and tier."""


def learn_waits(timings: Iterable[ThawTiming]) -> ThawWaits:
    """What thaws show, for each class and tier of which there are enough."""
    groups: dict[tuple[str, ThawTier], list[ThawTiming]] = defaultdict(list)
    for timing in timings:
        groups[timing.storage_class, timing.tier].append(timing)
    return {key: _wait(group) for key, group in groups.items() if len(group) >= LEAST_THAWS}


def _wait(group: list[ThawTiming]) -> MeasuredWait:
    newest = max(timing.seen for timing in group)
    weights = [0.5 ** ((newest - timing.seen) / HALF_LIFE) for timing in group]
    first = weighted_quantile([timing.first for timing in group], weights, 0.5)
    last = weighted_quantile([timing.last for timing in group], weights, _USUAL)
    return MeasuredWait(timedelta(seconds=first), timedelta(seconds=last), len(group), newest)


def usual_wait(waits: ThawWaits, storage_class: str, tier: ThawTier) -> timedelta:
    """Until the last object is readable: as measured, else as the provider says."""
    measured = waits.get((storage_class.upper(), tier))
    return thaw_times(storage_class, tier).last if measured is None else measured.last


def safe_wait(waits: ThawWaits, storage_class: str, tier: ThawTier) -> timedelta:
    """The longer of both: to reckon with too short a wait would let copies go away."""
    return max(thaw_times(storage_class, tier).last, usual_wait(waits, storage_class, tier))
