"""Read the thawed files of an audit's sample, and leave what was found as events of mode ``sample``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID, uuid5

from bagfill.audit.model import (
    Audit,
    AuditMode,
    AuditOutcome,
    Finding,
    FindingKind,
    FixityEvent,
    event_id_of,
    record_name,
)
from bagfill.audit.steps_to_take import steps_to_take
from bagfill.bag.identifiers import BagVersionId
from bagfill.steps.audit_bracket import Bracketed, bracketed
from bagfill.steps.audit_evidence import evidence_of
from bagfill.steps.audit_reading import FileRead, Look, ReplicaReader, Right, Unread, Vanished, Wrong
from bagfill.steps.audit_records import recorded_event, write_record
from bagfill.steps.audit_replica import detail_of, storable
from bagfill.steps.audit_thaw import DrawnFile, DrawnSample
from bagfill.steps.audit_work import AuditWork
from bagfill.steps.services import Services
from bagfill.storage.store import ObjectInfo

_THAWED = UUID("5a0b8cf2-9a0d-5a4d-8f0b-0d1f6a7c2e44")
"""Namespace: these events stand beside those that the same audit left of the same replicas by their listings."""


def read_thawed(
    services: Services, audit: Audit, sample: DrawnSample, *, file_read: FileRead | None = None
) -> list[FixityEvent]:
    """Read what was drawn, replica by replica. Called again, it finds the events and goes on with the rest.

    Raises:
        StoreError: the location could not be listed, or work area or receipt store did not answer.
    """
    by_replica: defaultdict[BagVersionId, list[DrawnFile]] = defaultdict(list)
    for file in sample.files:
        by_replica[file.bag_version].append(file)
    events = [_read(services, audit, bag_version, files, file_read) for bag_version, files in by_replica.items()]
    return [event for event in events if event is not None]


def thawed_event_id(audit: Audit, bag_version: BagVersionId) -> UUID:
    """The id of the event about the thawed files of one replica."""
    return event_id_of(uuid5(_THAWED, str(audit.id)), bag_version, audit.location, AuditMode.SAMPLE)


def _read(
    services: Services,
    audit: Audit,
    bag_version: BagVersionId,
    files: Sequence[DrawnFile],
    file_read: FileRead | None,
) -> FixityEvent | None:
    event_id = thawed_event_id(audit, bag_version)
    name = record_name(event_id, bag_version, audit.location)
    earlier = recorded_event(services, name)
    if earlier is not None:
        return earlier
    location = services.locations[audit.location]
    found = bracketed(services, bag_version, location)
    if not isinstance(found, Bracketed):
        return None
    evidence = evidence_of(services, found.manifest, found.replica, found.listing.table)
    store = services.stores.reading(location)
    prefix = location.version_prefix(bag_version)
    infos: dict[str, ObjectInfo] = {}
    looks: dict[str, Look] = {}
    for file in files:
        info = store.stat(f"{prefix}{file.path}")
        if info is None:
            looks[file.path] = Vanished()
        elif info.size != evidence.sizes.get(file.path):
            looks[file.path] = Wrong(f"{evidence.sizes.get(file.path)} bytes", f"{info.size} bytes", info.etag)
        elif not info.is_readable:
            looks[file.path] = Unread("its thawed copy went away before it was read", archived=True)
        else:
            infos[file.path] = info
    reader = ReplicaReader(
        store,
        prefix,
        evidence,
        AuditWork(services.work, audit.id).progress(str(event_id)),
        concurrency=services.limits.concurrency,
        file_read=file_read,
    )
    looks.update(reader.read(dict(sorted(infos.items()))))

    def finding(kind: FindingKind, path: str, expected: str, seen: str) -> Finding:
        steps = steps_to_take(kind, bag_version, path, location)
        return Finding(kind, str(bag_version), path, location.name, expected, seen, steps)

    findings: list[Finding] = []
    unread: list[tuple[str, str]] = []
    for path, look in sorted(looks.items()):
        match look:
            case Wrong(expected, seen):
                findings.append(finding(FindingKind.DAMAGED, path, expected, seen))
            case Vanished():
                findings.append(
                    finding(FindingKind.MISSING, path, f"{evidence.sizes.get(path)} bytes", "no such object")
                )
            case Unread(why):
                unread.append((path, why))
            case Right():
                pass
    read = [path for path, look in looks.items() if isinstance(look, Right | Wrong) and path in infos]
    event = FixityEvent(
        id=event_id,
        audit_id=audit.id,
        bag_version=bag_version,
        location=location.name,
        mode=AuditMode.SAMPLE,
        outcome=AuditOutcome.of(findings=len(findings), unknown=len(unread)),
        occurred=services.clock(),
        files=len(evidence.sizes),
        bytes=evidence.sizes.total(),
        files_read=len(read),
        bytes_read=sum(evidence.sizes[path] for path in read),
        files_archived=sum(not info.is_readable for info in found.listing.values()),
        findings=len(findings),
        record=name,
        detail=storable(detail_of(unread)),
    )
    good = sum(isinstance(look, Right) for look in looks.values())
    return write_record(
        services,
        event,
        audit={"id": str(audit.id), "request": audit.request_id, "seed": audit.seed},
        sample={"thawed": sorted(looks), "good": good, "bad": len(findings)},
        findings=[each.to_json() for each in findings],
        unread=[{"path": path, "why": why} for path, why in unread],
    )
