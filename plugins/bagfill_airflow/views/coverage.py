"""The page on coverage: what share of each space is where, and what is missing there and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from bagfill.bag.identifiers import BagVersionId, InvalidIdentifier
from bagfill.reports.coverage import CoverageLine
from bagfill.reports.missing import missing_page
from bagfill_airflow.api.places import services_of, surroundings_of
from bagfill_airflow.api.security import MAY_READ
from bagfill_airflow.views.answers import PageRoute, trouble
from bagfill_airflow.views.figures import figures_of
from bagfill_airflow.views.rendering import page

router = APIRouter(route_class=PageRoute, include_in_schema=False, dependencies=[MAY_READ])


@dataclass(frozen=True, slots=True)
class SpaceRow:
    """One space; ``cells`` in the order of the matrix' locations."""

    space: str
    bag_versions: int
    files: int
    bytes: int
    cells: tuple[CoverageLine, ...]


def matrix(lines: Sequence[CoverageLine]) -> tuple[SpaceRow, ...]:
    """Lines of a report as rows, one a space."""
    spaces: dict[str, list[CoverageLine]] = {}
    for line in lines:
        spaces.setdefault(line.row.space, []).append(line)
    return tuple(
        SpaceRow(space, found[0].row.bag_versions, found[0].row.files, found[0].row.bytes, tuple(found))
        for space, found in spaces.items()
    )


@router.get("/ui")
@router.get("/ui/coverage")
def show_coverage(request: Request) -> Response:
    """The matrix of spaces and locations."""
    counted = figures_of(request).coverage.get(surroundings_of(request).services.borrowed)
    return page(
        request,
        "coverage.html",
        now=None if counted is None else counted.moment,
        counted=counted,
        rows=() if counted is None else matrix(counted.report.lines),
    )


@router.get("/ui/missing")
def show_missing(
    request: Request,
    location: str,
    space: Annotated[str | None, Query()] = None,
    after: Annotated[str | None, Query()] = None,
) -> Response:
    """What of a space is missing at a location, and why; ``after`` is the last bag version of the page before."""
    try:
        last = None if after is None else BagVersionId.parse(after, stored=True)
    except InvalidIdentifier:
        last = None
    with services_of(request) as services:
        if location not in services.locations:
            # Everything would be missing there.
            text = f"“{location}” is no configured location; there are {', '.join(sorted(services.locations))}."
            return trouble(request, HTTPStatus.NOT_FOUND, "No such location", text)
        found = missing_page(services.registry, services.ingests, location, space=space, after=last)
        now = services.clock()
    return page(request, "missing.html", now=now, location=location, space=space, found=found, is_first=last is None)
