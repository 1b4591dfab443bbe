"""``bagfill sweep``."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

from bagfill.cli.answers import Answers, Exit
from bagfill.cli.backfill import result_json, show_result
from bagfill.cli.progress import BackfillBars
from bagfill.cli.services import services_for
from bagfill.steps.backfill import backfill
from bagfill.steps.requests import BackfillRequest
from bagfill.steps.sweep import SweepFindings, find_unbackfilled


def run(
    answers: Answers,
    config: Path | None,
    *,
    to: str | None,
    space: str | None,
    limit: int,
    dry_run: bool,
    poll_seconds: float,
) -> Exit:
    """Find what is missing, and unless ``dry_run`` replicate it."""
    succeeded = True
    done: list[dict[str, Any]] = []
    with services_for(config) as services:
        findings = find_unbackfilled(services, destination=to, space=space, limit=limit)
        if not answers.as_json:
            _show(answers, findings, dry_run=dry_run)
        for start in () if dry_run else findings.starts:
            request = BackfillRequest.parse(services, f"cli:{uuid4()}", start.fields)
            with BackfillBars(answers.aside) as bars:
                result = backfill(services, request, progress=bars, poll_seconds=poll_seconds)
            succeeded &= result.succeeded
            done.append(result_json(start.bag, start.destination, result))
            if not answers.as_json:
                show_result(answers, start.bag, start.destination, result)
    if answers.as_json:
        answers.document({**findings.to_json(), "dry_run": dry_run, "done": done})
    return Exit.DONE if succeeded else Exit.NEGATIVE


def _show(answers: Answers, findings: SweepFindings, *, dry_run: bool) -> None:
    word = "Would start" if dry_run else "Starting"
    answers.text(f"{word} {len(findings.starts)} bags; {len(findings.skipped)} left alone.")
    for start in findings.starts if dry_run else ():
        answers.text(f"  {start.bag} → {start.destination}")
    for skipped in findings.skipped:
        answers.text(f"  {skipped.bag} → {skipped.destination}: left alone: {skipped.why}")
