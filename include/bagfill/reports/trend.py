"""Coverage over time, out of earlier reports, as lines of a chart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

WIDTH, HEIGHT = 640, 160


@dataclass(frozen=True, slots=True)
class TrendLine:
    """How much of what is wanted at one location was there.

    Args:
        location: which.
        points: share from 0 to 1 at each moment; moments at which nothing was wanted are left out.
    """

    location: str
    points: Sequence[tuple[datetime, float]]

    def path(self, first: datetime, last: datetime) -> str:
        """Points of an SVG polyline in a box of :data:`WIDTH` by :data:`HEIGHT`."""
        span = max(1.0, (last - first).total_seconds())
        return " ".join(
            f"{WIDTH * (moment - first).total_seconds() / span:.1f},{HEIGHT * (1 - share):.1f}"
            for moment, share in self.points
        )


@dataclass(frozen=True, slots=True)
class Trend:
    """All lines, with the moments that they span."""

    lines: tuple[TrendLine, ...]
    first: datetime
    last: datetime

    @property
    def is_shown(self) -> bool:
        """Whether there is more than one moment."""
        return self.last > self.first

    @property
    def paths(self) -> list[tuple[str, str, float]]:
        """Location, points of its polyline, and its last share."""
        return [(line.location, line.path(self.first, self.last), line.points[-1][1]) for line in self.lines]


def trend_of(reports: Iterable[Mapping[str, Any]]) -> Trend | None:
    """The trend of reports as :meth:`bagfill.reports.standing.Standing.to_json` gives them; ``None`` for none."""
    points: dict[str, list[tuple[datetime, float]]] = {}
    moments = []
    for report in reports:
        moment = datetime.fromisoformat(report["moment"])
        moments.append(moment)
        sums: dict[str, list[int]] = {}
        for row in report["coverage"]:
            if row["wanted"]:
                there, wanted = sums.setdefault(row["location"], [0, 0])
                sums[row["location"]] = [there + row["present_bag_versions"], wanted + row["bag_versions"]]
        for location, (there, wanted) in sums.items():
            if wanted:
                points.setdefault(location, []).append((moment, there / wanted))
    if not moments:
        return None
    lines = tuple(TrendLine(location, sorted(found)) for location, found in sorted(points.items()))
    return Trend(lines, min(moments), max(moments))
