"""The figures that pages share, one set for each application."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

from fastapi import Request

from bagfill.reports.coverage import CoverageReport, coverage_report
from bagfill.reports.coverage_trend import coverage_trend
from bagfill.reports.trend import Trend
from bagfill.steps.campaign_course import CampaignCourse, campaign_course
from bagfill.steps.campaign_progress import CampaignProgress, campaign_progress
from bagfill.steps.needs import Needs, look_for_needs
from bagfill.steps.services import Services
from bagfill.steps.thaw_queues import ThawedLine, ThawLine, thaw_lines, thawed_lines
from bagfill_airflow.views.kept import Kept

_TREND = timedelta(days=180)


@dataclass(frozen=True, slots=True)
class CountedCoverage:
    """Coverage, and when it was counted."""

    moment: datetime
    locations: tuple[str, ...]
    report: CoverageReport
    trend: Trend | None


def count_coverage(services: Services) -> CountedCoverage:
    """Every space at every configured location."""
    policies = [(policy.spaces, policy.locations) for policy in services.policies]
    locations = tuple(sorted(services.locations))
    now = services.clock()
    report = coverage_report(services.registry.coverage(locations), policies)
    days = services.registry.coverage_days(now.astimezone(UTC).date() - _TREND)
    return CountedCoverage(now, locations, report, coverage_trend(days, policies, locations))


@dataclass(frozen=True, slots=True)
class CountedCampaigns:
    """All campaigns and thaws, and when they were counted."""

    moment: datetime
    campaigns: tuple[tuple[CampaignProgress, CampaignCourse], ...]
    thaws: tuple[ThawLine, ...]
    thawed: tuple[ThawedLine, ...]


def count_campaigns(services: Services) -> CountedCampaigns:
    """Campaigns that go on before those that ended, the newest first. Each of a million ingests takes a second."""
    found = sorted(services.campaigns.all(), key=lambda each: (each.state.is_final, -each.created.timestamp()))
    counted = [campaign_progress(services, campaign) for campaign in found]
    return CountedCampaigns(
        services.clock(),
        tuple((each, campaign_course(services, each)) for each in counted),
        tuple(thaw_lines(services)),
        tuple(thawed_lines(services)),
    )


@dataclass(frozen=True, slots=True)
class Figures:
    """See :class:`bagfill_airflow.views.kept.Kept`."""

    coverage: Kept[CountedCoverage] = field(default_factory=partial(Kept, count_coverage, seconds=10))
    campaigns: Kept[CountedCampaigns] = field(default_factory=partial(Kept, count_campaigns, seconds=5))
    needs: Kept[Needs] = field(default_factory=partial(Kept, look_for_needs, seconds=30))


def figures_of(request: Request) -> Figures:
    """Those of the application."""
    found = request.app.state.figures
    assert isinstance(found, Figures)  # noqa: S101 - `create_app` puts it there
    return found
