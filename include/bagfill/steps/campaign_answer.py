"""What a person answered about one plan of a campaign is carried out once, however often it arrives."""

from __future__ import annotations

from dataclasses import dataclass

from bagfill.campaigns.ledger import NotMoved
from bagfill.campaigns.model import Campaign
from bagfill.campaigns.states import CampaignState
from bagfill.steps.campaign_moves import move_campaign
from bagfill.steps.services import Services


@dataclass(frozen=True, slots=True)
class Answer:
    """A person's word.

    Args:
        approved: else rejected.
        revision: of the campaign that the question was about.
        who: answered.
        why: kept with the campaign.
    """

    approved: bool
    revision: int
    who: str
    why: str

    @property
    def leads_to(self) -> CampaignState:
        """The state of the campaign afterwards."""
        return CampaignState.RUNNING if self.approved else CampaignState.DRAFT


@dataclass(frozen=True, slots=True)
class CarriedOut:
    """The campaign moved by this answer."""

    campaign: Campaign


@dataclass(frozen=True, slots=True)
class NotAsked:
    """The campaign waits for no answer about that revision: it was decided before, changed, or is not there.

    Args:
        campaign: as it is; ``None``: there is none of this name.
    """

    campaign: Campaign | None


def answer_campaign(services: Services, name: str, answer: Answer) -> CarriedOut | NotAsked:
    """Approve of a campaign that waits for it, or send it back to be a draft.

    The same answer may come again, from a process that was killed after it was carried out: then it is ``NotAsked``.
    """
    while (campaign := services.campaigns.get(name)) is not None and waits(campaign, answer.revision):
        moved = move_campaign(services, campaign, answer.leads_to, who=answer.who, why=answer.why)
        if not isinstance(moved, NotMoved):
            return CarriedOut(moved)
    return NotAsked(campaign)


def waits(campaign: Campaign, revision: int) -> bool:
    """Whether somebody is to answer about this revision of the campaign."""
    return campaign.state is CampaignState.AWAITING_APPROVAL and campaign.revision == revision
