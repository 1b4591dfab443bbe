"""Open an audit and choose its replicas: by scope, or the share of today."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import islice
from typing import Any
from uuid import UUID

from bagfill.audit.log import ReplicaStanding
from bagfill.audit.model import Audit, AuditMode
from bagfill.audit.sampling import draw
from bagfill.audit.schedule import share_of_today
from bagfill.audit.statistics import files_to_draw
from bagfill.steps.audit_requests import AuditRequest
from bagfill.steps.audit_work import AuditPlan, AuditWork, ChosenReplica
from bagfill.steps.services import Services

_REPLICAS_IN_PART = 500
_MOST_PARTS = 256
"""Mapped tasks of one run; Airflow allows 1,024."""


@dataclass(frozen=True, slots=True)
class PlannedAudit:
    """An audit that is open and planned.

    Args:
        audit: its record.
        parts: what is looked at together; 0 when no replica was chosen.
        files, bytes: of the chosen replicas.
        drawn: mode ``sample``: files to read.
    """

    audit: Audit
    parts: int
    replicas: int
    files: int
    bytes: int
    drawn: int

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values; the audit by its id."""
        names = ("parts", "replicas", "files", "bytes", "drawn")
        return {"audit": str(self.audit.id), **{name: getattr(self, name) for name in names}}


def plan_audit(services: Services, request: AuditRequest) -> PlannedAudit:
    """Open the audit of a request. Called again, it finds the same audit with the same plan.

    Raises:
        StoreError: the work area did not answer.
        WorkError: the plan that is there cannot be read.
    """
    audit = services.audits.open(
        Audit(
            id=request.audit_id,
            request_id=request.request_id,
            location=request.location,
            space=request.space,
            external_identifier=request.external_identifier,
            mode=request.mode,
            due=request.due,
            # Of the system's own source: nobody shall know beforehand which files are looked at.
            seed=secrets.randbits(62),
            created=services.clock(),
        )
    )
    work = AuditWork(services.work, audit.id)
    plan = work.plan() or work.write_plan(_parts(services, _choose(services, audit, request.limit)))
    return planned_audit(services, audit, plan)


def find_audit(services: Services, audit_id: UUID) -> PlannedAudit | None:
    """An audit that was planned before, or ``None``. Raises StoreError, WorkError."""
    audit = services.audits.get(audit_id)
    plan = None if audit is None else AuditWork(services.work, audit.id).plan()
    return None if audit is None or plan is None else planned_audit(services, audit, plan)


def planned_audit(services: Services, audit: Audit, plan: AuditPlan) -> PlannedAudit:
    """Note how many replicas were chosen, and hand the plan on."""
    if audit.replicas is None:
        services.audits.planned(audit.id, plan.replicas)
        audit = replace(audit, replicas=plan.replicas)
    return PlannedAudit(audit, plan.parts, plan.replicas, plan.files, plan.bytes, plan.drawn)


def _choose(services: Services, audit: Audit, limit: int | None) -> list[ChosenReplica]:
    def standings() -> Iterator[ReplicaStanding]:
        scope = {"space": audit.space, "external_identifier": audit.external_identifier}
        return services.audits.standings(audit.location, audit.mode, **scope)

    if audit.due:
        period, now = services.audit_rules.period, services.clock()
        standing = share_of_today(standings, period=max(period, timedelta(days=1)), now=now, limit=limit)
    else:
        standing = list(islice(standings(), limit))
    chosen = [ChosenReplica(each.bag_version, each.files, each.bytes) for each in standing]
    if audit.mode is not AuditMode.SAMPLE:
        return chosen
    rules = services.audit_rules
    counts = [replica.files for replica in chosen]
    drawn = draw(counts, files_to_draw(sum(counts), rules.confidence, rules.detectable_loss), audit.seed)
    return [replace(replica, drawn=drawn.get(place, ())) for place, replica in enumerate(chosen)]


def _parts(services: Services, chosen: list[ChosenReplica]) -> list[list[ChosenReplica]]:
    replicas, size = _REPLICAS_IN_PART, services.limits.shard_bytes * 8
    while len(parts := _cut(chosen, replicas, size)) > _MOST_PARTS:
        replicas, size = replicas * 2, size * 2
    return parts


def _cut(chosen: list[ChosenReplica], replicas: int, size: int) -> list[list[ChosenReplica]]:
    parts: list[list[ChosenReplica]] = []
    filled = 0
    for replica in chosen:
        if not parts or len(parts[-1]) >= replicas or filled + replica.bytes > size:
            parts.append([])
            filled = 0
        parts[-1].append(replica)
        filled += replica.bytes
    return parts
