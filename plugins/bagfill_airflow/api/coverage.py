"""``/bagfill/coverage``: which part of each space is where."""

from __future__ import annotations

from enum import StrEnum
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response

from bagfill.reports.coverage import coverage_report
from bagfill_airflow.api.documents import CoverageDocument
from bagfill_airflow.api.errors import documented
from bagfill_airflow.api.places import services_of
from bagfill_airflow.api.security import MAY_READ

router = APIRouter(tags=["coverage"])


class Form(StrEnum):
    """How coverage is written."""

    JSON = "json"
    CSV = "csv"


@router.get(
    "/coverage",
    response_model=CoverageDocument,
    dependencies=[MAY_READ],
    responses={
        **documented(HTTPStatus.BAD_REQUEST),
        HTTPStatus.OK: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "Coverage"},
    },
)
def get_coverage(
    request: Request,
    space: Annotated[str | None, Query(description="Only this space.")] = None,
    form: Annotated[
        Form | None, Query(alias="format", description="Left out: CSV if `Accept` says `text/csv`, else JSON.")
    ] = None,
) -> Response:
    """Bag versions, files and bytes of each space at each location, and whether a policy wants them there."""
    with services_of(request) as services:
        policies = [(policy.spaces, policy.locations) for policy in services.policies]
        report = coverage_report(services.registry.coverage(list(services.locations)), policies, space=space)
    wants_csv = form is Form.CSV or (form is None and request.headers.get("Accept", "").startswith("text/csv"))
    if wants_csv:
        return Response(report.to_csv(), media_type="text/csv; charset=utf-8")
    return JSONResponse(report.to_json())
