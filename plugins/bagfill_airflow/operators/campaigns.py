"""Tasks about campaigns: carry all of them on; ask a person to approve of one."""

from __future__ import annotations

from typing import Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException, TaskAwaitingInput

from bagfill.campaigns.ledger import UnknownCampaign
from bagfill.campaigns.model import Campaign
from bagfill.campaigns.states import CampaignState
from bagfill.steps.campaign_plan import PLAN
from bagfill.steps.campaign_text import approval_text
from bagfill.steps.campaigns import CampaignError, approve_campaign, known_campaign, reject_campaign
from bagfill.steps.campaigns_needing import campaigns_needing_a_person
from bagfill.steps.carry_campaigns import Carried, carry_campaigns
from bagfill.steps.services import Services, utc_now
from bagfill_airflow.defaults import number
from bagfill_airflow.operators.sweep import RunStarter
from bagfill_airflow.services import task_services
from bagfill_airflow.starting import Started, start_run
from bagfill_airflow.triggers.approval import ApprovalTrigger

APPROVE_DAG = "approve_campaign"


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
    """

    ui_color = "#f5e6d3"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"subject": "Approve of a campaign", "body": "", **kwargs})

    def execute(self, context: Context) -> None:
        """Ask. A campaign that does not wait for approval any more is not asked about."""
        name = _name(context)
        with task_services() as services:
            campaign = _waiting(services, name)
            plan = services.campaigns.remembered(name, PLAN)
        self.subject = f"Approve of campaign {name}?"
        self.body = approval_text(campaign, plan)
        try:
            super().execute(context)
        except TaskAwaitingInput:
            trigger = ApprovalTrigger(
                campaign=name,
                revision=campaign.revision,
                poll_seconds=number("approval_poll_seconds", 15.0),
                ti_id=context["task_instance"].id,
                options=self.options,
                params=self.serialized_params,
                timeout_datetime=None if self.response_timeout is None else utc_now() + self.response_timeout,
            )
            self.defer(trigger=trigger, method_name="execute_complete", kwargs={"revision": campaign.revision})

    def execute_complete(self, context: Context, event: dict[str, Any], revision: int | None = None) -> Any:
        """Carry the answer out, in the name of the person who gave it.

        Args:
            context: of the task.
            event: of :class:`ApprovalTrigger`, or the answer as Airflow passes it on at once.
            revision: of the campaign when it was asked about.
        """
        if "elsewhere" in event:
            self.log.info("%s is %s: it was decided elsewhere.", _name(context), event["elsewhere"])
            return {"campaign": _name(context), "state": event["elsewhere"]}
        answer = super().execute_complete(context, event)
        user = answer["responded_by_user"] or {}
        who = str(user.get("name") or user.get("id") or "a user of Airflow")
        name = _name(context)
        with task_services() as services:
            campaign = _waiting(services, name)
            if revision not in {None, campaign.revision}:
                raise AirflowFailException(f"{name} was changed after the question: look at its new plan")
            decide = approve_campaign if answer["chosen_options"] == [self.APPROVE] else reject_campaign
            try:
                campaign = decide(services, name, who=who, why=f"answered in Airflow by {who}")
            except (CampaignError, UnknownCampaign) as error:
                raise AirflowFailException(str(error)) from None
        self.log.info("%s is %s.", campaign.name, campaign.state)
        return {"campaign": campaign.name, "state": campaign.state.value}


def _name(context: Context) -> str:
    return str(context["params"]["campaign"])


def _waiting(services: Services, name: str) -> Campaign:
    try:
        campaign = known_campaign(services, name)
    except UnknownCampaign as error:
        raise AirflowFailException(str(error)) from None
    if campaign.state is not CampaignState.AWAITING_APPROVAL:
        raise AirflowFailException(f"{name} is {campaign.state}; it does not wait for approval")
    return campaign
