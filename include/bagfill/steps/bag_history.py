"""What the ingests of a bag say about trying it again: not yet, or not without a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bagfill.bag.identifiers import BagId, BagVersion, BagVersionId
from bagfill.ingests.model import Ingest
from bagfill.ingests.reasons import Reason
from bagfill.ingests.retries import NO_ATTEMPT, schedule_of
from bagfill.steps.services import Services


@dataclass(frozen=True, slots=True)
class NeedsPerson:
    """A bag that is not tried again before a person has seen to it.

    Args:
        bag: ``space/external identifier``.
        destination: name of the location where it is missing.
        version: of the ingest that says why.
        reason: why.
        ingest_id: that ingest.
        source: name of the location it read.
        attempts: requests that failed.
        first_seen, last_seen: when the first and the last of them ended.
    """

    bag: str
    destination: str
    version: str
    reason: Reason
    ingest_id: str
    source: str
    attempts: int
    first_seen: datetime
    last_seen: datetime

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            **{name: getattr(self, name) for name in self.__slots__},
            "reason": self.reason.code,
            "first_seen": self.first_seen.isoformat(),
            "last_seen": self.last_seen.isoformat(),
        }


@dataclass(frozen=True, slots=True)
class NotNow:
    """Why a bag is left alone: in words, and ``needs`` if it stays so without a person."""

    why: str
    needs: NeedsPerson | None = None


def not_now(
    services: Services, bag: BagId, location: str, versions: Sequence[BagVersion], about: Sequence[Ingest]
) -> NotNow | None:
    """Why a bag should not be tried now, or ``None`` if it should.

    A version that failed for good is left to a person, and so are those that need it. What failed for a passing reason
    is tried again by that reason's schedule.

    Args:
        versions: that are missing at ``location``, ascending.
        about: ended ingests about these versions since a person last released the bag, newest first.
    """
    return _left_to_a_person(services, bag, location, versions, about) or _tried_later(services, bag, location, about)


def ended(ingest: Ingest) -> datetime:
    """When an ingest ended: the date of its last event."""
    return ingest.last_modified or ingest.created


def _left_to_a_person(
    services: Services, bag: BagId, location: str, versions: Sequence[BagVersion], about: Sequence[Ingest]
) -> NotNow | None:
    """Set if every missing version failed for good, or needs one that did."""
    hopeless = _hopeless(services, bag, versions, about)
    if not hopeless.keys() >= set(versions):
        return None
    why = "needs a person: " + "; ".join(f"{version}: {text}" for version, text in sorted(hopeless.items()))
    failed = [ingest for ingest in about if ingest.reason is not None and not ingest.reason.retryable]
    # The oldest version is what the others wait for; of its ingests the newest says why.
    oldest = min(ingest.bag_version.version for ingest in failed)
    chosen = max((ingest for ingest in failed if ingest.bag_version.version == oldest), key=ended)
    return NotNow(why, _needs(bag, location, chosen, failed))


def _tried_later(services: Services, bag: BagId, location: str, about: Sequence[Ingest]) -> NotNow | None:
    """Set if it failed for a passing reason, and its pause is not over or there were too many."""
    attempts = [ingest for ingest in about if ingest.reason not in NO_ATTEMPT]
    if not attempts:
        return None
    failed = len({ingest.request_id for ingest in attempts})
    last = max(attempts, key=ended)
    schedule = schedule_of(last.reason)
    if schedule is None:
        # Another version of the bag failed for good; this one may still be tried.
        return None
    pause = schedule.pause(failed)
    if pause is None:
        why = f"needs a person: failed {failed} times, last: {_reason(last)}"
        return NotNow(why, _needs(bag, location, last, attempts))
    due = ended(last) + pause
    return None if due <= services.clock() else NotNow(f"tried again after {due:%Y-%m-%dT%H:%M:%SZ}: {_reason(last)}")


def _needs(bag: BagId, location: str, chosen: Ingest, failed: Sequence[Ingest]) -> NeedsPerson:
    ends = [ended(ingest) for ingest in failed]
    return NeedsPerson(
        bag=str(bag),
        destination=location,
        version=str(chosen.bag_version.version),
        reason=chosen.reason or Reason.INTERRUPTED,
        ingest_id=str(chosen.id),
        source=chosen.source,
        attempts=len({ingest.request_id for ingest in failed}),
        first_seen=min(ends),
        last_seen=max(ends),
    )


def _hopeless(
    services: Services, bag: BagId, versions: Sequence[BagVersion], ingests: Sequence[Ingest]
) -> dict[BagVersion, str]:
    """Versions that failed for good, and those that need one of them."""
    hopeless: dict[BagVersion, str] = {}
    for version in versions:
        latest = next((ingest for ingest in ingests if ingest.bag_version.version == version), None)
        if latest is not None and latest.reason is not None and not latest.reason.retryable:
            hopeless[version] = latest.reason.code
            continue
        if latest is None and not hopeless:
            continue
        stored = services.registry.manifest(BagVersionId(bag, version))
        blocking = sorted(hopeless.keys() & stored.manifest.depends_on) if stored is not None else []
        if blocking:
            hopeless[version] = f"needs {blocking[0]}"
    return hopeless


def _reason(ingest: Ingest) -> str:
    return ingest.status.value if ingest.reason is None else ingest.reason.code
