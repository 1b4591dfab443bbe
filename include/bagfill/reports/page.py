"""The report as one HTML file that loads nothing from elsewhere: it can be mailed, kept, and opened in ten years."""

from __future__ import annotations

from datetime import datetime
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from bagfill.quantities import show_size
from bagfill.reports.standing import Standing
from bagfill.reports.trend import Trend


def report_page(standing: Standing, trend: Trend | None) -> str:
    """The page. Every text in it is escaped.

    Args:
        standing: what it shows.
        trend: coverage over time; ``None``: there is no earlier report.
    """
    return _template().render(standing=standing, trend=trend if trend is not None and trend.is_shown else None)


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("bagfill.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(size=show_size, number=_number, moment=_moment, share=_share)
    return environment.get_template("report.html.j2")


def _number(value: int) -> str:
    return f"{value:,}"


def _moment(value: datetime | None) -> str:
    return "" if value is None else f"{value:%Y-%m-%d %H:%M} UTC"


def _share(part: int, whole: int) -> float:
    """Per cent, rounded down: 100 is shown only when everything is there."""
    return 100.0 if part >= whole else int(1000 * part / whole) / 10
