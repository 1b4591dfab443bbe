"""A running copy asks the registry every few seconds, not before every write, and borne is what may pass."""

from __future__ import annotations

from typing import Any

import pytest

from bagfill.campaigns.ledger import CampaignHalted, Halted
from bagfill.campaigns.states import CampaignState
from bagfill.database.errors import DatabaseError
from bagfill.steps.campaign_watch import SECONDS, CampaignWatch
from bagfill.steps.outcomes import IngestRef
from campaign_world import NAME, CampaignWorld

REF = IngestRef("i1", "digitised/b1/v1", "primary", "azure", 1, "Standard", 1, NAME)
PAUSED = Halted(CampaignState.PAUSED, "night")


class Registry:
    """Answers as it is told, and counts."""

    def __init__(self) -> None:
        self.answer: Halted | DatabaseError | None = None
        self.asked = 0

    def may_go_on(self, *_: object) -> Halted | None:
        self.asked += 1
        if isinstance(self.answer, DatabaseError):
            raise self.answer
        return self.answer


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture
def seconds() -> list[float]:
    return [0.0]


@pytest.fixture
def watch(registry: Registry, seconds: list[float]) -> CampaignWatch:
    services: Any = CampaignWorld().services(campaigns=registry)
    return CampaignWatch(services, REF, timer=lambda: seconds[0])


def test_a_thousand_writes_ask_once_and_a_pause_is_seen_well_within_a_minute(
    watch: CampaignWatch, registry: Registry, seconds: list[float]
) -> None:
    for _ in range(1000):
        watch.check()
    assert registry.asked == 1
    registry.answer = PAUSED
    seconds[0] += SECONDS
    assert SECONDS <= 30
    for _ in range(3):
        with pytest.raises(CampaignHalted, match="paused: night"):
            watch.check()
    assert registry.asked == 2


def test_a_registry_that_does_not_answer_stops_nothing_and_is_asked_again(
    watch: CampaignWatch, registry: Registry, seconds: list[float]
) -> None:
    registry.answer = DatabaseError("connection refused", retryable=True)
    watch.check()
    registry.answer = PAUSED
    seconds[0] += SECONDS
    with pytest.raises(CampaignHalted):
        watch.check()


def test_a_registry_that_cannot_be_used_is_told(watch: CampaignWatch, registry: Registry) -> None:
    registry.answer = DatabaseError("no such table", retryable=False)
    with pytest.raises(DatabaseError):
        watch.check()


def test_a_bag_without_a_campaign_asks_nobody(registry: Registry) -> None:
    services: Any = CampaignWorld().services(campaigns=registry)
    without = IngestRef.from_json({**REF.to_json(), "campaign": ""})
    CampaignWatch(services, without).check()
    assert registry.asked == 0
