"""The plan in money and time, for each thaw tier that makes a difference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bagfill.planning.collection import Amount, ClassKey
from bagfill.planning.costs import DAYS_A_MONTH, CostLine, Pair, Totals, cost_lines, tier_for, totals
from bagfill.planning.times import Bounds, Times, step_times
from bagfill.storage.store import ThawTier


@dataclass(frozen=True, slots=True)
class TierForecast:
    """What one thaw tier comes to.

    Args:
        tier: that was wanted.
        instead: storage class → the tier it is asked for with, where the class does not have the wanted one.
        lines: of the bill.
        totals: their sum.
        times: how long it takes.
    """

    tier: ThawTier
    instead: Mapping[str, ThawTier]
    lines: tuple[CostLine, ...]
    totals: Totals
    times: Times

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "tier": self.tier.value,
            "instead": {name: tier.value for name, tier in self.instead.items()},
            "lines": [line.to_json() for line in self.lines],
            "total": self.totals.to_json(),
            "time": self.times.to_json(),
        }


def forecast(
    classes: Mapping[ClassKey, Amount], pair: Pair, tier: ThawTier, *, days: int, bounds: Bounds
) -> TierForecast:
    """What copying ``classes`` comes to when archived objects are thawed at ``tier``.

    Args:
        classes: what is copied.
        pair: between which locations.
        tier: wanted; a class that does not have it takes the next slower.
        days: how long thawed copies live.
        bounds: what limits the steps.
    """
    times = step_times(classes, tier, bounds, pair.source, pair.destination)
    lines = cost_lines(classes, pair, tier, days, months=1 + times.total.days // DAYS_A_MONTH)
    archived = sorted({key.storage_class for key in classes if key.archived})
    asked = {name: tier_for(name, tier) for name in archived}
    bill = totals(lines)
    return TierForecast(
        tier=tier,
        instead={name: found for name, found in asked.items() if found is not tier},
        lines=lines,
        totals=bill,
        # An unknown price, or two currencies: how many days the money takes is not known either.
        times=times if bill.single is None else times.spending(bill.single[1], bounds.day),
    )


def forecasts(classes: Mapping[ClassKey, Amount], pair: Pair, *, days: int, bounds: Bounds) -> tuple[TierForecast, ...]:
    """One forecast for each tier that some archived class has; a single one when nothing is archived."""
    archived = [key.storage_class for key in classes if key.archived]
    tiers = [tier for tier in ThawTier if any(tier_for(name, tier) is tier for name in archived)]
    return tuple(forecast(classes, pair, tier, days=days, bounds=bounds) for tier in tiers or [ThawTier.STANDARD])
