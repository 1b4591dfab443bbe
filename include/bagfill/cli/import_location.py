"""``bagfill import``."""

from __future__ import annotations

from pathlib import Path

from bagfill.cli.answers import Answers, Exit
from bagfill.cli.progress import ImportBar
from bagfill.cli.services import services_for
from bagfill.steps.import_location import ImportedBag, ImportOutcome, ImportResult, import_location
from bagfill.steps.import_thaw import thaw_and_import


def run(
    answers: Answers, config: Path | None, location: str, *, space: str | None, thaw: bool, poll_seconds: float
) -> Exit:
    """Import, and with ``thaw`` also the bags whose tag files are archived."""
    with services_for(config) as services, ImportBar(answers.aside, location) as bar:
        result = import_location(services, location, space=space, progress=bar)
        if thaw and result.needs_thaw:
            later = thaw_and_import(
                services,
                location,
                result.needs_thaw,
                progress=bar,
                waiting=bar.waiting,
                poll_seconds=poll_seconds,
            )
            result = result.after(later)
    if answers.as_json:
        answers.document(result.to_json())
    else:
        _show(answers, result, thaw=thaw)
    if result.counts.get(ImportOutcome.UNREADABLE, 0):
        return Exit.FAILURE
    return Exit.DONE if result.is_clean else Exit.NEGATIVE


def _show(answers: Answers, result: ImportResult, *, thaw: bool) -> None:
    counts = ", ".join(f"{count:,} {outcome.value}" for outcome, count in result.counts.items() if count)
    answers.text(f"{result.location}: {result.found:,} bag versions found" + (f": {counts}." if counts else "."))
    for bag in result.notable:
        answers.text(f"  {bag.name}: {bag.outcome.value}{_why(bag)}")
    if result.needs_thaw and not thaw:
        answers.remark("Tag files of some bags are archived; bagfill import --thaw thaws these (and nothing else).")
    if result.stray_objects:
        examples = ", ".join(result.strays[:3])
        answers.remark(
            f"{result.stray_objects:,} objects lie in no bag version's folder and were left out: {examples} …"
        )


def _why(bag: ImportedBag) -> str:
    if not bag.problems:
        return ""
    more = f" (and {len(bag.problems) - 3} more)" if len(bag.problems) > 3 else ""
    return f": {'; '.join(bag.problems[:3])}{more}"
