"""What gauges show: how much is under way, waits, and was spent. Reads the registry's database only, in few queries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from bagfill.campaigns.states import CampaignState
from bagfill.steps.services import Services


@dataclass(frozen=True, slots=True)
class Gauge:
    """One figure.

    Args:
        name: of the metric, without prefix.
        value: as it is now.
        tags: names of locations, tiers, campaigns: never of bags.
    """

    name: str
    value: float
    tags: Mapping[str, str]


def measure(services: Services) -> Iterator[Gauge]:
    """Every gauge, as it stands. Raises DatabaseError."""
    now = services.clock()
    yield from _coverage(services)
    yield from _work(services, now)
    yield from _thaws(services, now)
    for campaign in services.campaigns.all():
        if campaign.state in {CampaignState.DRAFT, CampaignState.DONE, CampaignState.CANCELLED}:
            continue
        tags = {"campaign": campaign.name}
        yield Gauge("spend", float(campaign.account.total.money), tags)
        if campaign.caps.money is not None:
            yield Gauge("spend_cap", float(campaign.caps.money), tags)
        yield Gauge("campaign_running", float(campaign.state.starts_bags), tags)


def _coverage(services: Services) -> Iterator[Gauge]:
    there: dict[str, int] = {}
    missing: dict[str, int] = {}
    for row in services.registry.coverage(list(services.locations)):
        there[row.location] = there.get(row.location, 0) + row.present_bag_versions
        wanted = any(
            (not policy.spaces or row.space in policy.spaces) and row.location in policy.locations
            for policy in services.policies
        )
        if wanted:
            missing[row.location] = missing.get(row.location, 0) + row.bag_versions - row.present_bag_versions
    for location, number in sorted(there.items()):
        yield Gauge("replicas", number, {"location": location})
    for location, number in sorted(missing.items()):
        yield Gauge("missing_bag_versions", number, {"location": location})


def _work(services: Services, now: datetime) -> Iterator[Gauge]:
    open_: dict[str, tuple[int, datetime]] = {
        name: (0, now) for name, each in services.locations.items() if each.writable
    }
    for ingest in services.ingests.unfinished():
        number, oldest = open_.get(ingest.destination, (0, now))
        open_[ingest.destination] = number + 1, min(oldest, ingest.created)
    for destination, (number, oldest) in sorted(open_.items()):
        tags = {"location": destination}
        yield Gauge("open_ingests", number, tags)
        yield Gauge("oldest_unverified_seconds", max(0.0, (now - oldest).total_seconds()), tags)


def _thaws(services: Services, now: datetime) -> Iterator[Gauge]:
    for location in sorted(services.locations):
        for queue in services.thaws.queue(location):
            tags = {"location": location, "tier": queue.tier.value}
            yield Gauge("thaw_queue_objects", queue.objects, tags)
            yield Gauge("thaw_queue_bytes", queue.bytes, tags)
            yield Gauge("thaw_oldest_seconds", max(0.0, (now - queue.oldest).total_seconds()), tags)
