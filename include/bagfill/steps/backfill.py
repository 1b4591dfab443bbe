"""All steps of one request in this process: what the CLI does, and the bulk path for small bags."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from bagfill.ingests.reasons import Reason
from bagfill.steps.campaign_pause import Act, Told, through_halts
from bagfill.steps.close_ingest import ClosedIngest, close_ingests
from bagfill.steps.conclude_replica import conclude_replica
from bagfill.steps.copy_shard import copy_shard
from bagfill.steps.open_ingest import open_ingests
from bagfill.steps.outcomes import IngestRef, ShardRef, StepFailed
from bagfill.steps.plan_replication import PlanSummary, plan_replication
from bagfill.steps.request_thaw import request_thaw
from bagfill.steps.requests import BackfillRequest
from bagfill.steps.services import Services
from bagfill.steps.verify_shard import verify_shard
from bagfill.steps.wait_for_thaw import ThawState, poll_thaw


class Progress(Protocol):
    """Who watches. Methods are called from several threads."""

    def planned(self, plan: PlanSummary) -> None:
        """A bag version was planned."""
        ...

    def thawing(self, plan: PlanSummary, state: ThawState) -> None:
        """The thaw was looked at."""
        ...

    def copied(self, plan: PlanSummary, size: int) -> None:
        """One item of ``size`` bytes is at the destination."""
        ...

    def verified(self, plan: PlanSummary, size: int) -> None:
        """One file of ``size`` bytes was read back."""
        ...


class Silence:
    """Nobody watches."""

    def planned(self, plan: PlanSummary) -> None:
        """Nothing to do."""

    def thawing(self, plan: PlanSummary, state: ThawState) -> None:
        """Nothing to do."""

    def copied(self, plan: PlanSummary, size: int) -> None:
        """Nothing to do."""

    def verified(self, plan: PlanSummary, size: int) -> None:
        """Nothing to do."""


@dataclass(frozen=True, slots=True)
class BackfillResult:
    """How a request ended.

    Args:
        closed: its ingests, ascending by version.
        already_there: bag versions that needed nothing.
        failure: why nothing was opened at all.
        left_over: versions that are missing still, since one run opens only ``limits.versions_per_run``.
    """

    closed: tuple[ClosedIngest, ...]
    already_there: tuple[str, ...]
    failure: StepFailed | None
    left_over: int = 0

    @property
    def succeeded(self) -> bool:
        """Whether every bag version asked for is registered at the destination now."""
        return self.failure is None and not self.left_over and all(ingest.reason is None for ingest in self.closed)


def backfill(
    services: Services,
    request: BackfillRequest,
    *,
    progress: Progress | None = None,
    poll_seconds: float = 60.0,
    sleep: Callable[[float], None] = time.sleep,
    halted: Told | None = None,
) -> BackfillResult:
    """Replicate the bag of one request, and wait for thaws by sleeping.

    Args:
        progress: who watches.
        poll_seconds: pause between two looks at a thaw.
        sleep: tests turn the clock here.
        halted: told that the campaign is paused, or waits for its hours or for another day, which is then waited for;
            ``None``: the ingest ends instead.
    """
    opened = open_ingests(services, request)
    if isinstance(opened, StepFailed):
        return BackfillResult((), (), opened)
    try:
        for ref in opened.refs:
            replicate(services, ref, progress or Silence(), lambda: sleep(poll_seconds), halted)
    finally:
        closed = close_ingests(services, request.request_id)
    return BackfillResult(closed, opened.already_there, None, opened.left_over)


def replicate(
    services: Services, ref: IngestRef, progress: Progress, pause: Callable[[], None], halted: Told | None = None
) -> StepFailed | None:
    """All steps of one open ingest, from the plan to the registration.

    Args:
        pause: waits between two looks at a thaw, or at a halted campaign.
        halted: as :func:`backfill` has it.
    """
    plan = plan_replication(services, ref)
    if isinstance(plan, StepFailed):
        return plan
    progress.planned(plan)
    copied: Act = partial(_thaw_and_copy, services, plan, progress, pause)
    if halted is not None:
        copied = through_halts(services, plan.ingest, copied, pause, halted)
    return (
        copied()
        or _shards(plan.verify_shards, lambda i: _verify(services, plan, i, progress))
        or _conclude(services, ref)
    )


def _thaw_and_copy(
    services: Services, plan: PlanSummary, progress: Progress, pause: Callable[[], None]
) -> StepFailed | None:
    """A thawed copy that expired before its turn was asked for again by the copy; wait for it, then go on."""
    while True:
        failure = _thaw(services, plan, progress, pause) or _shards(
            plan.copy_shards, lambda i: _copy(services, plan, i, progress)
        )
        if failure is None or failure.reason not in {Reason.THAW_EXPIRED, Reason.THAW_NOT_DUE}:
            return failure
        pause()


def _thaw(services: Services, plan: PlanSummary, progress: Progress, pause: Callable[[], None]) -> StepFailed | None:
    if not plan.archived_files:
        return None
    requested = request_thaw(services, plan.ingest)
    if isinstance(requested, StepFailed):
        return requested
    while True:
        state = poll_thaw(services, plan.ingest)
        if isinstance(state, StepFailed):
            return state
        progress.thawing(plan, state)
        if state.done:
            return None
        pause()


def _copy(services: Services, plan: PlanSummary, index: int, progress: Progress) -> StepFailed | None:
    outcome = copy_shard(services, ShardRef(plan.ingest, index), file_done=lambda size: progress.copied(plan, size))
    return outcome if isinstance(outcome, StepFailed) else None


def _verify(services: Services, plan: PlanSummary, index: int, progress: Progress) -> StepFailed | None:
    outcome = verify_shard(services, ShardRef(plan.ingest, index), file_done=lambda size: progress.verified(plan, size))
    return outcome if isinstance(outcome, StepFailed) else None


def _conclude(services: Services, ref: IngestRef) -> StepFailed | None:
    outcome = conclude_replica(services, ref)
    return outcome if isinstance(outcome, StepFailed) else None


def _shards(count: int, step: Callable[[int], StepFailed | None]) -> StepFailed | None:
    for index in range(count):
        failure = step(index)
        if failure is not None:
            return failure
    return None
