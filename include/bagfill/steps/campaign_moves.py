"""A campaign changes its state, and the log says so."""

from __future__ import annotations

import logging

from bagfill.campaigns.ledger import NotMoved
from bagfill.campaigns.model import Campaign
from bagfill.campaigns.states import CampaignState
from bagfill.logs import Line, tell
from bagfill.steps.services import Services

logger = logging.getLogger(__name__)


def move_campaign(
    services: Services, campaign: Campaign, to: CampaignState, *, who: str, why: str
) -> Campaign | NotMoved:
    """See :meth:`bagfill.campaigns.ledger.Campaigns.move`."""
    moved = services.campaigns.move(campaign, to, who=who, why=why)
    if not isinstance(moved, NotMoved):
        before, state = campaign.state.value, moved.state.value
        tell(logger, Line.CAMPAIGN_MOVED, campaign=moved.name, before=before, state=state, who=who, why=why)
    return moved
