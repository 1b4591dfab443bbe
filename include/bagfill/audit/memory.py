"""An audit log in memory: for fast tests and simulations."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from threading import RLock
from typing import Any
from uuid import UUID

from bagfill.audit.log import ReplicaStanding
from bagfill.audit.model import Audit, AuditMode, AuditOutcome, FixityEvent
from bagfill.bag.identifiers import BagId, BagVersionId
from bagfill.registry.registry import Registry

_NEVER = datetime.min.replace(tzinfo=UTC)


class MemoryAuditLog:
    """See :class:`bagfill.audit.log.AuditLog`.

    Args:
        registry: which replicas there are.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._lock = RLock()
        self._audits: dict[UUID, Audit] = {}
        self._events: dict[UUID, FixityEvent] = {}

    def open(self, audit: Audit) -> Audit:
        """See :meth:`AuditLog.open`."""
        with self._lock:
            return self._audits.setdefault(audit.id, audit)

    def get(self, audit_id: UUID) -> Audit | None:
        """See :meth:`AuditLog.get`."""
        with self._lock:
            return self._audits.get(audit_id)

    def planned(self, audit_id: UUID, replicas: int) -> None:
        """See :meth:`AuditLog.planned`."""
        with self._lock:
            if audit_id in self._audits:
                self._audits[audit_id] = replace(self._audits[audit_id], replicas=replicas)

    def finish(
        self, audit_id: UUID, *, finished: datetime, outcome: AuditOutcome, summary: Mapping[str, Any]
    ) -> Audit | None:
        """See :meth:`AuditLog.finish`."""
        with self._lock:
            audit = self._audits.get(audit_id)
            if audit is not None and audit.finished is None:
                audit = replace(audit, finished=finished, outcome=outcome, summary=dict(summary))
                self._audits[audit_id] = audit
            return audit

    def unfinished(self, location: str | None = None) -> Sequence[Audit]:
        """See :meth:`AuditLog.unfinished`."""
        with self._lock:
            return tuple(
                audit
                for audit in self._audits.values()
                if audit.finished is None and location in {None, audit.location}
            )

    def recent(self, limit: int = 100) -> Sequence[Audit]:
        """See :meth:`AuditLog.recent`."""
        with self._lock:
            return tuple(sorted(self._audits.values(), key=lambda audit: audit.created)[::-1][:limit])

    def record(self, event: FixityEvent) -> bool:
        """See :meth:`AuditLog.record`."""
        with self._lock:
            return self._events.setdefault(event.id, event) is event

    def events(self, ids: Collection[UUID]) -> Mapping[UUID, FixityEvent]:
        """See :meth:`AuditLog.events`."""
        with self._lock:
            return {each: self._events[each] for each in ids if each in self._events}

    def of_audit(self, audit_id: UUID) -> Sequence[FixityEvent]:
        """See :meth:`AuditLog.of_audit`."""
        with self._lock:
            return tuple(event for event in self._events.values() if event.audit_id == audit_id)

    def history(self, bag: BagId, *, location: str | None = None, limit: int = 1000) -> Sequence[FixityEvent]:
        """See :meth:`AuditLog.history`."""
        with self._lock:
            found = [
                event
                for event in self._events.values()
                if event.bag_version.bag == bag and location in {None, event.location}
            ]
        return tuple(sorted(found, key=lambda event: event.occurred)[::-1][:limit])

    def last(self, bag_version: BagVersionId, location: str) -> FixityEvent | None:
        """See :meth:`AuditLog.last`."""
        for event in self.history(bag_version.bag, location=location):
            conclusive = event.mode is AuditMode.READ and event.outcome is not AuditOutcome.UNKNOWN
            if event.bag_version == bag_version and conclusive:
                return event
        return None

    def standings(
        self, location: str, mode: AuditMode, *, space: str | None = None, external_identifier: str | None = None
    ) -> Iterator[ReplicaStanding]:
        """See :meth:`AuditLog.standings`."""
        found = [
            standing
            for bag_version in self._registry.bag_versions(space=space)
            if external_identifier in {None, str(bag_version.external_identifier)}
            and (standing := self._standing(bag_version, location, mode)) is not None
        ]
        return iter(sorted(found, key=_order))

    def _standing(self, bag_version: BagVersionId, location: str, mode: AuditMode) -> ReplicaStanding | None:
        replica = next((each for each in self._registry.replicas(bag_version) if each.location == location), None)
        stored = self._registry.manifest(bag_version)
        if replica is None or stored is None:
            return None
        with self._lock:
            events = [
                event
                for event in self._events.values()
                if event.bag_version == bag_version and event.location == location and event.mode in mode.satisfied_by
            ]
        seen = [event.occurred for event in events if event.outcome is not AuditOutcome.UNKNOWN]
        return ReplicaStanding(
            bag_version=bag_version,
            registered=replica.registered,
            files=stored.manifest.own_files,
            bytes=stored.manifest.own_bytes,
            seen=max(seen, default=None),
            tried=max((event.occurred for event in events), default=None),
        )


def _order(standing: ReplicaStanding) -> tuple[Any, ...]:
    bag_version = standing.bag_version
    return (standing.seen or _NEVER, standing.registered, bag_version.version, bag_version.bag)
