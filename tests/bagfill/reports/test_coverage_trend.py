from __future__ import annotations

from datetime import date

from bagfill.registry.registry import CoverageDay, CoverageRow
from bagfill.reports.coverage_trend import coverage_trend

EVERYWHERE = [((), ("azure",))]


def day(number: int, location: str, there: int) -> CoverageDay:
    return CoverageDay(date(2026, 1, number), CoverageRow("digitised", location, 10, 10, 10, there, there, there))


def test_each_wanted_location_has_a_line_and_a_day_without_replicas_is_nought() -> None:
    days = [day(1, "primary", 10), day(2, "azure", 4), day(2, "primary", 10), day(4, "azure", 10)]
    trend = coverage_trend(days, EVERYWHERE, ["azure", "primary"])
    assert trend is not None
    [line] = trend.lines
    assert (line.location, [share for _, share in line.points]) == ("azure", [0.0, 0.4, 1.0])


def test_one_day_is_no_trend() -> None:
    assert coverage_trend([day(1, "azure", 4)], EVERYWHERE, ["azure"]) is None
    assert coverage_trend([], EVERYWHERE, ["azure"]) is None
