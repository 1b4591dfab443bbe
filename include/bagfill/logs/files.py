"""A log as a file of JSON objects, one a line (https://jsonlines.org), for processes that Airflow does not run."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bagfill.logs.writing import FIELDS, lines_are_about


class JsonLines(logging.FileHandler):
    """Adds one object for each record of ours, and for each warning of libraries, to the end of a file.

    Args:
        path: the file; made if it is not there.
        masked: takes out of a text what may be a secret.

    Raises:
        OSError: the file cannot be written.
    """

    def __init__(self, path: Path, masked: Callable[[str], str]) -> None:
        super().__init__(path, encoding="utf-8")
        self._masked = masked
        self.addFilter(lambda record: record.levelno >= logging.WARNING or record.name.startswith("bagfill"))

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
