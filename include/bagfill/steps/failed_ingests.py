"""Ingests that failed for one reason, page by page, and what has become of their bags since."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from bagfill.bag.identifiers import BagId
from bagfill.ingests.model import Ingest, IngestStatus
from bagfill.ingests.reasons import Reason
from bagfill.ingests.tracker import IngestFilter
from bagfill.steps.services import Services
from bagfill.steps.sweep_candidates import SweepSkipped, candidate_for, is_running


class Since(StrEnum):
    """What has become of a bag that failed."""

    NEEDS_PERSON = "needs a person"
    IN_WORK = "in work"
    LATER = "tried again later"
    """By itself, after a pause."""
    NEXT_SWEEP = "tried by the next sweep"
    ARRIVED = "arrived since"


@dataclass(frozen=True, slots=True)
class FailedIngest:
    """One ingest, and its bag now."""

    ingest: Ingest
    since: Since


@dataclass(frozen=True, slots=True)
class FailedPage:
    """A page of them.

    Args:
        lines: newest first.
        before: the last of the page, if there are older ones.
    """

    lines: tuple[FailedIngest, ...]
    before: Ingest | None


def failed_page(
    services: Services, reason: Reason, destination: str, *, before: Ingest | None = None, limit: int = 50
) -> FailedPage:
    """Ingests that failed, newest first; each bag is judged as the sweep would judge it now.

    Args:
        reason: why they failed.
        destination: where they were to go.
        before: the last of the page before; ``None``: the first page.
        limit: of a page.
    """
    wanted = IngestFilter(IngestStatus.FAILED, destination, reason=reason)
    found = services.ingests.page(wanted, before=before, limit=limit + 1)
    shown = found[:limit]
    bags = {ingest.bag_version.bag for ingest in shown}
    since = {bag: _since(services, bag, destination) for bag in bags}
    lines = tuple(FailedIngest(ingest, since[ingest.bag_version.bag]) for ingest in shown)
    return FailedPage(lines, shown[-1] if len(found) > limit else None)


def _since(services: Services, bag: BagId, destination: str) -> Since:
    now = candidate_for(services, bag, destination)
    if now is None:
        return Since.ARRIVED
    if not isinstance(now, SweepSkipped):
        return Since.NEXT_SWEEP
    if now.needs is not None:
        return Since.NEEDS_PERSON
    running = any(is_running(services, ingest) for ingest in _open(services.ingests.of_bag(bag, destination)))
    return Since.IN_WORK if running else Since.LATER


def _open(ingests: Sequence[Ingest]) -> Sequence[Ingest]:
    return [ingest for ingest in ingests if not ingest.status.is_final]
