"""What is due: replicas at each location, audits that go on, verifications with a date."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bagfill.audit.log import ReplicaStanding
from bagfill.audit.model import Audit, AuditMode, AuditOutcome
from bagfill.audit.schedule import overdue, share_of_today
from bagfill.steps.audit_conclude import replicas_left
from bagfill.steps.audit_plan import PlannedAudit, find_audit, plan_audit
from bagfill.steps.audit_requests import AuditRequest
from bagfill.steps.freeze import WaitingVerification, waiting_verifications
from bagfill.steps.services import Services


@dataclass(frozen=True, slots=True)
class LocationDue:
    """How one location stands against the period.

    Args:
        replicas: registered there.
        never: of them, never read by an audit.
        overdue: not read within the period.
        oldest: since when the one waits that waits longest.
        today, today_bytes: share of today.
    """

    location: str
    replicas: int
    never: int
    overdue: int
    oldest: datetime | None
    today: int
    today_bytes: int

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        values = {name: getattr(self, name) for name in self.__slots__ if name != "oldest"}
        return {**values, "oldest": None if self.oldest is None else self.oldest.isoformat()}


@dataclass(frozen=True, slots=True)
class Due:
    """Everything that is due."""

    locations: tuple[LocationDue, ...]
    unfinished: tuple[Audit, ...]
    verifications: tuple[WaitingVerification, ...]

    @property
    def is_late(self) -> bool:
        """Whether something has waited too long."""
        return any(each.overdue for each in self.locations) or any(each.is_late for each in self.verifications)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "late": self.is_late,
            "locations": [each.to_json() for each in self.locations],
            "unfinished": [audit.to_json() for audit in self.unfinished],
            "verifications": [each.to_json() for each in self.verifications],
        }


def what_is_due(services: Services) -> Due:
    """Look at every configured location. Raises StoreError, for verifications that wait."""
    return Due(
        locations=tuple(due_at(services, name) for name in services.locations),
        unfinished=tuple(services.audits.unfinished()),
        verifications=tuple(waiting_verifications(services)),
    )


def audits_of_today(services: Services, request: AuditRequest) -> list[PlannedAudit]:
    """The audits that a scheduled run has to do at one location: those that were interrupted, and today's.

    While replicas of an earlier one are left, no new one is opened: it would choose the same replicas.

    Raises:
        StoreError: the work area did not answer.
        WorkError: the plan of an earlier audit cannot be read.
    """
    earlier: list[PlannedAudit] = []
    for audit in services.audits.unfinished(request.location):
        if not audit.due or audit.id == request.audit_id:
            continue
        planned = find_audit(services, audit.id)
        if planned is None:
            _give_up(services, audit)
        else:
            earlier.append(planned)
    if any(replicas_left(services, planned) for planned in earlier):
        return earlier
    return [*earlier, plan_audit(services, request)]


def _give_up(services: Services, audit: Audit) -> None:
    """Of one whose plan is gone, or was never made, nothing can be found out any more."""
    if services.clock() - audit.created > timedelta(days=1):
        summary = {"remark": "it has no plan: interrupted before there was one, or the work area was emptied"}
        services.audits.finish(audit.id, finished=services.clock(), outcome=AuditOutcome.UNKNOWN, summary=summary)


def due_at(services: Services, name: str) -> LocationDue:
    """How one location stands against the period of audits."""
    period, now = services.audit_rules.period, services.clock()

    def standings() -> Iterator[ReplicaStanding]:
        return services.audits.standings(name, AuditMode.READ)

    replicas = never = late = 0
    oldest: datetime | None = None
    for standing in standings():
        replicas += 1
        never += standing.seen is None
        late += overdue(standing, period=period, now=now)
        oldest = standing.since if oldest is None else min(oldest, standing.since)
    today = share_of_today(standings, period=period, now=now) if replicas else []
    return LocationDue(name, replicas, never, late, oldest, len(today), sum(each.bytes for each in today))
