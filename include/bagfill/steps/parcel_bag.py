"""One bag of a parcel: the same steps as in a run of its own, and what the bag came to as a value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from bagfill.ingests.model import IngestStatus
from bagfill.ingests.reasons import Reason
from bagfill.planning.parcels import is_small
from bagfill.steps.close_ingest import ClosedIngest, close_ingests
from bagfill.steps.conclude_replica import conclude_replica
from bagfill.steps.copy_shard import copy_shard
from bagfill.steps.failures import record_failure
from bagfill.steps.open_ingest import OpenedIngests, open_ingests
from bagfill.steps.outcomes import IngestRef, ShardRef, StepFailed
from bagfill.steps.plan_replication import PlanSummary, plan_replication
from bagfill.steps.requests import BackfillRequest, RequestError
from bagfill.steps.run_ids import run_id_of
from bagfill.steps.services import Services
from bagfill.steps.shipments import ParcelBag
from bagfill.steps.sweep_candidates import SweepStart, start_of
from bagfill.steps.verify_shard import verify_shard


class BagEnd(StrEnum):
    """What a bag of a parcel came to."""

    REGISTERED = "registered"
    NOTHING_MISSING = "nothing_missing"
    LEFT_TO_ANOTHER = "left_to_another"
    HANDED_OVER = "handed_over"
    """To a run of its own: archived or large after all."""
    FAILED = "failed"
    TO_RETRY = "to_retry"
    """Its ingests are open and its claims are held, for the parcel's next try."""


@dataclass(frozen=True, slots=True)
class BagEnded:
    """How one bag ended.

    Args:
        bag: which.
        end: in a word.
        text: what happened, for the log; empty when all went well.
        files, bytes: that were registered now.
        own_run: with ``HANDED_OVER``: the run to start for it.
    """

    bag: str
    end: BagEnd
    text: str = ""
    files: int = 0
    bytes: int = 0
    own_run: SweepStart | None = None


@dataclass(slots=True)
class _Work:
    """What came of the versions of one bag."""

    registered: list[PlanSummary] = field(default_factory=list)
    failures: list[StepFailed] = field(default_factory=list)
    own_run: list[IngestRef] = field(default_factory=list)


def replicate_bag(services: Services, bag: ParcelBag, request_id: str, *, last_try: bool) -> BagEnded:
    """Replicate what is missing of one bag, oldest version first, and close its ingests.

    Args:
        request_id: of this bag in this shipment.
        last_try: no retry of the parcel will follow: what failed for a passing reason ends here as well.
    """
    earlier = services.ingests.of_request(request_id)
    if earlier and all(ingest.status.is_final for ingest in earlier):
        # What an earlier try ended is not opened again: a new request is a new ingest. Its claim may still be held.
        return _ended(bag, _Work(), close_ingests(services, request_id))
    try:
        request = BackfillRequest.parse(services, request_id, bag.fields)
    except RequestError as error:
        return BagEnded(bag.bag, BagEnd.FAILED, f"{Reason.BAD_REQUEST.code}: {error}")
    others = [i for i in services.ingests.of_bag(request.bag, request.destination) if i.request_id != request_id]
    attempt = 1 + len({ingest.request_id for ingest in others})
    if run_id_of(request.bag, request.destination, attempt) != bag.run_id:
        # It waited in a queue, and another sweep or a person was faster: theirs is the word on this bag.
        text = f"ingest {others[0].id} came first" if others else "it was packed for another attempt"
        return BagEnded(bag.bag, BagEnd.LEFT_TO_ANOTHER, text)
    opened = open_ingests(services, request)
    if isinstance(opened, StepFailed):
        return BagEnded(bag.bag, BagEnd.FAILED, f"{opened.reason.code}: {opened.text}")
    work = _replicate(services, opened)
    if not last_try and _worth_a_retry(work):
        text = "; ".join(failure.message for failure in work.failures)
        return BagEnded(bag.bag, BagEnd.TO_RETRY, text, *_amounts(work))
    _hand_over(services, work)
    ended = _ended(bag, work, close_ingests(services, request_id))
    if ended.end is not BagEnd.HANDED_OVER:
        return ended
    start = start_of(services, request.bag, request.destination, own_run=True)
    # With everything else that was asked for: its campaign, its thaw tier.
    return replace(ended, own_run=None if start is None else replace(start, fields={**bag.fields, **start.fields}))


def _replicate(services: Services, opened: OpenedIngests) -> _Work:
    work, plans = _Work(), list[PlanSummary]()
    # All are planned before the first is copied: what is known by then costs nothing yet.
    for place, ref in enumerate(opened.refs):
        plan = plan_replication(services, ref)
        if isinstance(plan, StepFailed):
            work.failures.append(plan)
        elif plan.archived_files or not is_small(plan.files, plan.bytes, services.limits):
            # With the versions above it, which may need it.
            work.own_run += opened.refs[place:]
            break
        else:
            plans.append(plan)
    for plan in plans:
        failure = _replicate_version(services, plan)
        if failure is None:
            work.registered.append(plan)
        elif failure.reason in {Reason.THAW_EXPIRED, Reason.THAW_NOT_DUE}:
            # Archived between planning and copying: only a run of its own can wait for it.
            work.own_run.insert(0, plan.ingest)
        else:
            work.failures.append(failure)
    return work


def _replicate_version(services: Services, plan: PlanSummary) -> StepFailed | None:
    for index in range(plan.copy_shards):
        copied = copy_shard(services, ShardRef(plan.ingest, index))
        if isinstance(copied, StepFailed):
            return copied
    for index in range(plan.verify_shards):
        verified = verify_shard(services, ShardRef(plan.ingest, index))
        if isinstance(verified, StepFailed):
            return verified
    concluded = conclude_replica(services, plan.ingest)
    return concluded if isinstance(concluded, StepFailed) else None


def _worth_a_retry(work: _Work) -> bool:
    """Older versions had their turn before those that need them: waiting for them alone would be in vain."""
    return any(f.retryable and f.reason is not Reason.OLDER_VERSION_MISSING for f in work.failures)


def _hand_over(services: Services, work: _Work) -> None:
    for ref in work.own_run:
        message = f"{ref.bag_version} has archived objects at {ref.source}, or is large."
        failure = StepFailed(Reason.NEEDS_OWN_RUN, message)
        record_failure(services, ref, f"replicating to {ref.destination}", failure, final=True)


def _ended(bag: ParcelBag, work: _Work, closed: Sequence[ClosedIngest]) -> BagEnded:
    lost = [ingest for ingest in closed if ingest.status != IngestStatus.SUCCEEDED]
    end = _end_of({ingest.reason for ingest in lost}) if closed else BagEnd.NOTHING_MISSING
    text = "; ".join(f"{ingest.bag_version}: {ingest.reason}: {ingest.message}" for ingest in lost)
    return BagEnded(bag.bag, end, text, *_amounts(work))


def _end_of(reasons: set[str | None]) -> BagEnd:
    """What a bag came to, by the reasons of its ingests that did not succeed."""
    if not reasons:
        return BagEnd.REGISTERED
    if reasons == {Reason.ALREADY_RUNNING.code}:
        return BagEnd.LEFT_TO_ANOTHER
    if reasons <= {Reason.ALREADY_RUNNING.code, Reason.NEEDS_OWN_RUN.code}:
        return BagEnd.HANDED_OVER
    return BagEnd.FAILED


def _amounts(work: _Work) -> tuple[int, int]:
    return sum(plan.files for plan in work.registered), sum(plan.bytes for plan in work.registered)
