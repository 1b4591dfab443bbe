"""Write the report of this moment: one HTML file, a CSV for each table, and JSON, in a folder of its own.

Reports are records, written once; those before are read for the trend.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bagfill.reports.csv_text import csv_text
from bagfill.reports.page import report_page
from bagfill.reports.standing import Standing
from bagfill.reports.trend import trend_of
from bagfill.steps.records import RecordStore
from bagfill.steps.services import Services
from bagfill.steps.standing import look_at_standing

FOLDER = "_reports/"
_STAMP = "%Y-%m-%dT%H%M%SZ"
_EARLIER = 60
_RECENT = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class WrittenReport:
    """Where a report is.

    Args:
        location: name of the location.
        folder: key of its folder there, ending in ``/``.
        standing: what it shows.
    """

    location: str
    folder: str
    standing: Standing

    def to_json(self) -> dict[str, Any]:
        """Where it is, and a few counts."""
        return {
            "location": self.location,
            "folder": self.folder,
            "missing_bag_versions": self.standing.coverage.missing,
            "needing_a_person": sum(line.bags for line in self.standing.failures),
        }


def write_report(services: Services) -> WrittenReport:
    """Look, and write what was seen. Written twice within a second, it is the same report.

    Raises:
        StoreError: the reports' place did not answer.
    """
    records = services.reports or services.receipts
    standing = look_at_standing(services, since=services.clock() - _RECENT)
    stamp = standing.moment.astimezone(UTC).strftime(_STAMP)
    folder = f"{FOLDER}{stamp}/"
    document = standing.to_json()
    trend = trend_of([*_earlier(records), document])
    for name, (columns, rows) in standing.tables.items():
        records.write_bytes(f"{folder}{name}.csv", csv_text(columns, rows).encode())
    records.write_bytes(f"{folder}report.html", report_page(standing, trend).encode())
    # Last: a folder with it is whole.
    records.write_json(f"{folder}report.json", document)
    return WrittenReport(records.location, records.key(folder), standing)


def _earlier(records: RecordStore) -> Iterator[dict[str, Any]]:
    """The reports before, at most :data:`_EARLIER` of them, spread over the time since the first."""
    names = [name for name in records.names(FOLDER) if name.endswith("/report.json")]
    step = max(1, -(-len(names) // _EARLIER))
    for name in names[::step]:
        text = records.read_bytes(name)
        if text is not None and _is_moment(name):
            yield json.loads(text)


def _is_moment(name: str) -> bool:
    try:
        datetime.strptime(name.removeprefix(FOLDER).partition("/")[0], _STAMP)  # noqa: DTZ007 - only its form counts
    except ValueError:
        return False
    return True
