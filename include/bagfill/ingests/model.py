"""An ingest: the record of processing one bag version, as the storage service keeps it (type ``replicate``)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from bagfill.bag.identifiers import BagVersionId
from bagfill.ingests.reasons import Reason

EVENT_DESCRIPTION_LIMIT = 250
"""Characters of an event's description; longer text is cut and ends in ``...`` (storage service, IngestUpdater)."""


class IngestStatus(StrEnum):
    """Display spelling of the four states."""

    ACCEPTED = "accepted"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"

    @property
    def is_final(self) -> bool:
        """Whether processing has ended."""
        return self in {IngestStatus.SUCCEEDED, IngestStatus.FAILED}


class CallbackStatus(StrEnum):
    """State of the notification of a callback URL."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Callback:
    """Whom to tell when the ingest ends."""

    url: str
    status: CallbackStatus = CallbackStatus.PENDING


@dataclass(frozen=True, slots=True)
class IngestEvent:
    """One thing that happened. The description is cut to 250 characters when it is built by :meth:`of`."""

    description: str
    created: datetime

    @classmethod
    def of(cls, description: str, created: datetime) -> IngestEvent:
        """Build an event the storage service can keep: first letter upper case, at most 250 characters.

        What no database can keep (NUL, halves of surrogate pairs, as file names of a broken encoding have them) is
        written as an escape.
        """
        kept = description.encode(errors="backslashreplace").decode().replace("\0", "\\x00")
        text = kept[:1].upper() + kept[1:]
        if len(text) > EVENT_DESCRIPTION_LIMIT:
            text = text[: EVENT_DESCRIPTION_LIMIT - 3] + "..."
        return cls(text, created)


@dataclass(frozen=True, slots=True)
class Ingest:
    """One ingest.

    Args:
        id: never used twice.
        bag_version: what is replicated.
        source: name of the location that is read.
        destination: name of the location that gains the replica.
        status: see :class:`IngestStatus`.
        created: timezone-aware.
        request_id: who asked (Airflow's run id, ``cli:…``); ties the ingests of one request together.
        events: ascending by date.
        callback: whom to tell.
        reason: with ``failed``: why, as a stable code.
        campaign: name of the campaign whose budget it spends; ``None``: it belongs to none.
    """

    id: UUID
    bag_version: BagVersionId
    source: str
    destination: str
    status: IngestStatus
    created: datetime
    request_id: str
    events: tuple[IngestEvent, ...] = field(default=())
    callback: Callback | None = None
    reason: Reason | None = None
    campaign: str | None = None

    @property
    def last_modified(self) -> datetime | None:
        """Date of the newest event, or ``None`` without events."""
        return max((event.created for event in self.events), default=None)
