"""Copy again what is missing of a registered replica, from another one, by the steps that made it.

The replica is registered already, and stays so: the storage manifest is not touched. An ingest of its own holds the
claim; the same steps plan, copy what is missing, read every byte back and judge the whole bag; concluding finds the
location in the manifest and leaves it as it is. The ingest's receipt is new, and a fixity event refers to it: what was
copied again are other objects, with other ETags, and those count from then on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self
from uuid import UUID

from bagfill.audit.model import AuditMode, AuditOutcome, Finding, FixityEvent, event_id_of, record_name
from bagfill.bag.identifiers import BagVersionId, InvalidIdentifier
from bagfill.fixity.receipts import receipt_name
from bagfill.ingests.model import Ingest, IngestEvent, IngestStatus
from bagfill.ingests.tracker import EventUpdate
from bagfill.registry.registry import Claim, HeldByAnother
from bagfill.steps.audit_bracket import NotRegistered
from bagfill.steps.audit_records import write_record
from bagfill.steps.backfill import Progress, Silence, replicate
from bagfill.steps.close_ingest import ClosedIngest, close_ingests
from bagfill.steps.open_ingest import ingest_id_of
from bagfill.steps.outcomes import IngestRef, StepFailed
from bagfill.steps.repair_diagnosis import Diagnosis, diagnose
from bagfill.steps.requests import RequestError
from bagfill.steps.services import Services
from bagfill.steps.work import IngestWork
from bagfill.storage.location import Location


class RepairOutcome(StrEnum):
    """How a repair ended."""

    WHOLE = "whole"
    """Nothing is missing; nothing was done."""
    REPAIRED = "repaired"
    """What was missing is there again, and every byte of the replica was read."""
    BY_HAND = "by-hand"
    """Something has to be put right by a person first; nothing was copied."""
    FAILED = "failed"
    """The ingest says why."""
    BUSY = "busy"
    """An ingest is writing there; nothing was done."""


@dataclass(frozen=True, slots=True)
class RepairRequest:
    """Repair one registered replica.

    Args:
        request_id: who asks.
        bag_version: of what.
        location: where the replica is.
        source: where to read; ``None``: the primary, or else any other registered replica.
    """

    request_id: str
    bag_version: BagVersionId
    location: Location
    source: Location

    @classmethod
    def parse(cls, services: Services, request_id: str, fields: Mapping[str, Any]) -> Self:
        """Check a request: ``bag`` (``space/external identifier``), ``version``, ``location``, optional ``source``.

        Raises:
            RequestError: with every problem found.
        """
        problems: list[str] = []
        try:
            bag_version = BagVersionId.parse(f"{fields['bag']}/{fields['version']}", stored=True)
        except InvalidIdentifier as error:
            raise RequestError((f"bag and version: {error}",)) from None
        known = ", ".join(sorted(services.locations))
        names = {name: fields.get(name) for name in ("location", "source")}
        problems += [
            f"{name}: found {value!r}, configured locations are {known}"
            for name, value in names.items()
            if value is not None and value not in services.locations
        ]
        registered = [each.location for each in services.registry.replicas(bag_version)]
        location = services.locations.get(str(names["location"]))
        if location is not None and location.name not in registered:
            there = ", ".join(registered) or "nowhere"
            problems.append(f"location: {bag_version} is registered at {there}, not at {location.name!r}; backfill it")
        elif location is not None and not location.writable:
            problems.append(f"location: {location.name!r} is configured for reading only")
        others = [name for name in registered if name in services.locations and name != names["location"]]
        wanted = names["source"]
        if wanted is not None and wanted in services.locations and wanted not in others:
            problems.append(
                f"source: {bag_version} has no replica at {wanted!r}; it is at {', '.join(others) or 'none'}"
            )
        if wanted is None and not others:
            problems.append(f"source: {bag_version} has no replica at any other configured location")
        if problems or location is None:
            raise RequestError(tuple(problems))
        return cls(request_id, bag_version, location, services.locations[wanted or others[0]])


@dataclass(frozen=True, slots=True)
class RepairResult:
    """How a repair ended.

    Args:
        missing: what was to be copied.
        by_hand: what a person has to do first, with the exact steps.
        ingest: how the ingest ended, if one was opened.
        event: the fixity event that the repair has left.
    """

    outcome: RepairOutcome
    missing: tuple[str, ...] = ()
    by_hand: tuple[Finding, ...] = ()
    ingest: ClosedIngest | None = None
    event: FixityEvent | None = None
    message: str = ""

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "outcome": self.outcome.value,
            "missing": list(self.missing),
            "byHand": [finding.to_json() for finding in self.by_hand],
            "ingest": None if self.ingest is None else self.ingest.to_json(),
            "event": None if self.event is None else self.event.to_json(),
            "message": self.message,
        }


def repair_replica(
    services: Services,
    request: RepairRequest,
    *,
    progress: Progress | None = None,
    poll_seconds: float = 60.0,
    sleep: Callable[[float], None] = time.sleep,
) -> RepairResult:
    """Copy what is missing, if that is all that is wrong.

    Raises:
        StoreError: the location could not be listed: nothing is known, and nothing was done.
    """
    diagnosis = diagnose(services, request.bag_version, request.location)
    if isinstance(diagnosis, NotRegistered):
        return RepairResult(RepairOutcome.FAILED, message=f"{request.bag_version} is not registered any more")
    if diagnosis.writer:
        message = f"ingest {diagnosis.writer} is writing to {request.location.name}"
        return RepairResult(RepairOutcome.BUSY, diagnosis.missing, message=message)
    if diagnosis.by_hand:
        return RepairResult(RepairOutcome.BY_HAND, diagnosis.missing, diagnosis.by_hand)
    if not diagnosis.missing:
        return RepairResult(RepairOutcome.WHOLE)
    ref = _open(services, request, diagnosis)
    if isinstance(ref, str):
        return RepairResult(RepairOutcome.BUSY, diagnosis.missing, message=ref)
    failure: StepFailed | None = None
    event: FixityEvent | None = None
    try:
        failure = replicate(services, ref, progress or Silence(), lambda: sleep(poll_seconds))
        if failure is None:
            event = _leave_event(services, request, ref, diagnosis)
    finally:
        closed = close_ingests(services, request.request_id)
    ingest = next((each for each in closed if each.ingest_id == ref.ingest_id), None)
    if failure is None:
        return RepairResult(RepairOutcome.REPAIRED, diagnosis.missing, ingest=ingest, event=event)
    return RepairResult(RepairOutcome.FAILED, diagnosis.missing, ingest=ingest, message=failure.text)


def _open(services: Services, request: RepairRequest, diagnosis: Diagnosis) -> IngestRef | str:
    """Open the ingest and take the claim; else who holds it."""
    ingest_id = ingest_id_of(request.request_id, request.bag_version, request.location.name)
    now = services.clock()
    services.ingests.open(
        Ingest(
            id=ingest_id,
            bag_version=request.bag_version,
            source=request.source.name,
            destination=request.location.name,
            status=IngestStatus.ACCEPTED,
            created=now,
            request_id=request.request_id,
        )
    )
    text = f"Repairing {request.location.name} accepted - {len(diagnosis.missing)} files from {request.source.name}"
    services.ingests.update(ingest_id, EventUpdate((IngestEvent.of(text, now),)))
    claim = services.registry.acquire(
        request.bag_version, request.location.name, holder=str(ingest_id), lease=services.limits.lease
    )
    match claim:
        case HeldByAnother(holder=holder):
            close_ingests(services, request.request_id)
            return f"ingest {holder} is writing to {request.location.name}"
        case Claim(token=token):
            return IngestRef(
                ingest_id=str(ingest_id),
                bag_version=str(request.bag_version),
                source=request.source.name,
                destination=request.location.name,
                token=token,
                thaw_tier=request.source.thaw.tier.value,
                thaw_days=request.source.thaw.days,
            )


def _leave_event(services: Services, request: RepairRequest, ref: IngestRef, diagnosis: Diagnosis) -> FixityEvent:
    work = IngestWork(services.work, ref)
    plan = work.require_plan()

    def rows() -> Iterator[dict[str, Any]]:
        for index in range(plan.verify_shards):
            yield from work.results(plan, "verified", index) or ()

    files = size = 0
    for row in rows():
        files += 1
        size += row["size"]
    event_id = event_id_of(UUID(ref.ingest_id), request.bag_version, request.location.name, AuditMode.READ)
    event = FixityEvent(
        id=event_id,
        audit_id=None,
        bag_version=request.bag_version,
        location=request.location.name,
        mode=AuditMode.READ,
        outcome=AuditOutcome.GOOD,
        occurred=services.clock(),
        files=plan.files,
        bytes=plan.bytes,
        files_read=files,
        bytes_read=size,
        files_archived=0,
        findings=0,
        record=record_name(event_id, request.bag_version, request.location.name),
        detail=f"repaired by ingest {ref.ingest_id}: {len(diagnosis.missing)} files copied again",
    )
    return write_record(
        services,
        event,
        ingest=ref.ingest_id,
        receipt=receipt_name(request.bag_version, request.location.name, ref.ingest_id),
        repaired=list(diagnosis.missing),
        objects=lambda: ((row["path"], row["etag"]) for row in rows()),
    )
