"""A world with campaigns: prices that are easy to add up, and bags of many small shards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from bagfill.bag.identifiers import BagId
from bagfill.campaigns.ledger import Campaigns
from bagfill.campaigns.memory import MemoryCampaigns
from bagfill.campaigns.model import Campaign, Definition, Scope
from bagfill.campaigns.states import CampaignState
from bagfill.ingests.releases import MemoryReleases, Releases
from bagfill.planning.budget import Caps, Spend
from bagfill.planning.shards import CopyItem
from bagfill.steps.act_costs import ActCost, copy_requests
from bagfill.steps.backfill import BackfillResult, backfill
from bagfill.steps.campaign_acts import CampaignThawPermits
from bagfill.steps.open_ingest import OpenedIngests, open_ingests
from bagfill.steps.outcomes import IngestRef
from bagfill.steps.plan_replication import PlanSummary, plan_replication
from bagfill.steps.services import Services
from bagfill.steps.thaw_permits import ThawChunk
from world import SMALL, World, advance_instead_of_sleeping, bag_files

NAME = "azure-2026"


class RoundPrices:
    """A file costs 1 to copy, an object 10 to thaw."""

    def of_copy(self, ref: IngestRef, items: Sequence[CopyItem]) -> ActCost:
        spend = Spend(Decimal(len(items)), sum(item.size for item in items), copy_requests(items))
        return ActCost(spend, "USD")

    def of_thaw(self, chunk: ThawChunk, objects: int, size: int) -> ActCost:
        return ActCost(Spend(Decimal(10 * objects), 0, objects), "USD")


@dataclass
class CampaignWorld(World):
    """Bags of eight files: two shards of four."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.limits = replace(SMALL, concurrency=1)
        self.campaigns: Campaigns = MemoryCampaigns(self.clock)
        self.releases: Releases = MemoryReleases()

    def services(self, **changes: Any) -> Services:
        built = super().services(
            **{"campaigns": self.campaigns, "releases": self.releases, "act_costs": RoundPrices(), **changes}
        )
        return replace(built, thaw_permits=CampaignThawPermits(built))

    def bag(self, name: str = "digitised/b1") -> dict[str, bytes]:
        files = bag_files(BagId.parse(name), {f"{n}.txt": f"{name} {n}".encode() * 10 for n in range(4)})
        self.add(f"{name}/v1", files)
        return files

    def run(self, name: str = NAME, caps: Caps | None = None, **definition: Any) -> Campaign:
        """A running campaign."""
        what = Definition(**{"scope": Scope(), "destination": "azure", **definition})
        self.campaigns.create(Campaign(name, what, caps or Caps(), self.clock()), who="ada")
        return self.move(CampaignState.RUNNING, name)

    def move(self, state: CampaignState, name: str = NAME) -> Campaign:
        moved = self.campaigns.move(self.campaign(name), state, who="ada", why="because")
        assert isinstance(moved, Campaign), moved
        return moved

    def campaign(self, name: str = NAME) -> Campaign:
        found = self.campaigns.get(name)
        assert found is not None
        return found

    def raise_cap(self, caps: Caps, name: str = NAME) -> None:
        assert isinstance(self.campaigns.change_caps(self.campaign(name), caps, who="ada", why="more"), Campaign)
        if self.campaign(name).state is CampaignState.STOPPED_AT_CAP:
            self.move(CampaignState.RUNNING, name)

    def backfill(
        self, bag: str = "digitised/b1", request: str = "r1", name: str = NAME, **services: Any
    ) -> BackfillResult:
        return backfill(
            self.services(**services),
            self.request(bag, request, campaign=name),
            poll_seconds=3600,
            sleep=advance_instead_of_sleeping(self.clock),
        )

    def money(self, name: str = NAME) -> int:
        return int(self.campaign(name).account.total.money)


def planned(world: CampaignWorld, request: str = "r1") -> PlanSummary:
    """The plan of the first bag, opened for the campaign."""
    opened = open_ingests(world.services(), world.request("digitised/b1", request, campaign=NAME))
    assert isinstance(opened, OpenedIngests)
    plan = plan_replication(world.services(), opened.refs[0])
    assert isinstance(plan, PlanSummary)
    return plan
