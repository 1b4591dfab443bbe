"""Ask for the archived objects of a plan, and only for those."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from bagfill.ingests.reasons import Reason
from bagfill.planning.shards import PlannedFile
from bagfill.steps.claims import ClaimKeeper
from bagfill.steps.failures import MOST_PROBLEMS, add_events, attempt
from bagfill.steps.judge_source import judge_when_readable
from bagfill.steps.listings import list_version
from bagfill.steps.outcomes import IngestRef, StepFailed
from bagfill.steps.services import Services
from bagfill.steps.work import IngestWork
from bagfill.storage.errors import StoreFailure
from bagfill.storage.store import ThawAnswer, ThawTier
from bagfill.thaw.requests import Pace, ThawRefusal, request_thaws


@dataclass(frozen=True, slots=True)
class ThawSummary:
    """What the provider answered.

    Args:
        total: archived objects of the plan.
        asked: thaws that start now.
        in_progress: thaws that somebody asked for before.
        readable: objects that can be read already, or that the destination has by now.
    """

    total: int
    asked: int
    in_progress: int
    readable: int

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {name: getattr(self, name) for name in self.__slots__}


def thaw_step(ref: IngestRef) -> str:
    """The step as events name it."""
    return f"thawing at {ref.source}"


def request_thaw(services: Services, ref: IngestRef) -> ThawSummary | StepFailed:
    """Ask for every archived object of the plan that the destination has not yet.

    As long as the bag was not judged, for the tag files alone: see :mod:`bagfill.steps.judge_source`. Asking again
    while a thaw is under way, or its copies live, costs nothing and changes nothing.

    Returns:
        the answers, counted; or why not every object was accepted.
    """
    step = thaw_step(ref)

    def act() -> ThawSummary | StepFailed:
        with ClaimKeeper(services, ref):
            work = IngestWork(services.work, ref)
            plan = work.require_plan()
            files = work.archived_files(plan)
            needed = still_needed(services, ref, files)
            refused = over_limit(services, ref, needed)
            if refused is not None:
                return refused
            first = judge_when_readable(services, ref, work, plan)
            if isinstance(first, StepFailed):
                return first
            asking = needed if first is None else [file for file in needed if file.path in first.paths]
            if not asking:
                return ThawSummary(len(files), 0, 0, len(files) - len(needed))
            prefix = services.locations[ref.source].version_prefix(ref.id)
            asked = ask(services, ref, [f"{prefix}{file.path}" for file in asking])
            if isinstance(asked, StepFailed):
                return asked
            summary = replace(asked, total=len(files), readable=asked.readable + len(files) - len(needed))
            what = "" if first is None else f"{len(asking)} tag files first: "
            text = (
                f"{step} started - {summary.total} archived files, tier {ref.thaw_tier}, {ref.thaw_days} days: {what}"
                f"{summary.asked} asked, {summary.in_progress} under way, {summary.readable} readable"
            )
            add_events(services, ref, [text])
            return summary

    return attempt(services, ref, step, act)


def over_limit(services: Services, ref: IngestRef, files: Sequence[PlannedFile]) -> StepFailed | None:
    """Why these files are too much to thaw, or ``None``.

    The plan kept to the limit of its time; what is asked for keeps to the limit of now, the payload counted with the
    tag files that are asked for before it.
    """
    limit = services.limits.max_thaw_bytes
    volume = sum(file.size for file in files)
    if limit is None or volume <= limit:
        return None
    name = f"{ref.bag_version} at {ref.source}"
    message = f"{name}: {volume} archived bytes to thaw, limits.max_thaw_bytes is {limit}."
    return StepFailed(Reason.BUDGET_REACHED, message)


def still_needed(services: Services, ref: IngestRef, files: Sequence[PlannedFile]) -> list[PlannedFile]:
    """The files whose bytes are not at the destination: a thaw of what was copied before would be paid for nothing.

    Raises:
        StoreError: the destination could not be listed.
    """
    if not files:
        return []
    destination = services.locations[ref.destination]
    there = list_version(services.stores.reading(destination), destination, ref.id)
    return [file for file in files if file.path not in there]


def ask(services: Services, ref: IngestRef, keys: list[str]) -> ThawSummary | StepFailed:
    """Ask for ``keys`` at the source's rate. The caller holds the claim and writes the events.

    Args:
        keys: full keys at the source.
    """
    store = services.stores.reading(services.locations[ref.source])
    answers = request_thaws(
        store,
        keys,
        tier=ThawTier(ref.thaw_tier),
        days=ref.thaw_days,
        pace=Pace(services.limits.thaw_requests_per_second),
        concurrency=services.limits.concurrency,
    )
    if answers.refusals:
        return _refused(ref, answers.refusals)
    counts = answers.counts
    return ThawSummary(
        total=len(keys),
        asked=counts.get(ThawAnswer.REQUESTED, 0),
        in_progress=counts.get(ThawAnswer.ALREADY_IN_PROGRESS, 0),
        readable=counts.get(ThawAnswer.EXTENDED, 0) + counts.get(ThawAnswer.NOT_ARCHIVED, 0),
    )


def _refused(ref: IngestRef, refusals: tuple[ThawRefusal, ...]) -> StepFailed:
    worst = next((refusal for refusal in refusals if not refusal.error.retryable), refusals[0])
    match worst.error.failure:
        case StoreFailure.DENIED | StoreFailure.MISCONFIGURED:
            reason = Reason.ACCESS_DENIED
        case StoreFailure.MISSING:
            reason = Reason.SOURCE_INCOMPLETE
        case _ if worst.error.retryable:
            reason = Reason.SOURCE_UNREADABLE
        case _:
            reason = Reason.THAW_REFUSED
    message = f"{ref.bag_version}: {len(refusals)} thaw requests were not accepted, first {worst.error}."
    others = [str(refusal.error) for refusal in refusals if refusal is not worst]
    return StepFailed(reason, message, tuple(others[:MOST_PROBLEMS]))
