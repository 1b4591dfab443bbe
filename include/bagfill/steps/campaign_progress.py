"""How far a campaign is, how fast it goes, and when it would end so: figures for a page, cheap at any size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from bagfill.campaigns.model import Campaign
from bagfill.campaigns.states import CampaignState
from bagfill.ingests.model import IngestStatus
from bagfill.ingests.tracker import CampaignTally
from bagfill.steps.campaign_plan import PLAN
from bagfill.steps.services import Services

_LEAST_TO_JUDGE = timedelta(minutes=1)
"""A rate of a shorter time says nothing."""


@dataclass(frozen=True, slots=True)
class CampaignProgress:
    """One campaign, counted.

    Args:
        campaign: as it is.
        now: the moment of the count.
        began, ended: when it first ran, and when it became done or was cancelled; ``None``: not yet.
        tally: of its ingests.
        planned: the plan kept with it, as JSON; ``None``: it has none.
    """

    campaign: Campaign
    now: datetime
    began: datetime | None
    ended: datetime | None
    tally: CampaignTally
    planned: Mapping[str, Any] | None

    @property
    def arrived(self) -> int:
        """Ingests that succeeded."""
        return self.tally.ends.get(IngestStatus.SUCCEEDED.value, 0)

    @property
    def in_work(self) -> int:
        """Ingests that have not ended."""
        return sum(self.tally.ends.get(each.value, 0) for each in IngestStatus if not each.is_final)

    @property
    def failed(self) -> int:
        """Ingests that failed; a bag that was tried again counts each time."""
        return sum(self.tally.ends.values()) - self.arrived - self.in_work

    @property
    def bytes_done(self) -> int:
        """Of bag versions that arrived; where nobody knows, what is booked as copied."""
        return self.campaign.account.total.bytes if self.tally.bytes is None else self.tally.bytes

    @property
    def took(self) -> timedelta | None:
        """From its first run to its end, or to now."""
        return None if self.began is None else (self.ended or self.now) - self.began

    @property
    def rate(self) -> float | None:
        """Bytes a second since it began; ``None``: too early to say."""
        if self.took is None or self.took < _LEAST_TO_JUDGE or not self.bytes_done:
            return None
        return self.bytes_done / self.took.total_seconds()

    @property
    def end_at_rate(self) -> datetime | None:
        """When the planned bytes would be there at this rate; ``None``: it does not run, or nobody can say."""
        rate, plan = self.rate, self.planned
        if rate is None or plan is None or self.campaign.state is not CampaignState.RUNNING:
            return None
        return self.now + timedelta(seconds=max(0, plan["bytes"] - self.bytes_done) / rate)

    @property
    def planned_money(self) -> Decimal | None:
        """What the plan came to; ``None``: no plan, or prices unknown."""
        return None if self.planned is None or self.planned["money"] is None else Decimal(self.planned["money"])


def campaign_progress(services: Services, campaign: Campaign) -> CampaignProgress:
    """Count a campaign. Reads the registry's database only; nothing that grows with its bookings."""
    running = f"→ {CampaignState.RUNNING}"
    began = next((event.at for event in services.campaigns.events(campaign.name) if running in event.what), None)
    return CampaignProgress(
        campaign=campaign,
        now=services.clock(),
        began=began,
        ended=campaign.changed if campaign.state.is_final else None,
        tally=services.ingests.tally(campaign.name),
        planned=services.campaigns.remembered(campaign.name, PLAN),
    )
