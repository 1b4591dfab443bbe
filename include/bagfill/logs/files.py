"""A log as a file of JSON objects, one a line (https://jsonlines.org), for processes that Airflow does not run."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bagfill.logs.writing import FIELDS, lines_are_about


class JsonLines(logging.FileHandler):
    """Adds one object for each record of ours, and for each warning of libraries, to the end of a file.

    A file that can be written no longer (the disk is full) is said so once; the work that is logged goes on.

    Args:
        path: the file; made if it is not there.
        masked: takes out of a text what may be a secret.

    Raises:
        OSError: the file cannot be written.
    """

    def __init__(self, path: Path, masked: Callable[[str], str]) -> None:
        super().__init__(path, encoding="utf-8")
        self._masked = masked
        self._told = False
        self.addFilter(lambda record: record.levelno >= logging.WARNING or record.name.startswith("bagfill"))

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        """Say on stderr that lines are missing; an error of another kind is shown as the library does it."""
        error = sys.exception()
        if isinstance(error, OSError):
            self._say(error)
        else:
            super().handleError(record)

    def close(self) -> None:
        """Close the file; the last lines may be what it has no room for."""
        try:
            super().close()
        except OSError as error:
            self._say(error)

    def _say(self, error: OSError) -> None:
        if not self._told:
            self._told = True
            sys.stderr.write(f"bagfill: lines are missing in the log {self.baseFilename}: {error.strerror}\n")

    def format(self, record: logging.LogRecord) -> str:
        """The object, with the names that Airflow gives the same things in its task logs."""
        fields: dict[str, Any] | None = getattr(record, FIELDS, None)
        text = record.getMessage()
        if fields is None:
            fields = dict(lines_are_about())
        else:
            # The fields follow in the text, for readers of plain logs.
            text = text.partition(": ")[0]
        document = {
            "timestamp": datetime.fromtimestamp(record.created, tz=UTC).isoformat(),
            "level": record.levelname.lower(),
            "event": text,
            **fields,
            "logger": record.name,
        }
        if record.exc_info:
            document["exception"] = logging.Formatter().formatException(record.exc_info)
        shown = {name: self._masked(value) if isinstance(value, str) else value for name, value in document.items()}
        return json.dumps(shown, ensure_ascii=False)
