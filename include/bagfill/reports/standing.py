"""How everything stands at one moment: what reports, digests and pages show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from typing import Any

from bagfill.reports.coverage import COVERAGE_COLUMNS, CoverageReport


@dataclass(frozen=True, slots=True)
class FailureLine:
    """Bags that need a person for one reason at one location.

    Args:
        reason: its code.
        advice: what to do, in words.
        destination: where they are missing.
        bags: how many.
        first_seen, last_seen: when the oldest and the newest of their failures ended.
        example: one of them.
        command: what resolves that one.
    """

    reason: str
    advice: str
    destination: str
    bags: int
    first_seen: datetime
    last_seen: datetime
    example: str
    command: str


@dataclass(frozen=True, slots=True)
class CampaignLine:
    """One campaign that has not ended, or ended since the report before.

    Args:
        name, state, why: as it is.
        destination: that gains replicas.
        currency: of the money.
        booked, cap: money that counts against the cap, and the cap; ``None``: none.
        booked_bytes: copied, or about to be.
        succeeded, failed, open_ingests: ingests by their end.
        deadline: by when it should be done.
        late: whether it is not.
    """

    name: str
    state: str
    why: str
    destination: str
    currency: str
    booked: Decimal
    cap: Decimal | None
    booked_bytes: int
    succeeded: int
    failed: int
    open_ingests: int
    deadline: datetime | None
    late: bool


@dataclass(frozen=True, slots=True)
class AuditLine:
    """How replicas at one location stand against the period of audits.

    Args:
        replicas: registered there.
        never: of them, never read since they were proved.
        overdue: not read within the period.
        oldest: since when the one waits that waits longest.
    """

    location: str
    replicas: int
    never: int
    overdue: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class OpenLine:
    """Ingests that have not ended, by what they do last.

    Args:
        destination: they go to.
        ingests: how many.
        oldest: when the oldest was opened.
    """

    destination: str
    ingests: int
    oldest: datetime


Line = FailureLine | CampaignLine | AuditLine | OpenLine


@dataclass(frozen=True, slots=True)
class Standing:
    """Everything, at one moment.

    Args:
        moment: timezone-aware.
        coverage: what is where.
        failures: what needs a person, most bags first.
        campaigns: by name.
        audits: by location.
        open_ingests: by destination.
    """

    moment: datetime
    coverage: CoverageReport
    failures: tuple[FailureLine, ...]
    campaigns: tuple[CampaignLine, ...]
    audits: tuple[AuditLine, ...]
    open_ingests: tuple[OpenLine, ...]

    @property
    def tables(self) -> Mapping[str, tuple[Sequence[str], Sequence[Mapping[str, Any]]]]:
        """Columns and rows by the name of the table; every value plain JSON. The columns are stable."""
        return {
            "coverage": (COLUMNS["coverage"], [line.values() for line in self.coverage.lines]),
            "failures": (COLUMNS["failures"], [values_of(line) for line in self.failures]),
            "campaigns": (COLUMNS["campaigns"], [values_of(line) for line in self.campaigns]),
            "audits": (COLUMNS["audits"], [values_of(line) for line in self.audits]),
            "open_ingests": (COLUMNS["open_ingests"], [values_of(line) for line in self.open_ingests]),
        }

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {"moment": self.moment.isoformat(), **{name: list(rows) for name, (_, rows) in self.tables.items()}}


def values_of(line: Line) -> dict[str, Any]:
    """A line as plain JSON values: moments in ISO 8601, money as text."""

    def plain(value: Any) -> Any:
        match value:
            case datetime():
                return value.isoformat()
            case Decimal():
                return str(value)
            case _:
                return value

    return {each.name: plain(getattr(line, each.name)) for each in fields(line)}


COLUMNS: Mapping[str, tuple[str, ...]] = {
    "coverage": COVERAGE_COLUMNS,
    "failures": tuple(each.name for each in fields(FailureLine)),
    "campaigns": tuple(each.name for each in fields(CampaignLine)),
    "audits": tuple(each.name for each in fields(AuditLine)),
    "open_ingests": tuple(each.name for each in fields(OpenLine)),
}
"""Columns of each table of a report."""
