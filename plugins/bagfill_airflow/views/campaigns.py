"""Pages on campaigns: how far each is, what it spends and waits for; and the buttons that steer it."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from bagfill.campaigns.ledger import UnknownCampaign
from bagfill.campaigns.model import Campaign
from bagfill.campaigns.states import TRANSITIONS, CampaignState
from bagfill.planning.order import Order
from bagfill.steps.campaign_course import campaign_course
from bagfill.steps.campaign_priorities import campaign_priorities
from bagfill.steps.campaign_progress import campaign_progress
from bagfill.steps.campaigns import (
    ACTIONS,
    CampaignError,
    act_on_campaign,
    approve_campaign,
    known_campaign,
    reject_campaign,
    start_campaign,
)
from bagfill.steps.services import Services
from bagfill.steps.thaw_queues import thaw_lines, thawed_lines
from bagfill_airflow.api.bodies import form_body
from bagfill_airflow.api.places import services_of, surroundings_of
from bagfill_airflow.api.security import MAY_APPROVE, MAY_READ, MAY_STEER, SAME_SITE, Rights, UserName, UserRights
from bagfill_airflow.views.answers import PageRoute, trouble
from bagfill_airflow.views.figures import figures_of
from bagfill_airflow.views.rendering import page, show_moment

router = APIRouter(route_class=PageRoute, include_in_schema=False, dependencies=[MAY_READ])

_LEADS_TO = {
    "start": CampaignState.RUNNING,
    "approve": CampaignState.RUNNING,
    "reject": CampaignState.DRAFT,
    **ACTIONS,
}
_DONE = {
    "start": "started",
    "approve": "approved",
    "reject": "sent back to be a draft",
    "pause": "paused",
    "resume": "resumed",
    "drain": "draining: bags in work are finished, none is begun",
    "cancel": "cancelled",
}
_ORDERS = {
    Order.SMALLEST_FIRST: "First versions go before second ones; among them the smallest bag goes first.",
    Order.OLDEST_FIRST: "First versions go before second ones; among them the bag that is known longest goes first.",
    Order.ARCHIVED_TOGETHER: "First versions go before second ones; among them what has to be thawed goes first.",
    Order.PRIORITY: "First versions go before second ones; among them the highest priority. What nobody named has 0.",
}
_TOLD_BY_STATE = frozenset(_LEADS_TO)
"""Reasons that say no more than the state: the button's name, where nobody gave another."""
_HISTORY_SHOWN = 50
_PRIORITIES_SHOWN = 12


def buttons(campaign: Campaign, rights: Rights) -> Sequence[str]:
    """What may be done to a campaign now, by this user."""
    state, follows = campaign.state, TRANSITIONS[campaign.state]
    offered = []
    if state is CampaignState.AWAITING_APPROVAL and rights.approve:
        offered += ["approve", "reject"]
    if rights.steer:
        offered += ["start"] if state is CampaignState.DRAFT else []
        waits = state in {CampaignState.DRAFT, CampaignState.AWAITING_APPROVAL}
        offered += [act for act, to in ACTIONS.items() if to in follows and not (act == "resume" and waits)]
    return tuple(offered)


@router.get("/ui/campaigns")
def list_campaigns(request: Request) -> Response:
    """All campaigns, the newest first, and what waits for a thaw."""
    counted = figures_of(request).campaigns.get(surroundings_of(request).services.borrowed)
    return page(request, "campaigns.html", now=None if counted is None else counted.moment, counted=counted)


@router.get("/ui/campaigns/{name}")
def show_campaign(request: Request, name: str, rights: UserRights) -> Response:
    """One campaign."""
    with services_of(request) as services:
        return _shown(request, services, name, rights)


@router.post("/ui/campaigns/{name}/approve", dependencies=[MAY_APPROVE, SAME_SITE])
@router.post("/ui/campaigns/{name}/reject", dependencies=[MAY_APPROVE, SAME_SITE])
async def judge(request: Request, name: str, user: UserName, rights: UserRights) -> Response:
    """Approve of a plan, or send it back."""
    fields = await form_body(request)
    return await run_in_threadpool(_press, request, name, request.url.path.rpartition("/")[2], fields, user, rights)


@router.post("/ui/campaigns/{name}/{act}", dependencies=[MAY_STEER, SAME_SITE])
async def steer(request: Request, name: str, act: str, user: UserName, rights: UserRights) -> Response:
    """Start, pause, resume, drain or cancel."""
    if act != "start" and act not in ACTIONS:
        return trouble(
            request, HTTPStatus.NOT_FOUND, "No such button", f"“{act}” is nothing that is done to campaigns."
        )
    fields = await form_body(request)
    return await run_in_threadpool(_press, request, name, act, fields, user, rights)


def _press(request: Request, name: str, act: str, fields: dict[str, str], user: str, rights: Rights) -> Response:
    with services_of(request) as services:
        try:
            said, good = pressed(services, name, act, fields.get("revision", ""), user, fields.get("why", "")[:200])
        except UnknownCampaign:
            return _unknown(request, name)
        figures = figures_of(request)
        figures.campaigns.forget()
        figures.needs.forget()
        return _shown(request, services, name, rights, said=said, said_good=good)


def pressed(services: Services, name: str, act: str, revision: str, who: str, why: str) -> tuple[str, bool]:
    """Do what a button says, if the campaign is still as it was when the button was shown.

    Two people who press at once are told apart by the revision: the second learns what the first did.

    Args:
        revision: of the campaign when the page was made.

    Returns:
        What to tell, and whether what was wanted is so.

    Raises:
        UnknownCampaign: there is none of this name.
    """
    before = known_campaign(services, name)
    if str(before.revision) != revision:
        return _changed_meanwhile(services, before, act)
    try:
        if act == "start":
            after = start_campaign(services, name, who=who).campaign
        elif act == "approve":
            after = approve_campaign(services, name, who=who, why=why)
        elif act == "reject":
            after = reject_campaign(services, name, who=who, why=why)
        else:
            after = act_on_campaign(services, name, act, who=who, why=why)
    except CampaignError as error:
        now = known_campaign(services, name)
        if now.revision != before.revision:
            return _changed_meanwhile(services, now, act)
        return " ".join(error.problems), False
    if after.state is CampaignState.AWAITING_APPROVAL:
        return f"{name} is planned and waits for approval: {after.why}.", True
    return f"{name} is {_DONE[act]}.", True


def _changed_meanwhile(services: Services, now: Campaign, act: str) -> tuple[str, bool]:
    last = next(iter(reversed(services.campaigns.events(now.name))), None)
    by = "" if last is None else f" by {last.who} at {show_moment(last.at)}"
    if now.state is _LEADS_TO[act]:
        return f"{now.name} is {now.state} already: it was changed{by}. Nothing was done twice.", True
    how = f"{now.name} was changed{by}, after this page was made: it is {now.state} now."
    return f"{how} Your “{act}” was not carried out; press again if you still want it.", False


def _shown(
    request: Request, services: Services, name: str, rights: Rights, *, said: str | None = None, said_good: bool = True
) -> Response:
    try:
        campaign = known_campaign(services, name)
    except UnknownCampaign:
        return _unknown(request, name)
    history = services.campaigns.events(name)[::-1]
    involved = {campaign.definition.source} - {None}
    progress = campaign_progress(services, campaign)
    return page(
        request,
        "campaign.html",
        now=services.clock(),
        progress=progress,
        course=campaign_course(services, progress),
        order=_ORDERS[campaign.definition.order],
        priorities=campaign_priorities(services, campaign, most=_PRIORITIES_SHOWN),
        thaws=[line for line in thaw_lines(services) if not involved or line.location in involved],
        thawed=[line for line in thawed_lines(services) if not involved or line.location in involved],
        history=history[:_HISTORY_SHOWN],
        buttons=buttons(campaign, rights),
        told_by_state=_TOLD_BY_STATE,
        said=said,
        said_good=said_good,
    )


def _unknown(request: Request, name: str) -> Response:
    return trouble(request, HTTPStatus.NOT_FOUND, "No such campaign", f"No campaign is named “{name}”.")
