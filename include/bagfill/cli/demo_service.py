"""``bagfill demo --service``."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from bagfill.cli.answers import Answers, CommandError, Exit
from bagfill.cli.demo import EXPECTED, Watching, stay
from bagfill.demo.server import project_folder
from bagfill.demo.service_run import ServiceResult, run_service_demo

_MOST_SHOWN = 15


def run(answers: Answers, *, keep: bool) -> Exit:
    """Run the demo beside the stand-in for a storage service; with ``keep`` stay until Ctrl-C."""
    code = Exit.NEGATIVE

    def finished(result: ServiceResult) -> None:
        nonlocal code
        code = Exit.DONE if result.ok else Exit.NEGATIVE
        watcher.close()
        if answers.as_json:
            answers.document(result.to_json())
        else:
            _show(answers, result, keep=keep)
        if keep:
            stay(answers)

    with Watching(answers) as watcher:
        try:
            run_service_demo(project_folder() / ".bagfill" / "demo", watcher, finished=finished)
        except EXPECTED as error:
            raise CommandError(str(error)) from error
    return code


def _show(answers: Answers, result: ServiceResult, *, keep: bool) -> None:
    table = Table(title="Bag versions, as the storage service shows them", title_justify="left")
    for column in ("bag version", "its ingest there", "events", "locations"):
        table.add_column(column, overflow="fold")
    for bag in result.bags[:_MOST_SHOWN]:
        style = "green" if bag.status == "succeeded" else "bold red"
        table.add_row(
            Text(bag.bag_version), f"[{style}]{bag.status or 'none'}[/]", str(bag.events), f"2 → {bag.locations}"
        )
    if len(result.bags) > _MOST_SHOWN:
        table.add_row(f"… and {len(result.bags) - _MOST_SHOWN} more", "", "", "")
    answers.table(table)
    for problem in result.problems:
        answers.text(problem)
    if result.ok:
        answers.text(
            f"{len(result.bags)} bag versions have a third location now. In the service nothing else changed: every "
            f"row, every JSON and every record of the aggregator was compared. {result.seconds:.0f} s."
        )
    else:
        answers.text(f"Not everything is as it should be. {result.seconds:.0f} s.")
    answers.text(f"Logs      {result.scene.folder}")
    if keep:
        airflow = result.airflow
        answers.text(f"Airflow   {airflow.address}   login {airflow.user} / {airflow.password}")
        answers.text(f"Service   {result.service} (tokens: the stand-in's own)")
        answers.text(f"CLI       in another terminal: source {result.scene.environment_file}")
