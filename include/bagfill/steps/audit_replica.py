"""Look at one replica, and leave what was found as a fixity event. Nothing is repaired, replaced or deleted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any

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
from bagfill.audit.sampling import size_classes
from bagfill.audit.steps_to_take import steps_to_take
from bagfill.bag.columns import Sizes
from bagfill.bag.identifiers import BagVersionId
from bagfill.steps.audit_bracket import Bracketed, KeepsChanging, NotRegistered, bracketed
from bagfill.steps.audit_etags import Etags
from bagfill.steps.audit_evidence import Evidence, evidence_of
from bagfill.steps.audit_looks import MOST_HELD, Looks, SoundObjects
from bagfill.steps.audit_reading import FileRead, Look, ReplicaReader
from bagfill.steps.audit_records import recorded_event, write_record
from bagfill.steps.audit_work import AuditWork, ChosenReplica
from bagfill.steps.listings import VersionListing
from bagfill.steps.masking import masked
from bagfill.steps.services import Services
from bagfill.storage.errors import StoreError
from bagfill.storage.location import Location
from bagfill.storage.store import ObjectInfo

_SAID = 3
"""Files that are named in the detail of an event."""


def audit_replica(
    services: Services, audit: Audit, replica: ChosenReplica, *, file_read: FileRead | None = None
) -> FixityEvent | None:
    """Look at one replica as its audit says. Looking again finds the event, or goes on with what was read.

    Returns:
        The event, or ``None`` if the replica is not registered any more.

    Raises:
        StoreError: work area or receipt store did not answer; of the location itself that makes an event "unknown".
    """
    event_id = event_id_of(audit.id, replica.bag_version, audit.location, audit.mode)
    name = record_name(event_id, replica.bag_version, audit.location)
    earlier = recorded_event(services, name)
    return earlier or _Look(services, audit, replica, file_read).make()


class _Findings:
    """Findings in their order: the first are held, all are counted.

    Args:
        first: that come before all others.
    """

    def __init__(self, first: Iterable[Finding] = ()) -> None:
        self.held: list[Finding] = []
        self.count = 0
        for finding in sorted(first, key=lambda each: (each.path, each.kind)):
            self.add(lambda finding=finding: finding)  # type: ignore[misc]

    def add(self, make: Callable[[], Finding]) -> None:
        """Count one, and make it if it is held."""
        self.count += 1
        if len(self.held) < MOST_HELD:
            self.held.append(make())


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a look came to, before it is written down."""

    findings: _Findings = field(default_factory=_Findings)
    unread: tuple[tuple[str, str], ...] = ()
    unknown: int = 0
    files_read: int = 0
    bytes_read: int = 0
    archived: Sizes | None = None
    objects: Etags | None = None
    drawn: Mapping[str, Any] | None = None
    detail: str = ""


class _Look:
    def __init__(
        self, services: Services, audit: Audit, replica: ChosenReplica, file_read: FileRead | None = None
    ) -> None:
        self._services = services
        self._audit = audit
        self._replica = replica
        self._file_read = file_read
        self._location: Location = services.locations[audit.location]
        self._id = event_id_of(audit.id, replica.bag_version, audit.location, audit.mode)

    def make(self) -> FixityEvent | None:
        try:
            found = bracketed(self._services, self._replica.bag_version, self._location)
        except StoreError as error:
            if error.location != self._location.name:
                raise
            return self._leave(_Seen(unread=(("", masked(str(error))),), unknown=1, detail=masked(str(error))))
        match found:
            case NotRegistered():
                return None
            case KeepsChanging():
                detail = f"{self._replica.bag_version}: the registry's record was another each time it was read"
                return self._leave(_Seen(unread=(("", detail),), unknown=1, detail=detail))
            case Bracketed():
                return self._leave(self._judge(found))

    def _judge(self, found: Bracketed) -> _Seen:
        evidence = evidence_of(self._services, found.manifest, found.replica, found.listing.table)
        looks = Looks(evidence, found.listing)
        findings = _Findings(self._about_the_whole(found, evidence))
        if found.writer is not None and looks.differs():
            detail = f"ingest {found.writer} is writing to {self._location.name}: look again when it has ended"
            return _Seen(findings, (("", detail),), unknown=1, detail=detail)
        drawn = drawn_paths(evidence.sizes, self._replica.drawn or ())
        for path, look in self._read(self._wanted(evidence, found.listing, drawn), evidence):
            looks.note(path, look)
        for difference in looks.differences():
            findings.add(partial(self._finding, *difference))
        unread = list(islice(looks.unread(), MOST_HELD))
        unknown = sum(1 for _ in looks.unread())
        archived = looks.archived()
        good, bad = looks.drawn(drawn)
        return _Seen(
            findings=findings,
            unread=tuple(unread),
            unknown=unknown,
            files_read=looks.files_read,
            bytes_read=looks.bytes_read,
            archived=archived,
            objects=Etags(found.listing.table, looks.new_etags, evidence.learnt),
            drawn={"good": good, "bad": bad, "archived": sorted(path for path in drawn if path in archived)},
            detail=detail_of(unread, unknown),
        )

    def _about_the_whole(self, found: Bracketed, evidence: Evidence) -> list[Finding]:
        findings = [self._finding(FindingKind.RECEIPT, "", *problem) for problem in evidence.problems]
        for version in found.lacking:
            name = str(version)
            expected = f"{version} registered at {self._location.name}, from which files are fetched"
            findings.append(self._finding(FindingKind.OLDER_VERSION_MISSING, "", expected, "not registered", name))
        for stray in found.stray:
            name, seen = str(stray.version), f"{stray.files} objects, {stray.bytes} bytes in {stray.version}/"
            expected = f"nothing in {name}/, which is not registered here and which no ingest is writing"
            findings.append(self._finding(FindingKind.STRAY_VERSION, "", expected, seen, name))
        return findings

    def _wanted(self, evidence: Evidence, listing: VersionListing, drawn: Sequence[str]) -> Mapping[str, ObjectInfo]:
        match self._audit.mode:
            case AuditMode.LIST:
                return {}
            case AuditMode.READ:
                return SoundObjects(evidence.sizes, listing, readable=True)
            case AuditMode.SAMPLE:
                sound = SoundObjects(evidence.sizes, listing, readable=True)
                return {path: sound[path] for path in drawn if path in sound}

    def _read(self, wanted: Mapping[str, ObjectInfo], evidence: Evidence) -> Iterable[tuple[str, Look]]:
        if next(iter(wanted), None) is None:
            return ()
        return ReplicaReader(
            self._services.stores.reading(self._location),
            self._location.version_prefix(self._replica.bag_version),
            evidence,
            AuditWork(self._services.work, self._audit.id).progress(str(self._id)),
            concurrency=self._services.limits.concurrency,
            file_read=self._file_read,
        ).read(wanted)

    def _finding(self, kind: FindingKind, path: str, expected: str, seen: str, about: str | None = None) -> Finding:
        bag_version = self._replica.bag_version
        steps = steps_to_take(kind, bag_version, path if about is None else about, self._location)
        return Finding(kind, str(bag_version), path, self._location.name, expected, seen, steps)

    def _leave(self, seen: _Seen) -> FixityEvent:
        bag_version: BagVersionId = self._replica.bag_version
        archived: Mapping[str, int] = seen.archived or {}
        event = FixityEvent(
            id=self._id,
            audit_id=self._audit.id,
            bag_version=bag_version,
            location=self._location.name,
            mode=self._audit.mode,
            outcome=AuditOutcome.of(findings=seen.findings.count, unknown=seen.unknown),
            occurred=self._services.clock(),
            files=self._replica.files,
            bytes=self._replica.bytes,
            files_read=seen.files_read,
            bytes_read=seen.bytes_read,
            files_archived=len(archived),
            findings=seen.findings.count,
            record=record_name(self._id, bag_version, self._location.name),
            detail=storable(seen.detail),
        )
        return write_record(
            self._services,
            event,
            audit={"id": str(self._audit.id), "request": self._audit.request_id, "seed": self._audit.seed},
            sample=None if self._replica.drawn is None else {"places": list(self._replica.drawn), **(seen.drawn or {})},
            findings=[finding.to_json() for finding in seen.findings.held],
            unread=[{"path": path, "why": why} for path, why in seen.unread],
            objects=(lambda: ()) if seen.objects is None else seen.objects.pairs,
            archivedSizes={str(each): n for each, n in size_classes(archived.values()).items()},
        )


def drawn_paths(sizes: Sizes, drawn: tuple[int, ...]) -> list[str]:
    """The paths that were drawn, from their places; a place beyond the end (the bag changed) is left out."""
    if not drawn:
        return []
    ordered = (number for number in sizes.table.in_order() if sizes.at(number) is not None)
    wanted = set(drawn)
    found = {place: sizes.table.path(number) for place, number in enumerate(ordered) if place in wanted}
    return [found[place] for place in drawn if place in found]


def storable(text: str) -> str:
    """Without what no database can keep: NUL, halves of surrogate pairs."""
    return text.encode(errors="backslashreplace").decode().replace("\0", "\\x00")


def detail_of(unread: Sequence[tuple[str, str]], count: int | None = None) -> str:
    """What could not be read, for an event. ``count``: how many files, if not all are given."""
    if not unread:
        return ""
    count = len(unread) if count is None else count
    named = "; ".join(f"{path}: {why}" for path, why in unread[:_SAID])
    more = f" and {count - _SAID} more" if count > _SAID else ""
    return f"{count} files could not be read: {named}{more}"
