"""How far planning is, on stderr; nothing at all where nobody watches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Self, TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

_EVERY = 4096
Item = TypeVar("Item")


class PlanBar:
    """One line: what is read, how much of it, how many things were counted.

    Args:
        console: stderr.
        what: is done, in words.
        total: amount of work, if it is known.
    """

    def __init__(self, console: Console, what: str, total: int | None = None) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._what = what
        self._known = self._looked = 0
        self._task: TaskID = self._progress.add_task(what, total=total)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def advanced(self, amount: int) -> None:
        """So much more work is done."""
        self._progress.advance(self._task, amount)

    def known(self, bag_versions: int) -> None:
        """So many more bag versions of the registry were gone through."""
        before, self._known = self._known, self._known + bag_versions
        if before // _EVERY != self._known // _EVERY:
            self._show()

    def looked(self, bag_versions: int) -> None:
        """So many more were listed."""
        self._looked += bag_versions
        self._show()

    def _show(self) -> None:
        text = f"{self._what}: {self._known:,} bag versions known, {self._looked:,} listed"
        self._progress.update(self._task, description=text)

    def counted(self, items: Iterable[Item], unit: str = "objects") -> Iterator[Item]:
        """The same items, counted as they pass."""
        for count, item in enumerate(items, start=1):
            if not count % _EVERY:
                self._progress.update(self._task, description=f"{self._what}: {count:,} {unit}")
            yield item
