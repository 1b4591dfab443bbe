"""How commands answer: one JSON document or tables on stdout, everything else on stderr, and the exit code."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from bagfill.cli.printable import printable, valid_json

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


class Exit(IntEnum):
    """Exit codes of every command."""

    DONE = 0
    NEGATIVE = 1
    """The answer is no: an invalid bag, a failed backfill, bags that are not covered."""
    FAILURE = 2
    """Wrong use, or a failure to find out."""


class CommandError(Exception):
    """Wrong use, or a failure to find out, in words for the person at the terminal."""


@dataclass(frozen=True)
class Answers:
    """Prints the answer of one command.

    Args:
        as_json: whether stdout gets one JSON document and nothing else.
    """

    as_json: bool

    @cached_property
    def out(self) -> Console:
        """Stdout, for tables and text."""
        from rich.console import Console

        return Console(highlight=False, soft_wrap=True)

    @cached_property
    def aside(self) -> Console:
        """Stderr: progress and remarks."""
        from rich.console import Console

        return Console(stderr=True, highlight=False)

    def document(self, document: Any) -> None:
        """Print the JSON document."""
        import json

        sys.stdout.write(valid_json(json.dumps(document, ensure_ascii=False, indent=2)) + "\n")

    def table(self, table: Table) -> None:
        """Print a table, as wide as it needs to be when nobody watches (names are never cut in a pipe)."""
        if not self.out.is_terminal:
            from rich.console import Console

            Console(highlight=False, width=_width_of(table)).print(table)
        else:
            self.out.print(table)

    def text(self, text: str) -> None:
        """Print text as it is, but for what a terminal would act on."""
        text = printable(text)
        if sys.stdout.isatty():
            self.out.print(text, markup=False)
        else:
            # Nobody sees colours there: no need to load what makes them.
            sys.stdout.write(f"{text}\n")

    def remark(self, text: str) -> None:
        """Say something on stderr."""
        self.aside.print(printable(text), markup=False)


def _width_of(table: Table) -> int:
    from rich.console import Console

    wide = Console(width=10_000)
    return max(80, table.__rich_measure__(wide, wide.options).maximum)


class _Warnings(logging.Handler):
    """Shows warnings on stderr; what draws them is loaded with the first one."""

    def __init__(self, answers: Answers) -> None:
        super().__init__(logging.WARNING)
        self._answers = answers

    @cached_property
    def _drawn(self) -> logging.Handler:
        from rich.logging import RichHandler

        return RichHandler(logging.WARNING, self._answers.aside, show_time=False, show_level=False, show_path=False)

    def emit(self, record: logging.LogRecord) -> None:
        """Show one."""
        self._drawn.setFormatter(self.formatter)
        self._drawn.emit(record)


_log_files: list[Path] = []


def log_to(path: Path | None) -> None:
    """Have the commands of this process write a log to a file; ``None``: to none."""
    _log_files[:] = [] if path is None else [path]


@contextmanager
def _logged() -> Iterator[None]:
    """A block whose lines go into the log file, if there is one."""
    with ExitStack() as handlers:
        for path in _log_files:
            from bagfill.logs.files import JsonLines
            from bagfill.steps.masking import masked

            try:
                handler = JsonLines(path, masked)
            except OSError as error:
                msg = f"--log-file {path}: {error.strerror}. Name a file that can be written."
                raise CommandError(msg) from None
            handlers.callback(handler.close)
            logging.getLogger().addHandler(handler)
            handlers.callback(logging.getLogger().removeHandler, handler)
            logging.getLogger("bagfill").setLevel(logging.INFO)
            handlers.callback(logging.getLogger("bagfill").setLevel, logging.NOTSET)
        yield


@contextmanager
def told_in_words(answers: Answers) -> Iterator[None]:
    """Turn expected failures into one paragraph on stderr and exit code 2; surprises keep their traceback.

    Warnings of the core go to stderr too, through the console that draws the bars.
    """
    logging.basicConfig(handlers=[_Warnings(answers)], level=logging.WARNING, format="%(message)s", force=True)
    try:
        with _logged():
            yield
    except Exception as error:
        problems = _expected(error)
        if problems is None:
            raise
        if answers.as_json:
            answers.document({"error": {"problems": problems}})
        for problem in problems:
            answers.remark(f"bagfill: {problem}")
        raise typer.Exit(Exit.FAILURE) from None


def _expected(error: Exception) -> list[str] | None:
    """The failure in words, or ``None`` for a surprise."""
    if isinstance(error, CommandError):
        return [str(error)]
    from bagfill.settings import SettingsError

    if isinstance(error, SettingsError):
        return [f"{error.path}: {problem}" for problem in error.problems]
    from bagfill.steps.requests import RequestError

    if isinstance(error, RequestError):
        return list(error.problems)
    from bagfill.steps.services import PriceTableError

    if isinstance(error, PriceTableError):
        return list(error.problems)
    from bagfill.settings.simulation import ProfileError

    if isinstance(error, ProfileError):
        return list(error.problems)
    from bagfill.campaigns.ledger import UnknownCampaign
    from bagfill.steps.campaigns import CampaignError

    if isinstance(error, CampaignError):
        return list(error.problems)
    if isinstance(error, UnknownCampaign):
        return [str(error)]
    from bagfill.database.errors import DatabaseError, DatabaseUrlError
    from bagfill.fixity.receipts import ReceiptDamaged
    from bagfill.registry.errors import ManifestDamagedError, RegistryContendedError
    from bagfill.steps.sweep_candidates import SweepError
    from bagfill.storage.credentials import CredentialsError
    from bagfill.storage.errors import StoreError

    if isinstance(error, DatabaseError):
        return [f"the registry's database did not answer or refused: {error}"]
    if isinstance(error, ReceiptDamaged):
        return [f"the receipt is damaged: {error}"]
    words = (CredentialsError, DatabaseUrlError, ManifestDamagedError, RegistryContendedError, StoreError, SweepError)
    return [str(error)] if isinstance(error, words) else None
