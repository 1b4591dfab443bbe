"""Coverage: which bag versions are where, against where the policies want them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from bagfill.registry.registry import CoverageRow
from bagfill.reports.csv_text import csv_text

COVERAGE_COLUMNS = (
    "space",
    "location",
    "wanted",
    "bag_versions",
    "present_bag_versions",
    "missing_bag_versions",
    "files",
    "present_files",
    "bytes",
    "present_bytes",
)


@dataclass(frozen=True, slots=True)
class CoverageLine:
    """How much of one space is at one location.

    Args:
        row: the registry's figures.
        wanted: whether a policy wants every bag version of the space there.
    """

    row: CoverageRow
    wanted: bool

    @property
    def missing(self) -> int:
        """Bag versions of the space that are not registered there."""
        return self.row.bag_versions - self.row.present_bag_versions

    @property
    def is_gap(self) -> bool:
        """Whether something is missing that a policy wants."""
        return self.wanted and self.missing > 0

    def values(self) -> dict[str, Any]:
        """The columns, by name; sizes in bytes."""
        row = self.row
        return {
            "space": row.space,
            "location": row.location,
            "wanted": self.wanted,
            "bag_versions": row.bag_versions,
            "present_bag_versions": row.present_bag_versions,
            "missing_bag_versions": self.missing,
            "files": row.files,
            "present_files": row.present_files,
            "bytes": row.bytes,
            "present_bytes": row.present_bytes,
        }


@dataclass(frozen=True, slots=True)
class CoverageReport:
    """Every line, by space and location."""

    lines: tuple[CoverageLine, ...]

    @property
    def missing(self) -> int:
        """Bag versions that are not where a policy wants them; one that is missing at two locations counts twice."""
        return sum(line.missing for line in self.lines if line.wanted)

    @property
    def wanted_at(self) -> tuple[CoverageRow, ...]:
        """One row for each location where a policy wants something: all of that, whatever its space (named ``""``)."""
        rows: dict[str, list[CoverageRow]] = {}
        for line in self.lines:
            if line.wanted:
                rows.setdefault(line.row.location, []).append(line.row)
        amounts = ("bag_versions", "files", "bytes", "present_bag_versions", "present_files", "present_bytes")
        return tuple(
            CoverageRow("", location, **{name: sum(getattr(row, name) for row in found) for name in amounts})
            for location, found in sorted(rows.items())
        )

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {"missing_bag_versions": self.missing, "coverage": [line.values() for line in self.lines]}

    def to_csv(self) -> str:
        """As CSV with a header; see :func:`bagfill.reports.csv_text.csv_text`."""
        return csv_text(COVERAGE_COLUMNS, (line.values() for line in self.lines))


def coverage_report(
    rows: Iterable[CoverageRow], policies: Sequence[tuple[Sequence[str], Sequence[str]]], *, space: str | None = None
) -> CoverageReport:
    """Put the policies beside the registry's figures.

    Args:
        rows: of :meth:`bagfill.registry.registry.Registry.coverage`.
        policies: pairs of spaces (none: every space) and names of locations.
        space: only this space.
    """

    def wanted(row: CoverageRow) -> bool:
        return any((not spaces or row.space in spaces) and row.location in locations for spaces, locations in policies)

    lines = [CoverageLine(row, wanted(row)) for row in rows if space is None or row.space == space]
    return CoverageReport(tuple(sorted(lines, key=lambda line: (line.row.space, line.row.location))))
