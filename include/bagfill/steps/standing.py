"""Look how everything stands. Reads the registry's database, and of stores only what waits for its verification."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from bagfill.ingests.model import IngestStatus
from bagfill.reports.coverage import coverage_report
from bagfill.reports.standing import AuditLine, CampaignLine, OpenLine, Standing
from bagfill.steps.audit_due import due_at
from bagfill.steps.campaign_report import campaign_report
from bagfill.steps.failure_counts import failure_lines
from bagfill.steps.services import Services


def look_at_standing(services: Services, *, since: datetime | None = None) -> Standing:
    """How everything stands now.

    Args:
        services: of the installation.
        since: campaigns that ended before are left out; ``None``: those that ended at all.
    """
    policies = [(policy.spaces, policy.locations) for policy in services.policies]
    return Standing(
        moment=services.clock(),
        coverage=coverage_report(services.registry.coverage(list(services.locations)), policies),
        failures=tuple(sorted(failure_lines(services), key=lambda line: (-line.bags, line.reason, line.destination))),
        campaigns=tuple(sorted(_campaigns(services, since), key=lambda line: line.name)),
        audits=tuple(_audits(services)),
        open_ingests=tuple(_open(services)),
    )


def _campaigns(services: Services, since: datetime | None) -> Iterator[CampaignLine]:
    for campaign in services.campaigns.all():
        if campaign.state.is_final and (since is None or campaign.changed is None or campaign.changed < since):
            continue
        report = campaign_report(services, campaign)
        counted = report.ingests
        succeeded = counted.get(IngestStatus.SUCCEEDED.value, 0)
        open_ingests = sum(counted.get(status.value, 0) for status in (IngestStatus.ACCEPTED, IngestStatus.PROCESSING))
        yield CampaignLine(
            name=campaign.name,
            state=campaign.state.value,
            why=campaign.why,
            destination=campaign.definition.destination,
            currency=campaign.definition.currency,
            booked=report.total.money,
            cap=campaign.caps.money,
            booked_bytes=report.total.bytes,
            succeeded=succeeded,
            failed=sum(counted.values()) - succeeded - open_ingests,
            open_ingests=open_ingests,
            deadline=campaign.definition.deadline,
            late=report.is_late,
        )


def _audits(services: Services) -> Iterator[AuditLine]:
    for name in sorted(services.locations):
        due = due_at(services, name)
        if due.replicas:
            yield AuditLine(name, due.replicas, due.never, due.overdue, due.oldest)


def _open(services: Services) -> Iterator[OpenLine]:
    counted: dict[str, tuple[int, datetime]] = {}
    for ingest in services.ingests.unfinished():
        number, oldest = counted.get(ingest.destination, (0, ingest.created))
        counted[ingest.destination] = number + 1, min(oldest, ingest.created)
    for destination, (number, oldest) in sorted(counted.items()):
        yield OpenLine(destination, number, oldest)
