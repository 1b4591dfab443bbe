"""Style and script of the pages, and the page for every address that is none.

Neither tells anything, so a page that says "log in" may look as it should.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import Response

from bagfill_airflow.api.errors import ApiError
from bagfill_airflow.views.answers import trouble
from bagfill_airflow.views.rendering import STATIC

router = APIRouter(include_in_schema=False)

_KINDS: Mapping[str, str] = {"pages.css": "text/css; charset=utf-8", "pages.js": "text/javascript; charset=utf-8"}


@router.get("/ui/static/{name}")
def static_file(name: str) -> Response:
    """One of the files that pages name."""
    if name not in _KINDS:
        raise ApiError(HTTPStatus.NOT_FOUND, f"There is no file {name!r}")
    headers = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
    return Response((STATIC / name).read_bytes(), media_type=_KINDS[name], headers=headers)


@router.get("/ui/{rest:path}")
def no_page(request: Request, rest: str) -> Response:
    """What is asked for after every other page was not."""
    return trouble(request, HTTPStatus.NOT_FOUND, "No such page", f"There is no page “{rest}” here.")
