"""How a campaign keeps to its plan and to its deadline, and what follows from it: what a person looks at first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from bagfill.campaigns.states import AfterDeadline, CampaignState
from bagfill.planning.thaw_choice import AUTO, Standing, end_after, standing_of
from bagfill.steps.campaign_outlook import Outlook, outlook_of
from bagfill.steps.campaign_progress import CampaignProgress
from bagfill.steps.campaign_tiers import Basis, choose
from bagfill.steps.services import Services

_WAITS = frozenset({CampaignState.PAUSED, CampaignState.STOPPED_AT_CAP})


class Pace(StrEnum):
    """How a campaign goes beside the plan it was started with."""

    AHEAD = "ahead of its plan"
    AS_PLANNED = "as planned"
    BEHIND = "behind its plan"


class ForecastBy(StrEnum):
    """What a forecast rests on."""

    PLAN = "by the plan of what is left"
    RATE = "at the rate so far"


@dataclass(frozen=True, slots=True)
class CampaignCourse:
    """One campaign on its way, or at its end.

    Args:
        now: the moment of the look; timezone-aware, as all of them.
        began, ended: when it first ran, and when it became done or was cancelled; ``None``: not yet.
        planned: how long it was to take, within the caps it was planned with; ``None``: nobody planned it, or it would
            have had no end.
        deadline: ``None``: it has none.
        forecast: when it ends as things are; ``None``: it has ended, or nobody can say.
        by: what the forecast rests on.
        made: when what is left was planned; ``None``: it never was.
        standing: towards its deadline; ``None``: it has none, or has not begun.
        consequences: what follows for those who wait for it, one sentence each.
    """

    now: datetime
    began: datetime | None
    ended: datetime | None
    planned: timedelta | None
    deadline: datetime | None
    forecast: datetime | None
    by: ForecastBy
    made: datetime | None
    standing: Standing | None
    consequences: tuple[str, ...]

    @property
    def planned_end(self) -> datetime | None:
        """When it should end by its plan."""
        return None if self.began is None or self.planned is None else self.began + self.planned

    @property
    def lag(self) -> timedelta | None:
        """How much later than planned it ends; negative: earlier."""
        end = self.ended or self.forecast
        return None if end is None or self.planned_end is None else end - self.planned_end

    @property
    def spare(self) -> timedelta | None:
        """Time between its end and its deadline; negative: it ends after it."""
        end = self.ended or self.forecast
        return None if end is None or self.deadline is None else self.deadline - end

    @property
    def pace(self) -> Pace | None:
        """Beside its plan; ``None``: it has not begun, or nobody can say. Less than a twentieth is no difference."""
        if self.lag is None or self.planned is None:
            return None
        nothing = max(self.planned / 20, timedelta(minutes=10))
        if abs(self.lag) <= nothing:
            return Pace.AS_PLANNED
        return Pace.BEHIND if self.lag > timedelta(0) else Pace.AHEAD


def campaign_course(services: Services, progress: CampaignProgress) -> CampaignCourse:
    """How a campaign keeps to its plan and its deadline. Reads the registry's database only."""
    campaign, now = progress.campaign, progress.now
    outlook = outlook_of(services, campaign)
    forecast, by = _forecast(outlook, progress)
    # What was cancelled was neither early nor late.
    is_cancelled = campaign.state is CampaignState.CANCELLED
    deadline, standing = None if is_cancelled else campaign.definition.deadline, outlook.standing
    if forecast is not None:
        # Of the forecast that is shown: never "on time" beside an end after the deadline.
        standing = standing_of(deadline, now=now, ended=None, expected=forecast)
    return CampaignCourse(
        now=now,
        began=progress.began,
        ended=progress.ended,
        planned=None if is_cancelled else _planned(progress),
        deadline=deadline,
        forecast=forecast,
        by=by,
        made=outlook.made,
        standing=standing,
        consequences=tuple(_consequences(progress, outlook, forecast)),
    )


def _forecast(outlook: Outlook, progress: CampaignProgress) -> tuple[datetime | None, ForecastBy]:
    """By the plan of what is left; by the rate where nothing was planned, or where the plan's time is over."""
    if progress.began is None or progress.campaign.state.is_final:
        return None, ForecastBy.PLAN
    is_over = outlook.expected is not None and outlook.expected <= progress.now
    if outlook.chosen is not None and not is_over:
        return outlook.expected, ForecastBy.PLAN
    return progress.end_at_rate, ForecastBy.RATE


def _planned(progress: CampaignProgress) -> timedelta | None:
    basis = Basis.of(progress.planned)
    chosen = None if basis is None else choose(replace(progress.campaign, caps=basis.caps), basis)
    if basis is None or chosen is None:
        return None
    end = end_after(basis.made, chosen.seconds)
    return None if end is None else end - basis.made


def _consequences(progress: CampaignProgress, outlook: Outlook, forecast: datetime | None) -> Iterator[str]:
    campaign = progress.campaign
    definition, caps, state = campaign.definition, campaign.caps, campaign.state
    if state.is_final:
        return
    if state in _WAITS and progress.began is not None:
        yield f"As long as it is {state}, nothing begins, and its end moves with the clock."
    if state is CampaignState.DRAINING:
        yield "It drains: what has begun is finished, and what has not stays without its replica."
    if outlook.chosen is not None and outlook.expected is None:
        yield "Its caps leave no room for what is left: it never ends like this."
    deadline, end = definition.deadline, forecast or progress.now
    if progress.began is not None and deadline is not None and end > deadline:
        if definition.after_deadline is AfterDeadline.START_NOTHING:
            yield "From its deadline on no bag is begun: those that are left stay without their replica."
        else:
            yield "Bags are begun after its deadline all the same, so it ends late."
    if definition.thaw_tier == AUTO and outlook.chosen is not None:
        tier = outlook.chosen.otherwise.value
        planned: Any = (progress.planned or {}).get("tier")
        change = f", where {planned} was planned" if planned not in {None, tier} else ""
        yield f"What begins now is thawed by {tier}{change}: the cheapest that makes the deadline, else the fastest."
    if caps.money is not None and outlook.money is not None and outlook.money > caps.money:
        yield (
            f"It comes to about {outlook.money:,.2f} {definition.currency}, beyond its cap of {caps.money:,.2f}: it "
            "stops there, until somebody raises the cap."
        )
