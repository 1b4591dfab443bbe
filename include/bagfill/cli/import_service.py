"""``bagfill import --service``."""

from __future__ import annotations

from pathlib import Path

from rich.live import Live
from rich.text import Text

from bagfill.cli.answers import Answers, CommandError, Exit
from bagfill.cli.services import services_for
from bagfill.steps.import_location import ImportOutcome
from bagfill.steps.import_service import ServiceImport, import_service

_MOST_SHOWN = 20


def run_service(answers: Answers, config: Path | None, location: str | None, *, service: bool) -> Exit:
    """Learn every bag of the storage service from its own table, and where each is by now."""
    if location is not None or not service:
        raise CommandError("name one location, or say --service")
    with services_for(config) as services:
        if services.beside is None:
            raise CommandError("no service is configured: the settings have no [storage_service.manifests]")
        beside = services.beside
        with Live(console=answers.aside, transient=True, auto_refresh=False) as live:

            def looked(rows: int) -> None:
                live.update(Text(f"{rows:,} rows"), refresh=True)

            result = import_service(services, beside.registry, beside.table, segments=beside.segments, looked=looked)
    if answers.as_json:
        answers.document(result.to_json())
    else:
        _show(answers, result)
    if result.counts.get(ImportOutcome.UNREADABLE, 0):
        return Exit.FAILURE
    return Exit.DONE if result.is_clean else Exit.NEGATIVE


def _show(answers: Answers, result: ServiceImport) -> None:
    counts = ", ".join(f"{count:,} {outcome.value}" for outcome, count in result.counts.items() if count)
    answers.text(f"The storage service: {result.rows:,} bag versions" + (f": {counts}." if counts else "."))
    for name, outcome, why in result.notable[:_MOST_SHOWN]:
        answers.text(f"  {name}: {outcome.value}: {why}")
    if len(result.notable) > _MOST_SHOWN:
        answers.text(f"  … and {len(result.notable) - _MOST_SHOWN} more; --json names them.")
