"""``/bagfill/campaigns``: declare campaigns, look at them, steer them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from bagfill.campaigns.ledger import UnknownCampaign
from bagfill.campaigns.model import Campaign
from bagfill.campaigns.states import CampaignState
from bagfill.planning.budget import Caps
from bagfill.steps.campaign_document import (
    CampaignDocument,
    CapsDocument,
    InvalidCampaignDocument,
    ReleaseDocument,
    Shape,
    WhyDocument,
    campaign_schema,
    parse_document,
)
from bagfill.steps.campaign_plan import PLAN
from bagfill.steps.campaign_report import campaign_report
from bagfill.steps.campaigns import (
    CampaignError,
    act_on_campaign,
    approve_campaign,
    change_caps,
    create_campaign,
    known_campaign,
    reject_campaign,
    start_campaign,
)
from bagfill.steps.services import Services
from bagfill.storage.location import Location
from bagfill_airflow.api.bodies import json_body
from bagfill_airflow.api.campaign_documents import (
    CampaignListAnswer,
    CampaignReportAnswer,
    CampaignStateAnswer,
    PlanAnswer,
)
from bagfill_airflow.api.errors import ApiError, documented
from bagfill_airflow.api.places import address, services_of
from bagfill_airflow.api.security import MAY_APPROVE, MAY_READ, MAY_STEER, SAME_SITE, UserName

router = APIRouter(tags=["campaigns"])

_LARGEST_CAMPAIGN = 64 * 1024 * 1024
"""In bytes: a scope may name every bag of a library."""
Name = Annotated[str, Path(max_length=63, description="Of the campaign.")]
_WRONG = documented(
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.CONFLICT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
)


class Act(StrEnum):
    """What is done to a campaign."""

    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    DRAIN = "drain"
    CANCEL = "cancel"


class Judgement(StrEnum):
    """What a person says of a plan that waits for it."""

    APPROVE = "approve"
    REJECT = "reject"


def takes(model: type[Any]) -> dict[str, Any]:
    """What a route says of its body, which it reads by itself so that its size is bounded."""
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def request_schemas(locations: Iterable[Location]) -> dict[str, Any]:
    """Schemas of the bodies that these routes take, by name."""
    refs = "#/components/schemas/{model}"
    campaign = campaign_schema(locations, refs=refs)
    shapes = (CapsDocument, WhyDocument, ReleaseDocument)
    others = {shape.__name__: shape.model_json_schema(ref_template=refs) for shape in shapes}
    return {**campaign.pop("$defs"), **others, CampaignDocument.__name__: campaign}


@router.post(
    "/campaigns",
    status_code=HTTPStatus.CREATED,
    response_model=CampaignStateAnswer,
    dependencies=[MAY_STEER, SAME_SITE],
    responses={
        **_WRONG,
        HTTPStatus.CREATED: {
            "description": "The draft; declared again as it is, it is the same one.",
            "headers": {"Location": {"description": "Its address.", "schema": {"type": "string", "format": "uri"}}},
        },
    },
    openapi_extra=takes(CampaignDocument),
)
async def declare_campaign(request: Request, user: UserName) -> JSONResponse:
    """Declare a campaign, as a draft. Nothing is started, and nothing is paid."""
    body = await json_body(request, largest=_LARGEST_CAMPAIGN)
    return await run_in_threadpool(_declare, request, body, user)


def _declare(request: Request, body: Any, user: str) -> JSONResponse:
    document = _parsed(CampaignDocument, body)
    with services_of(request) as services, _told():
        definition, caps = document.definition(), document.caps.changed(Caps())
        campaign = create_campaign(services, document.name, definition, caps, who=user)
    headers = {"Location": address(request, f"/campaigns/{campaign.name}")}
    return JSONResponse(campaign.to_json(), HTTPStatus.CREATED, headers)


@router.get(
    "/campaigns",
    response_model=CampaignListAnswer,
    dependencies=[MAY_READ],
    responses=documented(HTTPStatus.BAD_REQUEST),
)
def list_campaigns(
    request: Request, state: Annotated[CampaignState | None, Query(description="Only in this state.")] = None
) -> JSONResponse:
    """All campaigns, in the order they were declared."""
    with services_of(request) as services:
        found = services.campaigns.all(states=None if state is None else {state})
    return JSONResponse({"results": [campaign.to_json() for campaign in found], "type": "ResultList"})


@router.get(
    "/campaigns/{name}",
    response_model=CampaignReportAnswer,
    dependencies=[MAY_READ],
    responses=documented(HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND),
)
def get_campaign(request: Request, name: Name) -> JSONResponse:
    """One campaign: its state, what it has booked, how its ingests ended, what was planned beside what was."""
    with services_of(request) as services, _told():
        report = campaign_report(services, known_campaign(services, name))
        history = services.campaigns.events(name)
    return JSONResponse({**report.to_json(), "history": [event.to_json() for event in history]})


@router.get(
    "/campaigns/{name}/plan",
    response_model=PlanAnswer,
    dependencies=[MAY_READ],
    responses=documented(HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND),
)
def get_plan(request: Request, name: Name) -> JSONResponse:
    """The plan that was made when the campaign was started."""
    with services_of(request) as services, _told():
        plan = services.campaigns.remembered(known_campaign(services, name).name, PLAN)
    if plan is None:
        raise ApiError(HTTPStatus.NOT_FOUND, f"Campaign {name} has no plan: it is planned when it is started")
    return JSONResponse(plan)


@router.patch(
    "/campaigns/{name}/caps",
    response_model=CampaignStateAnswer,
    dependencies=[MAY_STEER, SAME_SITE],
    responses=_WRONG,
    openapi_extra=takes(CapsDocument),
)
async def change_campaign_caps(request: Request, name: Name, user: UserName) -> JSONResponse:
    """Change the caps that are given; null takes one away. What stopped at a cap goes on when it is resumed."""
    body = await json_body(request)
    return await run_in_threadpool(_change_caps, request, name, body, user)


def _change_caps(request: Request, name: str, body: Any, user: str) -> JSONResponse:
    document = _parsed(CapsDocument, body)
    with services_of(request) as services, _told():
        caps = document.changed(known_campaign(services, name).caps)
        return JSONResponse(change_caps(services, name, caps, who=user).to_json())


@router.post(
    "/campaigns/{name}/{act}",
    response_model=CampaignStateAnswer,
    dependencies=[MAY_STEER, SAME_SITE],
    responses=_WRONG,
    openapi_extra=takes(WhyDocument),
)
async def steer_campaign(request: Request, name: Name, act: Act, user: UserName) -> JSONResponse:
    """Start a draft (planned first, which lists what the plan looks at), pause, resume, drain or cancel.

    To do again what is done already changes nothing.
    """
    body = await json_body(request)
    return await run_in_threadpool(_steer, request, name, act, body, user)


def _steer(request: Request, name: str, act: Act, body: Any, user: str) -> JSONResponse:
    why = _parsed(WhyDocument, body).why
    with services_of(request) as services, _told():
        if act is Act.START:
            return JSONResponse(_started(services, name, user).to_json())
        return JSONResponse(act_on_campaign(services, name, act.value, who=user, why=why).to_json())


def _started(services: Services, name: str, user: str) -> Campaign:
    """Started now, or before: pressing a button twice is no error."""
    campaign = known_campaign(services, name)
    if campaign.state in {CampaignState.RUNNING, CampaignState.AWAITING_APPROVAL}:
        return campaign
    return start_campaign(services, name, who=user).campaign


@router.post(
    "/campaigns/{name}/judgements/{judgement}",
    response_model=CampaignStateAnswer,
    dependencies=[MAY_APPROVE, SAME_SITE],
    responses=_WRONG,
    openapi_extra=takes(WhyDocument),
)
async def judge_campaign(request: Request, name: Name, judgement: Judgement, user: UserName) -> JSONResponse:
    """Approve of a campaign that waits for it, or send it back to be a draft."""
    body = await json_body(request)
    return await run_in_threadpool(_judge, request, name, judgement, body, user)


def _judge(request: Request, name: str, judgement: Judgement, body: Any, user: str) -> JSONResponse:
    why = _parsed(WhyDocument, body).why
    judged = approve_campaign if judgement is Judgement.APPROVE else reject_campaign
    with services_of(request) as services, _told():
        return JSONResponse(judged(services, name, who=user, why=why).to_json())


def _parsed(shape: type[Shape], body: Any) -> Shape:
    try:
        return parse_document(shape, body)
    except InvalidCampaignDocument as error:
        raise ApiError(HTTPStatus.BAD_REQUEST, str(error)) from None


@contextmanager
def _told() -> Iterator[None]:
    """Answers for what the core says of campaigns that are not there, and of what cannot be done."""
    try:
        yield
    except UnknownCampaign as error:
        raise ApiError(HTTPStatus.NOT_FOUND, str(error)) from None
    except CampaignError as error:
        raise ApiError(HTTPStatus.CONFLICT, "\n".join(error.problems)) from None
