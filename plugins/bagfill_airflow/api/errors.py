"""The storage service's error body for everything that goes wrong, FastAPI's own errors included.

``{"errorType": "http", "httpStatus": 404, "label": "Not Found", "description": "…", "type": "Error"}``; answers above
499 have no description, for it might tell of the inside.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Literal

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from bagfill.database.errors import DatabaseError
from bagfill.registry.errors import ManifestDamagedError, RegistryContendedError
from bagfill.settings import SettingsError
from bagfill.steps.accept_request import RunsUnavailable
from bagfill.storage.credentials import CredentialsError
from bagfill.storage.errors import StoreError

logger = logging.getLogger(__name__)


class RelatedDocument(BaseModel):
    """What is in the way: the replica that is there, or the ingest that runs."""

    id: str
    href: str
    type: Literal["Bag", "Ingest"]


class ErrorDocument(BaseModel):
    """The storage service's error body; ``related`` is ours."""

    model_config = ConfigDict(extra="forbid")

    error_type: Literal["http"] = Field(alias="errorType")
    http_status: int = Field(alias="httpStatus", ge=400, le=599)
    label: str
    description: str | None = None
    related: RelatedDocument | None = None
    type: Literal["Error"]


class ApiError(HTTPException):
    """An error answer.

    Args:
        status: HTTP status.
        description: for a person; what was found, what is needed.
        related: what is in the way, as plain JSON.
        headers: more headers.
    """

    def __init__(
        self,
        status: HTTPStatus,
        description: str,
        *,
        related: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, description, dict(headers or {}))
        self.related = related


def error_answer(
    status: int,
    description: str | None,
    *,
    related: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """An answer with the error body."""
    body: dict[str, Any] = {"errorType": "http", "httpStatus": status, "label": HTTPStatus(status).phrase}
    if description is not None and status < HTTPStatus.INTERNAL_SERVER_ERROR:
        body["description"] = description
    if related is not None:
        body["related"] = dict(related)
    return JSONResponse({**body, "type": "Error"}, status, dict(headers or {}))


def documented(*statuses: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    """Error answers of a route, for its OpenAPI document; those that every route may give are added."""
    always = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.SERVICE_UNAVAILABLE)
    return {int(status): {"model": ErrorDocument, "description": status.phrase} for status in (*statuses, *always)}


def handle_errors(app: FastAPI) -> None:
    """Let an application answer every error in this form."""
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    for unavailable in (DatabaseError, StoreError, SettingsError, CredentialsError, RunsUnavailable):
        app.add_exception_handler(unavailable, _unavailable)
    app.add_exception_handler(RegistryContendedError, _unavailable)
    app.add_exception_handler(ManifestDamagedError, _unavailable)
    app.add_exception_handler(Exception, _surprise)


def _http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it
    related = error.related if isinstance(error, ApiError) else None
    return error_answer(error.status_code, str(error.detail), related=related, headers=error.headers)


def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for it
    lines = [f"Invalid value at {_where(each['loc'])}: {each['msg']}" for each in error.errors()]
    return error_answer(HTTPStatus.BAD_REQUEST, "\n".join(lines))


def _where(location: tuple[int | str, ...]) -> str:
    place, *path = map(str, location)
    return f"{place} {'.'.join(path)}" if path else place


def _unavailable(request: Request, error: Exception) -> Response:
    logger.warning("%s %s: %s", request.method, request.url.path, error)
    headers = {"Retry-After": "30"} if getattr(error, "retryable", False) else {}
    return error_answer(HTTPStatus.SERVICE_UNAVAILABLE, None, headers=headers)


def _surprise(request: Request, error: Exception) -> Response:
    logger.error("%s %s", request.method, request.url.path, exc_info=error)
    return error_answer(HTTPStatus.INTERNAL_SERVER_ERROR, None)
