"""``/bagfill/failures``: what needs a person, and its release when the person has seen to it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from bagfill.bag.identifiers import BagId, InvalidIdentifier
from bagfill.ingests.reasons import Reason
from bagfill.steps.campaign_document import InvalidCampaignDocument, ReleaseDocument, parse_document
from bagfill.steps.campaigns_needing import campaigns_needing_a_person
from bagfill.steps.failures_list import failure_groups, release_bag, release_reason
from bagfill.steps.services import Services
from bagfill.steps.sweep_candidates import SweepError
from bagfill_airflow.api.bodies import json_body
from bagfill_airflow.api.campaign_documents import FailuresAnswer, ReleasedAnswer
from bagfill_airflow.api.errors import ApiError, documented
from bagfill_airflow.api.places import services_of
from bagfill_airflow.api.security import MAY_READ, MAY_STEER, SAME_SITE, UserName

router = APIRouter(tags=["failures"])


@router.get(
    "/failures",
    response_model=FailuresAnswer,
    dependencies=[MAY_READ],
    responses=documented(HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND),
)
def list_failures(
    request: Request,
    destination: Annotated[str | None, Query(description="Only what is missing at this location.")] = None,
    space: Annotated[str | None, Query(description="Only bags of this space.")] = None,
) -> JSONResponse:
    """Bags that are not tried again without a person, by reason, and campaigns that need one; each with a command."""
    with services_of(request) as services:
        try:
            groups = failure_groups(services, destination=destination, space=space)
            campaigns = campaigns_needing_a_person(services, destination=destination)
        except SweepError as error:
            raise ApiError(HTTPStatus.NOT_FOUND, str(error)) from None
    results = [group.to_json() for group in groups]
    return JSONResponse({"results": results, "campaigns": [each.to_json() for each in campaigns], "type": "ResultList"})


@router.post(
    "/failures/release",
    response_model=ReleasedAnswer,
    dependencies=[MAY_STEER, SAME_SITE],
    responses=documented(
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    ),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ReleaseDocument"}}},
        }
    },
)
async def release(request: Request, user: UserName) -> JSONResponse:
    """Let the next sweep try a bag again, or all that wait for a person for one reason."""
    body = await json_body(request)
    return await run_in_threadpool(_release, request, body, user)


def _release(request: Request, body: Any, user: str) -> JSONResponse:
    try:
        document = parse_document(ReleaseDocument, body)
    except InvalidCampaignDocument as error:
        raise ApiError(HTTPStatus.BAD_REQUEST, str(error)) from None
    with services_of(request) as services:
        try:
            released = _released(services, document, user)
        except SweepError as error:
            raise ApiError(HTTPStatus.NOT_FOUND, str(error)) from None
    return JSONResponse({"released": released, "type": "Release"})


def _released(services: Services, document: ReleaseDocument, user: str) -> int:
    if document.bag is not None:
        try:
            bag = BagId.parse(document.bag, stored=True)
        except InvalidIdentifier as error:
            raise ApiError(HTTPStatus.NOT_FOUND, f"No bag {document.bag!r}: {error}") from None
        release_bag(services, bag, document.destination, who=user, why=document.why)
        return 1
    try:
        reason = Reason.of_code(document.reason or "")
    except ValueError as error:
        raise ApiError(HTTPStatus.NOT_FOUND, f"reason: {error}") from None
    made = release_reason(services, reason, document.destination, who=user, why=document.why)
    return sum(1 for _ in made)
