"""Campaigns that need a person: for approval, for a raised cap, or because they miss their deadline."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bagfill.campaigns.model import Campaign
from bagfill.campaigns.states import CampaignState
from bagfill.planning.thaw_choice import Standing
from bagfill.steps.campaign_outlook import outlook_of
from bagfill.steps.services import Services

_LIVES = frozenset(state for state in CampaignState if not state.is_final)


@dataclass(frozen=True, slots=True)
class CampaignNeeds:
    """One campaign, and what a person may do about it.

    Args:
        campaign: its name.
        what: ``awaiting approval``, ``stopped at cap``, ``at risk`` or ``late``.
        why: in words.
        command: what resolves it, as a command line.
    """

    campaign: str
    what: str
    why: str
    command: str

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {name: getattr(self, name) for name in self.__slots__}


def campaigns_needing_a_person(services: Services, *, destination: str | None = None) -> tuple[CampaignNeeds, ...]:
    """In the order they were created; one campaign may need two things. Reads the registry's database only.

    Args:
        destination: only those for this location.
    """
    found = services.campaigns.all(states=_LIVES)
    here = (each for each in found if destination is None or each.definition.destination == destination)
    return tuple(needs for campaign in here for needs in _needs(services, campaign))


def _needs(services: Services, campaign: Campaign) -> Iterator[CampaignNeeds]:
    name = campaign.name
    if campaign.state is CampaignState.AWAITING_APPROVAL:
        command = f"bagfill campaign approve {name}"
        yield CampaignNeeds(name, campaign.state.value, campaign.why, command)
    if campaign.state is CampaignState.STOPPED_AT_CAP:
        command = f"bagfill campaign caps {name} --cap AMOUNT && bagfill campaign resume {name}"
        yield CampaignNeeds(name, campaign.state.value, campaign.why, command)
    outlook, deadline = outlook_of(services, campaign), campaign.definition.deadline
    if deadline is None or outlook.standing not in {Standing.AT_RISK, Standing.LATE}:
        return
    end = "at no time within its caps" if outlook.expected is None else f"on {outlook.expected:%Y-%m-%d %H:%M} UTC"
    forecast = "" if outlook.chosen is None else f"; it is forecast to end {end}"
    why = f"its deadline is {deadline:%Y-%m-%d %H:%M} UTC{forecast}"
    yield CampaignNeeds(name, outlook.standing.value, why, f"bagfill campaign show {name}")
