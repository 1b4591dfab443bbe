"""An ingest tracker in memory: for fast tests, property tests and simulations. One process, nothing is kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from threading import Lock
from uuid import UUID

from bagfill.bag.identifiers import BagId, BagVersionId
from bagfill.ingests.model import Ingest, IngestStatus
from bagfill.ingests.states import apply_update, in_order, is_same_opening
from bagfill.ingests.tracker import (
    CampaignTally,
    IdTaken,
    IngestFilter,
    IngestUpdate,
    Opened,
    Refused,
    UnknownIngest,
    Updated,
)


class MemoryIngestTracker:
    """See :class:`bagfill.ingests.tracker.IngestTracker`."""

    def __init__(self) -> None:
        self._lock = Lock()
        # In order of opening.
        self._ingests: dict[UUID, Ingest] = {}

    def open(self, ingest: Ingest) -> Opened | IdTaken:
        """See :meth:`IngestTracker.open`."""
        with self._lock:
            known = self._ingests.get(ingest.id)
            if known is not None:
                return Opened(known, is_new=False) if is_same_opening(known, ingest) else IdTaken(known)
            kept = replace(ingest, events=in_order(ingest.events))
            self._ingests[ingest.id] = kept
            return Opened(kept, is_new=True)

    def get(self, ingest_id: UUID) -> Ingest | None:
        """See :meth:`IngestTracker.get`."""
        with self._lock:
            return self._ingests.get(ingest_id)

    def update(self, ingest_id: UUID, update: IngestUpdate) -> Updated | Refused | UnknownIngest:
        """See :meth:`IngestTracker.update`."""
        with self._lock:
            known = self._ingests.get(ingest_id)
            if known is None:
                return UnknownIngest(ingest_id)
            outcome = apply_update(known, update)
            self._ingests[ingest_id] = outcome.ingest
            return outcome

    def of_bag_version(self, bag_version: BagVersionId, destination: str | None = None) -> Sequence[Ingest]:
        """See :meth:`IngestTracker.of_bag_version`."""
        return _newest_first(
            each
            for each in self._all()
            if each.bag_version == bag_version and (destination is None or each.destination == destination)
        )

    def of_request(self, request_id: str) -> Sequence[Ingest]:
        """See :meth:`IngestTracker.of_request`."""
        found = (each for each in self._all() if each.request_id == request_id)
        return tuple(sorted(found, key=lambda each: each.bag_version.version))

    def of_bag(self, bag: BagId, destination: str) -> Sequence[Ingest]:
        """See :meth:`IngestTracker.of_bag`."""
        return _newest_first(
            each for each in self._all() if each.bag_version.bag == bag and each.destination == destination
        )

    def page(self, wanted: IngestFilter, *, before: Ingest | None = None, limit: int = 100) -> Sequence[Ingest]:
        """See :meth:`IngestTracker.page`."""
        newest = _newest_first(self._all())
        # Sought by its place among all: what changed since (its status) must not let it be missed.
        start = 0 if before is None else 1 + next(at for at, each in enumerate(newest) if each.id == before.id)
        return tuple(islice(filter(wanted.takes, newest[start:]), limit))

    def of_bags(self, bags: Collection[BagId], destination: str) -> Mapping[BagId, Sequence[Ingest]]:
        """See :meth:`IngestTracker.of_bags`."""
        return {bag: found for bag in bags if (found := self.of_bag(bag, destination))}

    def of_campaign(self, campaign: str, *, statuses: Collection[IngestStatus] | None = None) -> Iterator[Ingest]:
        """See :meth:`IngestTracker.of_campaign`."""
        for each in self._all():
            if each.campaign == campaign and (statuses is None or each.status in statuses):
                yield replace(each, events=())

    def tally(self, campaign: str) -> CampaignTally:
        """See :meth:`IngestTracker.tally`. It knows no files."""
        found = self.of_campaign(campaign)
        return CampaignTally(Counter(each.status.value if each.reason is None else each.reason.code for each in found))

    def unfinished(self) -> Iterator[Ingest]:
        """See :meth:`IngestTracker.unfinished`."""
        yield from (replace(each, events=()) for each in self._all() if not each.status.is_final)

    def recent(self, limit: int = 100, status: IngestStatus | None = None) -> Sequence[Ingest]:
        """See :meth:`IngestTracker.recent`."""
        found = _newest_first(each for each in self._all() if status is None or each.status is status)
        return tuple(islice(found, limit))

    def _all(self) -> Sequence[Ingest]:
        with self._lock:
            return tuple(self._ingests.values())


def _newest_first(ingests: Iterable[Ingest]) -> Sequence[Ingest]:
    # Sorting is stable: of one moment the one opened last comes first.
    last_opened_first = tuple(ingests)[::-1]
    return tuple(sorted(last_opened_first, key=lambda each: each.created, reverse=True))
