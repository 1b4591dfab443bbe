"""Carrying campaigns on: what a scheduled task does for all of them, time and again, until they are done."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bagfill.campaigns.model import Campaign
from bagfill.campaigns.states import CampaignState
from bagfill.steps.campaign_sweep import campaign_starts
from bagfill.steps.housekeeping import keep_house
from bagfill.steps.services import Services
from bagfill.steps.start_missing import Starter, Swept, start_chosen

_CARRIED = frozenset({CampaignState.RUNNING, CampaignState.DRAINING})


@dataclass(frozen=True, slots=True)
class Carried:
    """What became of one campaign now.

    Args:
        campaign: as it is afterwards.
        swept: what was started, and what was left alone.
        waiting: bags that could be started and have no room yet.
        running: ingests in work, before these starts.
    """

    campaign: Campaign
    swept: Swept
    waiting: int
    running: int

    def to_json(self) -> dict[str, Any]:
        """Counts, as plain JSON values."""
        counts = {"state": self.campaign.state.value, "waiting": self.waiting, "running": self.running}
        return {"campaign": self.campaign.name, **counts, **self.swept.to_json()}


def carry_campaign(
    services: Services, starter: Starter, campaign: Campaign, *, limit: int, dry_run: bool = False
) -> Carried:
    """Start what a campaign starts now.

    Args:
        starter: starts the runs.
        limit: most bags to start, besides the campaign's own cap.

    Raises:
        StoreError: a shipment could not be written.
    """
    found = campaign_starts(services, campaign, limit=limit)
    swept = Swept(left_alone=found.left_alone)
    start_chosen(services, starter, found.starts, swept, dry_run=dry_run)
    return Carried(found.campaign, swept, found.waiting, found.running)


def carry_campaigns(services: Services, starter: Starter, *, limit: int) -> Iterator[Carried]:
    """Every campaign that runs or drains, one after the other, in the order they were created.

    Before that, ingests whose run was lost are closed, so that their bags can be started again.
    """
    keep_house(services)
    for campaign in services.campaigns.all(states=_CARRIED):
        yield carry_campaign(services, starter, campaign, limit=limit)
