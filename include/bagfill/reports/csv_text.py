"""Tables as CSV that people open in spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

# The wide forms are taken for the narrow ones where people write Japanese.
_BEGIN_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """CSV with a header (RFC 4180, UTF-8, CRLF).

    A text that a spreadsheet would take for a formula gets an apostrophe before it: identifiers come from elsewhere,
    and one that begins with ``=`` must not run anything (OWASP, "CSV Injection"). Numbers stay numbers; truth is
    ``yes`` or ``no``; nothing is an empty cell.

    Args:
        columns: names, in order.
        rows: values by name.
    """
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, fieldnames=list(columns))
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _cell(row[name]) for name in columns})
    return text.getvalue()


def _cell(value: Any) -> Any:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case str() if value.startswith(_BEGIN_A_FORMULA):
            return f"'{value}"
        case _:
            return value
