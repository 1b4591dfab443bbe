"""What an audit is, what it leaves about each replica, and what it can find."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Self
from uuid import UUID, uuid5

from bagfill.bag.identifiers import BagVersionId
from bagfill.registry.manifest_store import key_of_bag

_EVENT_IDS = UUID("1d0c9a5e-3f0b-5a0e-8a57-6b8f0a2f1c33")
"""Namespace: an event's id follows from what it is about, so that recording it twice leaves one."""


class AuditMode(StrEnum):
    """How closely a replica is looked at."""

    LIST = "list"
    """The listing is held against storage manifest and receipt: names, sizes, ETags. Reads no byte."""
    READ = "read"
    """The listing, then every byte of what can be read, by every digest that is recorded."""
    SAMPLE = "sample"
    """The listing, then files drawn at random, with a statement of what that proves."""

    @property
    def satisfied_by(self) -> tuple[AuditMode, ...]:
        """Modes that show at least as much of a whole replica."""
        if self is AuditMode.READ:
            return (AuditMode.READ,)
        return (self, AuditMode.READ)


class AuditOutcome(StrEnum):
    """What is known now."""

    GOOD = "good"
    FINDINGS = "findings"
    """Something is wrong, and each thing that is has a finding."""
    UNKNOWN = "unknown"
    """It could not be found out. Never a finding: who cannot read knows nothing about what is there."""

    @classmethod
    def of(cls, *, findings: int, unknown: int) -> Self:
        """What is wrong is certain and comes first; a gap in what is known comes before "good"."""
        return cls("findings" if findings else "unknown" if unknown else "good")


class FindingKind(StrEnum):
    """What can be wrong with a replica, by what has to be done about it."""

    MISSING = "missing"
    """The provider says that there is no such object."""
    WRONG_SIZE = "wrong-size"
    """An object of another length is there."""
    DAMAGED = "damaged"
    """Bytes that were read have another digest."""
    REPLACED = "replaced"
    """Another object than the one that was proved (its ETag); its bytes were not read, or are right."""
    STRAY = "stray"
    """An object in the version's folder that belongs to no file of it."""
    STRAY_VERSION = "stray-version"
    """Objects of a version that is not registered here, and that nobody is writing."""
    OLDER_VERSION_MISSING = "older-version-missing"
    """Files are fetched from a version that is not registered here."""
    RECEIPT = "receipt"
    """The receipt is gone, cannot be understood, or contradicts the storage manifest."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    Args:
        bag_version: ``space/external identifier/vN``.
        path: inside the version's folder; empty when it is about the whole.
        location: name of the configured location.
        expected, seen: in words, with units.
        steps: exact commands, in order; the first is what to do next.
    """

    kind: FindingKind
    bag_version: str
    path: str
    location: str
    expected: str
    seen: str
    steps: tuple[str, ...]

    @property
    def text(self) -> str:
        """In one line."""
        what = f"{self.bag_version}: {self.path}" if self.path else self.bag_version
        return f"{self.kind.value}: {what} at {self.location}: expected {self.expected}, saw {self.seen}"

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "kind": self.kind.value,
            "bagVersion": self.bag_version,
            "path": self.path,
            "location": self.location,
            "expected": self.expected,
            "seen": self.seen,
            "steps": list(self.steps),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of :meth:`to_json`."""
        return cls(
            kind=FindingKind(values["kind"]),
            bag_version=values["bagVersion"],
            path=values["path"],
            location=values["location"],
            expected=values["expected"],
            seen=values["seen"],
            steps=tuple(values["steps"]),
        )


@dataclass(frozen=True, slots=True)
class FixityEvent:
    """One look at one replica. Never changed afterwards.

    Args:
        audit_id: the audit it belongs to; ``None`` for one that a repair left.
        occurred: when the look ended, timezone-aware.
        files, bytes: of the replica, by its storage manifest.
        files_read, bytes_read: read from the first byte to the last and compared.
        files_archived: not readable now, judged by their metadata alone.
        findings: how many.
        record: name in the receipt store of the document with the findings.
        detail: why it is unknown, or what else is to be said; may be empty.
    """

    id: UUID
    audit_id: UUID | None
    bag_version: BagVersionId
    location: str
    mode: AuditMode
    outcome: AuditOutcome
    occurred: datetime
    files: int
    bytes: int
    files_read: int
    bytes_read: int
    files_archived: int
    findings: int
    record: str
    detail: str = ""

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "id": str(self.id),
            "auditId": None if self.audit_id is None else str(self.audit_id),
            "bagVersion": str(self.bag_version),
            "location": self.location,
            "mode": self.mode.value,
            "outcome": self.outcome.value,
            "occurred": self.occurred.isoformat(),
            "files": self.files,
            "bytes": self.bytes,
            "filesRead": self.files_read,
            "bytesRead": self.bytes_read,
            "filesArchived": self.files_archived,
            "findings": self.findings,
            "record": self.record,
            "detail": self.detail,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of :meth:`to_json`."""
        return cls(
            id=UUID(values["id"]),
            audit_id=None if values["auditId"] is None else UUID(values["auditId"]),
            bag_version=BagVersionId.parse(values["bagVersion"], stored=True),
            location=values["location"],
            mode=AuditMode(values["mode"]),
            outcome=AuditOutcome(values["outcome"]),
            occurred=datetime.fromisoformat(values["occurred"]),
            files=values["files"],
            bytes=values["bytes"],
            files_read=values["filesRead"],
            bytes_read=values["bytesRead"],
            files_archived=values["filesArchived"],
            findings=values["findings"],
            record=values["record"],
            detail=values["detail"],
        )


def event_id_of(origin: UUID, bag_version: BagVersionId, location: str, mode: AuditMode) -> UUID:
    """The id of the event that an audit (or the ingest of a repair) leaves about one replica in one mode."""
    return uuid5(_EVENT_IDS, f"{origin}\n{bag_version}\n{location}\n{mode.value}")


def record_name(event_id: UUID, bag_version: BagVersionId, location: str) -> str:
    """Where an event's document lies in the receipt store; no location's name starts with an underscore."""
    return f"_audits/{location}/{key_of_bag(bag_version.bag)}/{bag_version.version}/{event_id}.json"


@dataclass(frozen=True, slots=True)
class Audit:
    """One audit: the record of looking at some replicas of one location.

    Args:
        request_id: who asked (Airflow's run id, ``cli:…``).
        space, external_identifier: the scope; ``None``: every one.
        due: whether it takes only the share of today.
        seed: of everything that was drawn at random; with the plan it lets anybody draw the same again.
        replicas: how many were chosen; ``None`` until they were.
        finished, outcome, summary: ``None`` and empty until it has ended. ``summary``: counts and statements, as JSON.
    """

    id: UUID
    request_id: str
    location: str
    space: str | None
    external_identifier: str | None
    mode: AuditMode
    due: bool
    seed: int
    created: datetime
    replicas: int | None = None
    finished: datetime | None = None
    outcome: AuditOutcome | None = None
    summary: Mapping[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """As a document, in the manner of an ingest's."""
        return {
            "id": str(self.id),
            "type": "Audit",
            "status": {"id": "processing" if self.outcome is None else self.outcome.value, "type": "Status"},
            "location": self.location,
            "space": self.space,
            "externalIdentifier": self.external_identifier,
            "mode": self.mode.value,
            "due": self.due,
            "seed": self.seed,
            "requestId": self.request_id,
            "createdDate": self.created.isoformat(),
            "finishedDate": None if self.finished is None else self.finished.isoformat(),
            "replicas": self.replicas,
            "summary": self.summary,
        }
