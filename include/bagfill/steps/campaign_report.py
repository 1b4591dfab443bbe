"""What a campaign has done and spent, beside what was planned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from bagfill.campaigns.model import Campaign
from bagfill.campaigns.states import ActKind, CampaignState
from bagfill.ingests.model import IngestStatus
from bagfill.planning.budget import Spend
from bagfill.planning.thaw_choice import Standing
from bagfill.steps.campaign_outlook import Outlook, outlook_of
from bagfill.steps.campaign_plan import PLAN
from bagfill.steps.services import Services


@dataclass(frozen=True, slots=True)
class CampaignReport:
    """One campaign, measured.

    Args:
        campaign: as it is.
        now: the moment of the report.
        ended: when it became done or was cancelled; ``None``: it has not ended.
        began: when it first ran; ``None``: it has not.
        ingests: how many ended how; the reason's code for those that failed.
        spent: by kind of act, what counts against the caps.
        open_bookings: acts that are booked and not settled.
        planned: the plan kept with it, as JSON; ``None``: it has none.
        outlook: when it is forecast to end, and how it stands towards its deadline.
    """

    campaign: Campaign
    now: datetime
    began: datetime | None
    ended: datetime | None
    ingests: Mapping[str, int]
    spent: Mapping[ActKind, Spend]
    open_bookings: int
    planned: Mapping[str, Any] | None
    outlook: Outlook

    @property
    def total(self) -> Spend:
        """Of all kinds."""
        return self.campaign.account.total

    @property
    def took(self) -> timedelta | None:
        """From its first run to its end, or to now."""
        return None if self.began is None else (self.ended or self.now) - self.began

    @property
    def planned_money(self) -> Decimal | None:
        """What the plan came to; ``None``: no plan, or prices unknown."""
        return None if self.planned is None or self.planned["money"] is None else Decimal(self.planned["money"])

    @property
    def planned_seconds(self) -> float | None:
        """How long the plan said it would take."""
        tier = self._tier
        return None if tier is None else float(tier["time"]["total_seconds"])

    @property
    def planned_requests(self) -> int | None:
        """Requests of the plan's lines."""
        tier = self._tier
        if tier is None:
            return None
        lines = [line for line in tier["lines"] if line["unit"] == "requests"]
        return int(sum(Decimal(line["quantity"]) for line in lines))

    @property
    def is_late(self) -> bool:
        """Whether its deadline is over and it is not done, or was not done by then."""
        return self.outlook.standing is Standing.LATE

    @property
    def _tier(self) -> Mapping[str, Any] | None:
        if self.planned is None:
            return None
        tiers: list[Mapping[str, Any]] = self.planned["tiers"]
        return next((tier for tier in tiers if tier["tier"] == self.planned["tier"]), next(iter(tiers), None))

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values; sizes in bytes, times in seconds, money as text."""
        took = self.took
        return {
            **self.campaign.to_json(),
            "late": self.is_late,
            **self.outlook.to_json(),
            "ingests": dict(self.ingests),
            "spent": {kind.value: spend.to_json() for kind, spend in self.spent.items()},
            "open_bookings": self.open_bookings,
            "planned_against_actual": {
                "money": {
                    "planned": None if self.planned_money is None else str(self.planned_money),
                    "actual": str(self.total.money),
                },
                "bytes": {
                    "planned": None if self.planned is None else self.planned["bytes"],
                    "actual": self.total.bytes,
                },
                "requests": {"planned": self.planned_requests, "actual": self.total.requests},
                "seconds": {
                    "planned": self.planned_seconds,
                    "actual": None if took is None else took.total_seconds(),
                },
            },
        }


def campaign_report(services: Services, campaign: Campaign) -> CampaignReport:
    """Measure a campaign. Reads the registry's database only."""
    ingests: Counter[str] = Counter()
    for ingest in services.ingests.of_campaign(campaign.name):
        failed = ingest.status is IngestStatus.FAILED and ingest.reason is not None
        ingests[ingest.reason.code if failed and ingest.reason is not None else ingest.status.value] += 1
    spent: dict[ActKind, Spend] = {}
    open_bookings = 0
    for booking in services.campaigns.bookings(campaign.name):
        kind = booking.act.kind
        spent[kind] = spent.get(kind, Spend()) + booking.counts
        open_bookings += booking.actual is None
    began = next(
        (e.at for e in services.campaigns.events(campaign.name) if f"→ {CampaignState.RUNNING}" in e.what), None
    )
    return CampaignReport(
        campaign=campaign,
        now=services.clock(),
        began=began,
        ended=campaign.changed if campaign.state.is_final else None,
        ingests=dict(sorted(ingests.items())),
        spent=spent,
        open_bookings=open_bookings,
        planned=services.campaigns.remembered(campaign.name, PLAN),
        outlook=outlook_of(services, campaign),
    )
