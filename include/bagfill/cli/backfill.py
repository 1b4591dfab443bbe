"""``bagfill backfill``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from bagfill.cli.answers import Answers, CommandError, Exit
from bagfill.cli.progress import BackfillBars
from bagfill.cli.services import services_for
from bagfill.steps.backfill import BackfillResult, backfill
from bagfill.steps.requests import BackfillRequest


@dataclass(frozen=True, slots=True)
class BackfillOrder:
    """What was typed."""

    bag: str
    to: str
    version: str | None = None
    source: str | None = None
    thaw_tier: str | None = None
    thaw_days: int | None = None

    @property
    def fields(self) -> dict[str, Any]:
        """As a request has them. Raises CommandError."""
        space, slash, identifier = self.bag.partition("/")
        if not slash:
            raise CommandError(f"a bag is named SPACE/ID, found {self.bag!r}")
        return {
            "space": space,
            "external_identifier": identifier,
            "version": self.version,
            "destination": self.to,
            "source": self.source,
            "thaw_tier": self.thaw_tier,
            "thaw_days": self.thaw_days,
        }


def run(answers: Answers, config: Path | None, order: BackfillOrder, *, poll_seconds: float) -> Exit:
    """Replicate one bag and say how each version ended."""
    with services_for(config) as services:
        request = BackfillRequest.parse(services, f"cli:{uuid4()}", order.fields)
        with BackfillBars(answers.aside) as bars:
            result = backfill(services, request, progress=bars, poll_seconds=poll_seconds)
    if answers.as_json:
        answers.document(result_json(order.bag, order.to, result))
    else:
        show_result(answers, order.bag, order.to, result)
    return Exit.DONE if result.succeeded else Exit.NEGATIVE


def result_json(bag: str, destination: str, result: BackfillResult) -> dict[str, Any]:
    """One bag's result as plain JSON values."""
    failure = result.failure
    return {
        "bag": bag,
        "destination": destination,
        "succeeded": result.succeeded,
        "ingests": [closed.to_json() for closed in result.closed],
        "already_there": list(result.already_there),
        "failure": None if failure is None else {"reason": failure.reason.code, "message": failure.text},
    }


def show_result(answers: Answers, bag: str, destination: str, result: BackfillResult) -> None:
    """One bag's result in lines."""
    if result.failure is not None:
        answers.text(f"{bag}: {result.failure.reason.code}: {result.failure.text}")
        for problem in result.failure.problems:
            answers.text(f"  {problem}")
    for name in result.already_there:
        answers.text(f"{name}: already registered at {destination}")
    for closed in result.closed:
        if closed.reason is None:
            answers.text(f"{closed.bag_version}: registered at {destination} (ingest {closed.ingest_id})")
        else:
            answers.text(f"{closed.bag_version}: {closed.reason}: {closed.message} (ingest {closed.ingest_id})")
