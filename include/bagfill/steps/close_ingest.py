"""Close every ingest of a request: final status, callback, release of the claim. Always runs, whatever came before."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from bagfill.bag.identifiers import BagVersionId
from bagfill.ingests.callback import CallbackRefused, post_ingest
from bagfill.ingests.callback_rules import CallbackRules
from bagfill.ingests.document import ingest_document
from bagfill.ingests.model import CallbackStatus, Ingest, IngestEvent, IngestStatus
from bagfill.ingests.reasons import Reason
from bagfill.ingests.tracker import CallbackStatusUpdate, StatusUpdate
from bagfill.logs import Line, about, tell
from bagfill.steps.outcomes import IngestRef
from bagfill.steps.services import Services
from bagfill.steps.work import IngestWork
from bagfill.storage.credentials import CredentialsError

logger = logging.getLogger(__name__)

_NO_NOTE = "a task was killed, or the work area could not be written, before it could say why; earlier events may tell"

Post = Callable[[str, Mapping[str, Any], CallbackRules], None]
"""Sends a document to a URL that the rules allow; raises CallbackRefused or CredentialsError."""


@dataclass(frozen=True, slots=True)
class ClosedIngest:
    """One finished ingest.

    Args:
        status: ``succeeded`` or ``failed``.
        reason: stable code of the reason, with ``failed``.
        message: the text of the event that ended it.
    """

    ingest_id: str
    bag_version: str
    status: str
    reason: str | None
    message: str

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {name: getattr(self, name) for name in self.__slots__}


def close_ingests(services: Services, request_id: str, *, post: Post = post_ingest) -> tuple[ClosedIngest, ...]:
    """Close the ingests of a request, ascending by version. Closing again changes nothing but tries a pending callback.

    An ingest whose replica is registered has succeeded, even if the task that registered it was killed before it could
    say so. Any other that is not final has failed: with the reason its last failed step left, or as interrupted.

    Args:
        post: how a callback is sent.
    """
    closed = []
    ingests = services.ingests.of_request(request_id)
    for ingest in ingests:
        _end(services, ingest)
    # Afterwards: nobody's receiver may delay the release of a claim.
    for ingest in ingests:
        _call_back(services, ingest.id, post)
        now = _current(services, ingest.id)
        message = now.events[-1].description if now.events else ""
        if now.status is IngestStatus.FAILED:
            message = failure_text(services, now) or message
        reason = None if now.reason is None else now.reason.code
        services.ingest_ended(now.status.value, reason)
        _tell_end(now, message)
        closed.append(ClosedIngest(str(now.id), str(now.bag_version), now.status.value, reason, message))
    services.post.send_beside_work()
    return tuple(closed)


def close_ingest(services: Services, ingest: Ingest, *, post: Post = post_ingest) -> None:
    """Close one ingest, whoever asked for it: see :func:`close_ingests`."""
    _end(services, ingest)
    _call_back(services, ingest.id, post)
    now = _current(services, ingest.id)
    _tell_end(now, now.events[-1].description if now.events else "")


def _tell_end(ingest: Ingest, message: str) -> None:
    level = logging.WARNING if ingest.status is IngestStatus.FAILED else logging.INFO
    reason = None if ingest.reason is None else ingest.reason.code
    with about(_ref(ingest)):
        tell(logger, Line.INGEST_ENDED, level=level, status=ingest.status.value, reason=reason, why=message)


def _end(services: Services, ingest: Ingest) -> None:
    _finish(services, ingest)
    _release(services, ingest)
    if ingest.campaign is not None:
        services.campaigns.close(ingest.campaign, str(ingest.id))


def _finish(services: Services, ingest: Ingest) -> None:
    registered = any(
        replica.location == ingest.destination and replica.ingest_id == str(ingest.id)
        for replica in services.registry.replicas(ingest.bag_version)
    )
    now = services.clock()
    if registered and ingest.status is not IngestStatus.SUCCEEDED:
        event = IngestEvent.of("Register succeeded (completed)", now)
        services.ingests.update(ingest.id, StatusUpdate(IngestStatus.SUCCEEDED, (event,)))
    elif not ingest.status.is_final:
        note = IngestWork(services.work, _ref(ingest)).last_failure()
        reason = Reason.INTERRUPTED if note is None else note.reason
        message = _NO_NOTE if note is None else note.message
        event = IngestEvent.of(f"Replicating to {ingest.destination} failed - {message} {reason.advice}", now)
        services.ingests.update(ingest.id, StatusUpdate(IngestStatus.FAILED, (event,), reason))


def _release(services: Services, ingest: Ingest) -> None:
    claim = services.registry.claim_of(ingest.bag_version, ingest.destination)
    if claim is not None and claim.holder == str(ingest.id):
        services.registry.release(claim)


def _call_back(services: Services, ingest_id: UUID, post: Post) -> None:
    ingest = _current(services, ingest_id)
    if ingest.callback is None or ingest.callback.status is not CallbackStatus.PENDING:
        return
    now = services.clock()
    try:
        post(ingest.callback.url, _document(services, ingest), services.callbacks)
    except (CallbackRefused, CredentialsError) as error:
        event = IngestEvent.of(f"Callback failed - {error}", now)
        services.ingests.update(ingest_id, CallbackStatusUpdate(CallbackStatus.FAILED, (event,)))
    else:
        event = IngestEvent.of("Callback succeeded", now)
        services.ingests.update(ingest_id, CallbackStatusUpdate(CallbackStatus.SUCCEEDED, (event,)))


def _document(services: Services, ingest: Ingest) -> dict[str, Any]:
    return ingest_document(
        ingest,
        source=location_document(services, ingest.source, ingest.bag_version),
        destination=location_document(services, ingest.destination, ingest.bag_version),
    )


def location_document(services: Services, name: str, bag_version: BagVersionId) -> dict[str, str] | None:
    """Where a bag is at a location, as :func:`ingest_document` takes it; ``None`` if it is configured no more."""
    location = services.locations.get(name)
    if location is None:
        return None
    return {
        "provider": location.provider.value,
        "bucket": location.bucket,
        "path": location.bag_prefix(bag_version.bag),
    }


def failure_text(services: Services, ingest: Ingest) -> str:
    """The whole text of the failure that ended an ingest; events are cut at 250 characters.

    A shard that failed later for another reason must not lend its text to the reason that counts.
    """
    note = IngestWork(services.work, _ref(ingest)).last_failure(ingest.reason)
    return "" if note is None else f"{note.message} {note.reason.advice}"


def _ref(ingest: Ingest) -> IngestRef:
    return IngestRef(
        ingest_id=str(ingest.id),
        bag_version=str(ingest.bag_version),
        source=ingest.source,
        destination=ingest.destination,
        token=0,
        thaw_tier="",
        thaw_days=0,
        campaign=ingest.campaign or "",
    )


def _current(services: Services, ingest_id: UUID) -> Ingest:
    ingest = services.ingests.get(ingest_id)
    if ingest is None:
        msg = f"ingest {ingest_id} vanished from the tracker"
        raise RuntimeError(msg)
    return ingest
