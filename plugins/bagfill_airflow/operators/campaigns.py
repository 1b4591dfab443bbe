"""Tasks about campaigns: carry all of them on; ask a person to approve of one."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, NoReturn

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException, TaskAwaitingInput, TaskDeferred

from bagfill.campaigns.ledger import UnknownCampaign
from bagfill.campaigns.model import Campaign
from bagfill.campaigns.states import CampaignState
from bagfill.steps.campaign_answer import Answer, NotAsked, answer_campaign
from bagfill.steps.campaign_plan import PLAN
from bagfill.steps.campaign_text import approval_text
from bagfill.steps.campaigns import known_campaign
from bagfill.steps.campaigns_needing import campaigns_needing_a_person
from bagfill.steps.carry_campaigns import Carried, carry_campaigns
from bagfill.steps.services import Services, utc_now
from bagfill_airflow.defaults import number
from bagfill_airflow.operators.sweep import RunStarter
from bagfill_airflow.services import task_services
from bagfill_airflow.starting import Started, start_run
from bagfill_airflow.triggers.approval import ApprovalTrigger

APPROVE_DAG = "approve_campaign"
_ASKED = "asked in Airflow"
"""Kind of a document that is kept with a campaign."""

logger = logging.getLogger(__name__)


class CarryCampaignsOperator(BaseOperator):
    """Returns what became of each campaign that runs or drains, in counts; has those that wait for approval asked."""

    ui_color = "#e6f2ef"

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Param ``limit`` bounds the bags that each campaign starts now."""
        limit = int(context["params"]["limit"])
        with task_services() as services:
            for waiting in services.campaigns.all(states={CampaignState.AWAITING_APPROVAL}):
                self._ask(waiting)
            carried = list(carry_campaigns(services, RunStarter(), limit=limit))
            needing = campaigns_needing_a_person(services)
        for each in carried:
            self._tell(each)
        for needs in needing:
            self.log.warning("%s is %s: %s. %s", needs.campaign, needs.what, needs.why, needs.command)
        return [each.to_json() for each in carried]

    def _ask(self, campaign: Campaign) -> None:
        # Another revision is another question; the same one is asked once.
        run_id = f"campaign__{campaign.name}__r{campaign.revision}"
        if start_run(APPROVE_DAG, run_id, {"campaign": campaign.name}) is not Started.THERE:
            self.log.info("%s waits for approval: run %s of %s asks for it.", campaign.name, run_id, APPROVE_DAG)

    def _tell(self, carried: Carried) -> None:
        campaign, swept = carried.campaign, carried.swept
        self.log.info(
            "%s: %s; %d bag(s) started, %d ingest(s) in work before that, %d bag(s) have no room yet; booked %s %s.",
            campaign.name, campaign.state, swept.bags, carried.running, carried.waiting,
            campaign.account.total.money, campaign.definition.currency,
        )  # fmt: skip
        for why, count in sorted(swept.left_alone.kinds.items()):
            self.log.info("%s: left alone  %d: %s", campaign.name, count, why)


class ApproveCampaignOperator(ApprovalOperator):
    """Shows the plan of the campaign in the param ``campaign``, and waits, without a worker, for a person's answer.

    It waits in the triggerer, where Airflow's own operator would be parked, so that whoever answers by HTTP or at a
    terminal ends the question too.

    An answer is never lost to a try that dies before it could carry it out, such as one that Airflow's scheduler takes
    for dead because the answer came before it had noticed that the task waits: the next try looks for it first.
    """

    ui_color = "#f5e6d3"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"subject": "Approve of a campaign", "body": "", **kwargs})

    def execute(self, context: Context) -> dict[str, Any] | None:
        """Ask. A campaign that does not wait for approval any more is not asked about.

        Raises:
            AirflowFailException: it did not wait when it was first looked at.
        """
        name, task = _name(context), context["task_instance"]
        with task_services() as services:
            campaign = _known(services, name)
            asked = services.campaigns.remembered(name, _ASKED)
        if campaign.state is not CampaignState.AWAITING_APPROVAL:
            return _decided_before(context, campaign)
        if task.try_number > 1 and asked == _question(context, campaign):
            self._wait(context, campaign, before=True)
        self._ask(context, campaign)
        return None

    def execute_complete(self, context: Context, event: dict[str, Any], revision: int | None = None) -> Any:
        """Carry the answer out, in the name of the person who gave it.

        Args:
            context: of the task.
            event: of :class:`ApprovalTrigger`, or the answer as Airflow passes it on at once.
            revision: of the campaign when it was asked about.

        Raises:
            AirflowFailException: the campaign was changed after the question.
        """
        name = _name(context)
        if "elsewhere" in event:
            self.log.info("%s is %s: it was decided elsewhere.", name, event["elsewhere"])
            return {"campaign": name, "state": event["elsewhere"]}
        if "unanswered" in event:
            return self.execute_again(context)
        given = super().execute_complete(context, event)
        with task_services() as services:
            asked = _known(services, name).revision if revision is None else revision
            came_to = answer_campaign(services, name, _answer_of(given, asked))
        if isinstance(came_to, NotAsked):
            if came_to.campaign is None:
                raise AirflowFailException(str(UnknownCampaign(name)))
            changed = f"{name} is {came_to.campaign.state} and was changed after the question"
            raise AirflowFailException(f"{changed}: look at its new plan")
        state = came_to.campaign.state.value
        self.log.info("%s is %s.", name, state)
        return {"campaign": name, "state": state}

    def execute_again(self, context: Context) -> dict[str, Any] | None:
        """Ask again what an earlier try asked, and nobody has answered."""
        with task_services() as services:
            campaign = _known(services, _name(context))
        if campaign.state is not CampaignState.AWAITING_APPROVAL:
            return _decided_before(context, campaign)
        self._ask(context, campaign)
        return None

    def _ask(self, context: Context, campaign: Campaign) -> None:
        with task_services() as services:
            plan = services.campaigns.remembered(campaign.name, PLAN)
            self.subject = f"Approve of campaign {campaign.name}?"
            self.body = approval_text(campaign, plan)
            try:
                super().execute(context)
            except TaskAwaitingInput:
                services.campaigns.remember(campaign.name, _ASKED, _question(context, campaign))
        self._wait(context, campaign)

    def _wait(self, context: Context, campaign: Campaign, *, before: bool = False) -> NoReturn:
        trigger = ApprovalTrigger(
            campaign=campaign.name,
            revision=campaign.revision,
            poll_seconds=number("approval_poll_seconds", 15.0),
            before=before,
            ti_id=context["task_instance"].id,
            options=self.options,
            params=self.serialized_params,
            timeout_datetime=None if self.response_timeout is None else utc_now() + self.response_timeout,
        )
        raise TaskDeferred(trigger=trigger, method_name="execute_complete", kwargs={"revision": campaign.revision})


def _answer_of(given: Mapping[str, Any], revision: int) -> Answer:
    user = given["responded_by_user"] or {}
    who = str(user.get("name") or user.get("id") or "a user of Airflow")
    approved = given["chosen_options"] == [ApproveCampaignOperator.APPROVE]
    return Answer(approved, revision, who, f"answered in Airflow by {who}")


def _question(context: Context, campaign: Campaign) -> dict[str, Any]:
    """What is kept of a question, so that an answer to it is not taken for one to another."""
    return {"task": str(context["task_instance"].id), "revision": campaign.revision}


def _name(context: Context) -> str:
    return str(context["params"]["campaign"])


def _known(services: Services, name: str) -> Campaign:
    try:
        return known_campaign(services, name)
    except UnknownCampaign as error:
        raise AirflowFailException(str(error)) from None


def _decided_before(context: Context, campaign: Campaign) -> dict[str, Any]:
    """A try after the first may find the answer to the question of an earlier one carried out."""
    if context["task_instance"].try_number == 1:
        raise AirflowFailException(f"{campaign.name} is {campaign.state}; it does not wait for approval")
    logger.info("%s is %s: it was decided while an earlier try of this task waited.", campaign.name, campaign.state)
    return {"campaign": campaign.name, "state": campaign.state.value}
