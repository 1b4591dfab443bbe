"""``bagfill sweep``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

from bagfill.cli.answers import Answers, CommandError, Exit
from bagfill.cli.backfill import result_json, show_result
from bagfill.cli.progress import BackfillBars
from bagfill.cli.services import services_for
from bagfill.ingests.reasons import Reason
from bagfill.steps.backfill import backfill
from bagfill.steps.campaign_pause import wait_while_paused
from bagfill.steps.campaign_sweep import campaign_starts
from bagfill.steps.campaigns import known_campaign
from bagfill.steps.housekeeping import keep_house
from bagfill.steps.requests import BackfillRequest
from bagfill.steps.services import Services
from bagfill.steps.sweep import SweepFindings, find_unbackfilled


@dataclass(frozen=True, slots=True)
class SweepOrder:
    """What the command line says."""

    to: str | None
    space: str | None
    campaign: str | None
    limit: int
    dry_run: bool


def run(answers: Answers, config: Path | None, order: SweepOrder, *, poll_seconds: float) -> Exit:
    """Find what is missing, and unless it is a dry run replicate it.

    A campaign that is paused, or outside its hours, is waited for; one that is at its cap, drains or is cancelled ends
    the sweep.
    """
    if order.campaign is not None and (order.to is not None or order.space is not None):
        raise CommandError("--campaign has a scope of its own; leave --to and --space out")
    succeeded = True
    done: list[dict[str, Any]] = []
    with services_for(config) as services:
        if not order.dry_run:
            keep_house(services)
        findings = _findings(services, order)
        if not answers.as_json:
            _show(answers, findings, dry_run=order.dry_run)
        for start in () if order.dry_run else findings.starts:
            if order.campaign is not None and not _goes_on(services, order.campaign, answers, poll_seconds):
                break
            request = BackfillRequest.parse(services, f"cli:{uuid4()}", start.fields)
            with BackfillBars(answers.aside) as bars:
                result = backfill(
                    services, request, progress=bars, poll_seconds=poll_seconds, halted=partial(_say, answers)
                )
            succeeded &= result.succeeded
            done.append(result_json(start.bag, start.destination, result))
            if not answers.as_json:
                show_result(answers, start.bag, start.destination, result)
            if any(ingest.reason == Reason.CAMPAIGN_HALTED.code for ingest in result.closed):
                break
        if order.campaign is not None and not order.dry_run:
            # What was left of it may have been the last.
            campaign_starts(services, known_campaign(services, order.campaign), limit=0)
    if answers.as_json:
        answers.document({**findings.to_json(), "dry_run": order.dry_run, "done": done})
    return Exit.DONE if succeeded else Exit.NEGATIVE


def _goes_on(services: Services, name: str, answers: Answers, poll_seconds: float) -> bool:
    """Whether the next bag may begin; a pause between two bags is waited out as one within a bag is."""
    pause = partial(services.sleep, poll_seconds)
    campaign = wait_while_paused(services, name, pause, partial(_say, answers))
    return campaign is not None and campaign.state.starts_bags


def _say(answers: Answers, why: str) -> None:
    answers.remark(f"Waiting: {why}")


def _findings(services: Services, order: SweepOrder) -> SweepFindings:
    if order.campaign is None:
        return find_unbackfilled(services, destination=order.to, space=order.space, limit=order.limit)
    found = campaign_starts(services, known_campaign(services, order.campaign), limit=order.limit)
    left = found.left_alone
    return SweepFindings(found.starts, tuple(left.first), left.kinds.total() - len(left.first))


def _show(answers: Answers, findings: SweepFindings, *, dry_run: bool) -> None:
    word = "Would start" if dry_run else "Starting"
    answers.text(f"{word} {len(findings.starts)} bags; {len(findings.skipped)} left alone.")
    for start in findings.starts if dry_run else ():
        answers.text(f"  {start.bag} → {start.destination}")
    for skipped in findings.skipped:
        answers.text(f"  {skipped.bag} → {skipped.destination}: left alone: {skipped.why}")
