"""What is missing of a registered replica, and what is wrong with it that only a person may put right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bagfill.audit.comparison import compare_listing
from bagfill.audit.model import AuditMode, Finding, FindingKind, FixityEvent
from bagfill.audit.steps_to_take import steps_to_take
from bagfill.bag.identifiers import BagVersionId
from bagfill.steps.audit import findings_of
from bagfill.steps.audit_bracket import Bracketed, KeepsChanging, NotRegistered, bracketed
from bagfill.steps.audit_evidence import evidence_of
from bagfill.steps.audit_records import read_record
from bagfill.steps.services import Services
from bagfill.storage.location import Location
from bagfill.storage.store import ObjectInfo

_BY_HAND = {FindingKind.WRONG_SIZE, FindingKind.STRAY, FindingKind.DAMAGED}


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What a listing shows of one replica, with what the last audit read.

    Args:
        missing: paths that are to be copied again.
        by_hand: findings with the exact steps for a person; while there are any, nothing is copied.
        writer: an ingest that is writing there; empty if none is.
    """

    missing: tuple[str, ...]
    by_hand: tuple[Finding, ...]
    writer: str = ""


def diagnose(services: Services, bag_version: BagVersionId, location: Location) -> Diagnosis | NotRegistered:
    """Look at a replica before it is repaired.

    Raises:
        StoreError: location or receipt store did not answer.
    """
    found = bracketed(services, bag_version, location)
    match found:
        case NotRegistered():
            return found
        case KeepsChanging():
            return Diagnosis((), (), "that keeps changing the registry's record")
        case Bracketed():
            pass
    evidence = evidence_of(services, found.manifest, found.replica, found.listing.table)
    differences = list(compare_listing(evidence.sizes, evidence.etags, found.listing))
    by_hand = [
        Finding(
            kind=each.kind,
            bag_version=str(bag_version),
            path=each.path,
            location=location.name,
            expected=each.expected,
            seen=each.seen,
            steps=steps_to_take(each.kind, bag_version, each.path, location),
        )
        for each in differences
        if each.kind in _BY_HAND
    ]
    by_hand += _known_damage(services, bag_version, location, found.listing, {finding.path for finding in by_hand})
    missing = tuple(each.path for each in differences if each.kind is FindingKind.MISSING)
    return Diagnosis(missing, tuple(by_hand), found.writer or "")


def _known_damage(
    services: Services,
    bag_version: BagVersionId,
    location: Location,
    listing: Mapping[str, ObjectInfo],
    told: set[str],
) -> list[Finding]:
    """Damage that audits have read, of objects that are there still and were not put right since."""
    found: dict[str, Finding] = {}
    for event in services.audits.history(bag_version.bag, location=location.name):
        if event.bag_version != bag_version:
            continue
        for finding in findings_of(services, event):
            info = listing.get(finding.path)
            replaced_since = info is None or info.last_modified is None or info.last_modified > event.occurred
            if finding.kind is FindingKind.DAMAGED and not replaced_since and finding.path not in told:
                found.setdefault(finding.path, finding)
        # What a reading left out, because the location was away, it says nothing about: an earlier one counts.
        if event.mode is AuditMode.READ and not _left_out(services, event):
            break
    return list(found.values())


def _left_out(services: Services, event: FixityEvent) -> bool:
    record = read_record(services, event.record)
    return record is None or bool(record.get("unread"))
