"""Sit out the halt of a campaign where no workflow system waits: the same ingest goes on with what is staged."""

from __future__ import annotations

from collections.abc import Callable

from bagfill.campaigns.model import Campaign
from bagfill.campaigns.states import CampaignState
from bagfill.ingests.reasons import Reason
from bagfill.steps.outcomes import IngestRef, StepFailed
from bagfill.steps.services import Services
from bagfill.steps.wait_for_campaign import poll_campaign

Act = Callable[[], StepFailed | None]
"""A step, or several; done again it goes on where it was."""
Told = Callable[[str], None]
"""Hears in words that, and why, something waits."""


def through_halts(services: Services, ref: IngestRef, act: Act, pause: Callable[[], None], told: Told) -> Act:
    """The act, done again after each halt that is not the end: a pause, closed hours, a used-up day.

    At a cap that a person must raise, and when the campaign is cancelled, the failure is passed on.

    Args:
        services: of the act.
        ref: the ingest that it is about.
        act: what is done.
        pause: waits between two looks; well below the lease of a claim.
        told: hears of each halt, once.
    """

    def again() -> StepFailed | None:
        while (failure := act()) is not None and ref.campaign and failure.reason is Reason.CAMPAIGN_HALTED:
            if _stopped_for_good(services.campaigns.get(ref.campaign)):
                return failure
            told(failure.message)
            ended = _wait(services, ref, failure, pause)
            if ended is not None:
                return ended
        return failure

    return again


def wait_while_paused(services: Services, name: str, pause: Callable[[], None], told: Told) -> Campaign | None:
    """The campaign, once it is not paused.

    Args:
        services: whose campaigns.
        name: of the campaign.
        pause: waits between two looks.
        told: hears of it, once.
    """
    campaign = services.campaigns.get(name)
    if campaign is not None and campaign.state is CampaignState.PAUSED:
        told(f"campaign {name} is paused: {campaign.why}")
    while campaign is not None and campaign.state is CampaignState.PAUSED:
        pause()
        campaign = services.campaigns.get(name)
    return campaign


def _wait(services: Services, ref: IngestRef, failure: StepFailed, pause: Callable[[], None]) -> StepFailed | None:
    while True:
        looked = poll_campaign(services, ref)
        if isinstance(looked, StepFailed):
            return looked
        if _stopped_for_good(services.campaigns.get(ref.campaign)):
            return failure
        if looked and (failure.again is None or services.clock() >= failure.again):
            return None
        pause()


def _stopped_for_good(campaign: Campaign | None) -> bool:
    return campaign is None or campaign.state.is_final or campaign.state is CampaignState.STOPPED_AT_CAP
