"""The ingest tracker protocol; ``tests/contracts/tracker_contract.py`` checks every implementation against it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from bagfill.bag.identifiers import BagId, BagVersionId
from bagfill.ingests.model import CallbackStatus, Ingest, IngestEvent, IngestStatus
from bagfill.ingests.reasons import Reason


@dataclass(frozen=True, slots=True)
class EventUpdate:
    """Append events; an accepted ingest becomes processing, any other status stays."""

    events: tuple[IngestEvent, ...]


@dataclass(frozen=True, slots=True)
class StatusUpdate:
    """Move to another status, with events. A refused move loses its events as well, as in the storage service."""

    status: IngestStatus
    events: tuple[IngestEvent, ...] = ()
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class CallbackStatusUpdate:
    """Record how the callback went: pending may become succeeded or failed, once."""

    status: CallbackStatus
    events: tuple[IngestEvent, ...] = ()


IngestUpdate = EventUpdate | StatusUpdate | CallbackStatusUpdate


@dataclass(frozen=True, slots=True)
class Updated:
    """The update was applied; the ingest as it is now."""

    ingest: Ingest


@dataclass(frozen=True, slots=True)
class Refused:
    """The state machine does not allow it; nothing changed."""

    ingest: Ingest
    why: str


@dataclass(frozen=True, slots=True)
class UnknownIngest:
    """There is no such ingest."""

    id: UUID


@dataclass(frozen=True, slots=True)
class Opened:
    """The ingest is there, with exactly the given content: now, or already (the same call came twice)."""

    ingest: Ingest
    is_new: bool


@dataclass(frozen=True, slots=True)
class IdTaken:
    """Another ingest has this id already."""

    ingest: Ingest


@dataclass(frozen=True, slots=True)
class IngestFilter:
    """Which ingests are wanted; ``None`` of each: any.

    Args:
        status: with this status.
        destination: to the location of this name.
        space: of bags in this space.
        reason: that failed for this reason.
    """

    status: IngestStatus | None = None
    destination: str | None = None
    space: str | None = None
    reason: Reason | None = None

    def takes(self, ingest: Ingest) -> bool:
        """Whether an ingest is wanted."""
        return (
            self.status in {None, ingest.status}
            and self.destination in {None, ingest.destination}
            and self.space in {None, str(ingest.bag_version.space)}
            and self.reason in {None, ingest.reason}
        )


@dataclass(frozen=True, slots=True)
class CampaignTally:
    """The ingests of one campaign, counted.

    Args:
        ends: how many have which status; the reason's code for those that failed.
        files, bytes: of the bag versions that arrived, each counted once; ``None``: this tracker does not know them.
    """

    ends: Mapping[str, int]
    files: int | None = None
    bytes: int | None = None


class IngestTracker(Protocol):
    """Keeps ingests. History is never edited: events are appended, and ``states.py`` says which status may follow."""

    def open(self, ingest: Ingest) -> Opened | IdTaken:
        """Store a new ingest; doing it twice (same bag version, source, destination and request) is no error."""
        ...

    def get(self, ingest_id: UUID) -> Ingest | None:
        """The ingest, or ``None`` if there is none."""
        ...

    def update(self, ingest_id: UUID, update: IngestUpdate) -> Updated | Refused | UnknownIngest:
        """Apply one update atomically; concurrent updates never lose each other's events."""
        ...

    def of_bag_version(self, bag_version: BagVersionId, destination: str | None = None) -> Sequence[Ingest]:
        """Ingests of one bag version (to one destination), newest first."""
        ...

    def of_request(self, request_id: str) -> Sequence[Ingest]:
        """Ingests of one request, ascending by version."""
        ...

    def of_bag(self, bag: BagId, destination: str) -> Sequence[Ingest]:
        """Ingests of every version of a bag to one destination, newest first."""
        ...

    def page(self, wanted: IngestFilter, *, before: Ingest | None = None, limit: int = 100) -> Sequence[Ingest]:
        """A page of ingests, newest first.

        Args:
            wanted: which.
            before: the last of the page before; ingests that were opened since do not shift the pages.
            limit: ingests of a page, at most.
        """
        ...

    def of_bags(self, bags: Collection[BagId], destination: str) -> Mapping[BagId, Sequence[Ingest]]:
        """The same for several bags at once (at most a few thousand); bags without ingests are left out."""
        ...

    def of_campaign(self, campaign: str, *, statuses: Collection[IngestStatus] | None = None) -> Iterator[Ingest]:
        """Ingests of one campaign (in these statuses), in the order they were opened, without their events."""
        ...

    def tally(self, campaign: str) -> CampaignTally:
        """The ingests of one campaign, counted where they are kept: a million take a second, not a minute."""
        ...

    def unfinished(self) -> Iterator[Ingest]:
        """Ingests that have not ended, in the order they were opened, without their events."""
        ...

    def recent(self, limit: int = 100, status: IngestStatus | None = None) -> Sequence[Ingest]:
        """The newest ingests, newest first."""
        ...
