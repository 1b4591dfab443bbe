"""Coverage over time, out of what was remembered of each day."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, time

from bagfill.registry.registry import CoverageDay, CoverageRow
from bagfill.reports.coverage import coverage_report
from bagfill.reports.trend import Trend, TrendLine


def coverage_trend(
    days: Iterable[CoverageDay], policies: Sequence[tuple[Sequence[str], Sequence[str]]], locations: Sequence[str]
) -> Trend | None:
    """The share of what policies want that was at each location; ``None`` for fewer than two days.

    Args:
        days: of :meth:`bagfill.registry.registry.Registry.coverage_days`.
        policies: as they are now: what they want is looked for on earlier days too.
        locations: names of those that get a line.
    """
    by_day: dict[datetime, list[CoverageRow]] = {}
    for each in days:
        by_day.setdefault(datetime.combine(each.day, time(), UTC), []).append(each.row)
    if len(by_day) < 2:
        return None
    points: dict[str, list[tuple[datetime, float]]] = {}
    for moment, rows in sorted(by_day.items()):
        wholes = {row.space: (row.bag_versions, row.files, row.bytes) for row in rows}
        known = {(row.space, row.location) for row in rows}
        # Where nothing was yet, nothing was remembered: that is a share of nought.
        absent = (
            CoverageRow(space, name, *whole, 0, 0, 0)
            for space, whole in wholes.items()
            for name in locations
            if (space, name) not in known
        )
        report = coverage_report([*rows, *absent], policies)
        for name in locations:
            wanted = [line.row for line in report.lines if line.wanted and line.row.location == name]
            if wanted:
                share = sum(row.present_bag_versions for row in wanted) / sum(row.bag_versions for row in wanted)
                points.setdefault(name, []).append((moment, share))
    return Trend(tuple(TrendLine(name, found) for name, found in points.items()), min(by_day), max(by_day))
