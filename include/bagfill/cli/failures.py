"""``bagfill failures`` and ``bagfill retry``."""

from __future__ import annotations

import getpass
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bagfill.bag.identifiers import BagId, InvalidIdentifier
from bagfill.cli.answers import Answers, CommandError, Exit
from bagfill.cli.services import services_for
from bagfill.ingests.reasons import Reason
from bagfill.ingests.releases import Release
from bagfill.steps.campaigns_needing import campaigns_needing_a_person
from bagfill.steps.failures_list import FailureGroup, command_for, failure_groups, release_bag, release_reason
from bagfill.steps.services import Services


@dataclass(frozen=True, slots=True)
class RetryOrder:
    """What the command line says."""

    bag: str | None
    to: str | None
    reason: str | None
    who: str | None
    why: str


def run(answers: Answers, config: Path | None, *, to: str | None, space: str | None) -> Exit:
    """Print what needs a person."""
    with services_for(config) as services:
        groups = failure_groups(services, destination=to, space=space)
        campaigns = campaigns_needing_a_person(services, destination=to)
    if answers.as_json:
        results = [group.to_json() for group in groups]
        answers.document({"results": results, "campaigns": [each.to_json() for each in campaigns]})
    elif not groups and not campaigns:
        answers.text("Nothing needs a person.")
    else:
        for group in groups:
            _show(answers, group)
        for each in campaigns:
            answers.text(f"campaign {each.campaign} is {each.what}: {each.why}")
            answers.text(f"    {each.command}")
    return Exit.NEGATIVE if groups or campaigns else Exit.DONE


def run_retry(answers: Answers, config: Path | None, order: RetryOrder) -> Exit:
    """Release one bag, or all that need a person for one reason."""
    if (order.bag is None) == (order.reason is None):
        raise CommandError("name one bag as SPACE/ID, or a reason with --reason")
    with services_for(config) as services:
        made = _one(services, order) if order.bag is not None else _all(services, order)
        released = 0
        told: list[dict[str, str]] = []
        for each in made:
            released += 1
            if answers.as_json:
                told.append({"bag": str(each.bag), "destination": each.destination})
            else:
                # One by one, as they are released: with a million bags it is seen to go on.
                answers.text(f"{each.bag} → {each.destination}: the next sweep tries it again")
    if answers.as_json:
        answers.document(told)
    elif not released:
        answers.text("No bag needs a person for that.")
    return Exit.DONE if released else Exit.NEGATIVE


def _one(services: Services, order: RetryOrder) -> Iterable[Release]:
    if order.to is None:
        raise CommandError("--to: the location where the bag is missing")
    try:
        bag = BagId.parse(order.bag or "", stored=True)
    except InvalidIdentifier as error:
        raise CommandError(str(error)) from None
    return [release_bag(services, bag, order.to, who=order.who or getpass.getuser(), why=order.why)]


def _all(services: Services, order: RetryOrder) -> Iterable[Release]:
    try:
        reason = Reason.of_code(order.reason or "")
    except ValueError as error:
        raise CommandError(f"--reason: {error}") from None
    return release_reason(services, reason, order.to, who=order.who or getpass.getuser(), why=order.why)


def _show(answers: Answers, group: FailureGroup) -> None:
    first, last = group.first_seen, group.last_seen
    seen = "" if first is None or last is None else f", first {first:%Y-%m-%d %H:%M}, last {last:%Y-%m-%d %H:%M} UTC"
    answers.text(f"{group.reason.code}: {group.bags:,} bags{seen}")
    answers.text(f"  {group.reason.advice}")
    for each in group.examples:
        answers.text(f"  {each.bag} → {each.destination} ({each.version}, {each.attempts} attempts)")
        answers.text(f"    {command_for(each)}")
    if group.bags > len(group.examples):
        answers.text(f"  … and {group.bags - len(group.examples):,} more")
    answers.text(f"  all of them, once they are put right: bagfill retry --reason {group.reason.code}")
