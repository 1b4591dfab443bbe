"""``/bagfill/ingests``: ask for a replication, and follow it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any, assert_never
from uuid import UUID

from fastapi import APIRouter, Header, Path, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from bagfill.ingests.document import ingest_document
from bagfill.ingests.model import Ingest, IngestStatus
from bagfill.ingests.request_document import InvalidRequestDocument, parse_request_document
from bagfill.ingests.tracker import IngestFilter
from bagfill.steps.accept_request import (
    Acceptance,
    Accepted,
    AlreadyRunning,
    AlreadyThere,
    Client,
    KeyReused,
    Malformed,
    NotFound,
    SamePlace,
    accept_request,
)
from bagfill.steps.close_ingest import location_document
from bagfill.steps.services import Services
from bagfill_airflow.api.bodies import json_body
from bagfill_airflow.api.documents import IngestDocument, IngestListDocument
from bagfill_airflow.api.errors import ApiError, documented
from bagfill_airflow.api.places import address, services_of, surroundings_of
from bagfill_airflow.api.security import MAY_READ, MAY_START, SAME_SITE, UserName

router = APIRouter(tags=["ingests"])

MOST_INGESTS = 500
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="Sent again with the same key, the request finds the ingests that it opened before.",
    ),
]


@router.post(
    "/ingests",
    status_code=HTTPStatus.CREATED,
    response_model=IngestDocument,
    dependencies=[MAY_START, SAME_SITE],
    responses={
        **documented(
            HTTPStatus.BAD_REQUEST,
            HTTPStatus.NOT_FOUND,
            HTTPStatus.CONFLICT,
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            HTTPStatus.UNPROCESSABLE_ENTITY,
        ),
        HTTPStatus.CREATED: {
            "description": "The ingest of the oldest bag version; `request` lists all where there are several.",
            "headers": {"Location": {"description": "Its address.", "schema": {"type": "string", "format": "uri"}}},
        },
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/RequestDocument"}}},
        }
    },
)
async def create_ingest(request: Request, user: UserName, key: IdempotencyKey = None) -> JSONResponse:
    """Replicate a bag, or one version of it, to a location."""
    body = await json_body(request)
    return await run_in_threadpool(_create, request, body, Client(user, key))


def _create(request: Request, body: Any, client: Client) -> JSONResponse:
    try:
        document = parse_request_document(body)
    except InvalidRequestDocument as error:
        raise ApiError(HTTPStatus.BAD_REQUEST, str(error)) from None
    with services_of(request) as services:
        accepted = accept_request(services, document, client, surroundings_of(request).runs)
        return _answer(request, services, accepted)


def _answer(request: Request, services: Services, acceptance: Acceptance) -> JSONResponse:
    match acceptance:
        case Accepted(ingests=ingests):
            shown = _document(services, ingests[0])
            if len(ingests) > 1:
                shown["request"] = [_sibling(request, ingest) for ingest in ingests]
            headers = {"Location": _ingest_address(request, ingests[0].id)}
            return JSONResponse(shown, HTTPStatus.CREATED, headers)
        case Malformed(problems=problems):
            raise ApiError(HTTPStatus.BAD_REQUEST, "\n".join(problems))
        case NotFound(text=text):
            raise ApiError(HTTPStatus.NOT_FOUND, text)
        case AlreadyThere(bag_version=there, destination=destination):
            path = f"/bags/{there.bag}"
            href = address(request, path, version=str(there.version))
            related = {"id": str(there), "href": href, "type": "Bag"}
            text = f"{there} is registered at {destination} already."
            raise ApiError(HTTPStatus.CONFLICT, text, related=related, headers=_link(href))
        case AlreadyRunning(bag_version=busy, destination=destination, ingest_id=ingest_id):
            text = f"{busy} is being replicated to {destination} already"
            if ingest_id is None:
                raise ApiError(HTTPStatus.CONFLICT, f"{text}.")
            href = _ingest_address(request, ingest_id)
            related = {"id": str(ingest_id), "href": href, "type": "Ingest"}
            raise ApiError(HTTPStatus.CONFLICT, f"{text}, by ingest {ingest_id}.", related=related, headers=_link(href))
        case SamePlace(location=location):
            raise ApiError(HTTPStatus.CONFLICT, f"{location} is the destination; the source must be another location.")
        case KeyReused():
            text = "The idempotency key came with another request before; use a new one."
            raise ApiError(HTTPStatus.UNPROCESSABLE_ENTITY, text)
        case _:
            assert_never(acceptance)


@router.get(
    "/ingests/{ingest_id}",
    response_model=IngestDocument,
    response_model_exclude_none=True,
    dependencies=[MAY_READ],
    responses=documented(HTTPStatus.NOT_FOUND),
)
def get_ingest(request: Request, ingest_id: Annotated[str, Path(json_schema_extra={"format": "uuid"})]) -> JSONResponse:
    """One ingest, with its events."""
    with services_of(request) as services:
        ingest = services.ingests.get(parsed) if (parsed := _uuid(ingest_id)) is not None else None
        if ingest is None:
            raise ApiError(HTTPStatus.NOT_FOUND, f"Ingest {ingest_id} not found")
        return JSONResponse(_document(services, ingest))


@router.get(
    "/ingests",
    response_model=IngestListDocument,
    dependencies=[MAY_READ],
    responses=documented(HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND),
)
def list_ingests(
    request: Request,
    status: Annotated[IngestStatus | None, Query(description="Only with this status.")] = None,
    destination: Annotated[str | None, Query(description="Only to the location of this name.")] = None,
    space: Annotated[str | None, Query(description="Only of bags in this space.")] = None,
    before: Annotated[UUID | None, Query(description="The last ingest of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_INGESTS, description="Ingests of a page.")] = 100,
) -> JSONResponse:
    """Ingests, newest first, page by page."""
    with services_of(request) as services:
        last = None if before is None else services.ingests.get(before)
        if before is not None and last is None:
            raise ApiError(HTTPStatus.NOT_FOUND, f"Ingest {before} not found")
        page = services.ingests.page(IngestFilter(status, destination, space), before=last, limit=limit)
        shown: dict[str, Any] = {"results": [_document(services, ingest) for ingest in page], "type": "ResultList"}
    if len(page) == limit:
        shown["next"] = address(
            request,
            "/ingests",
            status=None if status is None else status.value,
            destination=destination,
            space=space,
            before=str(page[-1].id),
            limit=str(limit),
        )
    return JSONResponse(shown)


def _document(services: Services, ingest: Ingest) -> dict[str, Any]:
    return ingest_document(
        ingest,
        source=location_document(services, ingest.source, ingest.bag_version),
        destination=location_document(services, ingest.destination, ingest.bag_version),
    )


def _sibling(request: Request, ingest: Ingest) -> dict[str, str]:
    version, href = str(ingest.bag_version.version), _ingest_address(request, ingest.id)
    return {"id": str(ingest.id), "version": version, "href": href, "type": "Ingest"}


def _ingest_address(request: Request, ingest_id: UUID) -> str:
    return address(request, f"/ingests/{ingest_id}")


def _link(href: str) -> dict[str, str]:
    return {"Link": f'<{href}>; rel="related"'}


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
