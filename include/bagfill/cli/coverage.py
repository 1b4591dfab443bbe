"""``bagfill coverage``."""

from __future__ import annotations

import sys
from pathlib import Path

from rich.table import Table

from bagfill.cli.answers import Answers, CommandError, Exit
from bagfill.cli.services import services_for
from bagfill.quantities import show_size
from bagfill.reports.coverage import CoverageReport, coverage_report
from bagfill.steps.services import Services


def run(answers: Answers, config: Path | None, *, space: str | None, as_csv: bool) -> Exit:
    """Print coverage as a table, CSV or JSON."""
    if as_csv and answers.as_json:
        raise CommandError("--csv and --json exclude each other")
    with services_for(config) as services:
        report = report_of(services, space)
    if as_csv:
        sys.stdout.write(report.to_csv())
    elif answers.as_json:
        answers.document(report.to_json())
    elif report.lines:
        answers.table(coverage_table(report))
    else:
        answers.text(
            "No bags are known" + (f" in space {space}." if space else "; bagfill import LOCATION learns them.")
        )
    return Exit.NEGATIVE if report.missing else Exit.DONE


def report_of(services: Services, space: str | None = None) -> CoverageReport:
    """The report on all configured locations."""
    policies = [(policy.spaces, policy.locations) for policy in services.policies]
    return coverage_report(services.registry.coverage(list(services.locations)), policies, space=space)


def coverage_table(report: CoverageReport, title: str | None = None) -> Table:
    """The report for people."""
    table = Table(title=title, title_justify="left")
    for column in ("space", "location", "wanted"):
        table.add_column(column)
    for column in ("bag versions", "missing", "files", "size"):
        table.add_column(column, justify="right")
    for line in report.lines:
        row = line.row
        missing = f"{line.missing:,}" if line.missing else "–"
        table.add_row(
            row.space,
            row.location,
            "yes" if line.wanted else "no",
            f"{row.present_bag_versions:,} of {row.bag_versions:,}",
            f"[bold red]{missing}[/]" if line.is_gap else missing,
            f"{row.present_files:,} of {row.files:,}",
            f"{show_size(row.present_bytes)} of {show_size(row.bytes)}",
        )
    return table
