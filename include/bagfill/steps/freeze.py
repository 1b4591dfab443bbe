"""Verify before freeze: what a destination's lifecycle archives must have been read back before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bagfill.bag.identifiers import BagVersionId
from bagfill.ingests.model import Ingest
from bagfill.ingests.reasons import Reason
from bagfill.planning.freeze import room_before_archive, time_to_verify
from bagfill.steps.failures import MOST_PROBLEMS, add_events
from bagfill.steps.listings import list_version
from bagfill.steps.outcomes import IngestRef, StepFailed
from bagfill.steps.sealed_records import RecordDamaged, SealedRecords
from bagfill.steps.services import Services
from bagfill.storage.location import Location
from bagfill.storage.store import ArchiveState, Capability, ObjectInfo

_LOOKED_AT = 10_000
"""Newest ingests among which verifications that wait are looked for."""


def check_freeze(
    services: Services, ref: IngestRef, listed: Mapping[str, ObjectInfo], there: Mapping[str, ObjectInfo]
) -> StepFailed | None:
    """Refuse what is archived at the destination already, and what would be before it can be verified.

    Otherwise the date is left in the ingest's events and in the work area, from where it is watched.

    Args:
        listed: path → object at the source.
        there: path → object at the destination.

    Raises:
        StoreError: the destination or the work area did not answer.
    """
    location = services.locations[ref.destination]
    frozen = _frozen(services, location, there)
    if frozen:
        problems = tuple(f"{path}: is there, archived as {info.storage_class}" for path, info in frozen)
        summary = f"{len(frozen)} objects exist at {location.name}, archived and unverified"
        message = f"{ref.bag_version}: {summary}: {problems[0]}."
        return StepFailed(Reason.DESTINATION_ARCHIVED, message, problems[1 : MOST_PROBLEMS + 1])
    if location.archives_after is None:
        return None
    now = services.clock()
    oldest = min((info.last_modified for info in there.values() if info.last_modified is not None), default=None)
    needed = time_to_verify(
        files=len(listed), size=sum(info.size for info in listed.values()), rate=location.verify_rate
    )
    room = room_before_archive(
        location.archives_after,
        oldest=None if oldest is None else now - oldest,
        thaws_first=any(not info.is_readable for path, info in listed.items() if path not in there),
    )
    if needed > room:
        since = "" if oldest is None else f", counted from the oldest object there ({oldest:%Y-%m-%dT%H:%M:%SZ})"
        takes = f"copying and reading back takes up to {_shown(needed)} at {location.verify_rate} bytes a second"
        leaves = f"{location.name} archives after {_shown(location.archives_after)}, leaving {_shown(room)}{since}"
        return StepFailed(Reason.FREEZES_FIRST, f"{ref.bag_version}: {takes}; {leaves}.")
    before = (oldest or now) + location.archives_after
    SealedRecords(services.work).write_json(_name(ref.ingest_id), {"before": before.isoformat()})
    text = f"verification ({location.name}) due - before {before:%Y-%m-%dT%H:%M:%SZ}, when objects are archived there"
    add_events(services, ref, [text])
    return None


@dataclass(frozen=True, slots=True)
class WaitingVerification:
    """Objects at a location that archives, of a bag version that is not proved there yet.

    Args:
        before: when the first of them is archived.
        is_late: less than a third of the time is left, or none.
    """

    bag_version: BagVersionId
    location: str
    ingest_id: str
    status: str
    before: datetime
    is_late: bool

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "bagVersion": str(self.bag_version),
            "location": self.location,
            "ingest": self.ingest_id,
            "status": self.status,
            "before": self.before.isoformat(),
            "late": self.is_late,
        }


def waiting_verifications(services: Services) -> list[WaitingVerification]:
    """What has to be verified before its date, earliest first: also what a failed ingest has left there.

    Raises:
        StoreError: a location or the work area did not answer.
    """
    seen: set[tuple[BagVersionId, str]] = set()
    found: list[WaitingVerification] = []
    for ingest in services.ingests.recent(_LOOKED_AT):
        key = (ingest.bag_version, ingest.destination)
        location = services.locations.get(ingest.destination)
        if key in seen or location is None or location.archives_after is None:
            continue
        seen.add(key)
        if not any(each.location == location.name for each in services.registry.replicas(ingest.bag_version)):
            found.extend(_waiting(services, ingest, location, location.archives_after))
    return sorted(found, key=lambda waiting: waiting.before)


def flag_late_verifications(services: Services) -> list[WaitingVerification]:
    """Say in the ingests of late verifications that they are late. Raises StoreError."""
    late = [waiting for waiting in waiting_verifications(services) if waiting.is_late]
    for waiting in late:
        ref = IngestRef(waiting.ingest_id, str(waiting.bag_version), "", waiting.location, 0, "", 0)
        text = (
            f"verification ({waiting.location}) waiting - objects are archived from {waiting.before:%Y-%m-%dT%H:%M:%SZ}"
        )
        add_events(services, ref, [f"{text} on, and are not verified: run the backfill again before"])
    return late


def _waiting(
    services: Services, ingest: Ingest, location: Location, archives_after: timedelta
) -> Iterator[WaitingVerification]:
    there = list_version(services.stores.reading(location), location, ingest.bag_version)
    if not there:
        return
    dates = [info.last_modified for info in there.values() if info.last_modified is not None]
    before = min(dates) + archives_after if dates else _noted(services, ingest) or ingest.created + archives_after
    yield WaitingVerification(
        bag_version=ingest.bag_version,
        location=location.name,
        ingest_id=str(ingest.id),
        status=ingest.status.value,
        before=before,
        is_late=before - services.clock() < archives_after / 3,
    )


def _noted(services: Services, ingest: Ingest) -> datetime | None:
    try:
        record = SealedRecords(services.work).read_json(_name(str(ingest.id)))
    except (RecordDamaged, ValueError):
        return None
    return None if record is None else datetime.fromisoformat(record["before"])


def _frozen(services: Services, location: Location, there: Mapping[str, ObjectInfo]) -> list[tuple[str, ObjectInfo]]:
    """What cannot be read there. A listing that does not tell thaws is not believed."""
    store = services.stores.reading(location)
    trusted = Capability.ARCHIVE_STATE_IN_LISTING in store.capabilities
    frozen: list[tuple[str, ObjectInfo]] = []
    for path, listed in sorted(there.items()):
        info: ObjectInfo | None = listed
        if listed.archive is ArchiveState.ARCHIVED and not trusted:
            info = store.stat(listed.key)
        if info is not None and not info.is_readable:
            frozen.append((path, info))
    return frozen


def _name(ingest_id: str) -> str:
    return f"{ingest_id}/freezes.jsonl"


def _shown(duration: timedelta) -> str:
    hours = duration / timedelta(hours=1)
    return f"{hours / 24:.1f} days" if abs(hours) >= 48 else f"{hours:.1f} hours"
