"""``bagfill repair``."""

from __future__ import annotations

from pathlib import Path
from typing import assert_never
from uuid import uuid4

from bagfill.cli.answers import Answers, Exit
from bagfill.cli.progress import BackfillBars
from bagfill.cli.services import services_for
from bagfill.steps.repair_replica import RepairOutcome, RepairRequest, RepairResult, repair_replica


def run(
    answers: Answers,
    config: Path | None,
    bag: str,
    version: str,
    *,
    at: str,
    source: str | None,
    poll_seconds: float,
) -> Exit:
    """Repair one replica and say how it ended."""
    with services_for(config) as services:
        fields = {"bag": bag, "version": version, "location": at, "source": source}
        request = RepairRequest.parse(services, f"cli:repair:{uuid4()}", fields)
        with BackfillBars(answers.aside) as bars:
            result = repair_replica(services, request, progress=bars, poll_seconds=poll_seconds)
    if answers.as_json:
        answers.document({"bag": bag, "version": version, "location": at, **result.to_json()})
    else:
        _show(answers, f"{bag}/{version} at {at}", result)
    return _exit(result.outcome)


def _exit(outcome: RepairOutcome) -> Exit:
    match outcome:
        case RepairOutcome.WHOLE | RepairOutcome.REPAIRED:
            return Exit.DONE
        case RepairOutcome.BY_HAND | RepairOutcome.FAILED:
            return Exit.NEGATIVE
        case RepairOutcome.BUSY:
            return Exit.FAILURE
        case _:
            assert_never(outcome)


def _show(answers: Answers, name: str, result: RepairResult) -> None:
    match result.outcome:
        case RepairOutcome.WHOLE:
            answers.text(f"{name}: nothing is missing, nothing was done")
        case RepairOutcome.REPAIRED:
            answers.text(f"{name}: {len(result.missing)} files copied again, every byte read back")
            for path in result.missing:
                answers.text(f"  {path}")
        case RepairOutcome.BY_HAND:
            answers.text(f"{name}: not repaired: nothing is ever overwritten or deleted. Do this first, in this order:")
            for finding in result.by_hand:
                answers.text(f"  {finding.text}")
                for step in finding.steps:
                    answers.text(f"      {step}")
        case RepairOutcome.FAILED | RepairOutcome.BUSY:
            answers.text(f"{name}: not repaired: {result.message}")
        case _:
            assert_never(result.outcome)
    if result.ingest is not None:
        answers.text(f"ingest {result.ingest.ingest_id}: {result.ingest.status}")
