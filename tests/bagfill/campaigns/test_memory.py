from __future__ import annotations

import pytest

from bagfill.bag.identifiers import BagId
from bagfill.campaigns.ledger import Campaigns
from bagfill.campaigns.memory import MemoryCampaigns
from bagfill.campaigns.model import Definition, Scope
from contracts.campaigns_contract import CampaignsContract
from world import Clock


class TestMemoryCampaigns(CampaignsContract):
    @pytest.fixture
    def campaigns(self, clock: Clock) -> Campaigns:
        return MemoryCampaigns(clock)


def test_a_scope_of_very_many_bags_is_looked_up_and_not_gone_through() -> None:
    names = tuple(f"digitised/b{number}" for number in range(200_000))
    scope = Scope(bags=names)
    bags = [BagId.parse(name) for name in (*names[:20_000], "digitised/none")]
    assert sum(map(scope.holds, bags)) == 20_000
    assert Definition.from_json(Definition(scope, "azure").to_json()).scope == scope
