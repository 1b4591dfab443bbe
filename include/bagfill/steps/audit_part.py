"""Look at the replicas of one part of an audit: what one mapped task does."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bagfill.audit.model import AuditOutcome, FixityEvent, event_id_of
from bagfill.logs import Line, tell
from bagfill.steps.audit_plan import PlannedAudit
from bagfill.steps.audit_reading import FileRead
from bagfill.steps.audit_replica import audit_replica
from bagfill.steps.audit_work import AuditWork
from bagfill.steps.services import Services

logger = logging.getLogger(__name__)

MOST_UNKNOWN = 10
"""Replicas in a row of which nothing could be found out; then the location is taken for unreachable, and the part
ends. What was not looked at stays without an event and is looked at by the next audit."""

ReplicaDone = Callable[[FixityEvent], None]
"""Called after each replica: progress."""


@dataclass(frozen=True, slots=True)
class PartAudited:
    """What one part came to, in replicas.

    Args:
        gone: not registered any more.
        left: not looked at, because the location did not answer for those before them.
    """

    good: int = 0
    findings: int = 0
    unknown: int = 0
    gone: int = 0
    left: int = 0

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {name: getattr(self, name) for name in self.__slots__}


def audit_part(
    services: Services,
    planned: PlannedAudit,
    index: int,
    *,
    replica_done: ReplicaDone | None = None,
    file_read: FileRead | None = None,
) -> PartAudited:
    """Look at every replica of one part that has no event yet.

    Raises:
        StoreError: work area or receipt store did not answer.
        WorkError: the plan cannot be read.
    """
    audit = planned.audit
    work = AuditWork(services.work, audit.id)
    replicas = work.part(work.require_plan(), index)
    ids = [event_id_of(audit.id, replica.bag_version, audit.location, audit.mode) for replica in replicas]
    events = services.audits.events(ids)
    counts = dict.fromkeys((*AuditOutcome, "gone"), 0)
    in_a_row = 0
    for place, replica in enumerate(replicas):
        if in_a_row >= MOST_UNKNOWN:
            return PartAudited(**{str(name): number for name, number in counts.items()}, left=len(replicas) - place)
        event = events.get(ids[place])
        if event is None:
            event = audit_replica(services, audit, replica, file_read=file_read)
            if event is not None:
                _tell(event)
            if event is not None and replica_done is not None:
                replica_done(event)
        counts["gone" if event is None else event.outcome] += 1
        in_a_row = in_a_row + 1 if event is not None and event.outcome is AuditOutcome.UNKNOWN else 0
    return PartAudited(**{str(name): number for name, number in counts.items()})


def _tell(event: FixityEvent) -> None:
    good = event.outcome is AuditOutcome.GOOD
    tell(
        logger,
        Line.AUDITED,
        level=logging.INFO if good else logging.WARNING,
        bag=str(event.bag_version.bag),
        version=str(event.bag_version.version),
        location=event.location,
        mode=event.mode.value,
        outcome=event.outcome.value,
        files=event.files,
        bytes=event.bytes,
        why=event.detail or None,
    )
