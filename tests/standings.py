"""A standing with something of everything, and with names that mean harm."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from bagfill.registry.registry import CoverageRow
from bagfill.reports.coverage import coverage_report
from bagfill.reports.standing import AuditLine, CampaignLine, FailureLine, OpenLine, Standing

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
ODD = "<script>alert(\"1\")</script> & '😀' {{ 7*7 }}"


def a_standing(*, bags: int = 3, present: int = 40, state: str = "running", overdue: int = 0) -> Standing:
    rows = [
        _row("digitised", "azure", 100, present),
        _row(ODD, "azure", 5, 5),
        _row("=cmd|' /C calc'!A0", "shelf", 2, 0),
    ]
    failures = [
        FailureLine("access-denied", "Give it.", "azure", bags, NOON, NOON, f"digitised/{ODD}", f"bagfill retry {ODD}")
    ]
    return Standing(
        moment=NOON,
        coverage=coverage_report(rows, [((), ("azure",))]),
        failures=tuple(failures if bags else ()),
        campaigns=(
            CampaignLine(
                "to-azure",
                state,
                "started",
                "azure",
                "USD",
                Decimal("12.50"),
                Decimal(100),
                10**9,
                5,
                1,
                2,
                None,
                False,
            ),
        ),
        audits=(AuditLine("azure", 100, 60, overdue, NOON),),
        open_ingests=(OpenLine("azure", 2, NOON),),
    )


def _row(space: str, location: str, bag_versions: int, present: int) -> CoverageRow:
    return CoverageRow(
        space=space,
        location=location,
        bag_versions=bag_versions,
        present_bag_versions=present,
        files=10 * bag_versions,
        present_files=10 * present,
        bytes=10**10 * bag_versions,
        present_bytes=10**10 * present,
    )
