"""``bagfill demo``."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.live import Live
from rich.table import Table
from rich.text import Text

from bagfill.cli.answers import Answers, CommandError, Exit
from bagfill.cli.coverage import coverage_table
from bagfill.demo.airflow_api import ApiRefused, RunDidNotEnd
from bagfill.demo.leftovers import AlreadyRunning
from bagfill.demo.programs import StartFailed
from bagfill.demo.run import DemoFailed, DemoResult, run_demo
from bagfill.demo.server import NotInstalled, project_folder
from bagfill.demo.stack import DagsNotLoaded
from bagfill.demo.stop_signals import StopSignals
from bagfill.demo.waiting import THAWING, BagRun, SweepStuck

EXPECTED = (AlreadyRunning, ApiRefused, DagsNotLoaded, DemoFailed, NotInstalled, RunDidNotEnd, StartFailed, SweepStuck)
_QUIET_SECONDS = 5.0


def run(answers: Answers, *, keep: bool) -> Exit:
    """Run the demo and print what came out; with ``keep`` stay until Ctrl-C."""
    code = Exit.NEGATIVE

    def finished(result: DemoResult) -> None:
        nonlocal code
        code = Exit.DONE if result.ok else Exit.NEGATIVE
        watcher.close()
        if answers.as_json:
            document = result.to_json()
            if keep:
                airflow = result.airflow
                document["airflow"] = {
                    "address": airflow.address,
                    "user": airflow.user,
                    "password": airflow.password,
                    "environment": str(result.scene.environment_file),
                }
            answers.document(document)
        else:
            _show(answers, result, keep=keep)
        if keep:
            stay(answers)

    with Watching(answers) as watcher:
        try:
            run_demo(project_folder() / ".bagfill" / "demo", watcher, finished=finished)
        except EXPECTED as error:
            raise CommandError(str(error)) from error
    return code


def stay(answers: Answers) -> None:
    """Wait until Ctrl-C, or SIGTERM."""
    stop_asked = StopSignals()
    answers.remark("Everything runs until you press Ctrl-C.")
    stop_asked.wait()
    answers.remark("Stopping.")


class Watching:
    """Shows steps as lines and runs as a table that changes; in a pipe as a line now and then. All on stderr."""

    def __init__(self, answers: Answers) -> None:
        self._console = answers.aside
        self._live: Live | None = None
        self._begun = time.monotonic()
        self._told = 0.0
        self._last = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the changing part."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def step(self, text: str) -> None:
        """See :class:`bagfill.demo.run.Watcher`."""
        self.close()
        self._console.print(f"[dim]{time.monotonic() - self._begun:5.0f} s[/]  {text}", soft_wrap=True)

    def written(self, done: int, total: int) -> None:
        """See :class:`bagfill.demo.run.Watcher`."""
        self._show(
            Text(f"         {done / 1e6:.0f} of {total / 1e6:.0f} MB"), f"{done / 1e6:.0f} of {total / 1e6:.0f} MB"
        )

    def counted(self, what: str, done: int, total: int) -> None:
        """See :class:`bagfill.demo.service_run.ServiceWatcher`."""
        self._show(Text(f"         {done} of {total} {what}"), f"{done} of {total} {what}")

    def runs(self, runs: Sequence[BagRun], expected: int) -> None:
        """See :class:`bagfill.demo.run.Watcher`."""
        ended = sum(run.ended for run in runs)
        thawing = sum(run.doing == THAWING for run in runs)
        line = f"{ended} of {expected} bags done" + (f", {thawing} waiting for a thaw" if thawing else "")
        table = Table(box=None, pad_edge=False, show_header=False)
        for run in runs:
            table.add_row("        ", run.bag, run.doing or run.state)
        table.add_row("        ", f"[bold]{line}[/]", "")
        self._show(table, line)

    def _show(self, changing: Table | Text, line: str) -> None:
        if self._console.is_terminal:
            if self._live is None:
                self._live = Live(console=self._console, transient=True, auto_refresh=False)
                self._live.start()
            self._live.update(changing, refresh=True)
        elif line != self._last and time.monotonic() - self._told > _QUIET_SECONDS:
            self._told, self._last = time.monotonic(), line
            self._console.print(f"         {line}")


def _show(answers: Answers, result: DemoResult, *, keep: bool) -> None:
    table = Table(title="Bags", title_justify="left")
    for column in ("bag version", "what is special", "outcome", "as it should be"):
        table.add_column(column, overflow="fold")
    for bag in result.bags:
        style = "green" if bag.registered else "yellow"
        as_it_should = "[green]yes[/]" if not bag.problems else "[bold red]NO[/]"
        table.add_row(Text(str(bag.sample.id)), Text(bag.sample.about), f"[{style}]{bag.outcome}[/]", as_it_should)
    answers.table(table)
    for bag in result.bags:
        for problem in bag.problems:
            answers.text(f"{bag.sample.id}: {problem}")
    for bag in result.bags:
        if bag.reason is not None:
            answers.text(f"{bag.reason.code}: {bag.why}")
    answers.table(coverage_table(result.before, "Coverage before"))
    answers.table(coverage_table(result.after, "Coverage after"))
    registered = sum(bag.registered for bag in result.bags)
    if result.ok:
        answers.text(
            f"{registered} bag versions were replicated, read back and registered; {len(result.bags) - registered} "
            f"were rightly kept out. {result.seconds:.0f} s."
        )
    else:
        answers.text(f"Not every bag ended as it should. {result.seconds:.0f} s.")
    _where_to_look(answers, result, keep=keep)


def _where_to_look(answers: Answers, result: DemoResult, *, keep: bool) -> None:
    scene = result.scene
    answers.text(f"Receipts  {scene.receipts}")
    answers.text(f"Logs      {scene.folder}")
    if not keep:
        answers.text("Airflow   stopped now; bagfill demo --keep leaves it running")
        return
    airflow = result.airflow
    answers.text(f"Airflow   {airflow.address}   login {airflow.user} / {airflow.password}")
    answers.text(f"CLI       in another terminal: source {scene.environment_file}")
    program = project_folder() / ".venv" / "bin" / "bagfill"
    answers.text(f"          {program} coverage")
    if example := next((bag.ingest_id for bag in result.bags if bag.ingest_id and not bag.registered), None):
        answers.text(f"          {program} ingest {example}")
