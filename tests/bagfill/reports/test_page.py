"""The report's page and tables: whole, escaped, and with nothing loaded from elsewhere."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import pytest

from bagfill.reports.coverage import coverage_report
from bagfill.reports.csv_text import csv_text
from bagfill.reports.page import report_page
from bagfill.reports.standing import COLUMNS
from bagfill.reports.trend import trend_of
from standings import NOON, ODD, a_standing

VOID = {"meta", "br", "line", "polyline", "img"}


class Checked(HTMLParser):
    """Follows the tags, and collects what is read."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""
        self.tags: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in {"src", "href"}]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def checked(page: str) -> Checked:
    parser = Checked()
    parser.feed(page)
    assert parser.open == []
    return parser


def test_names_with_markup_are_shown_and_not_obeyed() -> None:
    page = checked(report_page(a_standing(), None))
    assert ODD in page.text
    assert "script" not in page.tags


def test_nothing_is_loaded_from_elsewhere() -> None:
    text = report_page(a_standing(), None)
    assert checked(text).links == []
    assert not re.search(r"https?://|@import|url\(", text)


def test_it_says_what_is_missing_who_is_needed_and_what_it_costs() -> None:
    text = " ".join(checked(report_page(a_standing(bags=1_234, overdue=7), None)).text.split())
    for told in ("60 bag versions", "1,234 bags", "40 of 100", "12.50 USD", "2 ingests", "7 replicas"):
        assert told in text, told


def test_a_hundred_per_cent_is_shown_only_when_everything_is_there() -> None:
    rows = [replace(a_standing().coverage.lines[1].row, space="digitised", bag_versions=100_000, present_bag_versions=n)
            for n in (99_999, 100_000)]  # fmt: skip
    pages = [report_page(replace(a_standing(), coverage=coverage_report([row], [])), None) for row in rows]
    assert ("99.9 per cent" in pages[0], "100.0 per cent" in pages[1]) == (True, True)


def test_an_empty_registry_has_a_report_too() -> None:
    empty = replace(
        a_standing(), coverage=coverage_report([], []), failures=(), campaigns=(), audits=(), open_ingests=()
    )
    text = checked(report_page(empty, trend_of([empty.to_json()]))).text
    assert "bagfill import LOCATION" in text
    assert "Coverage over time" not in text


def test_the_trend_goes_from_the_first_report_to_the_last() -> None:
    course = [replace(a_standing(present=n), moment=NOON + timedelta(days=n)) for n in (0, 50, 100)]
    trend = trend_of(standing.to_json() for standing in course)
    assert trend is not None
    line = next(each for each in trend.lines if each.location == "azure")
    assert [round(share, 2) for _, share in line.points] == [0.05, 0.52, 1.0]
    assert line.path(trend.first, trend.last).split()[-1] == "640.0,0.0"
    assert "polyline" in checked(report_page(course[-1], trend)).tags


@pytest.mark.parametrize("name", COLUMNS)
def test_each_table_has_its_columns(name: str) -> None:
    columns, rows = a_standing().tables[name]
    assert tuple(columns) == COLUMNS[name]
    assert rows
    assert all(set(row) == set(columns) for row in rows)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\nx", "\uff1d1+1"])
def test_no_text_of_a_table_is_taken_for_a_formula(text: str) -> None:
    [row] = csv.DictReader(io.StringIO(csv_text(["name"], [{"name": text}]), newline=""))
    assert row["name"] == f"'{text}"


@pytest.mark.parametrize(
    ("value", "cell"), [(-5, "-5"), (None, ""), (True, "yes"), (False, "no"), ('a,"b"\n', 'a,"b"\n')]
)
def test_other_values_are_written_as_they_are(value: Any, cell: str) -> None:
    [row] = csv.DictReader(io.StringIO(csv_text(["name"], [{"name": value}]), newline=""))
    assert row["name"] == cell
