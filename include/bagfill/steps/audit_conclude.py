"""End an audit: count what its events say, state what its sample proves. Waits for nothing; what waits is said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bagfill.audit.model import Audit, AuditMode, AuditOutcome, FixityEvent
from bagfill.audit.statistics import SampleStatement
from bagfill.steps.audit_plan import PlannedAudit
from bagfill.steps.audit_reading import FileRead
from bagfill.steps.audit_records import read_record
from bagfill.steps.audit_thaw import DrawnSample, drawn_sample, thawing
from bagfill.steps.audit_thawed import read_thawed, thawed_event_id
from bagfill.steps.audit_work import AuditWork
from bagfill.steps.masking import masked
from bagfill.steps.services import Services
from bagfill.storage.errors import StoreError


@dataclass(frozen=True, slots=True)
class AuditResult:
    """How an audit stands.

    Args:
        audit: its record; finished unless something is still to come.
        events: what was found about each replica.
        waiting: thawed files that it waits for.
        left: replicas that nobody has looked at yet: a task was killed, or the location did not answer.
        statement: what the sample proves, if one was drawn and read.
        remark: why there is no statement, or why the thaw does not go on.
    """

    audit: Audit
    events: tuple[FixityEvent, ...]
    waiting: int
    left: int
    statement: SampleStatement | None
    remark: str = ""

    @property
    def outcome(self) -> AuditOutcome:
        """What is known by now."""
        findings = sum(event.outcome is AuditOutcome.FINDINGS for event in self.events)
        unknown = sum(event.outcome is AuditOutcome.UNKNOWN for event in self.events)
        return AuditOutcome.of(findings=findings, unknown=unknown + self.waiting + self.left + bool(self.remark))

    def summary(self) -> dict[str, Any]:
        """Counts and statements, as plain JSON values."""
        counts = Counter(event.outcome.value for event in self.events)
        return {
            "events": len(self.events),
            "outcomes": {outcome.value: counts[outcome.value] for outcome in AuditOutcome},
            "findings": sum(event.findings for event in self.events),
            "filesRead": sum(event.files_read for event in self.events),
            "bytesRead": sum(event.bytes_read for event in self.events),
            "filesArchived": sum(event.files_archived for event in self.events if event.mode is self.audit.mode),
            "waiting": self.waiting,
            "left": self.left,
            "statement": None if self.statement is None else self.statement.to_json(),
            "remark": self.remark,
        }

    def to_json(self) -> dict[str, Any]:
        """The audit's document with its events."""
        return {
            **self.audit.to_json(),
            "outcome": self.outcome.value,
            "summary": self.summary(),
            "events": [event.to_json() for event in self.events],
        }


def conclude_audit(services: Services, planned: PlannedAudit, *, file_read: FileRead | None = None) -> AuditResult:
    """End an audit whose parts were looked at; draw, thaw and read archived files where that is wanted.

    An audit that waits for a thaw, or of which replicas are left, stays unfinished: concluding it later goes on.

    Raises:
        StoreError: work area or receipt store did not answer.
        WorkError: the plan cannot be read.
    """
    audit = planned.audit
    if audit.finished is not None:
        return AuditResult(audit, tuple(services.audits.of_audit(audit.id)), 0, 0, _stated(audit), _remark(audit))
    left = replicas_left(services, planned)
    sample: DrawnSample | None = None
    waiting, blocked = 0, ""
    if not left:
        try:
            sample = drawn_sample(services, audit)
            waiting = 0 if sample is None else thawing(services, audit, sample)
            if sample is not None and not waiting:
                read_thawed(services, audit, sample, file_read=file_read)
        except StoreError as error:
            if error.location != audit.location:
                raise
            blocked = f"archived files were not looked at: {masked(str(error))}"
    events = tuple(services.audits.of_audit(audit.id))
    if left or waiting or blocked:
        return AuditResult(audit, events, waiting, left, None, blocked)
    statement, remark = _statement(services, planned, events, sample)
    result = AuditResult(audit, events, 0, 0, statement, remark)
    now = services.clock()
    ended = services.audits.finish(audit.id, finished=now, outcome=result.outcome, summary=result.summary())
    return AuditResult(ended or audit, events, 0, 0, statement, remark)


def replicas_left(services: Services, planned: PlannedAudit) -> int:
    """Chosen replicas without an event that are registered still. Raises StoreError, WorkError."""
    audit = planned.audit
    seen = {event.bag_version for event in services.audits.of_audit(audit.id)}
    work = AuditWork(services.work, audit.id)
    missing = [each.bag_version for each in work.replicas(work.require_plan()) if each.bag_version not in seen]
    return sum(
        any(replica.location == audit.location for replica in services.registry.replicas(bag_version))
        for bag_version in missing
    )


def _statement(
    services: Services, planned: PlannedAudit, events: Sequence[FixityEvent], sample: DrawnSample | None
) -> tuple[SampleStatement | None, str]:
    """What was drawn and looked at, file by file. Without the whole sample there is no statement."""
    audit, rules = planned.audit, services.audit_rules
    if audit.mode is AuditMode.SAMPLE:
        population, drawn = planned.files, planned.drawn
        about = f"of {planned.replicas:,} replicas at {audit.location}"
    elif sample is not None:
        events = [event for event in events if event.id == thawed_event_id(audit, event.bag_version)]
        population, drawn = sample.population, sample.wanted
        left_out = f", without {sample.left_out:,} larger ones" if sample.left_out else ""
        about = f"archived at {audit.location}{left_out}"
    else:
        return None, ""
    good = bad = 0
    for event in events:
        counts = (read_record(services, event.record) or {}).get("sample") or {}
        good, bad = good + counts.get("good", 0), bad + counts.get("bad", 0)
    if good + bad < drawn:
        return None, f"{drawn - good - bad:,} of {drawn:,} drawn files could not be read, so the sample says nothing"
    return SampleStatement(population, drawn, bad, rules.confidence, about), ""


def _stated(audit: Audit) -> SampleStatement | None:
    values = (audit.summary or {}).get("statement")
    if values is None:
        return None
    names = ("population", "drawn", "bad", "confidence", "about")
    return SampleStatement(**{name: values[name] for name in names})


def _remark(audit: Audit) -> str:
    return str((audit.summary or {}).get("remark", ""))
