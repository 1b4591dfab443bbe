"""``bagfill audit``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import UUID, uuid4

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn, TransferSpeedColumn
from rich.table import Table

from bagfill.audit.model import AuditOutcome, FixityEvent
from bagfill.bag.identifiers import BagId, InvalidIdentifier
from bagfill.cli.answers import Answers, CommandError, Exit
from bagfill.cli.services import services_for
from bagfill.quantities import show_size
from bagfill.steps.audit import audit, findings_of, go_on
from bagfill.steps.audit_conclude import AuditResult
from bagfill.steps.audit_due import Due, what_is_due
from bagfill.steps.audit_plan import PlannedAudit, find_audit
from bagfill.steps.audit_requests import AuditRequest
from bagfill.steps.services import Services
from bagfill.steps.work import WorkError

_SHOWN = 200
"""Findings printed one by one; all are in the records."""


@dataclass(frozen=True, slots=True)
class AuditOrder:
    """What was typed."""

    location: str | None
    scope: str | None = None
    mode: str = "list"
    limit: int | None = None
    today: bool = False
    resume: str | None = None


def run(answers: Answers, config: Path | None, order: AuditOrder) -> Exit:
    """Audit, print what was found, and with what to go on."""
    with services_for(config) as services, AuditBar(answers.aside) as bar:
        try:
            result = _audit(services, order, bar)
        except WorkError as error:
            raise CommandError(str(error)) from None
        findings = [finding for event in result.events for finding in findings_of(services, event)]
    if answers.as_json:
        answers.document({**result.to_json(), "findings": [finding.to_json() for finding in findings]})
        return exit_of(result.outcome)
    for finding in findings[:_SHOWN]:
        answers.text(finding.text)
        for step in finding.steps:
            answers.text(f"    {step}")
    if len(findings) > _SHOWN:
        answers.text(f"… and {len(findings) - _SHOWN:,} more: --json prints all of them")
    for event in result.events:
        if event.outcome is AuditOutcome.UNKNOWN:
            answers.text(f"unknown: {event.bag_version} at {event.location}: {event.detail}")
    _show(answers, result)
    return exit_of(result.outcome)


def _audit(services: Services, order: AuditOrder, bar: AuditBar) -> AuditResult:
    if order.resume is not None:
        return go_on(services, _known(services, order.resume), progress=bar)
    space, _, identifier = (order.scope or "").partition("/")
    fields = {"location": order.location, "mode": order.mode, "limit": order.limit, "due": order.today}
    scope = {"space": space, "external_identifier": identifier}
    request = AuditRequest.parse(services, f"cli:{uuid4()}", {**fields, **scope})
    return audit(services, request, progress=bar)


def show_history(answers: Answers, config: Path | None, bag: str, location: str | None) -> Exit:
    """Print the fixity events of one bag, newest first."""
    try:
        wanted = BagId.parse(bag, stored=True)
    except InvalidIdentifier as error:
        raise CommandError(str(error)) from None
    with services_for(config) as services:
        if not services.registry.versions(wanted):
            raise CommandError(f"no bag {wanted} is known")
        events = services.audits.history(wanted, location=location)
    if answers.as_json:
        answers.document({"bag": str(wanted), "events": [event.to_json() for event in events]})
    elif not events:
        answers.text(f"{wanted}: never audited")
    else:
        answers.table(_history(events))
    return Exit.DONE


def show_due(answers: Answers, config: Path | None) -> Exit:
    """Print what is due; exit code 1 when something has waited too long."""
    with services_for(config) as services:
        due = what_is_due(services)
    if answers.as_json:
        answers.document(due.to_json())
    else:
        _show_due(answers, due)
    return Exit.NEGATIVE if due.is_late else Exit.DONE


def exit_of(outcome: AuditOutcome) -> Exit:
    """0 all good, 1 findings, 2 could not find out."""
    return {
        AuditOutcome.GOOD: Exit.DONE,
        AuditOutcome.FINDINGS: Exit.NEGATIVE,
        AuditOutcome.UNKNOWN: Exit.FAILURE,
    }[outcome]


class AuditBar:
    """One bar of bytes. See :class:`bagfill.steps.audit.AuditProgress`."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(binary_units=True),
            TransferSpeedColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("Planning", total=None)
        self._replicas = self._done = 0

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def planned(self, audit: PlannedAudit) -> None:
        """Replicas were chosen."""
        self._replicas = audit.replicas
        self._progress.update(self._task, description=f"0 of {self._replicas:,} replicas", total=audit.bytes)

    def looked_at(self, event: FixityEvent) -> None:
        """One replica was looked at."""
        self._done += 1
        left = event.bytes - event.bytes_read
        text = f"{self._done:,} of {self._replicas:,} replicas"
        self._progress.update(self._task, description=text, advance=max(0, left))

    def read(self, size: int) -> None:
        """One file was read."""
        self._progress.advance(self._task, size)


def _known(services: Services, text: str) -> PlannedAudit:
    try:
        audit_id = UUID(text)
    except ValueError:
        raise CommandError(f"an audit's ID is a UUID, found {text!r}") from None
    planned = find_audit(services, audit_id)
    if planned is None:
        raise CommandError(f"no audit {audit_id} was planned, or its plan is gone from the work area")
    if planned.audit.location not in services.locations:
        raise CommandError(f"location {planned.audit.location!r} of that audit is configured no more")
    return planned


def _show(answers: Answers, result: AuditResult) -> None:
    summary, done = result.summary(), result.audit
    outcomes = ", ".join(f"{number:,} {name}" for name, number in summary["outcomes"].items() if number)
    size = show_size(summary["bytesRead"])
    answers.text(f"{done.location}: {outcomes or 'nothing to look at'}; {summary['filesRead']:,} files ({size}) read")
    if summary["filesArchived"]:
        answers.text(f"{summary['filesArchived']:,} archived files were judged by their metadata alone")
    if result.statement is not None:
        answers.text(result.statement.text)
    if result.remark:
        answers.text(result.remark)
    if result.waiting:
        answers.text(f"waiting for the thaw of {result.waiting:,} files")
    if result.left:
        answers.text(f"{result.left:,} replicas are left")
    if done.finished is None:
        answers.text(f"go on: bagfill audit --resume {done.id}")
    else:
        answers.text(f"audit {done.id}: {result.outcome.value}")


def _history(events: Sequence[FixityEvent]) -> Table:
    table = Table()
    for column in ("when", "bag version", "location", "mode", "outcome"):
        table.add_column(column)
    for column in ("files read", "bytes read", "archived", "findings"):
        table.add_column(column, justify="right")
    table.add_column("record")
    for event in events:
        table.add_row(
            f"{event.occurred:%Y-%m-%d %H:%M:%S}",
            str(event.bag_version),
            event.location,
            event.mode.value,
            event.outcome.value,
            f"{event.files_read:,} of {event.files:,}",
            f"{show_size(event.bytes_read)} of {show_size(event.bytes)}",
            f"{event.files_archived:,}",
            f"{event.findings:,}",
            event.record,
        )
    return table


def _show_due(answers: Answers, due: Due) -> None:
    table = Table()
    table.add_column("location")
    for column in ("replicas", "never audited", "overdue", "share of today", "bytes"):
        table.add_column(column, justify="right")
    table.add_column("waiting since")
    for each in due.locations:
        numbers = (f"{number:,}" for number in (each.replicas, each.never, each.overdue, each.today))
        oldest = "" if each.oldest is None else f"{each.oldest:%Y-%m-%d}"
        table.add_row(each.location, *numbers, show_size(each.today_bytes), oldest)
    answers.table(table)
    for waiting in due.verifications:
        late = "late: " if waiting.is_late else ""
        what = f"{waiting.bag_version} at {waiting.location}"
        answers.text(f"{late}verify {what} before {waiting.before:%Y-%m-%d %H:%M:%S %Z} (ingest {waiting.ingest_id})")
    for audit_ in due.unfinished:
        answers.text(f"audit {audit_.id} of {audit_.location} goes on: bagfill audit --resume {audit_.id}")
