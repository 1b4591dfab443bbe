"""The state machine of an ingest: which updates the storage service's tracker applies, and what they do.

As its ``IngestStates`` has it. The statuses are a waterfall (accepted, processing, failed, succeeded): an ingest moves
down and never back up, so a failed one may still succeed and a succeeded one stays so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import assert_never

from bagfill.ingests.model import CallbackStatus, Ingest, IngestEvent, IngestStatus
from bagfill.ingests.tracker import (
    CallbackStatusUpdate,
    EventUpdate,
    IngestUpdate,
    Refused,
    StatusUpdate,
    Updated,
)

ALLOWED: Mapping[IngestStatus, frozenset[IngestStatus]] = {
    IngestStatus.ACCEPTED: frozenset(IngestStatus),
    IngestStatus.PROCESSING: frozenset({IngestStatus.PROCESSING, IngestStatus.SUCCEEDED, IngestStatus.FAILED}),
    IngestStatus.SUCCEEDED: frozenset({IngestStatus.SUCCEEDED}),
    IngestStatus.FAILED: frozenset({IngestStatus.SUCCEEDED, IngestStatus.FAILED}),
}
"""From each status the statuses that a status update may set."""

CALLBACK_ALLOWED: Mapping[CallbackStatus, frozenset[CallbackStatus]] = {
    CallbackStatus.PENDING: frozenset(CallbackStatus),
    CallbackStatus.SUCCEEDED: frozenset({CallbackStatus.SUCCEEDED}),
    CallbackStatus.FAILED: frozenset({CallbackStatus.FAILED}),
}
"""The same of a callback. Saying the same twice is no change, so that an update can be repeated."""


def apply_update(ingest: Ingest, update: IngestUpdate) -> Updated | Refused:
    """What an update makes of an ingest.

    Args:
        ingest: as it is.
        update: a reason in a status update counts only with ``failed``; without one an earlier reason stays.

    Returns:
        The ingest with the update, or why there is none. A refused update loses its events as well.
    """
    match update:
        case EventUpdate():
            begun = ingest.status is IngestStatus.ACCEPTED
            changed = replace(ingest, status=IngestStatus.PROCESSING) if begun else ingest
        case StatusUpdate():
            if update.status not in ALLOWED[ingest.status]:
                return Refused(ingest, f"status cannot go from {ingest.status} to {update.status}")
            failed = update.status is IngestStatus.FAILED
            changed = replace(ingest, status=update.status, reason=(update.reason or ingest.reason) if failed else None)
        case CallbackStatusUpdate():
            if ingest.callback is None:
                return Refused(ingest, "the ingest has no callback")
            if update.status not in CALLBACK_ALLOWED[ingest.callback.status]:
                return Refused(ingest, f"callback cannot go from {ingest.callback.status} to {update.status}")
            changed = replace(ingest, callback=replace(ingest.callback, status=update.status))
        case _:
            assert_never(update)
    return Updated(replace(changed, events=in_order((*ingest.events, *update.events))))


def in_order(events: tuple[IngestEvent, ...]) -> tuple[IngestEvent, ...]:
    """Ascending by date; events of one moment in the order in which they came."""
    return tuple(sorted(events, key=lambda event: event.created))


def is_same_opening(one: Ingest, other: Ingest) -> bool:
    """Whether two ingests of one id come from the same call, made twice."""
    return (one.bag_version, one.source, one.destination, one.request_id) == (
        other.bag_version,
        other.source,
        other.destination,
        other.request_id,
    )
