"""Coverage as rows, CSV and JSON."""

from __future__ import annotations

import csv
import io

from bagfill.registry.registry import CoverageRow
from bagfill.reports.coverage import coverage_report

ROWS = [
    CoverageRow("b", "azure", 5, 50, 500, 3, 30, 300),
    CoverageRow("a", "azure", 2, 20, 200, 0, 0, 0),
    CoverageRow("a", "primary", 2, 20, 200, 2, 20, 200),
    CoverageRow("b", "glacier", 5, 50, 500, 4, 40, 400),
]


def test_only_what_a_policy_wants_is_missing() -> None:
    report = coverage_report(ROWS, [(("a",), ("azure",)), (("b",), ("glacier",))])
    assert [(line.row.space, line.row.location, line.wanted, line.missing) for line in report.lines] == [
        ("a", "azure", True, 2),
        ("a", "primary", False, 0),
        ("b", "azure", False, 2),
        ("b", "glacier", True, 1),
    ]
    assert report.missing == 3
    assert [line.is_gap for line in report.lines] == [True, False, False, True]


def test_what_is_wanted_at_a_location_is_summed_over_its_spaces() -> None:
    report = coverage_report(ROWS, [((), ("azure",)), (("b",), ("glacier",))])
    assert report.wanted_at == (
        CoverageRow("", "azure", 7, 70, 700, 3, 30, 300),
        CoverageRow("", "glacier", 5, 50, 500, 4, 40, 400),
    )


def test_a_policy_without_spaces_means_every_space() -> None:
    assert coverage_report(ROWS, [((), ("azure",))]).missing == 4


def test_nothing_is_missing_without_policies() -> None:
    assert coverage_report(ROWS, []).missing == 0


def test_one_space_only() -> None:
    assert {line.row.space for line in coverage_report(ROWS, [], space="a").lines} == {"a"}


def test_csv_and_json_say_the_same() -> None:
    report = coverage_report(ROWS, [((), ("azure",))])
    document = report.to_json()
    rows = list(csv.DictReader(io.StringIO(report.to_csv(), newline="")))
    assert [{**line, "wanted": "yes" if line["wanted"] else "no"} for line in document["coverage"]] == [
        {key: int(value) if value.isdigit() else value for key, value in row.items()} for row in rows
    ]
    assert report.to_csv().startswith("space,location,wanted,bag_versions,")


def test_names_with_commas_and_quotes_survive_csv() -> None:
    report = coverage_report([CoverageRow('odd, "space"', "azure", 1, 1, 1, 0, 0, 0)], [])
    assert next(csv.DictReader(io.StringIO(report.to_csv(), newline="")))["space"] == 'odd, "space"'
