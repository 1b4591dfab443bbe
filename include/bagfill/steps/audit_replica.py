"""Look at one replica, and leave what was found as a fixity event. Nothing is repaired, replaced or deleted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bagfill.audit.comparison import compare_listing
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
from bagfill.steps.audit_evidence import Evidence, evidence_of, recorded_event, write_record
from bagfill.steps.audit_reading import FileRead, Look, ReplicaReader, Right, Unread, Vanished, Wrong
from bagfill.steps.audit_work import AuditWork, ChosenReplica
from bagfill.steps.masking import masked
from bagfill.steps.services import Services
from bagfill.storage.errors import StoreError
from bagfill.storage.location import Location
from bagfill.storage.store import ObjectInfo

MOST_FINDINGS = 10_000
"""Findings that a record holds one by one; the rest is counted."""

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


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a look came to, before it is written down."""

    findings: tuple[Finding, ...] = ()
    unread: tuple[tuple[str, str], ...] = ()
    files_read: int = 0
    bytes_read: int = 0
    archived: Sizes | None = None
    objects: Mapping[str, str] | None = None
    drawn: Mapping[str, Any] | None = None
    detail: str = ""


class _Sound(Mapping[str, ObjectInfo]):
    """The objects of a listing that have the right size, by path."""

    def __init__(self, sizes: Mapping[str, int], listing: Mapping[str, ObjectInfo]) -> None:
        self._sizes = sizes
        self._listing = listing

    def __getitem__(self, path: str) -> ObjectInfo:
        info = self._listing[path]
        if info.size != self._sizes[path]:
            raise KeyError(path)
        return info

    def __iter__(self) -> Iterator[str]:
        return (path for path in self._sizes if path in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)


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
            return self._leave(_Seen(unread=(("", masked(str(error))),), detail=masked(str(error))))
        match found:
            case NotRegistered():
                return None
            case KeepsChanging():
                detail = f"{self._replica.bag_version}: the registry's record was another each time it was read"
                return self._leave(_Seen(unread=(("", detail),), detail=detail))
            case Bracketed():
                return self._leave(self._judge(found))

    def _judge(self, found: Bracketed) -> _Seen:
        evidence = evidence_of(self._services, found.manifest, found.replica)
        findings = self._about_the_whole(found, evidence)
        listed = list(compare_listing(evidence.sizes, evidence.etags, found.listing))
        changing = {FindingKind.MISSING, FindingKind.WRONG_SIZE, FindingKind.STRAY, FindingKind.REPLACED}
        if found.writer is not None and any(difference.kind in changing for difference in listed):
            detail = f"ingest {found.writer} is writing to {self._location.name}: look again when it has ended"
            return _Seen(tuple(findings), (("", detail),), detail=detail)
        sound = _Sound(evidence.sizes, found.listing)
        wanted = self._wanted(evidence, sound)
        looks = self._read({path: info for path, info in wanted.items() if info.is_readable}, evidence)
        findings += [
            self._finding(difference.kind, difference.path, difference.expected, difference.seen)
            for difference in listed
            # What was read is judged by its bytes.
            if not (difference.kind is FindingKind.REPLACED and isinstance(looks.get(difference.path), Right | Wrong))
        ]
        objects = dict(evidence.learnt)
        unread: list[tuple[str, str]] = []
        for path, look in looks.items():
            match look:
                case Wrong(expected, seen):
                    findings.append(self._finding(FindingKind.DAMAGED, path, expected, seen))
                case Vanished():
                    expected = f"{evidence.sizes[path]} bytes"
                    findings.append(self._finding(FindingKind.MISSING, path, expected, "no such object"))
                case Unread(why, was_archived):
                    if not was_archived:
                        unread.append((path, why))
                case Right(etag):
                    known = evidence.etags.get(path)
                    if known != etag:
                        objects[path] = etag
                    if known is not None and known != etag:
                        seen = f"ETag {etag}, with the right bytes"
                        findings.append(self._finding(FindingKind.REPLACED, path, f"ETag {known}", seen))
        read = [path for path, look in looks.items() if isinstance(look, Right | Wrong)]
        late = {path for path, look in looks.items() if isinstance(look, Unread) and look.archived}
        archived = Sizes(evidence.sizes.table)
        for path, info in sound.items():
            if not info.is_readable or path in late:
                archived.set(archived.table.add(path), info.size)
        drawn = drawn_paths(evidence.sizes, self._replica.drawn or ())
        good = sum(isinstance(looks.get(path), Right) for path in drawn)
        bad = sum(path not in sound or isinstance(looks.get(path), Wrong | Vanished) for path in drawn)
        return _Seen(
            findings=tuple(sorted(findings, key=lambda finding: (finding.path, finding.kind))),
            unread=tuple(unread),
            files_read=len(read),
            bytes_read=sum(evidence.sizes[path] for path in read),
            archived=archived,
            objects=objects,
            drawn={"good": good, "bad": bad, "archived": sorted(path for path in drawn if path in archived)},
            detail=detail_of(unread),
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

    def _wanted(self, evidence: Evidence, sound: Mapping[str, ObjectInfo]) -> dict[str, ObjectInfo]:
        match self._audit.mode:
            case AuditMode.LIST:
                return {}
            case AuditMode.READ:
                return dict(sound)
            case AuditMode.SAMPLE:
                drawn = drawn_paths(evidence.sizes, self._replica.drawn or ())
                return {path: sound[path] for path in drawn if path in sound}

    def _read(self, wanted: Mapping[str, ObjectInfo], evidence: Evidence) -> dict[str, Look]:
        if not wanted:
            return {}
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
            outcome=AuditOutcome.of(findings=len(seen.findings), unknown=len(seen.unread)),
            occurred=self._services.clock(),
            files=self._replica.files,
            bytes=self._replica.bytes,
            files_read=seen.files_read,
            bytes_read=seen.bytes_read,
            files_archived=len(archived),
            findings=len(seen.findings),
            record=record_name(self._id, bag_version, self._location.name),
            detail=storable(seen.detail),
        )
        return write_record(
            self._services,
            event,
            audit={"id": str(self._audit.id), "request": self._audit.request_id, "seed": self._audit.seed},
            sample=None if self._replica.drawn is None else {"places": list(self._replica.drawn), **(seen.drawn or {})},
            findings=[finding.to_json() for finding in seen.findings[:MOST_FINDINGS]],
            unread=[{"path": path, "why": why} for path, why in seen.unread[:MOST_FINDINGS]],
            objects=dict(seen.objects or {}),
            archivedSizes={str(each): n for each, n in size_classes(archived.values()).items()},
        )


def drawn_paths(sizes: Mapping[str, int], drawn: tuple[int, ...]) -> list[str]:
    """The paths that were drawn, from their places; a place beyond the end (the bag changed) is left out."""
    if not drawn:
        return []
    paths = sorted(sizes)
    return [paths[place] for place in drawn if place < len(paths)]


def storable(text: str) -> str:
    """Without what no database can keep: NUL, halves of surrogate pairs."""
    return text.encode(errors="backslashreplace").decode().replace("\0", "\\x00")


def detail_of(unread: list[tuple[str, str]]) -> str:
    """What could not be read, for an event."""
    if not unread:
        return ""
    named = "; ".join(f"{path}: {why}" for path, why in unread[:_SAID])
    more = f" and {len(unread) - _SAID} more" if len(unread) > _SAID else ""
    return f"{len(unread)} files could not be read: {named}{more}"
