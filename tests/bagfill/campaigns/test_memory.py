from __future__ import annotations

import pytest

from bagfill.campaigns.ledger import Campaigns
from bagfill.campaigns.memory import MemoryCampaigns
from contracts.campaigns_contract import CampaignsContract
from world import Clock


class TestMemoryCampaigns(CampaignsContract):
    @pytest.fixture
    def campaigns(self, clock: Clock) -> Campaigns:
        return MemoryCampaigns(clock)
