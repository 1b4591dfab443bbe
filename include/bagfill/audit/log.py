"""Where audits and their events are kept; ``tests/contracts/audit_log_contract.py`` checks every implementation."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from bagfill.audit.model import Audit, AuditMode, AuditOutcome, FixityEvent
from bagfill.bag.identifiers import BagId, BagVersionId


@dataclass(frozen=True, slots=True)
class ReplicaStanding:
    """One registered replica, and when it was last looked at in some mode.

    Args:
        registered: when the replica was registered.
        files, bytes: of its own folder.
        seen: end of the last look that found something out; ``None``: none did.
        tried: end of the last look, whatever came of it.
    """

    bag_version: BagVersionId
    registered: datetime
    files: int
    bytes: int
    seen: datetime | None
    tried: datetime | None

    @property
    def since(self) -> datetime:
        """From when on the period runs in which it has to be looked at again."""
        return self.seen or self.registered

    @property
    def failed_last(self) -> bool:
        """Whether the last look found nothing out."""
        return self.tried is not None and (self.seen is None or self.tried > self.seen)


class AuditLog(Protocol):
    """Keeps audits and fixity events. Events are appended and never changed."""

    def open(self, audit: Audit) -> Audit:
        """Store a new audit; if one of this id is there, nothing changes. Returns the stored one."""
        ...

    def get(self, audit_id: UUID) -> Audit | None:
        """The audit, or ``None`` if there is none."""
        ...

    def planned(self, audit_id: UUID, replicas: int) -> None:
        """Note how many replicas were chosen."""
        ...

    def finish(
        self, audit_id: UUID, *, finished: datetime, outcome: AuditOutcome, summary: Mapping[str, Any]
    ) -> Audit | None:
        """End an audit, once: one that has ended stays as it is. Returns it, or ``None`` if there is none."""
        ...

    def unfinished(self, location: str | None = None) -> Sequence[Audit]:
        """Audits that have not ended, oldest first."""
        ...

    def recent(self, limit: int = 100) -> Sequence[Audit]:
        """The newest audits, newest first."""
        ...

    def record(self, event: FixityEvent) -> bool:
        """Append an event; ``False`` if one of this id is there already, which stays as it is."""
        ...

    def events(self, ids: Collection[UUID]) -> Mapping[UUID, FixityEvent]:
        """Those of some events that are there, by id."""
        ...

    def of_audit(self, audit_id: UUID) -> Sequence[FixityEvent]:
        """The events of one audit, in the order in which they were recorded."""
        ...

    def history(self, bag: BagId, *, location: str | None = None, limit: int = 1000) -> Sequence[FixityEvent]:
        """The events of every version of a bag, newest first."""
        ...

    def last(self, bag_version: BagVersionId, location: str) -> FixityEvent | None:
        """The newest event of mode ``read`` about a replica that found something out."""
        ...

    def standings(
        self, location: str, mode: AuditMode, *, space: str | None = None, external_identifier: str | None = None
    ) -> Iterator[ReplicaStanding]:
        """Every replica registered at a location: those never seen first, then by when they were seen, oldest first.

        Equal ones ascending by registration, then version, space and external identifier.
        """
        ...
