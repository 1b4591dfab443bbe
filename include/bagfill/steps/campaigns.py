"""What people do with campaigns: declare, start, approve, pause, resume, drain, cancel, change the caps.

Plain functions for the command line, the DAGs and HTTP. Who does it and why is kept with the campaign.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from bagfill.campaigns.ledger import NameTaken, NotMoved, UnknownCampaign
from bagfill.campaigns.model import Campaign, Definition
from bagfill.campaigns.states import CampaignState
from bagfill.planning.budget import Caps
from bagfill.steps.campaign_checks import definition_problems
from bagfill.steps.campaign_moves import move_campaign
from bagfill.steps.campaign_plan import PLAN, PlannedCampaign, plan_campaign
from bagfill.steps.services import Services

ACTIONS: Mapping[str, CampaignState] = {
    "pause": CampaignState.PAUSED,
    "resume": CampaignState.RUNNING,
    "drain": CampaignState.DRAINING,
    "cancel": CampaignState.CANCELLED,
}
"""What people do to a campaign that was started, and the state it is in afterwards."""


class CampaignError(ValueError):
    """What was asked for is wrong, or not possible now; ``problems`` says each. Not retryable."""

    retryable = False

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Started:
    """What starting a campaign came to: ``RUNNING``, or ``AWAITING_APPROVAL``."""

    campaign: Campaign
    planned: PlannedCampaign


def create_campaign(services: Services, name: str, definition: Definition, caps: Caps, *, who: str) -> Campaign:
    """Declare a campaign, as a draft. Nothing is started, and nothing is paid.

    Raises:
        CampaignError: with every problem found.
    """
    problems = definition_problems(services, definition)
    try:
        campaign = Campaign(name, definition, caps, services.clock())
    except ValueError as error:
        raise CampaignError(str(error), *problems) from None
    if problems:
        raise CampaignError(*problems)
    made = services.campaigns.create(campaign, who=who)
    if isinstance(made, NameTaken):
        raise CampaignError(f"name: there is another campaign named {name}, created {made.campaign.created:%Y-%m-%d}")
    return made


def start_campaign(services: Services, name: str, *, who: str) -> Started:
    """Plan a draft and start it; above the configured amount it waits for a person to approve of the plan.

    Raises:
        UnknownCampaign, CampaignError: it is no draft, or a cap of money counts and prices are unknown.
        StoreError, PriceTableError: it could not be planned.
    """
    campaign = known_campaign(services, name)
    if campaign.state is not CampaignState.DRAFT:
        raise CampaignError(f"{name} is {campaign.state}, and only a draft is started; see bagfill campaign resume")
    planned = plan_campaign(services, campaign)
    capped = campaign.caps.money is not None or campaign.caps.money_a_day is not None
    if planned.unknown and capped and not campaign.definition.unknown_prices:
        unknown = ", ".join(planned.unknown)
        raise CampaignError(
            f"{name} has a cap of money, and unknown are: {unknown}. Add them to the price tables of its locations, "
            "or create it with --unknown-prices, which books what is unknown as nothing"
        )
    above = services.campaign_rules.approval_above
    if above is not None and (planned.money is None or planned.money > above):
        what = "an unknown amount" if planned.money is None else f"{planned.money} {campaign.definition.currency}"
        why = f"the plan comes to {what}, approval is needed above {above}"
        return Started(_moved(services, campaign, CampaignState.AWAITING_APPROVAL, who, why), planned)
    return Started(_moved(services, campaign, CampaignState.RUNNING, who, "started"), planned)


def approve_campaign(services: Services, name: str, *, who: str, why: str = "") -> Campaign:
    """Let a campaign run that waits for it. Raises UnknownCampaign, CampaignError."""
    campaign = known_campaign(services, name)
    if campaign.state is not CampaignState.AWAITING_APPROVAL:
        raise CampaignError(f"{name} is {campaign.state}; it does not wait for approval")
    return _moved(services, campaign, CampaignState.RUNNING, who, why or "approved")


def reject_campaign(services: Services, name: str, *, who: str, why: str = "") -> Campaign:
    """Send a campaign that waits for approval back to be a draft. Raises UnknownCampaign, CampaignError."""
    campaign = known_campaign(services, name)
    if campaign.state is not CampaignState.AWAITING_APPROVAL:
        raise CampaignError(f"{name} is {campaign.state}; it does not wait for approval")
    return _moved(services, campaign, CampaignState.DRAFT, who, why or "not approved")


def act_on_campaign(services: Services, name: str, action: str, *, who: str, why: str = "") -> Campaign:
    """Pause, resume, drain or cancel. Running tasks notice within seconds.

    Args:
        action: one of :data:`ACTIONS`.

    Raises:
        UnknownCampaign, CampaignError
    """
    campaign = known_campaign(services, name)
    if action not in ACTIONS:
        raise CampaignError(f"action: found {action!r}, allowed are {', '.join(ACTIONS)}")
    waiting = {CampaignState.DRAFT, CampaignState.AWAITING_APPROVAL}
    if action == "resume" and campaign.state in waiting:
        raise CampaignError(f"{name} is {campaign.state}; it is started with bagfill campaign start, then approved")
    if campaign.state is ACTIONS[action]:
        return campaign
    return _moved(services, campaign, ACTIONS[action], who, why or action)


def change_caps(services: Services, name: str, caps: Caps, *, who: str, why: str = "") -> Campaign:
    """Set other caps. One that stopped at a cap goes on when it is resumed. Raises UnknownCampaign, CampaignError."""
    changed = services.campaigns.change_caps(known_campaign(services, name), caps, who=who, why=why or "by hand")
    if isinstance(changed, NotMoved):
        raise CampaignError(f"{name}: {changed.why}")
    return changed


def known_campaign(services: Services, name: str) -> Campaign:
    """The campaign of this name. Raises UnknownCampaign."""
    campaign = services.campaigns.get(name)
    if campaign is None:
        raise UnknownCampaign(name)
    return campaign


def planned_money(services: Services, name: str) -> Decimal | None:
    """What the plan that is kept with a campaign comes to; ``None``: it has none, or prices are unknown."""
    plan = services.campaigns.remembered(name, PLAN)
    return None if plan is None or plan["money"] is None else Decimal(plan["money"])


def _moved(services: Services, campaign: Campaign, to: CampaignState, who: str, why: str) -> Campaign:
    moved = move_campaign(services, campaign, to, who=who, why=why)
    if isinstance(moved, NotMoved):
        raise CampaignError(f"{campaign.name}: {moved.why}")
    return moved
