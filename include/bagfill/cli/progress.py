"""Progress bars, on stderr; nothing at all where nobody watches."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TransferSpeedColumn,
)

from bagfill.steps.import_location import ImportedBag, ImportOutcome
from bagfill.steps.plan_replication import PlanSummary
from bagfill.steps.wait_for_thaw import ThawState


class ImportBar:
    """One line: objects listed, bags dealt with. See :class:`bagfill.steps.import_location.ImportProgress`."""

    def __init__(self, console: Console, location: str) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task(f"Reading {location}", total=None)
        self._location = location
        self._objects = self._bags = self._left_out = self._waiting = 0

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def listed(self, objects: int) -> None:
        """So many objects were listed by now."""
        self._objects = objects
        self._show()

    def finished(self, bag: ImportedBag) -> None:
        """One version folder was dealt with."""
        self._bags += 1
        self._left_out += bag.outcome not in {ImportOutcome.IMPORTED, ImportOutcome.ALREADY_KNOWN}
        self._show()

    def waiting(self, files: int) -> None:
        """So many tag files are being thawed."""
        self._waiting = files
        self._show()

    def _show(self) -> None:
        text = f"Reading {self._location}: {self._bags:,} bag versions, {self._objects:,} objects"
        if self._left_out:
            text += f", {self._left_out:,} left out"
        if self._waiting:
            text += f"; {self._waiting:,} tag files being thawed"
        self._progress.update(self._task, description=text)


class BackfillBars:
    """Bars for thaw, copy and verify of each bag version. See :class:`bagfill.steps.backfill.Progress`."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(binary_units=True),
            TransferSpeedColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._tasks: dict[tuple[str, str], TaskID] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def planned(self, plan: PlanSummary) -> None:
        """A bag version was planned."""
        self._task(plan, "copy")
        self._task(plan, "read back")

    def thawing(self, plan: PlanSummary, state: ThawState) -> None:
        """The thaw was looked at."""
        task = self._task(plan, "thaw")
        text = f"{plan.ingest.bag_version}: thaw, {state.readable} of {state.total} readable"
        share = plan.archived_bytes * state.readable // max(1, state.total)
        self._progress.update(task, description=text, completed=share, total=plan.archived_bytes)

    def copied(self, plan: PlanSummary, size: int) -> None:
        """One item of ``size`` bytes is at the destination."""
        self._progress.advance(self._task(plan, "copy"), size)

    def verified(self, plan: PlanSummary, size: int) -> None:
        """One file of ``size`` bytes was read back."""
        self._progress.advance(self._task(plan, "read back"), size)

    def _task(self, plan: PlanSummary, what: str) -> TaskID:
        key = (plan.ingest.ingest_id, what)
        with self._lock:
            if key not in self._tasks:
                text = f"{plan.ingest.bag_version}: {what}"
                self._tasks[key] = self._progress.add_task(text, total=plan.bytes)
            return self._tasks[key]
