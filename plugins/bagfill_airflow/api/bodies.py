"""Bodies of requests, JSON and forms, of a bounded size."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any, NoReturn
from urllib.parse import parse_qsl

from fastapi import Request

from bagfill_airflow.api.errors import ApiError

LARGEST_BODY = 64 * 1024
"""In bytes. A request names things; none needs more than a few hundred."""


async def json_body(request: Request, *, largest: int = LARGEST_BODY) -> Any:
    """The body of a request, decoded.

    Args:
        request: whose body is read.
        largest: in bytes.

    Raises:
        ApiError: UNSUPPORTED_MEDIA_TYPE, REQUEST_ENTITY_TOO_LARGE (nothing beyond the limit is kept) or BAD_REQUEST.
    """
    media_type = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        text = f"The request's Content-Type is {media_type or 'missing'!r}, needed is application/json."
        raise ApiError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, text)
    body = await _bounded(request, largest)
    try:
        return json.loads(body.decode("utf-8"), parse_constant=_no_constant)
    except (UnicodeDecodeError, ValueError, RecursionError):
        text = "The request content was malformed: it is not JSON in UTF-8."
        raise ApiError(HTTPStatus.BAD_REQUEST, text) from None


async def form_body(request: Request) -> dict[str, str]:
    """The fields of an HTML form, each once. Raises ApiError: REQUEST_ENTITY_TOO_LARGE or BAD_REQUEST."""
    body = await _bounded(request, LARGEST_BODY)
    try:
        return dict(parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=50))
    except ValueError:
        raise ApiError(HTTPStatus.BAD_REQUEST, "The form was malformed.") from None


async def _bounded(request: Request, largest: int) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > largest:
            raise ApiError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"The request's body has more than {largest} bytes.")
    return bytes(body)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
