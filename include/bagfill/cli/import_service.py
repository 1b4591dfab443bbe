"""``bagfill import --service``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rich.live import Live
from rich.text import Text

from bagfill.bag.identifiers import BagId, InvalidIdentifier
from bagfill.cli.answers import Answers, CommandError, Exit
from bagfill.cli.services import services_for
from bagfill.steps.import_bags_api import import_bags_of_api
from bagfill.steps.import_location import ImportOutcome
from bagfill.steps.import_service import Looked, ServiceImport, import_service
from bagfill.steps.services import Services

_MOST_SHOWN = 20


def run_service(
    answers: Answers, config: Path | None, location: str | None, *, service: bool, bags: Path | None
) -> Exit:
    """Learn the bags of the storage service, and where each is by now: from its own table all of them, or from its API
    those that a file names.
    """
    if location is not None or not service:
        raise CommandError("name one location, or say --service")
    with services_for(config) as services:
        learn = _learner(services, bags)
        with Live(console=answers.aside, transient=True, auto_refresh=False) as live:
            result = learn(lambda rows: live.update(Text(f"{rows:,} bag versions"), refresh=True))
    if answers.as_json:
        answers.document(result.to_json())
    else:
        _show(answers, result)
    if result.counts.get(ImportOutcome.UNREADABLE, 0):
        return Exit.FAILURE
    return Exit.DONE if result.is_clean else Exit.NEGATIVE


def _learner(services: Services, file: Path | None) -> Callable[[Looked], ServiceImport]:
    beside, bags_api = services.beside, services.bags_api
    if beside is not None:
        if file is not None:
            raise CommandError("--bags is for [storage_service.bags_api]: the table of manifests is read as a whole")
        return lambda looked: import_service(services, beside, looked=looked)
    if bags_api is None:
        tables = "[storage_service.manifests] or [storage_service.bags_api]"
        raise CommandError(f"no service is configured: the settings have no {tables}")
    if file is None:
        raise CommandError("the service's API lists no bags: name them, SPACE/ID one a line, with --bags FILE")
    named = _bags_of(file)
    return lambda looked: import_bags_of_api(services, bags_api(), named, looked=looked)


def _bags_of(file: Path) -> list[BagId]:
    try:
        lines = file.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"--bags: {file} cannot be read: {error}") from None
    found = []
    for number, line in enumerate(lines, start=1):
        text = line.rstrip("\r")
        if not text.strip():
            continue
        try:
            # As stored: the service knows a few bags that it would not take today.
            found.append(BagId.parse(text, stored=True))
        except InvalidIdentifier as error:
            raise CommandError(f"--bags: {file}, line {number}: {error}; expected SPACE/ID") from None
    if not found:
        raise CommandError(f"--bags: {file} names no bag")
    return list(dict.fromkeys(found))


def _show(answers: Answers, result: ServiceImport) -> None:
    counts = ", ".join(f"{count:,} {outcome.value}" for outcome, count in result.counts.items() if count)
    answers.text(f"The storage service: {result.rows:,} bag versions" + (f": {counts}." if counts else "."))
    if result.rows_before:
        answers.text(f"An import that was interrupted was gone on with; it had looked at {result.rows_before:,} rows.")
    for name, outcome, why in result.notable[:_MOST_SHOWN]:
        answers.text(f"  {name}: {outcome.value}: {why}")
    if len(result.notable) > _MOST_SHOWN:
        answers.text(f"  … and {len(result.notable) - _MOST_SHOWN} more; --json names them.")
