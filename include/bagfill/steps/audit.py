"""An audit in this process, from beginning to end: what the CLI does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from bagfill.audit.model import Finding, FixityEvent
from bagfill.steps.audit_conclude import AuditResult, conclude_audit
from bagfill.steps.audit_part import audit_part
from bagfill.steps.audit_plan import PlannedAudit, plan_audit
from bagfill.steps.audit_records import read_record
from bagfill.steps.audit_requests import AuditRequest
from bagfill.steps.services import Services


class AuditProgress(Protocol):
    """Who watches. Methods are called from several threads."""

    def planned(self, audit: PlannedAudit) -> None:
        """Replicas were chosen."""
        ...

    def looked_at(self, event: FixityEvent) -> None:
        """One replica was looked at."""
        ...

    def read(self, size: int) -> None:
        """One file of ``size`` bytes was read."""
        ...


class Silence:
    """Nobody watches."""

    def planned(self, audit: PlannedAudit) -> None:
        """Nothing to do."""

    def looked_at(self, event: FixityEvent) -> None:
        """Nothing to do."""

    def read(self, size: int) -> None:
        """Nothing to do."""


def audit(services: Services, request: AuditRequest, *, progress: AuditProgress | None = None) -> AuditResult:
    """Open, plan, look at everything, conclude.

    Raises:
        StoreError: work area or receipt store did not answer.
        WorkError: what an earlier attempt left cannot be read.
    """
    return go_on(services, plan_audit(services, request), progress=progress)


def go_on(services: Services, planned: PlannedAudit, *, progress: AuditProgress | None = None) -> AuditResult:
    """Look at everything that an audit has left, and conclude it. Raises StoreError, WorkError."""
    watcher = progress or Silence()
    watcher.planned(planned)
    if planned.audit.finished is None:
        for index in range(planned.parts):
            audit_part(services, planned, index, replica_done=watcher.looked_at, file_read=watcher.read)
    return conclude_audit(services, planned, file_read=watcher.read)


def findings_of(services: Services, event: FixityEvent) -> Iterator[Finding]:
    """The findings of one event, from its record. Raises StoreError."""
    record = read_record(services, event.record) if event.findings else None
    for values in (record or {}).get("findings", []):
        yield Finding.from_json(values)
