"""What needs a person now: bags that are not tried again by themselves, stuck runs, thaws that take too long."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from bagfill.ingests.model import Ingest
from bagfill.reports.standing import FailureLine
from bagfill.steps.campaigns_needing import CampaignNeeds, campaigns_needing_a_person
from bagfill.steps.failure_counts import failure_lines
from bagfill.steps.services import Services
from bagfill.steps.sweep_candidates import is_running
from bagfill.steps.thaw_queues import ThawLine, thaw_lines

STUCK_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Needs:
    """Everything that needs a person, at one moment.

    Args:
        moment: timezone-aware.
        failures: by reason and location, most bags first.
        campaigns: that wait for approval, stopped at a cap, or miss their deadline.
        stuck: ingests that are open and that nobody works on, oldest first, at most :data:`STUCK_SHOWN`.
        overdue: thaws whose oldest request waits longer than its tier explains.
    """

    moment: datetime
    failures: tuple[FailureLine, ...]
    campaigns: tuple[CampaignNeeds, ...]
    stuck: tuple[Ingest, ...]
    overdue: tuple[ThawLine, ...]

    @property
    def bags(self) -> int:
        """Bags in all failures; one that failed to go to two locations counts twice."""
        return sum(line.bags for line in self.failures)


def look_for_needs(services: Services) -> Needs:
    """Look for all of it. What failed is counted in the database; what is not plain there is judged bag by bag."""
    now = services.clock()
    lines = sorted(failure_lines(services), key=lambda line: (-line.bags, line.reason, line.destination))
    overdue = tuple(line for line in thaw_lines(services) if line.is_overdue(now))
    campaigns = campaigns_needing_a_person(services)
    return Needs(now, tuple(lines), campaigns, tuple(islice(_stuck(services), STUCK_SHOWN)), overdue)


def _stuck(services: Services) -> Iterator[Ingest]:
    # Read whole: no transaction stays open while each claim is looked at.
    yield from (ingest for ingest in list(services.ingests.unfinished()) if not is_running(services, ingest))
