"""The one place where an ingest asks for thaws, first, again, faster or longer: by ledger, budget and rate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bagfill.ingests.reasons import Reason
from bagfill.steps.failures import MOST_PROBLEMS
from bagfill.steps.outcomes import IngestRef, StepFailed
from bagfill.steps.services import Services
from bagfill.steps.thaw_permits import ThawChunk, ThawSpent
from bagfill.storage.errors import StoreFailure
from bagfill.storage.location import Location
from bagfill.storage.store import ThawAnswer, ThawTier
from bagfill.thaw.asking import AskChunk, Asked, AskPermits, AskTerms, ThawAsker, ThawRefusal, Wanted
from bagfill.thaw.batch_sending import BatchRequests
from bagfill.thaw.ledger import ThawKind
from bagfill.thaw.sending import SendingRate, SingleRequests, ThawSender
from bagfill.thaw.tiers import allowed_tiers, tier_for


@dataclass(frozen=True, slots=True)
class ThawSummary:
    """What came of asking.

    Args:
        total: archived objects of the plan.
        asked: thaws that start now.
        in_progress: thaws that somebody asked for before.
        readable: objects that can be read already, or that the destination has by now.
        later: objects whose turn has not come: their copies would go away before they could be used.
        again: of those asked for, objects whose earlier copy went away unused.
        slower: of those asked for, Expedited thaws that the provider had no capacity for: Standard instead.
    """

    total: int
    asked: int
    in_progress: int
    readable: int
    later: int = 0
    again: int = 0
    slower: int = 0

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {name: getattr(self, name) for name in self.__slots__}


def asker_of(
    services: Services,
    location: Location,
    permits: AskPermits | None = None,
) -> ThawAsker:
    """What asks for objects of a location, for whomever."""
    rate = SendingRate(
        services.thaw_pace,
        location.thaw.account or location.provider.value,
        services.limits.thaw_requests_per_second,
        services.limits.concurrency,
        services.sleep,
    )
    sender: ThawSender = SingleRequests(services.stores.reading(location), rate)
    runner = services.batch(location)
    if runner is not None and location.batch is not None:
        sender = BatchRequests(runner, sender, location.batch.above)
    return ThawAsker(services.thaws, sender, permits)


def ask_for(
    services: Services,
    ref: IngestRef,
    wanted: Sequence[Wanted],
    *,
    seen: datetime,
    days: int,
) -> ThawSummary | StepFailed:
    """Ask for objects of an ingest's source. The caller holds the claim and writes the events.

    Args:
        services: of the step.
        ref: for whom.
        wanted: what, as it was looked at.
        seen: when it was looked at.
        days: how long the copies shall live.

    Returns:
        the answers; or why not everything was accepted, or that the budget is reached. What was accepted before is
        noted, and never asked for again.
    """
    location = services.locations[ref.source]
    tier = ThawTier(ref.thaw_tier)
    refused = _tier_refused(ref, wanted, tier)
    if refused is not None:
        return refused
    permits = IngestPermits(services, ref)
    asked = asker_of(services, location, permits).ask(wanted, AskTerms(ref.ingest_id, tier, days, seen))
    if permits.refusal is not None:
        return permits.refusal
    if asked.refusals:
        return _refused(ref, asked.refusals)
    return _summary(asked, len(wanted))


def _summary(asked: Asked, total: int) -> ThawSummary:
    counts = asked.counts
    return ThawSummary(
        total=total,
        asked=counts[ThawAnswer.REQUESTED],
        in_progress=counts[ThawAnswer.ALREADY_IN_PROGRESS] + asked.elsewhere,
        readable=counts[ThawAnswer.EXTENDED] + counts[ThawAnswer.NOT_ARCHIVED],
        again=asked.again,
        slower=asked.slower,
    )


class IngestPermits:
    """Asks the installation's budgets on behalf of one ingest.

    Args:
        services: of the step.
        ref: for whom.
    """

    def __init__(self, services: Services, ref: IngestRef) -> None:
        self._permits = services.thaw_permits
        self._ref = ref
        self.refusal: StepFailed | None = None

    def permit(self, chunk: AskChunk) -> bool:
        """See :class:`bagfill.thaw.asking.AskPermits`."""
        self.refusal = self._permits.permit(self._chunk(chunk))
        return self.refusal is None

    def settle(self, chunk: AskChunk, objects: int, size: int) -> None:
        """See :class:`bagfill.thaw.asking.AskPermits`."""
        self._permits.settle(self._chunk(chunk), ThawSpent(objects, size))

    def _chunk(self, chunk: AskChunk) -> ThawChunk:
        return ThawChunk(
            id=chunk.id,
            ingest=self._ref,
            location=self._ref.source,
            storage_class=chunk.storage_class,
            tier=chunk.tier,
            days=chunk.days,
            objects=chunk.objects,
            bytes=chunk.bytes,
            extension=chunk.kind is ThawKind.LONGER,
        )


def _tier_refused(ref: IngestRef, wanted: Sequence[Wanted], tier: ThawTier) -> StepFailed | None:
    """Checked before anything is asked: a provider would refuse object after object."""
    classes = Counter(each.info.storage_class for each in wanted)
    problems = [
        f"{objects} objects of class {name}: no {tier} thaw; allowed: {', '.join(sorted(allowed_tiers(name)))}"
        for name, objects in sorted(classes.items())
        if tier_for(name, tier) is None
    ]
    if not problems:
        return None
    message = f"{ref.bag_version} at {ref.source}: {problems[0]}. Nothing was asked for."
    return StepFailed(Reason.THAW_REFUSED, message, tuple(problems[1:]))


def _refused(ref: IngestRef, refusals: Sequence[ThawRefusal]) -> StepFailed:
    worst = next((refusal for refusal in refusals if not refusal.error.retryable), refusals[0])
    match worst.error.failure:
        case StoreFailure.UNAUTHENTICATED:
            reason = Reason.CREDENTIALS_REFUSED
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
