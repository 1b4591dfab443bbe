"""Which archived files of an ingest may be asked for now, and for how long: no copy may go away before its use."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from bagfill.planning.shards import PlannedFile
from bagfill.planning.thaw_waits import safe_wait
from bagfill.planning.waves import ANY_TIME, WavePace, WorkDay, first_window
from bagfill.steps.forecasting import bounds_of
from bagfill.steps.outcomes import IngestRef
from bagfill.steps.services import Services
from bagfill.storage.store import ThawTier

_LOOKS = timedelta(hours=1)
"""Between the moment when a copy can be read and the moment when somebody sees it."""


@dataclass(frozen=True, slots=True)
class Due:
    """What may be asked for.

    Args:
        files: of those that are not at the destination, the first, in the order of the plan.
        later: how many come after them.
        days: how long copies are asked to live.
    """

    files: tuple[PlannedFile, ...]
    later: int
    days: int

    @property
    def paths(self) -> frozenset[str]:
        """Of the files."""
        return frozenset(file.path for file in self.files)


def due_files(services: Services, ref: IngestRef, needed: Sequence[PlannedFile], classes: Mapping[str, str]) -> Due:
    """The window over what is still needed.

    Args:
        services: of the step.
        ref: the ingest.
        needed: archived files that the destination does not have, in the order of the plan.
        classes: storage class by path.
    """
    pace = pace_of(services, ref, classes.values())
    window = first_window(
        [file.size for file in needed],
        pace,
        days=ref.thaw_days,
        most_days=services.locations[ref.source].thaw.most_days,
    )
    return Due(tuple(needed[: window.count]), len(needed) - window.count, window.days)


def pace_of(services: Services, ref: IngestRef, classes: Iterable[str]) -> WavePace:
    """How fast archived files go from asked for to verified, by the slowest class among them."""
    bounds = bounds_of(services, ref.source, ref.destination)
    tier = ThawTier(ref.thaw_tier)
    slowest = max((safe_wait(bounds.waits, name, tier) for name in set(classes)), default=timedelta())
    a_file = bounds.copy.seconds_a_file + bounds.verify.seconds_a_file
    # One worker's rates: how many will be free, nobody knows.
    return WavePace(
        slowest + _LOOKS,
        copy_rate=_rate(bounds.copy.seconds_a_byte),
        verify_rate=_rate(bounds.verify.seconds_a_byte),
        requests_per_second=services.limits.thaw_requests_per_second,
        objects_per_second=_rate(a_file),
        day=_day_of(services, ref),
    )


def _day_of(services: Services, ref: IngestRef) -> WorkDay:
    """When the ingest's campaign lets anything be done."""
    campaign = services.campaigns.get(ref.campaign) if ref.campaign else None
    return ANY_TIME if campaign is None else WorkDay.under(campaign.caps)


def _rate(seconds: float) -> float:
    return 1 / seconds if seconds > 0 else math.inf
