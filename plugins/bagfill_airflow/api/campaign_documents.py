"""Shapes of the answers about campaigns and failures, for the OpenAPI document; what is sent is built by the core."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from bagfill.campaigns.states import AfterDeadline, CampaignState
from bagfill.planning.order import Order
from bagfill.planning.thaw_choice import Standing
from bagfill.storage.store import ThawTier


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ScopeAnswer(_Answer):
    """Which bags a campaign is about."""

    spaces: list[str]
    bags: list[str]
    prefix: str


class CapsAnswer(_Answer):
    """What a campaign may not pass; money as text, so that no digit is lost."""

    money: str | None
    money_a_day: str | None
    bytes_a_day: int | None
    requests_a_second: float | None
    runs_at_once: int | None
    hours: str | None


class SpendAnswer(_Answer):
    """Money, bytes and requests."""

    money: str
    bytes: int
    requests: int


class CampaignStateAnswer(_Answer):
    """A campaign as it is."""

    name: str
    scope: ScopeAnswer
    destination: str
    source: str | None
    thaw_tier: str | None
    thaw_tiers: dict[str, str]
    thaw_days: int | None
    deadline: datetime | None
    after_deadline: AfterDeadline
    priorities: dict[str, int]
    order: Order
    currency: str
    unknown_prices: bool
    caps: CapsAnswer
    state: CampaignState
    why: str
    created: datetime
    changed: datetime | None
    booked: SpendAnswer
    booked_today: SpendAnswer
    clock_seen: datetime | None


class CampaignListAnswer(_Answer):
    """Campaigns, in the order they were declared."""

    results: list[CampaignStateAnswer]
    type: Literal["ResultList"]


class CampaignEventAnswer(_Answer):
    """One change of a campaign."""

    at: datetime
    who: str
    what: str


class CampaignReportAnswer(CampaignStateAnswer):
    """A campaign, measured."""

    late: bool
    standing: Standing | None = Field(description="Towards its deadline.")
    expected_end: datetime | None = Field(description="As it is forecast; null: not known, or never within its caps.")
    thaw_tier_now: ThawTier | None = Field(description="What the next bags are thawed with.")
    forecast_made: datetime | None
    ingests: dict[str, int] = Field(description="By status; of those that failed, by reason.")
    spent: dict[str, SpendAnswer] = Field(description="By kind of act.")
    open_bookings: int
    planned_against_actual: dict[str, Any]
    history: list[CampaignEventAnswer]


class PlanAnswer(BaseModel):
    """A plan, as `bagfill plan --json` prints it, with the tier and the money that count for the campaign."""

    model_config = ConfigDict(extra="allow")

    tier: str
    money: str | None
    currency: str
    made: datetime


class FailureExampleAnswer(BaseModel):
    """One bag that waits for a person."""

    model_config = ConfigDict(extra="allow")

    bag: str
    destination: str
    command: str = Field(description="What resolves it.")


class FailureGroupAnswer(_Answer):
    """Bags that wait for a person for the same reason."""

    reason: str
    advice: str
    bags: int
    first_seen: datetime | None
    last_seen: datetime | None
    examples: list[FailureExampleAnswer]


class CampaignNeedsAnswer(_Answer):
    """One campaign that needs a person."""

    campaign: str
    what: str = Field(description="awaiting approval, stopped at cap, at risk or late.")
    why: str
    command: str = Field(description="What resolves it.")


class FailuresAnswer(_Answer):
    """What needs a person, most bags first."""

    results: list[FailureGroupAnswer]
    campaigns: list[CampaignNeedsAnswer]
    type: Literal["ResultList"]


class ReleasedAnswer(_Answer):
    """Bags that the next sweep tries again."""

    released: int
    type: Literal["Release"]
