"""Templates of the pages, what they may call, and the headers that every page is sent with."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import ROUND_UP, Decimal
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bagfill.quantities import show_size

STATIC = Path(__file__).parent / "static"
_CONTENT_SECURITY = (
    # Nothing from elsewhere, nothing inline; framed by Airflow's own pages only.
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'self'"
)
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": _CONTENT_SECURITY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    # What was true a while ago must not come out of a cache.
    "Cache-Control": "no-store",
}


def page(
    request: Request, template: str, *, status: HTTPStatus = HTTPStatus.OK, now: datetime | None = None, **values: Any
) -> Response:
    """One page.

    Args:
        template: its file name.
        status: HTTP status.
        now: the moment that it shows, timezone-aware; ``None``: the present.
        values: what the template is filled with.
    """
    root = request.scope.get("root_path", "")
    moment = now or datetime.now(tz=UTC)
    # Where Airflow itself is mounted: `root_path` ends with our own prefix.
    shown = (
        _environment()
        .get_template(template)
        .render(ui=f"{root}/ui", airflow=root.removesuffix("/bagfill"), now=moment, ago=_Ago(moment), **values)
    )
    return HTMLResponse(shown, status, dict(HEADERS))


def local(path: str, **query: str | int | None) -> str:
    """A path below the pages, with what has to be escaped escaped; slashes stay.

    Args:
        path: starts with a slash.
        query: parameters; those without a value are left out.
    """
    given = {name: value for name, value in query.items() if value is not None}
    return quote(path) + (f"?{urlencode(given)}" if given else "")


def show_count(number: int) -> str:
    """A number with its thousands apart: ``1,000,000``."""
    return f"{number:,}"


def show_money(amount: Decimal) -> str:
    """An amount with two decimals, rounded up: a bill is never shown smaller than it is."""
    return f"{amount.quantize(Decimal('0.01'), ROUND_UP):,}"


def show_share(part: float, whole: float) -> str:
    """A part in per cent. Never says 100 % while something is missing, nor 0 % where something is."""
    if whole <= 0:
        return "–"
    share = 100 * part / whole
    if part >= whole:
        return "100 %"
    if 0 < share < 0.1:
        return "< 0.1 %"
    return f"{min(share, 99.9):.1f} %"


def show_moment(moment: datetime | None) -> str:
    """A moment in UTC, to the minute."""
    return "–" if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def show_duration(lasted: timedelta) -> str:
    """A duration in its two largest units: ``3 d 4 h``."""
    seconds = max(0, int(lasted.total_seconds()))
    units = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))
    largest = next((at for at, (size, _) in enumerate(units) if seconds >= size), len(units) - 1)
    parts: list[str] = []
    for size, name in units[largest : largest + 2]:
        parts.append(f"{seconds // size} {name}")
        seconds %= size
    return " ".join(part for part in parts if not part.startswith("0 ")) or "0 s"


class _Ago:
    def __init__(self, now: datetime) -> None:
        self._now = now

    def __call__(self, moment: datetime | None) -> str:
        """How long ago something was."""
        return "never" if moment is None else f"{show_duration(self._now - moment)} ago"


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "size": show_size,
        "count": show_count,
        "moment": show_moment,
        "duration": show_duration,
        "money": show_money,
    }
    made.globals |= {"share": show_share, "local": local}
    return made
