"""From errors to :class:`StepFailed`, and from there into the ingest's events. Decided here once, for every step."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TypeVar
from uuid import UUID

from bagfill.campaigns.ledger import CampaignHalted
from bagfill.ingests.model import IngestEvent, IngestStatus
from bagfill.ingests.reasons import Reason
from bagfill.ingests.tracker import EventUpdate, StatusUpdate
from bagfill.logs import Line, about, tell
from bagfill.manifest.errors import ManifestFormatError
from bagfill.registry.errors import ManifestDamagedError, RegistryContendedError
from bagfill.registry.registry import ClaimLostError
from bagfill.registry.storage_service.rows import RowFormatError
from bagfill.steps.masking import masked
from bagfill.steps.outcomes import IngestRef, StepFailed
from bagfill.steps.services import Services
from bagfill.steps.work import FailureNote, IngestWork, WorkError
from bagfill.storage.errors import StoreError, StoreFailure

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

MOST_PROBLEMS = 25
"""Single problems that are written out one by one; the rest is counted."""


def store_failure(ref: IngestRef, error: StoreError) -> StepFailed:
    """What a store error means for the step.

    The failure's kind decides, never its text. "Unreadable" stays apart from "absent" all the way up.
    """
    at_source = error.location == ref.source
    match error.failure:
        case StoreFailure.UNAUTHENTICATED:
            reason = Reason.CREDENTIALS_REFUSED
        case StoreFailure.DENIED | StoreFailure.MISCONFIGURED:
            reason = Reason.ACCESS_DENIED
        case StoreFailure.BAD_NAME:
            reason = Reason.NAME_REFUSED
        case StoreFailure.ARCHIVED if at_source:
            reason = Reason.THAW_EXPIRED
        case StoreFailure.ARCHIVED if error.location == ref.destination:
            reason = Reason.DESTINATION_ARCHIVED
        case StoreFailure.CHANGED if at_source:
            reason = Reason.SOURCE_CHANGED
        case StoreFailure.MISSING if at_source:
            reason = Reason.SOURCE_INCOMPLETE
        case _ if at_source:
            reason = Reason.SOURCE_UNREADABLE
        case _ if error.location == ref.destination:
            reason = Reason.DESTINATION_UNREADABLE
        case _:
            reason = Reason.UNEXPECTED
    return StepFailed(reason, f"{ref.bag_version}: {error}.")


def summarise(failures: list[StepFailed]) -> StepFailed:
    """One failure for several: the first that no retry can help decides, else the first."""
    worst = next((failure for failure in failures if not failure.retryable), failures[0])
    others = [failure.message for failure in failures if failure is not worst]
    return replace(worst, problems=(*worst.problems, *others)[:MOST_PROBLEMS])


def add_events(services: Services, ref: IngestRef, descriptions: Iterable[str]) -> None:
    """Append events to the ingest, in this order."""
    now = services.clock()
    events = tuple(IngestEvent.of(description, now) for description in descriptions)
    services.ingests.update(_uuid(ref), EventUpdate(events))


def attempt(
    services: Services, ref: IngestRef, step: str, act: Callable[[], Result | StepFailed]
) -> Result | StepFailed:
    """Run one step's work; whatever failure comes of it is recorded in the ingest and handed back as a value.

    Args:
        step: what is being done, as events name it.
        act: the work. Store errors, a lost claim, a storage manifest that cannot be used or changed, and a broken work
            area become failures here; anything else is a surprise and passes through.
    """
    with about(ref):
        return _attempted(services, ref, step, act)


def _attempted(
    services: Services, ref: IngestRef, step: str, act: Callable[[], Result | StepFailed]
) -> Result | StepFailed:
    try:
        result = act()
    except StoreError as error:
        result = store_failure(ref, error)
    except ClaimLostError as error:
        result = StepFailed(Reason.CLAIM_LOST, f"{ref.bag_version} at {ref.destination}: {error}.")
    except CampaignHalted as error:
        result = StepFailed(Reason.CAMPAIGN_HALTED, f"{ref.bag_version} to {ref.destination}: {error}.")
    except ManifestDamagedError as error:
        result = StepFailed(Reason.MANIFEST_DAMAGED, f"{ref.bag_version}: {error}.")
    except (ManifestFormatError, RowFormatError) as error:
        result = StepFailed(Reason.MANIFEST_NOT_UNDERSTOOD, f"{ref.bag_version}: {error}.")
    except RegistryContendedError as error:
        result = StepFailed(Reason.MANIFEST_CONTENDED, f"{ref.bag_version} at {ref.destination}: {error}.")
    except WorkError as error:
        result = StepFailed(Reason.UNEXPECTED, f"{ref.bag_version}: {error}.")
    return record_failure(services, ref, step, result) if isinstance(result, StepFailed) else result


def record_failure(
    services: Services, ref: IngestRef, step: str, failure: StepFailed, *, final: bool = False
) -> StepFailed:
    """Write a step's failure into the ingest's events; one that no retry can help ends the ingest.

    Args:
        step: what was being done, as events name it: ``replicating to azure``.
        final: end the ingest even if another request may succeed later.

    Returns:
        The failure as it was recorded, for the caller to hand on: without secrets.
    """
    problems = tuple(map(masked, failure.problems))
    failure = replace(failure, message=masked(failure.message), problems=problems)
    ends = final or not failure.retryable
    word = "failed" if ends else "retrying"
    texts = [f"{step} {word} - {failure.message} {failure.reason.advice}"]
    texts += [f"{step} {word} - {problem}" for problem in failure.problems[:MOST_PROBLEMS]]
    now = services.clock()
    events = tuple(IngestEvent.of(text, now) for text in texts)
    with about(ref):
        tell(logger, Line.STEP_FAILED, step=step, reason=failure.reason.code, again=not ends, why=failure.message)
    try:
        IngestWork(services.work, ref).note_failure(FailureNote(step, failure.reason, failure.message, now))
    except StoreError as error:
        # The work area is often what failed: the failure still has to reach the events and the caller.
        logger.warning("ingest %s: no note of this failure could be left: %s", ref.ingest_id, error)
    # A run that lost its claim must not end an ingest's story, nor may a late shard bury the first reason.
    current = services.ingests.get(_uuid(ref))
    if not ends or current is None or current.status.is_final:
        services.ingests.update(_uuid(ref), EventUpdate(events))
    else:
        services.ingests.update(_uuid(ref), StatusUpdate(IngestStatus.FAILED, events, failure.reason))
    return failure


def _uuid(ref: IngestRef) -> UUID:
    return UUID(ref.ingest_id)
