"""What the storage service is told of an ingest, in its own internal JSON.

Sources: its ``Ingest``, ``IngestUpdate`` and ``IngestStates``; its decoders are circe's, the class name is ``type``.

A status is sent without events, and events without a status: a status that its state machine refuses would take the
events with it, and a worker drops such a message without a word.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, assert_never

from bagfill.ingests.document import instant
from bagfill.ingests.model import Callback, Ingest, IngestEvent, IngestStatus
from bagfill.ingests.tracker import CallbackStatusUpdate, EventUpdate, IngestUpdate, StatusUpdate

CREATE = "Ingest"
"""``type`` of a letter that creates the ingest; our own word, and not part of what is sent."""

_MOST_EVENTS = 100
"""Of one message: of 250 characters each, escaped, they stay within the 256 KiB of SNS."""


class ShownCallbacks(StrEnum):
    """Whether the service learns of callbacks."""

    HIDDEN = "hidden"
    """No: Bagfill alone calls."""
    SHOWN = "shown"
    """Yes, and its own notifier then calls as well, when the ingest has ended."""


@dataclass(frozen=True, slots=True)
class SourcePlace:
    """Where the bytes are read, as the service's ``S3SourceLocation`` has it.

    Args:
        bucket: or container.
        key: the bag version's folder.
    """

    bucket: str
    key: str


@dataclass(frozen=True, slots=True)
class ShownAs:
    """How ingests are shown.

    Args:
        type_id: id of the ingest type: ``replicate``, or one that the service knows already.
        callbacks: whether it learns of them.
    """

    type_id: str = "replicate"
    callbacks: ShownCallbacks = ShownCallbacks.HIDDEN


def creation(ingest: Ingest, source: SourcePlace, shown: ShownAs) -> dict[str, Any]:
    """The body of ``POST /ingest``: the ingest as it was when it was opened, accepted and without events.

    The version is set here, for it is known from the start.
    """
    document: dict[str, Any] = {
        "id": str(ingest.id),
        "ingestType": {"id": shown.type_id},
        "sourceLocation": {
            "type": "S3SourceLocation",
            "location": {"bucket": source.bucket, "key": source.key},
        },
        "space": str(ingest.bag_version.space),
        "status": {"type": _class_name(IngestStatus.ACCEPTED)},
        "externalIdentifier": str(ingest.bag_version.external_identifier),
        "version": ingest.bag_version.version.number,
        "createdDate": instant(ingest.created),
        "events": [],
    }
    if ingest.callback is not None and shown.callbacks is ShownCallbacks.SHOWN:
        document["callback"] = _callback(ingest.callback)
    return document


def so_far(ingest: Ingest) -> Iterator[dict[str, Any]]:
    """What makes an ingest that was just created the one that it is: for those that were opened before it was shown."""
    yield from _with_events(ingest, ingest.events)
    if ingest.status is not IngestStatus.ACCEPTED and not (ingest.events and ingest.status is IngestStatus.PROCESSING):
        yield _status(ingest, ingest.status)


def messages(before: Ingest, update: IngestUpdate, shown: ShownAs) -> Iterator[dict[str, Any]]:
    """The updates that follow from one of ours, in the order in which they must arrive.

    Args:
        before: the ingest as the service has it by then.
        update: applied by our own tracker, whose rules are the same.
        shown: how it was created.
    """
    if isinstance(update, StatusUpdate) and update.status is IngestStatus.ACCEPTED:
        # Together: an event alone would begin the ingest, which has not begun.
        yield {**_status(before, update.status), "events": _told(update.events)}
        return
    yield from _with_events(before, update.events)
    match update:
        case EventUpdate():
            pass
        case StatusUpdate(status=status, events=events):
            # An event begins an accepted ingest by itself, and saying what is so already would tell nobody anything.
            begun = bool(events) and before.status is IngestStatus.ACCEPTED and status is IngestStatus.PROCESSING
            if status is not before.status and not begun:
                yield _status(before, status)
        case CallbackStatusUpdate(status=outcome):
            if shown.callbacks is ShownCallbacks.SHOWN and before.callback is not None:
                status_of_callback = {"type": outcome.value.capitalize()}
                yield _update("IngestCallbackStatusUpdate", before, callbackStatus=status_of_callback)
        case _:
            assert_never(update)


def _with_events(ingest: Ingest, events: Iterable[IngestEvent]) -> Iterator[dict[str, Any]]:
    told = _told(events)
    for start in range(0, len(told), _MOST_EVENTS):
        yield _update("IngestEventUpdate", ingest, events=told[start : start + _MOST_EVENTS])


def _told(events: Iterable[IngestEvent]) -> list[dict[str, str]]:
    return [{"description": event.description, "createdDate": instant(event.created)} for event in events]


def _status(ingest: Ingest, status: IngestStatus) -> dict[str, Any]:
    return _update("IngestStatusUpdate", ingest, status={"type": _class_name(status)})


def _update(kind: str, ingest: Ingest, **more: Any) -> dict[str, Any]:
    return {"type": kind, "id": str(ingest.id), "events": [], **more}


def _class_name(status: IngestStatus) -> str:
    return status.value.capitalize()


def _callback(callback: Callback) -> dict[str, Any]:
    return {"uri": callback.url, "status": {"type": callback.status.value.capitalize()}}
